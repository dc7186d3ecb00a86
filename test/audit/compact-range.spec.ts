import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CompactRange, perfectSubtrees } from "../../src/audit/compact-range.ts";
import { emptyRoot } from "../../src/audit/hashing.ts";
import { rootHash } from "../../src/audit/merkle.ts";
import { hex, hexes, leafHashes } from "./log.examples.ts";
import { definitions } from "./rfc9162.examples.ts";

const leaves = leafHashes(600);

function rangeOf(begin: number, end: number): CompactRange {
  const range = new CompactRange(begin);
  for (const leaf of leaves.slice(begin, end)) range.append(leaf);
  return range;
}

describe("a compact range", () => {
  it("has the root of the tree after every leaf", () => {
    const byDefinition = definitions(leaves);
    const range = new CompactRange();
    expect(hex(range.root())).toBe(hex(emptyRoot()));
    for (const [index, leaf] of leaves.entries()) {
      range.append(leaf);
      expect(hex(range.root())).toBe(hex(byDefinition.root(index + 1)));
      expect(range.hashes).toHaveLength((index + 1).toString(2).replaceAll("0", "").length);
    }
  });

  it("is the same however it was put together", () => {
    const cuts = fc.uniqueArray(fc.nat(leaves.length), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(cuts, (places) => {
        const [begin = 0, ...ends] = places.toSorted((a, b) => a - b);
        const merged = new CompactRange(begin);
        for (const end of ends) merged.merge(rangeOf(merged.end, end));
        const whole = rangeOf(begin, ends.at(-1)!);
        expect(hexes(merged.hashes)).toEqual(hexes(whole.hashes));
        expect(merged.end).toBe(whole.end);
      }),
    );
  });

  it("goes on from what was stored of it", () => {
    for (const [begin, end] of [
      [0, 0],
      [0, 1],
      [0, 255],
      [0, 256],
      [3, 97],
      [255, 257],
      [511, 512],
    ] as const) {
      const stored = rangeOf(begin, end);
      const again = CompactRange.of(begin, end, stored.hashes);
      again.merge(rangeOf(end, 600));
      expect(hexes(again.hashes)).toEqual(hexes(rangeOf(begin, 600).hashes));
    }
  });

  it("leaves the range that was merged into it as it was", () => {
    const next = rangeOf(3, 10);
    const before = hexes(next.hashes);
    rangeOf(0, 3).merge(next);
    expect(hexes(next.hashes)).toEqual(before);
  });

  it("refuses hashes that don't cover it, and ranges that don't follow", () => {
    expect(() => CompactRange.of(0, 3, leaves.slice(0, 3))).toThrow(RangeError);
    expect(() => CompactRange.of(0, 3, leaves.slice(0, 1))).toThrow(RangeError);
    expect(() => CompactRange.of(4, 3, [])).toThrow(RangeError);
    expect(() => CompactRange.of(0, 1, [new Uint8Array(31)])).toThrow(RangeError);
    expect(() => rangeOf(0, 3).merge(rangeOf(4, 5))).toThrow(RangeError);
    expect(() => rangeOf(0, 3).appendSubtree(1, leaves[0]!)).toThrow(RangeError);
    expect(() => rangeOf(3, 5).root()).toThrow(RangeError);
  });

  it("reaches up to 2^53 − 1 leaves and no further", () => {
    const size = Number.MAX_SAFE_INTEGER;
    const subtrees = perfectSubtrees(0, size);
    expect(subtrees).toHaveLength(53);
    const range = CompactRange.of(
      0,
      size,
      subtrees.map(() => leaves[0]!),
    );
    expect(range.end).toBe(size);
    expect(() => range.append(leaves[0]!)).toThrow(RangeError);
    expect(range.hashes).toHaveLength(53);
  });

  it("covers every stretch of a tree by the fewest perfect subtrees", () => {
    for (let begin = 0; begin < 70; begin++) {
      for (let end = begin; end < 70; end++) {
        const subtrees = perfectSubtrees(begin, end);
        expect(
          subtrees.reduce((at, { begin: b, level }) => (b === at && at % 2 ** level === 0 ? at + 2 ** level : NaN), begin),
        ).toBe(end);
        // No two neighbours make one larger subtree.
        for (const [at, { begin: b, level }] of subtrees.entries()) {
          expect(subtrees[at + 1]?.level === level && b % 2 ** (level + 1) === 0).toBe(false);
        }
      }
    }
  });

  it("hashes the subtrees that proofs are made of", () => {
    expect(hex(rangeOf(8, 13).root())).toBe(hex(rootHash(leaves.slice(8, 13))));
    expect(hex(rangeOf(512, 600).root())).toBe(hex(rootHash(leaves.slice(512, 600))));
  });
});
