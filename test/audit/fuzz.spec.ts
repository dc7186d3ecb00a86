/** Whatever comes from outside: an answer or an AuditError, never anything else. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCensusLine } from "../../src/audit/census.ts";
import { decodeEntryBundle } from "../../src/audit/entry-bundles.ts";
import type { AuditErrorCode } from "../../src/audit/errors.ts";
import { consistencyProof, inclusionProof, rootHash, verifyConsistency, verifyInclusion } from "../../src/audit/merkle.ts";
import { parsePolicy } from "../../src/audit/policy.ts";
import { formatReceipt, parseReceipt, verifyReceipt } from "../../src/audit/receipt.ts";
import { openNote, parseNote } from "../../src/audit/signed-note.ts";
import { parseTilePath, tilePath } from "../../src/audit/tiles.ts";
import { cosign, parseTreeHeadText, signTreeHead, treeHeadText } from "../../src/audit/tree-head.ts";
import { formatSignerKey, formatVerifierKey, parseSignerKey, parseVerifierKey } from "../../src/audit/verifier-key.ts";
import { decideAddTreeHead, formatAddTreeHead } from "../../src/audit/witness.ts";
import { auditError, east, keys, leafAt, leafHashes, logKey, origin, west } from "./log.examples.ts";

const leaves = leafHashes(20);
const head = { origin, size: 20, root: rootHash(leaves) };
const note = signTreeHead(head, [logKey]) + cosign(treeHeadText(head), east, 77);
const receipt = formatReceipt({ index: 11, proof: inclusionProof(leaves, 11), note });
const policyText = `log ${formatVerifierKey(logKey)}
witness east ${formatVerifierKey(east)}
witness west ${formatVerifierKey(west)} https://west.example/
group both any east west
quorum both
`;
const request = formatAddTreeHead({ oldSize: 13, proof: consistencyProof(leaves, 13), note });
const state = { size: 13, root: rootHash(leaves, 13), note: "" };

/** Bytes of any kind, and the good text with bytes changed, cut out, doubled or put in. */
function mangled(good: string): fc.Arbitrary<Uint8Array> {
  const bytes = Buffer.from(good);
  const place = fc.nat(bytes.length);
  const piece = fc.oneof(
    fc
      .constantFrom("\n", "\n\n", " ", "—", "— ", "=", "+", "0", "9".repeat(20), "\r", "\0", "#", "A===")
      .map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(place, place).map(([from, to]) => bytes.subarray(from, to)),
  );
  const edit = fc.record({ at: place, drop: fc.oneof(fc.constant(0), fc.nat(4), fc.nat(bytes.length)), piece });
  const edited = fc
    .array(edit, { minLength: 1, maxLength: 4 })
    .map((edits) =>
      edits.reduce<Uint8Array>(
        (text, { at, drop, piece }) => Buffer.concat([text.subarray(0, at), piece, text.subarray(at + drop)]),
        bytes,
      ),
    );
  return fc.oneof({ weight: 6, arbitrary: edited }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 400 }) });
}

const numRuns = 1_000;
type Codes = readonly AuditErrorCode[];

/** Runs it on mangled input. An AuditError of another code, or another error, fails the spec. */
async function survives(good: string, attempt: (input: Uint8Array) => unknown, codes: Codes): Promise<void> {
  const met = new Set<string>();
  await fc.assert(
    fc.asyncProperty(mangled(good), async (input) => {
      const error = await auditError(() => attempt(input));
      if (error) expect(codes).toContain(error.code);
      met.add(error?.code ?? "accepted");
    }),
    { numRuns },
  );
  expect(met.size).toBeGreaterThan(1);
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");
const noteCodes = ["malformed-note", "bad-signature", "no-trusted-signature"] as const;

describe("mangled input", () => {
  it("of a note", () => survives(note, (input) => openNote(input, [keys.log, keys.east]), noteCodes));

  it("of a note never opens as another text than was signed", () =>
    fc.assert(
      fc.asyncProperty(mangled(note), async (input) => {
        const opened = await openNote(input, [keys.log]).catch(() => undefined);
        if (opened) expect(opened.text).toBe(treeHeadText(head));
      }),
      { numRuns },
    ));

  it("of a note's parts", () => survives(note, parseNote, ["malformed-note"]));

  it("of a tree head", () => survives(treeHeadText(head), (input) => parseTreeHeadText(text(input)), ["malformed-tree-head"]));

  it("of a receipt", () =>
    survives(receipt, (input) => verifyReceipt(leafAt(11), input, parsePolicy(policyText)), [
      ...noteCodes,
      "malformed-receipt",
      "malformed-tree-head",
      "proof-failed",
    ]));

  it("of a receipt never proves another leaf", () =>
    fc.assert(
      fc.asyncProperty(mangled(receipt), async (input) => {
        const proved = await verifyReceipt(leafAt(12), input, parsePolicy(policyText)).catch(() => undefined);
        expect(proved).toBeUndefined();
      }),
      { numRuns },
    ));

  it("of a receipt is read as it is written, if at all", () =>
    fc.assert(
      fc.property(mangled(receipt), (input) => {
        let read;
        try {
          read = parseReceipt(input);
        } catch {
          return;
        }
        expect(formatReceipt(read)).toBe(text(input));
      }),
      { numRuns },
    ));

  it("of a policy", () => survives(policyText, (input) => parsePolicy(input), ["malformed-policy"]));

  it("of a verifier key", () =>
    survives(formatVerifierKey(logKey), (input) => parseVerifierKey(text(input)), ["malformed-key"]).catch(onlyRefused));

  it("of a signer key", () =>
    survives(formatSignerKey(logKey), (input) => parseSignerKey(text(input)), ["malformed-key"]).catch(onlyRefused));

  it("of an entry bundle", () => survives("\0\x03one\0\x03two", (input) => decodeEntryBundle(input, 2), ["malformed-bundle"]));

  it("of a census line", () =>
    survives('{"account":"a","events":1,"root":"x"}', decodeCensusLine, ["malformed-census"]).catch(onlyRefused));

  it("of a tile path", () =>
    fc.assert(
      fc.property(mangled("tile/0/x001/234.p/56").map(text), (path) => {
        const tile = parseTilePath(path);
        if (tile) expect(tilePath(tile)).toBe(path);
      }),
      { numRuns },
    ));

  it("of a request to a witness gets an answer, and 200 for what extends the tree alone", () =>
    fc.assert(
      fc.asyncProperty(mangled(request), async (input) => {
        const { status, body, next } = await decideAddTreeHead({ logs: [keys.log], keys: [east] }, state, input, 5);
        expect([200, 400, 403, 404, 409, 422]).toContain(status);
        expect(body).toMatch(/\n$/);
        expect(next?.size).toBe(status === 200 ? 20 : undefined);
      }),
      { numRuns },
    ));

  it("of a proof verifies nothing", () => {
    const hash = fc.oneof(
      fc.constantFrom(...leaves),
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ maxLength: 40 }),
    );
    const size = fc.oneof(fc.nat(40), fc.maxSafeNat(), fc.double(), fc.integer());
    fc.assert(
      fc.property(size, size, fc.array(hash, { maxLength: 60 }), hash, (a, b, proof, root) => {
        // A tree of one leaf is its own proof.
        if (!(a === 0 && b === 1)) expect(verifyInclusion(leaves[0]!, a, b, proof, root)).toBe(false);
        if (!(a === b && proof.length === 0)) expect(verifyConsistency(a, b, proof, leaves[0]!, root)).toBe(false);
      }),
      { numRuns },
    );
  });
});

/** A mangled hash or id is next to never right, so refusing all of them is as it should be. */
function onlyRefused(error: unknown): void {
  if (!String(error).includes("to be greater than")) throw error;
}
