/** What the signed tree keeps, and where: tiles, which are derived, and signed heads, which are not. */
import type { TileReader } from "../audit/tile-proofs.ts";
import type { HashTile } from "../audit/tiles.ts";
import type { TreeHead } from "../audit/tree-head.ts";

export type TileBytes = HashTile & { bytes: Uint8Array };

/** The tiles of the tree. Derived from the log: may be lost at any time, but is never half written. */
export interface TileStore {
  /** Leaves whose tiles are stored. */
  size(): number;

  /** Gives nothing, or less than was asked for, where the tile is not stored in that width. */
  readTile: TileReader;

  /** Stores tiles and the size that they make, all or nothing. A narrower state of a tile is replaced. */
  write(size: number, tiles: Iterable<TileBytes>): void;

  /** Begins anew with an empty tree. */
  clear(): void;

  close(): void;
}

export type SignedHead = TreeHead & {
  /** The signed note, as it is handed out. */
  note: string;
};

/** Keeps the last signed head. There are several of them, so that restoring one from a backup does not go unnoticed. */
export interface HeadStore {
  /** The note of the head that was kept last; undefined where there never was one. */
  last(): string | undefined;

  /** On disk when it returns. @param day of the signing, as `2026-01-31`. */
  keep(head: SignedHead, day: string): void;

  close(): void;
}
