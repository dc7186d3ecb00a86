/**
 * The tiles of hashes that come with the leaves, held against what the leaves give. They show which leaf was changed: the leaf whose
 * hash is not in its tile, where the tiles themselves lead to the root that was signed.
 */
import { type CompactRange } from "../audit/compact-range.ts";
import { equalBytes } from "../audit/encoding.ts";
import { rootOfHashes } from "../audit/tile-proofs.ts";
import { tilePath, tileWidth } from "../audit/tiles.ts";

export class LogTiles {
  /** By level, the hashes of the tile that is being filled. */
  readonly #filling: Uint8Array[] = [];
  readonly #counts: number[] = [];
  /** The tree as the tiles of level 0 have it, from the first difference on. */
  #told: CompactRange | undefined;
  #differing: { leaf: number } | undefined;
  readonly #wrong: string[] = [];

  /** The hashes of one bundle of entries, and the tree before them. @param tile as it came. */
  compareLeaves(index: number, hashes: readonly Uint8Array[], tile: Uint8Array, before: () => CompactRange): void {
    for (const hash of hashes) this.#put(0, hash);
    const differing = hashes.findIndex((hash, at) => !equalBytes(hash, tile.subarray(at * 32, at * 32 + 32)));
    const isDifferent = differing >= 0 || tile.length !== hashes.length * 32;
    if (isDifferent) {
      this.#differing ??= { leaf: index * tileWidth + Math.max(0, differing) };
      this.#told ??= before();
      this.#wrong.push(tilePath({ level: 0, index, width: hashes.length }));
    }
    if (this.#told === undefined) return;
    for (let at = 0; at < hashes.length && (at + 1) * 32 <= tile.length; at++)
      this.#told.append(tile.slice(at * 32, at * 32 + 32));
  }

  /** A tile above the leaves. */
  compareHashes({ level, index, width }: { level: number; index: number; width: number }, tile: Uint8Array): void {
    if (!equalBytes(this.#filling[level]!.subarray(0, width * 32), tile)) this.#wrong.push(tilePath({ level, index, width }));
  }

  /** A tile that was filled gives a hash to the level above. To be called once it has been compared. @param known its root. */
  finish(level: number, known?: Uint8Array): void {
    if (this.#counts[level] !== tileWidth) return;
    const root = known ?? rootOfHashes(this.#filling[level]!, 0, tileWidth);
    this.#counts[level] = 0;
    this.#put(level + 1, root);
  }

  /** What the tiles say is wrong with the leaves, under the root that was signed. */
  verdict(signedRoot: Uint8Array, isRootRight: boolean): { badLeaf?: number; wrongTiles: string[] } {
    if (isRootRight || this.#told === undefined || !equalBytes(this.#told.root(), signedRoot)) return { wrongTiles: this.#wrong };
    return { badLeaf: this.#differing!.leaf, wrongTiles: [] };
  }

  #put(level: number, hash: Uint8Array): void {
    const tile = (this.#filling[level] ??= new Uint8Array(tileWidth * 32));
    const count = this.#counts[level] ?? 0;
    tile.set(hash, count * 32);
    this.#counts[level] = count + 1;
  }
}
