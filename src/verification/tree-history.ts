/**
 * The tree as it grows, with its roots at earlier sizes. Heads that come with the bundle are compared when the tree reaches their
 * size; of anchors and rotations the size is known only once their leaf is read, so the last leaves are remembered.
 */
import { CompactRange } from "../audit/compact-range.ts";
import { rootOfHashes } from "../audit/tile-proofs.ts";
import { tileHeight } from "../audit/tiles.ts";

/** Leaves whose roots can be told once they are past: 8 MiB of hashes. A tree head is anchored within seconds. */
const rememberedCount = 1 << 18;
/** Between two states of the tree that are kept: so many hashes at most are hashed again for an earlier root. */
const stepCount = 256;

export class TreeHistory {
  /** Of whole steps alone: what comes after them lies among the remembered hashes. */
  readonly #steps = new CompactRange();
  readonly #hashes: Uint8Array;
  readonly #states: (readonly Uint8Array[])[] = [[]];
  readonly #remembered: number;
  #size = 0;
  #stepRoot: Uint8Array | undefined;

  /** @param size of the whole tree to come: a small one takes little memory. */
  constructor(size: number, remembered = rememberedCount) {
    this.#remembered = Math.max(stepCount, Math.min(remembered, Math.ceil(size / stepCount) * stepCount));
    this.#hashes = new Uint8Array(this.#remembered * 32);
  }

  get size(): number {
    return this.#size;
  }

  /** Root over the last 256 leaves that make a tile; undefined before there were as many. */
  get tileRoot(): Uint8Array | undefined {
    return this.#stepRoot;
  }

  /** About one node hash a leaf, in one go for each 256 of them. */
  append(leafHash: Uint8Array): void {
    this.#hashes.set(leafHash, (this.#size % this.#remembered) * 32);
    this.#size += 1;
    if (this.#size % stepCount !== 0) return;
    const first = (this.#size - stepCount) % this.#remembered;
    this.#stepRoot = rootOfHashes(this.#hashes, first, stepCount);
    this.#steps.appendSubtree(tileHeight, this.#stepRoot);
    this.#states[this.#stateOf(this.#size)] = [...this.#steps.hashes];
  }

  root(): Uint8Array {
    return this.treeAt(this.#size)!.root();
  }

  /** The root of the first `size` leaves; undefined where that is too far back to be told, and for a size not reached yet. */
  rootAt(size: number): Uint8Array | undefined {
    return this.treeAt(size)?.root();
  }

  /** The tree of the first `size` leaves, to be grown on in another way; undefined as of `rootAt`. At most 255 leaves are hashed again. */
  treeAt(size: number): CompactRange | undefined {
    const begin = Math.floor(size / stepCount) * stepCount;
    if (size > this.#size || begin < this.#size - this.#remembered) return undefined;
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
