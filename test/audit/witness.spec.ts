import { describe, expect, it } from "vitest";
import { emptyRoot } from "../../src/audit/hashing.ts";
import { consistencyProof, rootHash } from "../../src/audit/merkle.ts";
import { noteOf, openNote, signatureLine } from "../../src/audit/signed-note.ts";
import { cosign, openTreeHead, signTreeHead, treeHeadText } from "../../src/audit/tree-head.ts";
import {
  addTreeHead,
  decideAddTreeHead,
  formatAddTreeHead,
  readCosignatures,
  withCosignatures,
  type WitnessState,
  type WitnessStore,
} from "../../src/audit/witness.ts";
import {
  auditError,
  east,
  flipped,
  hex,
  keys,
  leafHashes,
  logKey,
  nextLogKey,
  origin,
  otherLogKey,
  west,
} from "./log.examples.ts";

const leaves = leafHashes(40);
const headAt = (size: number) => ({ origin, size, root: rootHash(leaves, size) });
const noteAt = (size: number) => signTreeHead(headAt(size), [logKey]);
const stateAt = (size: number): WitnessState => ({ size, root: rootHash(leaves, size), note: "" });
const proofOf = (oldSize: number, size: number) => (oldSize === 0 ? [] : consistencyProof(leaves, oldSize, size));
const request = (oldSize: number, size: number) =>
  formatAddTreeHead({ oldSize, proof: proofOf(oldSize, size), note: noteAt(size) });

const witness = { logs: [keys.log], keys: [east] };
const decide = (state: WitnessState | undefined, body: string | Uint8Array, watching = witness) =>
  decideAddTreeHead(watching, state, body, 1_700_000_000);
const statusOf = async (state: WitnessState | undefined, body: string | Uint8Array) => (await decide(state, body)).status;

describe("a request", () => {
  it("is what tlog-witness says", () => {
    const [hash = "", ...more] = proofOf(6, 8).map((bytes) => Buffer.from(bytes).toString("base64"));
    expect(request(6, 8)).toBe(`old 6\n${[hash, ...more].join("\n")}\n\n${noteAt(8)}`);
    expect(request(0, 8)).toBe(`old 0\n\n${noteAt(8)}`);
  });

  it.each([
    ["nothing", ""],
    ["no old size", request(6, 8).replace("old 6\n", "")],
    ["an old size with a leading zero", request(6, 8).replace("old 6", "old 06")],
    ["an old size below zero", request(6, 8).replace("old 6", "old -6")],
    ["an old size above 2^53", request(6, 8).replace("old 6", "old 9007199254740993")],
    ["a line of another kind", request(6, 8).replace("old 6\n", "old 6\nhello\n")],
    ["a hash without padding", request(6, 8).replace("=\n", "\n")],
    ["64 hashes", formatAddTreeHead({ oldSize: 6, proof: Array(64).fill(emptyRoot()), note: noteAt(8) })],
    ["carriage returns", request(6, 8).replaceAll("\n", "\r\n")],
    ["no signature", request(6, 8).replace(/— .*\n/, "")],
    ["no tree head", `old 6\n\n${noteOf("hello\n", [signatureLine("hello\n", logKey)])}`],
    ["no final LF", request(6, 8).slice(0, -1)],
    ["more after it", `${request(6, 8)}\n`],
    ["a size above 2^53", request(6, 8).replace("\n8\n", "\n9007199254740993\n")],
    ["an old size above the new", formatAddTreeHead({ oldSize: 9, proof: [], note: noteAt(8) })],
  ])("is answered 400 with %s", async (_, odd) => {
    const { status, next, body } = await decide(stateAt(6), odd);
    expect([status, next]).toEqual([400, undefined]);
    expect(body).toMatch(/^.+\n$/);
  });

  it("is answered 400 where it is not UTF-8, or a million bytes long", async () => {
    expect(await statusOf(stateAt(6), Buffer.concat([Buffer.from(request(6, 8)), Buffer.of(0xff)]))).toBe(400);
    expect(await statusOf(stateAt(6), request(6, 8) + " ".repeat(1_100_000))).toBe(400);
  });
});

describe("a witness", () => {
  it("cosigns a first tree head, and keeps it with both signatures", async () => {
    const { status, body, next } = await decide(undefined, Buffer.from(request(0, 8)));
    expect(status).toBe(200);
    expect(body).toBe(cosign(treeHeadText(headAt(8)), east, 1_700_000_000));
    expect([next?.size, hex(next!.root)]).toEqual([8, hex(rootHash(leaves, 8))]);
    const kept = await openTreeHead(next!.note, [keys.log], [keys.east]);
    expect(kept.cosignatures.map(({ time }) => time)).toEqual([1_700_000_000]);
  });

  it("cosigns every extension of what it cosigned last, the same head too", async () => {
    for (const oldSize of [0, 1, 5, 8, 16, 39]) {
      for (const size of [oldSize, oldSize + 1, 40]) {
        const state = oldSize === 0 ? undefined : stateAt(oldSize);
        const { status, next } = await decide(state, request(oldSize, size));
        expect([oldSize, size, status, next?.size]).toEqual([oldSize, size, 200, size]);
      }
    }
  });

  it("cosigns by each of its keys", async () => {
    const { body } = await decide(undefined, request(0, 8), { ...witness, keys: [east, west] });
    const read = await readCosignatures(body, noteAt(8), [keys.west, keys.east]);
    expect(read.map(({ key }) => key.name)).toEqual([east.name, west.name]);
  });

  it("answers 404 for a log that it does not watch", async () => {
    const other = { ...headAt(8), origin: otherLogKey.name };
    expect(await statusOf(undefined, `old 0\n\n${signTreeHead(other, [otherLogKey])}`)).toBe(404);
    expect((await decide(undefined, request(0, 8), { ...witness, logs: [] })).status).toBe(404);
  });

  it("answers 403 where no key of the log signed, or a line of it is not its signature", async () => {
    const text = treeHeadText(headAt(8));
    const by = (...lines: string[]) => `old 0\n\n${noteOf(text, lines)}`;
    const broken = signatureLine(text.replace("8", "9"), logKey);
    expect(await statusOf(undefined, by(signatureLine(text, nextLogKey)))).toBe(403);
    expect(await statusOf(undefined, by(signatureLine(text, otherLogKey)))).toBe(403);
    expect(await statusOf(undefined, by(broken))).toBe(403);
    expect(await statusOf(undefined, by(signatureLine(text, logKey), broken))).toBe(403);
    expect(await statusOf(undefined, by(signatureLine(text, otherLogKey), signatureLine(text, logKey)))).toBe(200);
  });

  it("answers 409 with the size that it knows", async () => {
    const conflict = { status: 409, contentType: "text/x.tlog.size" };
    expect(await decide(stateAt(7), request(6, 8))).toEqual({ ...conflict, body: "7\n" });
    expect(await decide(undefined, request(6, 8))).toEqual({ ...conflict, body: "0\n" });
    expect(await decide(stateAt(20), request(0, 8))).toEqual({ ...conflict, body: "20\n" });
  });

  it("answers 409 where it cosigned another head of the same size", async () => {
    const forked = { ...stateAt(8), root: rootHash(leafHashes(8).reverse()) };
    const { status, body, next } = await decide(forked, request(8, 8));
    expect([status, body, next]).toEqual([409, "8\n", undefined]);
  });

  it("answers 422 where the new tree does not extend the old", async () => {
    const forked = { ...stateAt(6), root: rootHash(leafHashes(6).reverse()) };
    expect(await statusOf(forked, request(6, 8))).toBe(422);
    expect(await statusOf(undefined, formatAddTreeHead({ oldSize: 0, proof: [leaves[0]!], note: noteAt(8) }))).toBe(422);
    expect(await statusOf(stateAt(8), formatAddTreeHead({ oldSize: 8, proof: [leaves[0]!], note: noteAt(8) }))).toBe(422);
    for (const [at, hash] of proofOf(6, 8).entries()) {
      const proof = proofOf(6, 8).with(at, flipped(hash, 31));
      expect(await statusOf(stateAt(6), formatAddTreeHead({ oldSize: 6, proof, note: noteAt(8) }))).toBe(422);
    }
  });

  it("takes an empty tree with the root of an empty tree, and no other", async () => {
    const empty = (root: Uint8Array) => `old 0\n\n${signTreeHead({ origin, size: 0, root }, [logKey])}`;
    const { status, next } = await decide(undefined, empty(emptyRoot()));
    expect([status, next?.size]).toEqual([200, 0]);
    expect(await statusOf(next, request(0, 8))).toBe(200);
    expect(await statusOf(undefined, empty(leaves[0]!))).toBe(422);
    expect(await statusOf(next, empty(leaves[0]!))).toBe(409);
  });

  it("cosigns extension lines with the rest", async () => {
    const text = `${treeHeadText(headAt(8))}more\n`;
    const { status, body } = await decide(undefined, `old 0\n\n${noteOf(text, [signatureLine(text, logKey)])}`);
    expect(status).toBe(200);
    expect((await openNote(noteOf(text, [body]), [keys.east])).signatures).toHaveLength(1);
  });
});

describe("a witness with a store", () => {
  /** Atomic, as JavaScript is between awaits; `before` lets another request slip in between. */
  class MemoryStore implements WitnessStore {
    state: WitnessState | undefined;
    before: (() => void) | undefined;
    read = async () => this.state;
    replace = async (_: string, expected: WitnessState | undefined, next: WitnessState) => {
      this.before?.();
      if (this.state?.size !== expected?.size) return false;
      this.state = next;
      return true;
    };
  }
  const now = () => 1_700_000_000;

  it("keeps what it cosigned before it answers", async () => {
    const store = new MemoryStore();
    for (const [oldSize, size] of [
      [0, 8],
      [8, 8],
      [8, 13],
    ] as const) {
      expect(await addTreeHead(witness, store, request(oldSize, size), now)).toMatchObject({ status: 200 });
      expect(store.state?.size).toBe(size);
    }
    expect(await addTreeHead(witness, store, request(8, 20), now)).toMatchObject({ status: 409, body: "13\n" });
    expect(await addTreeHead(witness, store, "hello", now)).toMatchObject({ status: 400 });
    expect(store.state?.size).toBe(13);
  });

  it("is never taken back by a request that lost a race", async () => {
    const store = new MemoryStore();
    store.before = () => {
      store.before = undefined;
      store.state = stateAt(20);
    };
    expect(await addTreeHead(witness, store, request(0, 8), now)).toMatchObject({ status: 409, body: "20\n" });
    expect(store.state?.size).toBe(20);
    const answers = await Promise.all([21, 30, 25].map((size) => addTreeHead(witness, store, request(20, size), now)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
  });

  it("gives up on a store that never stores", async () => {
    const store: WitnessStore = { read: async () => undefined, replace: async () => false };
    await expect(addTreeHead(witness, store, request(0, 8), now)).rejects.toThrow("lost every race");
  });
});

describe("the log's side", () => {
  const text = treeHeadText(headAt(8));

  it("takes the lines of witnesses that it trusts", async () => {
    const read = await readCosignatures(cosign(text, east, 5) + cosign(text, west, 6), noteAt(8), [keys.west]);
    expect(read.map(({ key, time }) => [key.name, time])).toEqual([[west.name, 6]]);
    const cosigned = withCosignatures(noteAt(8), read);
    expect(cosigned).toBe(noteAt(8) + cosign(text, west, 6));
    expect(withCosignatures(cosigned, read)).toBe(cosigned);
  });

  it("takes nothing that is no cosignature of this head", async () => {
    const from = (answer: string | Uint8Array) => auditError(() => readCosignatures(answer, noteAt(8), [keys.east]));
    expect(await from(cosign(treeHeadText(headAt(9)), east, 5))).toEqual({ code: "bad-signature" });
    expect(await from(cosign(text, west, 5))).toEqual({ code: "no-trusted-signature" });
    for (const odd of ["", "hello\n", cosign(text, east, 5).trimEnd(), Buffer.of(0xff)]) {
      expect(await from(odd)).toEqual({ code: "malformed-note" });
    }
  });

  it("takes no signature over more than this head", async () => {
    const longer = `${text}\nmore\n`;
    const answer = `more\n\n${cosign(longer, east, 5)}`;
    expect(await auditError(() => readCosignatures(answer, noteAt(8), [keys.east]))).toEqual({ code: "malformed-note" });
  });
});
