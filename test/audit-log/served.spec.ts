import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromBase64, hashFromBase64, toBase64 } from "../../src/audit/encoding.ts";
import { decodeEntryBundle } from "../../src/audit/entry-bundles.ts";
import { leafHash } from "../../src/audit/hashing.ts";
import { rootHash, verifyConsistency } from "../../src/audit/merkle.ts";
import { parsePolicy } from "../../src/audit/policy.ts";
import { verifyReceipt } from "../../src/audit/receipt.ts";
import { rootFromTiles } from "../../src/audit/tile-proofs.ts";
import { tilePath, tilesOf, tileWidth, widthOfTile } from "../../src/audit/tiles.ts";
import { openTreeHead } from "../../src/audit/tree-head.ts";
import { parseVerifierKey, type VerifierKey } from "../../src/audit/verifier-key.ts";
import { aFolder } from "../event-store/support/folder.ts";
import { runningServer, type RunningServer } from "../support/server.ts";

let server: RunningServer;
const get = async (path: string): Promise<Response> => {
  const answer = await fetch(`${server.url}/v1/${path}`, { headers: { authorization: `Bearer ${server.secret}` } });
  const isOverloaded = answer.status === 503 && (await answer.clone().text()).includes('"overloaded"');
  if (!isOverloaded) return answer;
  await delay(100);
  return get(path);
};
const textOf = async (path: string) => {
  const answer = await get(path);
  const body = await answer.text();
  expect(answer.status, `${path}: ${body}`).toBe(200);
  return body;
};
const bytesOf = async (path: string) => {
  const answer = await get(path);
  expect(answer.status, path).toBe(200);
  return new Uint8Array(await answer.arrayBuffer());
};
const post = (path: string, body: string, type = "application/json") =>
  fetch(`${server.url}/v1/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.secret}`, "content-type": type },
    body,
  });

async function openAccounts(count: number): Promise<void> {
  const line = `${JSON.stringify({ command: "open-account", body: {} })}\n`;
  for (;;) {
    const answer = await post("batch", line.repeat(count), "application/x-ndjson");
    const text = await answer.text();
    // A machine that is busy with other specs may refuse at the door; nothing was recorded then.
    if (answer.status === 503) {
      await delay(100);
      continue;
    }
    expect(text.trim().split("\n"), text).toHaveLength(count + 1);
    return;
  }
}

/** Receipts are signed at once, so this waits for no timer. */
async function treeHeadWithAll(): Promise<string> {
  const lines = (
    await (await fetch(`${server.url}/v1/events`, { headers: { ...auth(), accept: "application/x-ndjson" } })).text()
  )
    .trim()
    .split("\n");
  const { id } = JSON.parse(lines.at(-1)!) as { id: string };
  await textOf(`events/${id}/receipt`);
  return textOf("audit/checkpoint");
}
const auth = () => ({ authorization: `Bearer ${server.secret}` });

describe("an auditor who has the log's key and nothing else of ours", () => {
  let key: VerifierKey;
  let earlier: string;
  let note: string;
  let folder: string;
  beforeAll(async () => {
    folder = join("/tmp", `troth-audit-${process.pid}`);
    server = await runningServer(join(folder, "data"));
    await openAccounts(40);
    earlier = await treeHeadWithAll();
    await openAccounts(280);
    note = await treeHeadWithAll();
    key = parseVerifierKey((await textOf("audit/key")).trimEnd());
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const leavesOf = async (size: number): Promise<Uint8Array[]> => {
    const leaves: Uint8Array[] = [];
    for (let index = 0; index * tileWidth < size; index += 1) {
      const width = widthOfTile(size, "entries", index);
      leaves.push(...decodeEntryBundle(await bytesOf(`audit/${tilePath({ level: "entries", index, width })}`), width));
    }
    return leaves;
  };

  it("finds the signed root over the leaves, and over the tiles", async () => {
    const { size, root } = await openTreeHead(note, [key]);
    expect(size).toBeGreaterThan(320);
    const leaves = await leavesOf(size);
    expect(toBase64(rootHash(leaves.map(leafHash)))).toBe(toBase64(root));
    const tiles = new Map<string, Uint8Array>();
    for (const tile of tilesOf(size)) tiles.set(`${tile.level}/${tile.index}`, await bytesOf(`audit/${tilePath(tile)}`));
    expect(toBase64(rootFromTiles((level, index) => tiles.get(`${level}/${index}`)!, size))).toBe(toBase64(root));
  });

  it("finds every leaf included by its receipt", async () => {
    const policy = parsePolicy(`log ${(await textOf("audit/key")).trimEnd()}\nquorum none\n`);
    const { size } = await openTreeHead(note, [key]);
    for (const [index, leaf] of (await leavesOf(size)).entries()) {
      const { id } = JSON.parse(Buffer.from(leaf).toString()) as { id: string };
      const verified = await verifyReceipt(leaf, await textOf(`events/${id}/receipt`), policy);
      expect(verified.index).toBe(index);
    }
  });

  it("finds a later head consistent with an earlier one, and the tiles of the earlier one still there", async () => {
    const [first, second] = [await openTreeHead(earlier, [key]), await openTreeHead(note, [key])];
    const { proof } = JSON.parse(await textOf(`audit/consistency?from=${first.size}&to=${second.size}`)) as { proof: string[] };
    const hashes = proof.map((text) => hashFromBase64(text)!);
    expect(verifyConsistency(first.size, second.size, hashes, first.root, second.root)).toBe(true);
    const [bundle] = [await leavesOf(first.size)];
    expect(toBase64(rootHash(bundle.map(leafHash)))).toBe(toBase64(first.root));
  });

  it("gets a receipt for an event in the moment after it was recorded", async () => {
    const { events } = (await (await post("accounts", "{}")).json()) as { events: { id: string }[] };
    expect(await textOf(`events/${events[0]!.id}/receipt`)).toMatch(/^c2sp\.org\/tlog-proof@v1\nindex \d+\n/);
  });

  it("may keep full tiles for ever, and asks again for all else", async () => {
    const caching = async (path: string) => (await get(path)).headers.get("cache-control");
    expect(await caching("audit/tile/0/000")).toBe("private, max-age=31536000, immutable");
    expect(await caching("audit/tile/entries/000")).toContain("immutable");
    for (const path of ["audit/tile/0/001.p/1", "audit/tile/1/000.p/1", "audit/checkpoint", "audit/key"])
      expect(await caching(path), path).toBe("no-cache");
  });

  it.each([
    "tile/0/001",
    "tile/0/002.p/1",
    "tile/1/000",
    "tile/1/000.p/2",
    "tile/2/000.p/1",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/0",
    "tile/entries/002.p/1",
    "tile/00/000",
    "tile/x",
  ])("is told that there is no %s", async (path) => {
    const answer = await get(`audit/${path}`);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([404, "not-found"]);
  });

  it.each(["from=0", "from=5&to=4", "from=1&to=1000000", "to=4", "from=x"])("is refused a proof of %s", async (query) => {
    const answer = await get(`audit/consistency?${query}`);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([422, "validation-failed"]);
  });

  it("needs the scope `audit`, and `read` for receipts", async () => {
    const issue = async (scope: string) =>
      ((await (await post("keys", JSON.stringify({ label: "x", scopes: [scope] }))).json()) as { secret: string }).secret;
    const statusOf = async (secret: string, path: string) =>
      (await fetch(`${server.url}/v1/${path}`, { headers: { authorization: `Bearer ${secret}` } })).status;
    const [auditor, reader] = [await issue("audit"), await issue("read")];
    const id = "evt_0000000000000000";
    for (const path of [
      "audit/key",
      "audit/checkpoint",
      "audit/tile/0/000",
      "audit/tile/entries/000",
      "audit/consistency?from=1",
    ])
      expect([await statusOf(auditor, path), await statusOf(reader, path)], path).toEqual([200, 403]);
    expect([await statusOf(auditor, `events/${id}/receipt`), await statusOf(reader, `events/${id}/receipt`)]).toEqual([403, 404]);
  });

  it("is told that nothing needs to be declared while nothing is wrong", async () => {
    const answer = await post("audit/resume", JSON.stringify({ lastKnownHead: { size: 1, root: toBase64(new Uint8Array(32)) } }));
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([409, "log-not-diverged"]);
  });
});

describe("a ledger whose log was put back to an earlier state", () => {
  it("records on, signs nothing and says so, until the break is declared", async () => {
    const folder = join(aFolder(), "data");
    const log = join(folder, "ledger.db");
    server = await runningServer(folder);
    const { secret } = server;
    await openAccounts(5);
    await treeHeadWithAll();
    await server.stop();
    copyFileSync(log, `${log}.old`);
    server = await runningServer(folder, secret);
    await openAccounts(5);
    const lost = (await treeHeadWithAll()).split("\n");
    await server.stop();
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${log}${suffix}`, { force: true });
    copyFileSync(`${log}.old`, log);
    server = await runningServer(folder, secret);
    try {
      await expect
        .poll(async () => ((await (await get("audit/checkpoint")).json()) as { code: string }).code)
        .toBe("log-diverged");
      const ready = await fetch(`${server.url}/readyz`);
      expect(await ready.json()).toMatchObject({ status: "ready", tree: "diverged" });
      await openAccounts(20);
      const { detail } = (await (await get("audit/tile/0/000.p/1")).json()) as { detail: string };
      expect(detail).toContain(`${lost[1]} leaves with root ${lost[2]}`);
      const lastKnownHead = { size: Number(lost[1]), root: lost[2]! };
      const wrong = await post("audit/resume", JSON.stringify({ lastKnownHead: { ...lastKnownHead, size: 1 } }));
      expect(((await wrong.json()) as { code: string }).code).toBe("known-head-differs");
      const declared = await post("audit/resume", JSON.stringify({ lastKnownHead }));
      expect(declared.status).toBe(200);
      await expect.poll(async () => (await get("audit/checkpoint")).status, { timeout: 10_000 }).toBe(200);
      const key = parseVerifierKey((await textOf("audit/key")).trimEnd());
      expect((await openTreeHead(await textOf("audit/checkpoint"), [key])).size).toBeGreaterThan(27);
      expect(fromBase64(lastKnownHead.root)).toHaveLength(32);
    } finally {
      await server.stop();
    }
  }, 180_000);
});
