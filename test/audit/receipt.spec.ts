import { describe, expect, it } from "vitest";
import { AuditError } from "../../src/audit/errors.ts";
import { inclusionProof, rootHash } from "../../src/audit/merkle.ts";
import { parsePolicy } from "../../src/audit/policy.ts";
import { formatReceipt, parseReceipt, verifyReceipt } from "../../src/audit/receipt.ts";
import { cosign, signTreeHead, treeHeadText } from "../../src/audit/tree-head.ts";
import { formatVerifierKey } from "../../src/audit/verifier-key.ts";
import { auditError, east, flipped, hexes, leafAt, leafHashes, logKey, origin, otherLogKey, west } from "./log.examples.ts";

const leaves = leafHashes(13);
const head = { origin, size: 13, root: rootHash(leaves) };
const note = signTreeHead(head, [logKey]) + cosign(treeHeadText(head), east, 100);
const receiptOf = (index: number) => ({ index, proof: inclusionProof(leaves, index), note });
const written = formatReceipt(receiptOf(9));

const policyOf = (...quorum: string[]) =>
  parsePolicy(
    [
      `log ${formatVerifierKey(logKey)}`,
      `witness east ${formatVerifierKey(east)}`,
      `witness west ${formatVerifierKey(west)}`,
      ...quorum,
      "",
    ].join("\n"),
  );
const anybody = policyOf("quorum none");

describe("a receipt", () => {
  it("is what tlog-proof says", () => {
    const proof = inclusionProof(leaves, 9).map((hash) => `${Buffer.from(hash).toString("base64")}\n`);
    expect(written).toBe(`c2sp.org/tlog-proof@v1\nindex 9\n${proof.join("")}\n${note}`);
    expect(formatReceipt({ ...receiptOf(9), extra: Buffer.from("hello") })).toMatch(
      /^c2sp\.org\/tlog-proof@v1\nextra aGVsbG8=\nindex 9\n/,
    );
  });

  it("is read back as it was written", () => {
    for (const extra of [undefined, Buffer.from("hello")]) {
      const receipt = { ...receiptOf(12), ...(extra ? { extra } : {}) };
      const read = parseReceipt(Buffer.from(formatReceipt(receipt)));
      expect(formatReceipt(read)).toBe(formatReceipt(receipt));
      expect([read.index, hexes(read.proof), read.note]).toEqual([12, hexes(receipt.proof), note]);
    }
    const alone = { index: 0, proof: [], note };
    expect(parseReceipt(formatReceipt(alone))).toEqual(alone);
  });

  it("verifies every leaf", async () => {
    for (let index = 0; index < 13; index++) {
      const { treeHead, quorum } = await verifyReceipt(leafAt(index), formatReceipt(receiptOf(index)), anybody);
      expect([treeHead.size, quorum]).toEqual([13, { met: true }]);
    }
  });

  it("verifies no other leaf, and no other place", async () => {
    const failed = { code: "proof-failed" };
    for (const index of [0, 8, 10])
      expect(await auditError(() => verifyReceipt(leafAt(index), written, anybody))).toEqual(failed);
    for (let index = 0; index < 16; index++) {
      const moved = formatReceipt({ ...receiptOf(9), index });
      expect(await auditError(() => verifyReceipt(leafAt(9), moved, anybody))).toEqual(index === 9 ? undefined : failed);
    }
    for (let at = 0; at < leafAt(9).length; at++) {
      expect(await auditError(() => verifyReceipt(flipped(leafAt(9), at), written, anybody))).toEqual(failed);
    }
  });

  it("proves nothing after a change of any byte but those of its unauthenticated extra data", async () => {
    const bytes = Buffer.from(formatReceipt({ ...receiptOf(9), extra: Buffer.from("note") }));
    const extraAt = bytes.indexOf("extra ") + "extra ".length;
    const cosigned = bytes.indexOf("— east");
    for (let at = 0; at < bytes.length; at++) {
      const isExtra = at >= extraAt && at < extraAt + 8;
      for (const bit of [0, 5]) {
        const stillMet = await verifyReceipt(leafAt(9), flipped(bytes, at, bit), policyOf("quorum east")).then(
          ({ quorum }) => quorum.met,
          (error: unknown) => (error instanceof AuditError ? undefined : Promise.reject(error as Error)),
        );
        // Where the witness's line was made another's, it has not been heard; all else is refused.
        const proves = at < cosigned ? stillMet !== undefined : stillMet;
        if (!isExtra && proves) expect.unreachable(`byte ${at}`);
      }
    }
  });

  it("says whether the quorum is met, and by when", async () => {
    const quorumUnder = async (...lines: string[]) => (await verifyReceipt(leafAt(9), written, policyOf(...lines))).quorum;
    expect(await quorumUnder("quorum east")).toEqual({ met: true, time: 100 });
    expect(await quorumUnder("quorum west")).toEqual({ met: false });
    expect(await quorumUnder("group both all east west", "quorum both")).toEqual({ met: false });
    expect(await quorumUnder("group one any east west", "quorum one")).toEqual({ met: true, time: 100 });
  });

  it("is worth nothing where the policy does not know the log", async () => {
    const stranger = parsePolicy(`log ${formatVerifierKey(otherLogKey)}\nquorum none\n`);
    expect(await auditError(() => verifyReceipt(leafAt(9), written, stranger))).toEqual({ code: "no-trusted-signature" });
  });

  const [hash = ""] = inclusionProof(leaves, 9).map((bytes) => Buffer.from(bytes).toString("base64"));
  it.each([
    ["nothing", "", undefined],
    ["another version", written.replace("@v1", "@v2"), 1],
    ["a line before", `\n${written}`, 1],
    ["no index", written.replace("index 9\n", ""), 2],
    ["an index with a leading zero", written.replace("index 9", "index 09"), 2],
    ["an index below zero", written.replace("index 9", "index -9"), 2],
    ["an index of 2^53", written.replace("index 9", "index 9007199254740992"), 2],
    ["two spaces", written.replace("index 9", "index  9"), 2],
    ["empty extra data", written.replace("index", "extra \nindex"), 2],
    ["extra data after the index", written.replace("index 9\n", "index 9\nextra aGk=\n"), 3],
    ["extra data twice", written.replace("index", "extra aGk=\nextra aGk=\nindex"), 3],
    ["extra data in another base64", written.replace("index", "extra a-k=\nindex"), 2],
    ["a short hash", written.replace(hash, "AAAA"), 3],
    ["a hash without padding", written.replace(hash, hash.slice(0, -1)), 3],
    ["carriage returns", written.replaceAll("\n", "\r\n"), undefined],
    ["64 hashes", written.replace(`${hash}\n`, `${hash}\n`.repeat(61)), undefined],
    ["no empty line", written.replaceAll("\n\n", "\n"), undefined],
  ])("is refused with %s", async (_, odd, line) => {
    expect(await auditError(() => parseReceipt(odd))).toEqual({ code: "malformed-receipt", ...(line ? { line } : {}) });
  });

  it("is refused where no signed tree head ends it", async () => {
    for (const odd of [`${written}x`, written.slice(0, -1), `${written}\n`, written.slice(0, written.indexOf("—"))]) {
      expect(await auditError(() => parseReceipt(odd))).toEqual({ code: "malformed-note" });
    }
  });

  it("is never written otherwise", () => {
    const receipt = receiptOf(9);
    for (const odd of [
      { index: -1 },
      { proof: [Buffer.of(1)] },
      { extra: new Uint8Array(0) },
      { proof: Array(64).fill(leaves[0]) },
    ]) {
      expect(() => formatReceipt({ ...receipt, ...odd })).toThrow(RangeError);
    }
  });
});
