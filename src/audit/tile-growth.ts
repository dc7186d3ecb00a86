/** How the tiles of a tree follow its leaves. */
import { concatBytes } from "./encoding.ts";
import { hashBytes } from "./hashing.ts";
import { requireSize } from "./sizes.ts";
import { requireTile, rootOfHashes, type TileReader } from "./tile-proofs.ts";
import { hashesOnLevel, type HashTile, tileWidth } from "./tiles.ts";

/**
 * The tiles that come with new leaves: level by level from left to right, each full tile that was finished, then the partial
 * tile at the edge where one is left. Store them all before a tree head of the new size is signed. Writing the same tiles
 * again after a crash changes nothing, and partial tiles of earlier sizes may be dropped afterwards.
 *
 * Reads one partial tile a level at most, where that level grows. The cost depends on the new leaves, not on the log: about
 * 1.004 node hashes a leaf, and 8 KiB copied a level.
 *
 * @param oldSize leaves whose tiles the reader gives.
 * @throws RangeError past 2^53 − 1 leaves or for a hash that is not of 32 bytes; AuditError damaged-tile for a tile read that is not of its width.
 */
export function* growTiles(
  readTile: TileReader,
  oldSize: number,
  leafHashes: readonly Uint8Array[],
): Generator<HashTile & { bytes: Uint8Array }> {
  requireSize(oldSize);
  requireSize(oldSize + leafHashes.length);
  if (leafHashes.some((hash) => hash.length !== hashBytes)) throw new RangeError(`a leaf hash has ${hashBytes} bytes`);
  let fresh = leafHashes;
  for (let level = 0; fresh.length > 0; level++) {
    const before = hashesOnLevel(oldSize, level);
    let index = Math.floor(before / tileWidth);
    const begun = begunTile(readTile, level, index, before % tileWidth);
    const hashes = begun.length === 0 ? fresh : [...begun, ...fresh];
    const roots: Uint8Array[] = [];
    for (let at = 0; at < hashes.length; at += tileWidth, index++) {
      const within = hashes.slice(at, at + tileWidth);
      const bytes = concatBytes(...within);
      if (within.length === tileWidth) roots.push(rootOfHashes(bytes, 0, tileWidth));
      yield { level, index, width: within.length, bytes };
    }
    fresh = roots;
  }
}

/** The hashes that the tile to be continued has already. */
function begunTile(readTile: TileReader, level: number, index: number, width: number): Uint8Array[] {
  if (width === 0) return [];
  const tile = readTile(level, index, width);
  requireTile(tile, level, index, width);
  return Array.from({ length: width }, (_, at) => tile.subarray(at * hashBytes, (at + 1) * hashBytes));
}
