/**
 * What must be kept of leaves that came by to go on growing their tree: the hashes of the fewest perfect subtrees that cover
 * them, at most 53 for a range from 0 and 105 for any other. The log keeps one, and so does each account in the census.
 */
import { emptyRoot, hashBytes, nodeHash } from "./hashing.ts";
import { log2Floor, lowestPowerIn, requireSize } from "./sizes.ts";

/** A perfect subtree: 2^level leaves from `begin`, a multiple of that. */
export type Subtree = { begin: number; level: number };

/** The fewest perfect subtrees that cover the leaves from `begin` to `end`, exclusive, from left to right. */
export function perfectSubtrees(begin: number, end: number): Subtree[] {
  const subtrees: Subtree[] = [];
  while (begin < end) {
    const fits = log2Floor(end - begin);
    const level = begin === 0 ? fits : Math.min(fits, log2Floor(lowestPowerIn(begin)));
    subtrees.push({ begin, level });
    begin += 2 ** level;
  }
  return subtrees;
}

export class CompactRange {
  /** Index of the first leaf. */
  readonly begin: number;
  #end: number;
  /** From left to right, with the level of each. */
  readonly #hashes: Uint8Array[] = [];
  readonly #levels: number[] = [];

  /** No leaf yet; the first to come has index `begin`. */
  constructor(begin = 0) {
    requireSize(begin);
    this.begin = begin;
    this.#end = begin;
  }

  /**
   * The range that gave `begin`, `end` and `hashes`.
   * @throws RangeError where that many hashes can't cover such a range: they are not what was kept.
   */
  static of(begin: number, end: number, hashes: readonly Uint8Array[]): CompactRange {
    requireSize(end);
    requireSize(begin, end);
    const subtrees = perfectSubtrees(begin, end);
    if (subtrees.length !== hashes.length) {
      throw new RangeError(`leaves ${begin} to ${end} take ${subtrees.length} hashes, not ${hashes.length}`);
    }
    const range = new CompactRange(begin);
    for (const [at, { level }] of subtrees.entries()) range.appendSubtree(level, hashes[at]!);
    return range;
  }

  /** Index after the last leaf: the size, for a range from 0. */
  get end(): number {
    return this.#end;
  }

  /** Hashes of the subtrees of `perfectSubtrees(begin, end)`: all that needs to be stored. */
  get hashes(): readonly Uint8Array[] {
    return this.#hashes;
  }

  /** Adds the hash of the next leaf. One node hash on average, and never more than 53. */
  append(leafHash: Uint8Array): void {
    this.appendSubtree(0, leafHash);
  }

  /**
   * Adds the next 2^level leaves by the hash of their perfect subtree.
   * @throws RangeError where no such subtree begins at `end`, or for a hash that is not of 32 bytes.
   */
  appendSubtree(level: number, hash: Uint8Array): void {
    const width = 2 ** level;
    if (this.#end % width !== 0) throw new RangeError(`no subtree of ${width} leaves begins at ${this.#end}`);
    if (hash.length !== hashBytes) throw new RangeError(`a hash has ${hashBytes} bytes, not ${hash.length}`);
    requireSize(this.#end + width);
    this.#end += width;
    while (this.#levels.at(-1) === level && this.#end % 2 ** (level + 1) === 0) {
      hash = nodeHash(this.#hashes.pop()!, hash);
      this.#levels.pop();
      level += 1;
    }
    this.#hashes.push(hash);
    this.#levels.push(level);
  }

  /**
   * Adds the leaves of the range that follows. O(log n), however many they are, so parts can be hashed apart and joined.
   * @throws RangeError unless `next.begin` is this range's `end`.
   */
  merge(next: CompactRange): void {
    if (next.begin !== this.#end) throw new RangeError(`leaf ${next.begin} does not follow leaf ${this.#end - 1}`);
    for (const [at, hash] of [...next.#hashes].entries()) this.appendSubtree(next.#levels[at]!, hash);
  }

  /**
   * The root of the tree over the leaves so far: of the whole tree for a range from 0, else of one of its subtrees. At most
   * 52 node hashes; the range is left as it is and may grow on.
   * @throws RangeError where the range is not one subtree of any tree.
   */
  root(): Uint8Array {
    const size = this.#end - this.begin;
    if (size === 0) return emptyRoot();
    const isSubtree = this.begin === 0 || lowestPowerIn(this.begin) >= size;
    if (!isSubtree) throw new RangeError(`leaves ${this.begin} to ${this.#end} are no subtree`);
    return this.#hashes.reduceRight((right, left) => nodeHash(left, right));
  }
}
