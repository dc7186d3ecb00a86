/**
 * Merkle trees as in RFC 6962 and RFC 9162. A tree of n leaves splits at the largest power of two below n; the odd node is
 * promoted, never duplicated. Sizes and indices go up to 2^53 − 1, so they are split by arithmetic, never by bit operators.
 */
import { CompactRange } from "./compact-range.ts";
import { equalBytes } from "./encoding.ts";
import { emptyRoot, hashBytes, nodeHash } from "./hashing.ts";
import { half, highestPowerBelow, isOdd, isSize, lowestPowerIn, requireSize } from "./sizes.ts";

/** The hash of the subtree over the leaves from `begin` to `end`, exclusive: the nodes that proofs are made of. */
export type SubtreeHash = (begin: number, end: number) => Uint8Array;

/**
 * Root hash of the tree over the first `treeSize` leaves. Computes `treeSize - 1` node hashes.
 *
 * @param leafHashes 32-byte leaf hashes in log order; at least `treeSize` of them.
 * @returns 32 bytes; SHA-256 of the empty string when `treeSize` is 0.
 * @throws RangeError when `treeSize` is not an integer in 0..leafHashes.length: a bug in the caller.
 * @see RFC 9162, section 2.1.1.
 */
export function rootHash(leafHashes: readonly Uint8Array[], treeSize: number = leafHashes.length): Uint8Array {
  requireSize(treeSize, leafHashes.length);
  return treeSize === 0 ? emptyRoot() : subtreesOver(leafHashes)(0, treeSize);
}

const subtreesOver =
  (leafHashes: readonly Uint8Array[]): SubtreeHash =>
  (begin, end) => {
    const range = new CompactRange(begin);
    for (let index = begin; index < end; index++) range.append(leafHashes[index]!);
    return range.root();
  };

/**
 * Hashes from the leaf's sibling up to the child of the root. Hashes every other leaf of the tree; where tiles are at hand,
 * their proof costs O(log n).
 *
 * @throws RangeError when `index` is no leaf of the tree or the tree is larger than the list: a bug in the caller.
 * @see RFC 9162, section 2.1.3.1.
 */
export function inclusionProof(
  leafHashes: readonly Uint8Array[],
  index: number,
  treeSize: number = leafHashes.length,
): Uint8Array[] {
  requireSize(treeSize, leafHashes.length);
  return inclusionProofFrom(subtreesOver(leafHashes), index, treeSize);
}

/** `inclusionProof` from whatever gives the hash of a subtree; asks for at most 53 of them. */
export function inclusionProofFrom(subtreeHash: SubtreeHash, index: number, treeSize: number): Uint8Array[] {
  requireSize(treeSize);
  if (!isSize(index) || index >= treeSize) throw new RangeError(`there is no leaf ${index} in a tree of ${treeSize}`);
  return siblingsAbove(index, index + 1, treeSize, subtreeHash);
}

/**
 * Hashes that join the tree of `firstSize` leaves to that of `secondSize`; none where the two are of one size.
 *
 * @throws RangeError unless 1 <= firstSize <= secondSize <= leafHashes.length: a bug in the caller. There is nothing to prove
 * of an empty tree, and RFC 9162 has no such proof.
 * @see RFC 9162, section 2.1.4.1.
 */
export function consistencyProof(
  leafHashes: readonly Uint8Array[],
  firstSize: number,
  secondSize: number = leafHashes.length,
): Uint8Array[] {
  requireSize(secondSize, leafHashes.length);
  return consistencyProofFrom(subtreesOver(leafHashes), firstSize, secondSize);
}

/** `consistencyProof` from whatever gives the hash of a subtree; asks for at most 54 of them. */
export function consistencyProofFrom(subtreeHash: SubtreeHash, firstSize: number, secondSize: number): Uint8Array[] {
  requireSize(secondSize);
  requireSize(firstSize, secondSize);
  if (firstSize === 0) throw new RangeError("there is no consistency proof from an empty tree");
  if (firstSize === secondSize) return [];
  // The last perfect subtree of the first tree is a node of both trees: the proof leads from it to both roots.
  const begin = firstSize - lowestPowerIn(firstSize);
  const siblings = siblingsAbove(begin, firstSize, secondSize, subtreeHash);
  // Where it is the whole first tree, the verifier has its hash already.
  return begin === 0 ? siblings : [subtreeHash(begin, firstSize), ...siblings];
}

/** The siblings on the way from the node over `begin` to `end` up to the root. */
function siblingsAbove(begin: number, end: number, treeSize: number, subtreeHash: SubtreeHash): Uint8Array[] {
  const siblings: Uint8Array[] = [];
  let [from, to] = [0, treeSize];
  while (from < begin || end < to) {
    const split = from + highestPowerBelow(to - from);
    if (end <= split) {
      siblings.push(subtreeHash(split, to));
      to = split;
    } else {
      siblings.push(subtreeHash(from, split));
      from = split;
    }
  }
  return siblings.reverse();
}

/**
 * Whether the leaf is in the tree with this root. Strict: false for an index outside the tree, for a proof with a component
 * too few or too many, and for hashes that are not of 32 bytes.
 *
 * A proof alone does not fix the size: one that leads through 3 leaves may lead through 4 by the same turns, to the same
 * root. Take size and root together from one signed tree head.
 *
 * @see RFC 9162, section 2.1.3.2.
 */
export function verifyInclusion(
  leafHash: Uint8Array,
  index: number,
  treeSize: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  const path = inclusionPath(leafHash, index, treeSize, proof);
  return path !== undefined && equalBytes(path.at(-1)?.node ?? leafHash, root);
}

/** One step towards the root: the sibling, on which side it stands, and the node above the two. */
export type PathStep = { sibling: Uint8Array; side: "left" | "right"; node: Uint8Array };

/**
 * The way that a proof takes from a leaf up; its last node is what must be the root. Undefined where no proof of a tree of this
 * size looks like that, as `verifyInclusion` is false then.
 */
export function inclusionPath(
  leafHash: Uint8Array,
  index: number,
  treeSize: number,
  proof: readonly Uint8Array[],
): PathStep[] | undefined {
  if (!isSize(treeSize) || !isSize(index) || index >= treeSize) return undefined;
  if (!isHash(leafHash) || !proof.every(isHash)) return undefined;
  const sides = siblingSides(index, treeSize - 1);
  if (proof.length !== sides.length) return undefined;
  let node = leafHash;
  return proof.map((sibling, step) => {
    const side = sides[step]!;
    node = side === "left" ? nodeHash(sibling, node) : nodeHash(node, sibling);
    return { sibling, side, node };
  });
}

/**
 * Whether the second tree begins with the leaves of the first, in their order. Strict as `verifyInclusion`; false for an empty
 * first tree, of which nothing can be proved, and for a first tree larger than the second. Two trees of one size are
 * consistent when their roots are the same and the proof is empty.
 *
 * @see RFC 9162, section 2.1.4.2.
 */
export function verifyConsistency(
  firstSize: number,
  secondSize: number,
  proof: readonly Uint8Array[],
  firstRoot: Uint8Array,
  secondRoot: Uint8Array,
): boolean {
  if (!isSize(firstSize) || !isSize(secondSize) || firstSize === 0 || firstSize > secondSize) return false;
  if (firstSize === secondSize) return proof.length === 0 && equalBytes(firstRoot, secondRoot);
  if (!isHash(firstRoot) || !proof.every(isHash)) return false;
  const shared = lowestPowerIn(firstSize);
  const [seed, ...siblings] = shared === firstSize ? [firstRoot, ...proof] : proof;
  const sides = siblingSides((firstSize - shared) / shared, Math.floor((secondSize - 1) / shared));
  if (seed === undefined || siblings.length !== sides.length) return false;
  let [first, second] = [seed, seed];
  for (const [step, sibling] of siblings.entries()) {
    if (sides[step] === "left") {
      first = nodeHash(sibling, first); // What stands to the left was there already.
      second = nodeHash(sibling, second);
    } else {
      second = nodeHash(second, sibling);
    }
  }
  return equalBytes(first, firstRoot) && equalBytes(second, secondRoot);
}

/**
 * On which side each sibling stands, from a node up to the root.
 * @param index the node's place on its level.
 * @param last the place of the last node on that level.
 */
function siblingSides(index: number, last: number): ("left" | "right")[] {
  const sides: ("left" | "right")[] = [];
  for (; last > 0; index = half(index), last = half(last)) {
    if (index < last && !isOdd(index)) {
      sides.push("right");
      continue;
    }
    sides.push("left");
    // The last node of a level without a sibling rises as it is to the level where it has one.
    for (; !isOdd(index); index = half(index)) last = half(last);
  }
  return sides;
}

const isHash = (bytes: Uint8Array): boolean => bytes.length === hashBytes;
