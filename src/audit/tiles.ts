/**
 * The tree cut into tiles of height 8 (C2SP tlog-tiles), so that static files of 8 KiB serve any proof. A full tile never
 * changes; at the right edge stands one partial tile a level, and none where it would be empty.
 */
import { fromDecimal } from "./encoding.ts";
import { requireSize } from "./sizes.ts";

/** Hashes in a full tile, and entries in a full bundle. */
export const tileWidth = 256;
export const tileHeight = 8;
/** The highest level on which a tree of 2^53 − 1 leaves has a hash. */
export const levelMax = 6;
/** The highest level that a path may name. */
const pathLevelMax = 63;

/**
 * One tile, or one bundle of entries. Hash i of tile n on level l is the root over the leaves from (256n + i) · 256^l on,
 * 256^l of them. Width 256 is a full tile, 1 to 255 a partial one.
 */
export type Tile = { level: number | "entries"; index: number; width: number };
/** A tile of hashes. */
export type HashTile = Tile & { level: number };

/** For instance `tile/0/x001/x234/067` or `tile/entries/000.p/12`. */
export function tilePath({ level, index, width }: Tile): string {
  const groups: string[] = [];
  for (let rest = index; groups.length === 0 || rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift((groups.length === 0 ? "" : "x") + String(rest % 1000).padStart(3, "0"));
  }
  return `tile/${level}/${groups.join("/")}${width === tileWidth ? "" : `.p/${width}`}`;
}

/** The tile of a path, or undefined for a path that `tilePath` does not write: no other name leads to a tile. */
export function parseTilePath(path: string): Tile | undefined {
  const parts = /^tile\/(entries|[0-9]{1,2})\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([0-9]{1,3}))?$/.exec(path);
  if (!parts) return undefined;
  const [, levelText = "", groups = "", widthText] = parts;
  const level = levelText === "entries" ? levelText : fromDecimal(levelText);
  const index = Number(groups.replaceAll(/[x/]/g, ""));
  const width = widthText === undefined ? tileWidth : fromDecimal(widthText);
  if (level === undefined || width === undefined || !Number.isSafeInteger(index)) return undefined;
  if (level !== "entries" && level > pathLevelMax) return undefined;
  if (widthText !== undefined && (width < 1 || width >= tileWidth)) return undefined;
  const tile: Tile = { level, index, width };
  return tilePath(tile) === path ? tile : undefined;
}

/** How many hashes tile `index` of a level has in a tree of `treeSize` leaves: 0 where the tree has no such tile. */
export function widthOfTile(treeSize: number, level: number | "entries", index: number): number {
  const hashes = hashesOnLevel(treeSize, level === "entries" ? 0 : level);
  return Math.max(0, Math.min(tileWidth, hashes - index * tileWidth));
}

/** Whether a tree of `treeSize` leaves has this tile, in this width. A tree that has outgrown a partial tile has it no more. */
export const treeHasTile = (treeSize: number, { level, index, width }: Tile): boolean =>
  width > 0 && widthOfTile(treeSize, level, index) === width;

/** Every tile of hashes in a tree of `treeSize` leaves, level by level from left to right; about treeSize / 255 of them. */
export function* tilesOf(treeSize: number): Generator<HashTile> {
  requireSize(treeSize);
  for (let level = 0; level <= levelMax; level++) {
    const hashes = hashesOnLevel(treeSize, level);
    for (let index = 0; index * tileWidth < hashes; index++) {
      yield { level, index, width: widthOfTile(treeSize, level, index) };
    }
  }
}

/** The partial tiles of a tree of `treeSize` leaves: at most one a level. */
export function partialTilesOf(treeSize: number): HashTile[] {
  requireSize(treeSize);
  const partial: HashTile[] = [];
  for (let level = 0; level <= levelMax; level++) {
    const hashes = hashesOnLevel(treeSize, level);
    if (hashes % tileWidth > 0) partial.push({ level, index: Math.floor(hashes / tileWidth), width: hashes % tileWidth });
  }
  return partial;
}

/** Hashes on a level of a tree, in all its tiles together. */
export const hashesOnLevel = (treeSize: number, level: number): number => Math.floor(treeSize / tileWidth ** level);
