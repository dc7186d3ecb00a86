import { describe, expect, it } from "vitest";
import { emptyRoot } from "../../src/audit/hashing.ts";
import { consistencyProof, inclusionProof, rootHash, verifyConsistency, verifyInclusion } from "../../src/audit/merkle.ts";
import { flipped, hex, hexes, leafHashes } from "./log.examples.ts";
import { definitions, subproofTurns, turns } from "./rfc9162.examples.ts";

const sizeMax = 130;
const leaves = leafHashes(sizeMax);
const byDefinition = definitions(leaves);
const sizes = Array.from({ length: sizeMax }, (_, at) => at + 1);
const roots = [emptyRoot(), ...sizes.map((size) => rootHash(leaves, size))];

/** Around powers of two, and all small ones: there every byte is changed, elsewhere one byte of each hash. */
const isThorough = (size: number) => size <= 9 || [17, 33, 64, 130].includes(size);

/** Indices of the bytes to be changed; over all proofs, every byte has its turn. */
const bytesOf = (size: number, turn: number) => (isThorough(size) ? Array.from({ length: 32 }, (_, at) => at) : [turn % 32]);

/** The proof with each hash damaged, each left out, each doubled, neighbours swapped, and something before or after. */
function* damaged(proof: readonly Uint8Array[], size: number, turn: number): Generator<Uint8Array[]> {
  for (const [at, hash] of proof.entries()) {
    for (const byte of bytesOf(size, turn + at)) yield proof.with(at, flipped(hash, byte));
    yield proof.toSpliced(at, 1);
    yield proof.toSpliced(at, 0, hash);
    yield proof.with(at, hash.subarray(0, 31));
    yield proof.with(at, Buffer.concat([hash, hash.subarray(0, 1)]));
    if (at > 0) yield proof.with(at, proof[at - 1]!).with(at - 1, hash);
  }
  yield [...proof, leaves[0]!];
  yield [leaves[0]!, ...proof];
  yield [...proof, new Uint8Array(0)];
}

describe("the root", () => {
  it("is that of RFC 9162 at every size", () => {
    for (const size of [0, ...sizes]) expect(hex(roots[size]!)).toBe(hex(byDefinition.root(size)));
  });

  it("refuses sizes that the leaves don't make", () => {
    for (const size of [-1, 0.5, NaN, sizeMax + 1, 2 ** 53]) expect(() => rootHash(leaves, size)).toThrow(RangeError);
  });
});

describe("an inclusion proof, of every leaf at every size", () => {
  it("is that of RFC 9162, and verifies", () => {
    for (const size of sizes) {
      for (let index = 0; index < size; index++) {
        const proof = inclusionProof(leaves, index, size);
        const same = hexes(proof).join() === hexes(byDefinition.inclusion(index, size)).join();
        const verifies = verifyInclusion(leaves[index]!, index, size, proof, roots[size]!);
        if (!same || !verifies) expect.unreachable(`leaf ${index} of ${size}`);
      }
    }
  });

  it("fails after any change of proof, leaf or root", () => {
    let tried = 0;
    for (const size of sizes) {
      for (let index = 0; index < size; index++) {
        const proof = byDefinition.inclusion(index, size);
        const [leaf, root] = [leaves[index]!, roots[size]!];
        const verifies = (...[l = leaf, p = proof, r = root]: [Uint8Array?, Uint8Array[]?, Uint8Array?]) =>
          verifyInclusion(l, index, size, p, r) && (expect.unreachable(`leaf ${index} of ${size}`), true);
        for (const changed of damaged(proof, size, index + size)) tried += Number(!verifies(leaf, changed));
        for (const byte of bytesOf(size, index + size)) {
          tried += Number(!verifies(flipped(leaf, byte))) + Number(!verifies(leaf, proof, flipped(root, byte)));
        }
        verifies(leaf.subarray(1));
        verifies(new Uint8Array(0));
        verifies(leaf, proof, root.subarray(0, 31));
        verifies(leaf, proof, Buffer.concat([root, root]));
      }
    }
    expect(tried).toBeGreaterThan(150_000);
  });

  it("fails for any other index, and for any other size whose path turns otherwise", () => {
    for (const size of sizes) {
      for (let index = 0; index < size; index++) {
        const proof = byDefinition.inclusion(index, size);
        const verifies = (i: number, s: number) => verifyInclusion(leaves[index]!, i, s, proof, roots[size]!);
        const bits = [1, 2, 4, 8, 16, 32, 64, 128].map((bit) => index ^ bit);
        for (const other of [index - 1, index + 1, size, 2 * index + 1, ...bits]) {
          if (other !== index && verifies(other, size)) expect.unreachable(`leaf ${index} of ${size} as leaf ${other}`);
        }
        for (const other of [size - 1, size + 1, 2 * size, 2 * size - 1, size >> 1, size ^ 4, size + 128]) {
          const fits = other === size || (index < other && turns(index, other) === turns(index, size));
          if (verifies(index, other) !== fits) expect.unreachable(`leaf ${index} of ${size} as of ${other}`);
        }
      }
    }
  });

  it("never verifies for what is no index or size", () => {
    const proof = inclusionProof(leaves, 2, 4);
    const verifies = (index: number, size: number, p = proof) => verifyInclusion(leaves[2]!, index, size, p, roots[4]!);
    expect(verifies(2, 4)).toBe(true);
    for (const odd of [-1, -2, 2.5, NaN, Infinity, 2 ** 53, 2 ** 64]) {
      expect(verifies(odd, 4)).toBe(false);
      expect(verifies(2, odd)).toBe(false);
    }
    expect(verifyInclusion(emptyRoot(), 0, 0, [], emptyRoot())).toBe(false);
    expect(() => inclusionProof(leaves, 4, 4)).toThrow(RangeError);
    expect(() => inclusionProof(leaves, -1, 4)).toThrow(RangeError);
    expect(() => inclusionProof(leaves, 0, 0)).toThrow(RangeError);
    expect(() => inclusionProof(leaves, 0, sizeMax + 1)).toThrow(RangeError);
  });
});

describe("a consistency proof, of every pair of sizes", () => {
  it("is that of RFC 9162, and verifies", () => {
    for (const second of sizes) {
      for (let first = 1; first <= second; first++) {
        const proof = consistencyProof(leaves, first, second);
        const same = hexes(proof).join() === hexes(byDefinition.consistency(first, second)).join();
        const verifies = verifyConsistency(first, second, proof, roots[first]!, roots[second]!);
        if (!same || !verifies) expect.unreachable(`${first} to ${second}`);
      }
    }
  });

  it("fails after any change of proof or root", () => {
    let tried = 0;
    for (const second of sizes) {
      for (let first = 1; first <= second; first++) {
        const proof = byDefinition.consistency(first, second);
        const [rootOne, rootTwo] = [roots[first]!, roots[second]!];
        const verifies = (p: readonly Uint8Array[], r1 = rootOne, r2 = rootTwo) =>
          verifyConsistency(first, second, p, r1, r2) && (expect.unreachable(`${first} to ${second}`), true);
        for (const changed of damaged(proof, second, first + second)) tried += Number(!verifies(changed));
        for (const byte of bytesOf(second, first + second)) {
          tried += Number(!verifies(proof, flipped(rootOne, byte))) + Number(!verifies(proof, rootOne, flipped(rootTwo, byte)));
        }
        verifies(proof, rootOne.subarray(0, 31));
        verifies(proof, rootOne, rootTwo.subarray(0, 31));
        if (first < second) verifies(proof, rootTwo, rootOne);
      }
    }
    expect(tried).toBeGreaterThan(150_000);
  });

  it("fails for any other first size, and for any other second size whose way up turns otherwise", () => {
    for (const second of sizes) {
      for (let first = 1; first <= second; first++) {
        const proof = byDefinition.consistency(first, second);
        const verifies = (one: number, two: number) => verifyConsistency(one, two, proof, roots[first]!, roots[second]!);
        for (const other of [first - 1, first + 1, 2 * first, first >> 1, first ^ 1, first ^ 2, first ^ 8, second]) {
          if (other !== first && verifies(other, second)) expect.unreachable(`${first} to ${second}, first size ${other}`);
        }
        for (const other of [second - 1, second + 1, 2 * second, second >> 1, second ^ 1, second ^ 4, second + 128]) {
          const fits = other >= first && subproofTurns(first, other) === subproofTurns(first, second);
          if (verifies(first, other) !== fits) expect.unreachable(`${first} to ${second}, second size ${other}`);
        }
      }
    }
  });

  it("proves nothing of an empty tree", () => {
    expect(verifyConsistency(0, 0, [], emptyRoot(), emptyRoot())).toBe(false);
    expect(verifyConsistency(0, 5, [], emptyRoot(), roots[5]!)).toBe(false);
    expect(() => consistencyProof(leaves, 0, 5)).toThrow(RangeError);
    expect(() => consistencyProof(leaves, 6, 5)).toThrow(RangeError);
    for (const odd of [-1, 0.5, NaN, 2 ** 53]) expect(verifyConsistency(odd, 5, [], roots[1]!, roots[5]!)).toBe(false);
  });

  it("does not join two different trees", () => {
    const others = leaves.with(2, leaves[3]!);
    for (const second of [4, 5, 8, 21]) {
      for (let first = 3; first < second; first++) {
        const proof = consistencyProof(others, first, second);
        expect(verifyConsistency(first, second, proof, roots[first]!, rootHash(others, second))).toBe(false);
      }
    }
  });
});
