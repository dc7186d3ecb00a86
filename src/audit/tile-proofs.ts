/** Proofs and roots from tiles: O(log n) of them, for a tree of any size. */
import { CompactRange, perfectSubtrees } from "./compact-range.ts";
import { AuditError } from "./errors.ts";
import { emptyRoot, hashBytes, pairHash } from "./hashing.ts";
import { consistencyProofFrom, inclusionProofFrom, type SubtreeHash } from "./merkle.ts";
import { requireSize } from "./sizes.ts";
import { tileHeight, tileWidth, widthOfTile } from "./tiles.ts";

/**
 * Gives the bytes of a tile of hashes: exactly width × 32. A narrow tile is the beginning of a wider one, so a reader that
 * has only a later state of a tile cuts it. What a reader throws for a missing tile goes through to the caller.
 */
export type TileReader = (level: number, index: number, width: number) => Uint8Array;

/** A tile of hashes with its place. */
export type PlacedTile = { level: number; index: number; bytes: Uint8Array };
/** Gives the root over `count` hashes of a tile from hash `first` on, as `rootOfHashes` does. */
export type RootInTile = (tile: PlacedTile, first: number, count: number) => Uint8Array;

/**
 * `inclusionProof` from tiles. Reads each of at most 14 tiles once and hashes at most 255 nodes in each.
 *
 * @param rootIn for whoever remembers inner nodes of tiles.
 * @param treeSize every tile is asked for in the width that it has in a tree of this size.
 * @throws RangeError for a leaf outside the tree; AuditError damaged-tile for a tile of another length.
 */
export const inclusionProofFromTiles = (
  readTile: TileReader,
  index: number,
  treeSize: number,
  rootIn?: RootInTile,
): Uint8Array[] => inclusionProofFrom(subtreesIn(readTile, treeSize, rootIn), index, treeSize);

/**
 * `consistencyProof` from tiles, at the cost of an inclusion proof. Every tile is asked for in its width at `secondSize`.
 * @throws RangeError unless 1 <= firstSize <= secondSize; AuditError damaged-tile for a tile of another length.
 */
export const consistencyProofFromTiles = (readTile: TileReader, firstSize: number, secondSize: number): Uint8Array[] =>
  consistencyProofFrom(subtreesIn(readTile, secondSize), firstSize, secondSize);

/**
 * The root of a tree from its tiles, at most two a level: to be compared with what was signed. It does not show that the tiles
 * below those agree with them.
 */
export function rootFromTiles(readTile: TileReader, treeSize: number): Uint8Array {
  requireSize(treeSize);
  return treeSize === 0 ? emptyRoot() : subtreesIn(readTile, treeSize)(0, treeSize);
}

/** The range of a whole tree from its tiles, to grow it on where it stands. Cost as of `rootFromTiles`. */
export function rangeFromTiles(readTile: TileReader, treeSize: number): CompactRange {
  requireSize(treeSize);
  return rangeIn(readTile, treeSize)(0, treeSize);
}

function subtreesIn(readTile: TileReader, treeSize: number, rootIn?: RootInTile): SubtreeHash {
  const range = rangeIn(readTile, treeSize, rootIn);
  return (begin, end) => range(begin, end).root();
}

const rootByHashing: RootInTile = ({ bytes }, first, count) => rootOfHashes(bytes, first, count);

function rangeIn(readTile: TileReader, treeSize: number, rootIn = rootByHashing): (begin: number, end: number) => CompactRange {
  const tiles = new Map<string, Uint8Array>();
  const tileAt = (level: number, index: number): Uint8Array => {
    const key = `${level}/${index}`;
    const known = tiles.get(key);
    if (known) return known;
    const width = widthOfTile(treeSize, level, index);
    const tile = readTile(level, index, width);
    requireTile(tile, level, index, width);
    tiles.set(key, tile);
    return tile;
  };
  return (begin, end) => {
    const range = new CompactRange(begin);
    for (const subtree of perfectSubtrees(begin, end)) {
      // The lowest level of tiles whose hashes still make up the subtree: at most 128 of them, all in one tile.
      const level = Math.floor(subtree.level / tileHeight);
      const count = 2 ** (subtree.level % tileHeight);
      const first = subtree.begin / tileWidth ** level;
      const index = Math.floor(first / tileWidth);
      const tile = { level, index, bytes: tileAt(level, index) };
      range.appendSubtree(subtree.level, rootIn(tile, first % tileWidth, count));
    }
    return range;
  };
}

/** @throws AuditError damaged-tile unless the tile has `width` hashes. */
export function requireTile(tile: Uint8Array, level: number, index: number, width: number): void {
  if (tile.length === width * hashBytes) return;
  throw new AuditError("damaged-tile", `tile ${index} of level ${level} has ${tile.length} bytes, not ${width} hashes`);
}

/**
 * Root over `count` hashes in a tile, from hash `first` on, in an array of its own. Proofs spend nearly all their time here, so
 * it hashes pairs where they lie; a compact range takes half as long again.
 *
 * @param count a power of two, as of the hashes in any perfect subtree.
 */
export function rootOfHashes(tile: Uint8Array, first: number, count: number): Uint8Array {
  const hashes = new Uint8Array(count * hashBytes);
  hashes.set(tile.subarray(first * hashBytes, (first + count) * hashBytes));
  for (let pairs = count / 2; pairs >= 1; pairs /= 2) {
    for (let pair = 0; pair < pairs; pair++) hashes.set(pairHash(hashes, 2 * pair * hashBytes), pair * hashBytes);
  }
  return hashes.slice(0, hashBytes);
}
