import { copyFileSync, existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { decodeEntryBundle } from "../../src/audit/entry-bundles.ts";
import { leafHash } from "../../src/audit/hashing.ts";
import { keyForSize, keysOfLog, type KeyRotation, verifyKeyRotation } from "../../src/audit/key-rotation.ts";
import { rootHash } from "../../src/audit/merkle.ts";
import { openTreeHead } from "../../src/audit/tree-head.ts";
import { formatVerifierKey, isSameKey, parseVerifierKey, type VerifierKey } from "../../src/audit/verifier-key.ts";
import { noStream } from "../../src/event-store/event-store.ts";
import type { LocalEventStore } from "../../src/event-store/log.ts";
import { aFolder } from "../event-store/support/folder.ts";
import { runningServer } from "../support/server.ts";
import { appendTo, growAll, keysPath, openSigned } from "./support/ledger-files.ts";
import { aWitness, firstKeys, policyOf, watchedLedger } from "./support/watched-ledger.ts";

const keyFile = (folder: string, suffix = "") => join(keysPath(folder), `log.key${suffix}`);
const bridging = "2026-01-02T00:00:00.000Z";
const over = "2025-12-31T00:00:00.000Z";

async function appendRotation(store: LocalEventStore, data: KeyRotation): Promise<void> {
  const revision = store.log.readStream("ledger").at(-1)?.revision ?? noStream;
  const id = `evt_rotated_${data.newKey}`;
  const leaf = Buffer.from(JSON.stringify({ data, id, revision: revision + 1, stream: "ledger", type: "LogKeyRotated" }));
  await store.append("ledger", revision, [{ id, type: "LogKeyRotated", leaf, ciphertext: null }]);
}

/** A log of ten leaves with a signed head. */
async function signedLog(folder = aFolder()) {
  const opened = await openSigned(folder);
  await appendTo(opened.store, 10);
  growAll(opened.tree);
  const head = opened.tree.sign()!;
  const [first] = opened.keys.verifiers();
  const treeHead = { size: head.size, root: head.root.toBase64() };
  const signed = () => {
    growAll(opened.tree);
    return opened.tree.sign()!;
  };
  return { ...opened, folder, first: first!, treeHead, signed };
}

const signersOf = async (note: string, keys: readonly VerifierKey[]) =>
  (await openTreeHead(note, keys)).signatures.map(({ key }) => formatVerifierKey(key));

describe("the keys of a log while they change", () => {
  it("sign together from the event on, until the day that it names; then the old one is destroyed", async () => {
    const { folder, store, keys, first, treeHead, signed, close } = await signedLog();
    const rotation = keys.prepareRotation({ treeHead, oldKeyUntil: bridging });
    expect((await verifyKeyRotation(rotation, [first])).treeHead.size).toBe(10);
    await appendTo(store, 1);
    expect(await signersOf(signed().note, [first])).toEqual([rotation.oldKey]);
    await appendRotation(store, rotation);
    const both = signed();
    expect(await signersOf(both.note, keys.verifiers())).toEqual([rotation.newKey, rotation.oldKey]);
    expect(keys.verifiers().map(formatVerifierKey)).toEqual([rotation.newKey, rotation.oldKey]);
    for (const suffix of ["", ".old"]) expect(statSync(keyFile(folder, suffix)).mode & 0o777).toBe(0o600);
    expect(existsSync(keyFile(folder, ".next"))).toBe(false);
    await close();

    const later = await openSigned(folder, undefined, "2026-01-03");
    await appendTo(later.store, 1);
    growAll(later.tree);
    expect(await signersOf(later.tree.sign()!.note, later.keys.verifiers())).toEqual([rotation.newKey]);
    expect(existsSync(keyFile(folder, ".old"))).toBe(false);
    expect(readFileSync(keyFile(folder), "utf8").match(/PRIVATE/g)).toHaveLength(1);
    await later.close();
  });

  it("change at once where the old one is to sign no more", async () => {
    const { store, keys, treeHead, signed, close } = await signedLog();
    const rotation = keys.prepareRotation({ treeHead, oldKeyUntil: over });
    await appendRotation(store, rotation);
    expect(await signersOf(signed().note, keys.verifiers())).toEqual([rotation.newKey]);
    await close();
  });

  it("lead on from each other, as often as they change", async () => {
    const { store, keys, first, treeHead, signed, close } = await signedLog();
    const rotations: { index: number; rotation: KeyRotation }[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      const rotation = keys.prepareRotation({ treeHead, oldKeyUntil: over });
      await appendRotation(store, rotation);
      rotations.push({ index: signed().size - 1, rotation });
    }
    const found = await keysOfLog(first, rotations);
    expect(found.map(({ key }) => formatVerifierKey(key))).toEqual(keys.verifiers().map(formatVerifierKey).reverse());
    await close();
  });

  /** What a process that was killed leaves in the keys folder, after each of its steps. */
  it.each<[string, (folder: string, rotation: KeyRotation, before: string) => void]>([
    ["the event was stored", () => undefined],
    ["the old key was laid aside", (folder) => copyFileSync(keyFile(folder), keyFile(folder, ".old"))],
    [
      "the new key was put in its place",
      (folder, _, before) => {
        copyFileSync(before, keyFile(folder, ".old"));
        copyFileSync(keyFile(folder, ".switched"), keyFile(folder));
      },
    ],
  ])("are the same after a kill once %s", async (_, leave) => {
    const { folder, store, keys, treeHead, signed, close } = await signedLog();
    const rotation = keys.prepareRotation({ treeHead, oldKeyUntil: bridging });
    const [before, next] = [keyFile(folder, ".before"), keyFile(folder, ".prepared")];
    copyFileSync(keyFile(folder), before);
    copyFileSync(keyFile(folder, ".next"), next);
    await appendRotation(store, rotation);
    const { note, size } = signed();
    await close();
    // Back to the moment after that step, before any head was signed by the new key.
    copyFileSync(keyFile(folder), keyFile(folder, ".switched"));
    copyFileSync(before, keyFile(folder));
    copyFileSync(next, keyFile(folder, ".next"));
    rmSync(keyFile(folder, ".old"));
    rmSync(join(keysPath(folder), "log.head"));
    removeHeads(folder);
    leave(folder, rotation, before);

    const again = await openSigned(folder);
    growAll(again.tree);
    const head = again.tree.sign()!;
    expect([head.size, head.note]).toEqual([size, note]);
    expect(existsSync(keyFile(folder, ".next"))).toBe(false);
    await again.close();
  });

  it("are not changed by a preparation that led to nothing", async () => {
    const { folder, keys, first, treeHead, close } = await signedLog();
    const abandoned = keys.prepareRotation({ treeHead, oldKeyUntil: bridging });
    await close();
    const again = await openSigned(folder);
    await appendTo(again.store, 1);
    growAll(again.tree);
    expect(await signersOf(again.tree.sign()!.note, [first])).toEqual([formatVerifierKey(first)]);
    expect(again.keys.prepareRotation({ treeHead, oldKeyUntil: over }).newKey).toBe(abandoned.newKey);
    await again.close();
  });

  it("sign nothing where the keys folder is older than the log", async () => {
    const { folder, store, keys, treeHead, signed, close } = await signedLog();
    const before = keyFile(folder, ".before");
    copyFileSync(keyFile(folder), before);
    await appendRotation(store, keys.prepareRotation({ treeHead, oldKeyUntil: over }));
    signed();
    await appendTo(store, 1);
    await close();
    copyFileSync(before, keyFile(folder));
    rmSync(join(keysPath(folder), "log.head"));
    removeHeads(folder);
    const again = await openSigned(folder);
    growAll(again.tree);
    expect(() => again.tree.sign()).toThrow("restore the keys folder");
    await again.close();
  });

  it("do not make the old key's heads unreadable where the log went back to before the change", async () => {
    const { folder, treeHead, close } = await signedLog();
    const old = join(folder, "ledger.old");
    await close();
    copyFileSync(join(folder, "ledger.db"), old);
    const opened = await openSigned(folder);
    await appendRotation(opened.store, opened.keys.prepareRotation({ treeHead, oldKeyUntil: over }));
    growAll(opened.tree);
    const { size, root } = opened.tree.sign()!;
    await opened.close();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(join(folder, `ledger.db${suffix}`), { force: true });
    copyFileSync(old, join(folder, "ledger.db"));
    const again = await openSigned(folder);
    expect(again.tree.broken).toEqual({ size, root: root.toBase64() });
    await again.close();
  });
});

/** Heads that the log's own file keeps. */
function removeHeads(folder: string): void {
  const database = new DatabaseSync(join(folder, "ledger.db"));
  database.exec("DELETE FROM tree_heads");
  database.close();
}

type Leaves = { leaves: Uint8Array[]; rotations: { index: number; rotation: KeyRotation }[] };

/** What an auditor reads of a log: its leaves, and the rotations among them. */
async function leavesOf(bytes: (path: string) => Promise<Uint8Array>, size: number): Promise<Leaves> {
  const leaves: Uint8Array[] = [];
  for (let index = 0; index * 256 < size; index += 1) {
    const width = Math.min(256, size - index * 256);
    const path = `audit/tile/entries/${String(index).padStart(3, "0")}${width === 256 ? "" : `.p/${width}`}`;
    leaves.push(...decodeEntryBundle(await bytes(path), width));
  }
  const rotations = leaves.flatMap((leaf, index) => {
    const { type, data } = JSON.parse(Buffer.from(leaf).toString("utf8")) as { type: string; data: KeyRotation };
    return type === "LogKeyRotated" ? [{ index, rotation: data }] : [];
  });
  return { leaves, rotations };
}

/** Every head is borne out by the leaves, and signed by the key that the log had at its size. */
async function expectHeads(notes: readonly string[], trusted: VerifierKey, { leaves, rotations }: Leaves): Promise<void> {
  const keys = await keysOfLog(trusted, rotations);
  const hashes = leaves.map(leafHash);
  for (const { rotation } of rotations) expect(rootHash(hashes, rotation.treeHead.size).toBase64()).toBe(rotation.treeHead.root);
  for (const note of notes) {
    const { size, root, signatures } = await openTreeHead(
      note,
      keys.map(({ key }) => key),
    );
    expect(rootHash(hashes, size).toBase64()).toBe(root.toBase64());
    expect(signatures.some(({ key }) => isSameKey(key, keyForSize(keys, size)))).toBe(true);
  }
}

describe("an auditor with the first key alone", () => {
  it("follows the log to its new key, which was put to use while others wrote, and its witnesses follow too", async () => {
    const folder = aFolder();
    const [first] = await firstKeys(folder);
    const north = await aWitness("north", join(folder, "north"), [first!]);
    const ledger = await watchedLedger(folder, policyOf([north]));
    const notes: string[] = [];
    let isDone = false;
    await expect.poll(async () => (await ledger.get("audit/checkpoint")).status, { timeout: 30_000 }).toBe(200);
    const writing = (async () => {
      while (!isDone) await ledger.openAccounts(5);
    })();
    const reading = (async () => {
      while (!isDone) notes.push(await ledger.text("audit/checkpoint"));
    })();
    const until = new Date(Date.now() + 86_400_000).toISOString();
    const turns = await Promise.all([1, 2].map(() => ledger.post("audit/rotate-key", { oldKeyUntil: until })));
    expect(turns.map(({ status }) => status)).toEqual([200, 200]);
    await expect.poll(async () => (await ledger.keys()).length, { timeout: 20_000 }).toBeGreaterThan(1);
    await ledger.openAccounts(3);
    isDone = true;
    await Promise.all([writing, reading]);
    const { anchored } = await ledger.anchor();
    expect(anchored).not.toBeNull();
    notes.push(await ledger.text("audit/anchored"), await ledger.text("audit/checkpoint"));

    const { size } = await openTreeHead(notes.at(-1)!, await ledger.keys());
    const read = await leavesOf(async (path) => new Uint8Array(await (await ledger.get(path)).arrayBuffer()), size);
    // Two requests in one moment prepared the same key: it changed once.
    expect(read.rotations).toHaveLength(1);
    await expectHeads([...new Set(notes)], first!, read);
    const bySecond = await openTreeHead(notes.at(-2)!, [(await ledger.keys())[0]!], [north.key]);
    expect(bySecond.cosignatures).toHaveLength(1);
  });

  it("follows it through kills at any moment", async () => {
    const folder = aFolder();
    const data = join(folder, "data");
    const notes: string[] = [];
    let secret = "";
    let first: VerifierKey | undefined;
    let read: Leaves | undefined;
    for (const delayMs of [0, 5, 20, 80, 300, 1_500]) {
      const server = await runningServer(data, secret);
      secret = server.secret;
      const headers = { authorization: `Bearer ${secret}` };
      const ask = (path: string, method = "GET", body?: object) =>
        fetch(`${server.url}/v1/${path}`, {
          method,
          headers: body === undefined ? headers : { ...headers, "content-type": "application/json" },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
      await expect.poll(async () => (await ask("accounts", "POST", {})).status, { timeout: 30_000 }).toBe(201);
      await expect.poll(async () => (await ask("audit/checkpoint")).status, { timeout: 30_000 }).toBe(200);
      notes.push(await (await ask("audit/checkpoint")).text());
      const keys = keysIn(await (await ask("audit/key")).text());
      first ??= keys.at(-1)!;
      const { size } = await openTreeHead(notes.at(-1)!, keys);
      read = await leavesOf(async (path) => new Uint8Array(await (await ask(path)).arrayBuffer()), size);
      const rotating = ask("audit/rotate-key", "POST", { oldKeyUntil: "2020-01-01T00:00:00.000Z" }).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await server.stop("SIGKILL");
      await rotating;
    }
    await expectHeads(notes, first!, read!);
    expect(read!.rotations.length).toBeGreaterThan(0);
  }, 180_000);
});

const keysIn = (text: string): VerifierKey[] => text.trimEnd().split("\n").map(parseVerifierKey);

describe("a request to rotate", () => {
  it("is refused a time that is too long, and a key without the scope", async () => {
    const ledger = await watchedLedger(aFolder());
    await ledger.openAccounts(1);
    const codeOf = async (answer: Response) => [answer.status, ((await answer.json()) as { code: string }).code];
    expect(await codeOf(await ledger.post("audit/rotate-key", { oldKeyUntil: "2099-01-01T00:00:00.000Z" }))).toEqual([
      422,
      "terms-invalid",
    ]);
    expect(await codeOf(await ledger.post("audit/anchor"))).toEqual([409, "no-witnesses"]);
    expect(await codeOf(await ledger.get("audit/anchored"))).toEqual([404, "not-anchored"]);
    const { secret } = (await (await ledger.post("keys", { label: "x", scopes: ["audit"] })).json()) as { secret: string };
    const answer = await fetch(`${ledger.url}/v1/audit/rotate-key`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
      body: "{}",
    });
    expect(await codeOf(answer)).toEqual([403, "scope-missing"]);
  });
});
