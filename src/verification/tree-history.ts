/**
 * The tree as it grows, with its roots at earlier sizes. Heads that come with the bundle are compared when the tree reaches their
 * size; of anchors and rotations the size is known only once their leaf is read, so the last leaves are remembered.
 */
import { CompactRange } from "../audit/compact-range.ts";

/** Leaves whose roots can be told once they are past: 8 MiB of hashes. A tree head is anchored within seconds. */
const rememberedCount = 1 << 18;
/** Between two states of the tree that are kept: so many hashes at most are hashed again for an earlier root. */
const stepCount = 256;

export class TreeHistory {
  readonly #tree = new CompactRange();
  readonly #hashes: Uint8Array;
  readonly #states: (readonly Uint8Array[])[] = [[]];
  readonly #remembered: number;

  /** @param size of the whole tree to come: a small one takes little memory. */
  constructor(size: number, remembered = rememberedCount) {
    this.#remembered = Math.max(stepCount, Math.min(remembered, Math.ceil(size / stepCount) * stepCount));
    this.#hashes = new Uint8Array(this.#remembered * 32);
  }

  get size(): number {
    return this.#tree.end;
  }

  append(leafHash: Uint8Array): void {
    this.#hashes.set(leafHash, (this.size % this.#remembered) * 32);
    this.#tree.append(leafHash);
    if (this.size % stepCount === 0) this.#states[this.#stateOf(this.size)] = [...this.#tree.hashes];
  }

  root(): Uint8Array {
    return this.#tree.root();
  }

  /** The root of the first `size` leaves; undefined where that is too far back to be told, and for a size not reached yet. */
  rootAt(size: number): Uint8Array | undefined {
    return size === this.size ? this.root() : this.treeAt(size)?.root();
  }

  /** The tree of the first `size` leaves, to be grown on in another way; undefined as of `rootAt`. */
  treeAt(size: number): CompactRange | undefined {
    const begin = Math.floor(size / stepCount) * stepCount;
    if (size > this.size || begin < this.size - this.#remembered) return undefined;
    const tree = CompactRange.of(0, begin, this.#states[this.#stateOf(begin)]!);
    for (let index = begin; index < size; index++) tree.append(this.#hashAt(index));
    return tree;
  }

  /** A copy of one of the remembered leaf hashes. */
  #hashAt(index: number): Uint8Array {
    const at = (index % this.#remembered) * 32;
    return this.#hashes.slice(at, at + 32);
  }

  #stateOf(size: number): number {
    return (size / stepCount) % (this.#remembered / stepCount + 1);
  }
}
