/** The three hashes of a Merkle tree: of a leaf, of a node, and of no leaf at all (RFC 9162, section 2.1.1). */
import { sha256 } from "./sha256.ts";

export const hashBytes = 32;

/**
 * Where prefixed leaves and nodes are put together, one after the other: hashing is synchronous and keeps nothing, and a fresh
 * buffer for each would take as long as its hash. Room for any leaf that a bundle of entries holds.
 */
const leafPut = new Uint8Array(1 + 65_535);
const nodePut = new Uint8Array(1 + 2 * hashBytes);
nodePut[0] = 1;

/** The root of a tree without leaves: SHA-256 of the empty string. */
export const emptyRoot = (): Uint8Array => sha256(new Uint8Array(0));

/** SHA-256(00 ‖ leaf): the prefixes keep a node from being passed off as a leaf. */
export function leafHash(leaf: Uint8Array): Uint8Array {
  const prefixed = leaf.length < leafPut.length ? leafPut.subarray(0, 1 + leaf.length) : new Uint8Array(1 + leaf.length);
  prefixed.set(leaf, 1);
  return sha256(prefixed);
}

/**
 * SHA-256(01 ‖ left ‖ right).
 * @throws RangeError unless both have 32 bytes: a bug in the caller, as proofs from outside are measured before.
 */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.length !== hashBytes || right.length !== hashBytes) throw new RangeError(`a hash has ${hashBytes} bytes`);
  nodePut.set(left, 1);
  nodePut.set(right, 1 + hashBytes);
  return sha256(nodePut);
}

/** `nodeHash` of two hashes that lie one after the other, from byte `at` on. */
export function pairHash(hashes: Uint8Array, at: number): Uint8Array {
  nodePut.set(hashes.subarray(at, at + 2 * hashBytes), 1);
  return sha256(nodePut);
}
