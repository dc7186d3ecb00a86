/** What the signed tree keeps, and where: tiles, which are derived, and signed heads, which are not. */
import type { TileReader } from "../audit/tile-proofs.ts";
import type { HashTile } from "../audit/tiles.ts";
import type { TreeHead } from "../audit/tree-head.ts";
import type { SignerKey, VerifierKey } from "../audit/verifier-key.ts";

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

/** Keys by which the log stands, now and before. */
export interface LogKeys {
  /** Those that sign a head of this many leaves, the log's own first. @throws Error where the log was rotated to a key that is not here. */
  signersAt(size: number): readonly SignerKey[];

  /** The log's own key first, then those before it, newest first. */
  verifiers(): readonly VerifierKey[];
}

/** Keeps the last signed head. There are several of them, so that restoring one from a backup does not go unnoticed. */
export interface HeadStore {
  /** The note of the head that was kept last; undefined where there never was one. */
  last(): string | undefined;

  /** On disk when it returns. @param day of the signing, as `2026-01-31`. */
  keep(head: SignedHead, day: string): void;

  close(): void;
}

/** A witness's signature under a head. */
export type KeptCosignature = {
  /** Its verifier key. */
  witness: string;
  /** Without its LF. */
  line: string;
  /** Seconds since 1970, by the witness's clock. */
  time: number;
};

export type AnchoredHead = SignedHead & { cosignatures: KeptCosignature[] };

/** Keeps every head that a witness has seen, for ever: each bounds when what lies under it was recorded. */
export interface AnchorStore {
  /** On disk when it returns. What a witness said first of a head stays. */
  keep(head: SignedHead, cosignature: KeptCosignature): void;

  /** Cosignatures that the log does not hold yet, oldest head first. */
  unrecorded(): { head: SignedHead; cosignature: KeptCosignature }[];

  /** The log holds this one now. */
  recorded(head: TreeHead, witness: string): void;

  cosignaturesOf(head: Pick<TreeHead, "size" | "root">): KeptCosignature[];

  /** Newest first. */
  latest(maxCount: number): AnchoredHead[];

  /** What a witness cosigned last. */
  lastOf(witness: string): { size: number; time: number } | undefined;

  close(): void;
}
