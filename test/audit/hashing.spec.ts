import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { leafHash, nodeHash, pairHash } from "../../src/audit/hashing.ts";
import { sha256 } from "../../src/audit/sha256.ts";
import { hex, leafHashes } from "./log.examples.ts";

const expected = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest("hex");
const [left, right] = leafHashes(2) as [Uint8Array, Uint8Array];

describe("hashes", () => {
  it("are prefixed, at every length of leaf that matters, whatever was hashed before", () => {
    for (const length of [70_000, 0, 1, 54, 55, 56, 63, 64, 65_534, 65_535, 65_536, 3]) {
      const leaf = new Uint8Array(length).fill(length % 251);
      expect(hex(leafHash(leaf))).toBe(expected(Buffer.of(0), leaf));
      expect(hex(nodeHash(left, right))).toBe(expected(Buffer.of(1), left, right));
      expect(hex(pairHash(Buffer.concat([Buffer.of(9), left, right]), 1))).toBe(expected(Buffer.of(1), left, right));
    }
  });

  it("are arrays of their own", () => {
    const first = nodeHash(left, right);
    const before = hex(first);
    nodeHash(right, left);
    leafHash(left);
    expect(hex(first)).toBe(before);
    expect(first.buffer.byteLength).toBe(32);
  });

  it("keep every byte of a digest", () => {
    const seen = new Set<number>();
    for (let at = 0; at < 200; at++) {
      const input = Buffer.from(String(at));
      expect(hex(sha256(input))).toBe(expected(input));
      for (const byte of sha256(input)) seen.add(byte);
    }
    expect(seen.size).toBe(256);
  });

  it("are of 32 bytes where they make a node", () => {
    expect(() => nodeHash(left.subarray(1), right)).toThrow(RangeError);
    expect(() => nodeHash(left, Buffer.concat([right, right]))).toThrow(RangeError);
  });
});
