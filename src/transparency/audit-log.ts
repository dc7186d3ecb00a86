/** The verifiable log as the edges see it: its last signed head, and tiles that lead there. */
import type { TileReader } from "../audit/tile-proofs.ts";
import type { SignedHead } from "./stores.ts";

/** A head as events and answers write it. @property root in base64. */
export type KnownHead = { size: number; root: string };

export type AuditLogStatus = {
  state: "building" | "running" | "diverged" | "failed";
  /** Leaves under the last signed head; 0 where there is none yet. */
  size: number;
  /** For the operator's eyes. */
  failure?: string;
  /** The head that the log does not bear out. */
  lastKnownHead?: KnownHead;
};

export interface AuditLog {
  status(): AuditLogStatus;

  /** The public key that heads are signed with, as auditors write it. @throws TreeBehindError before it is known. */
  verifierKey(): string;

  /** The last head that was signed. @throws LogDivergedError, TreeBehindError. */
  treeHead(): SignedHead;

  /** A head of at least this many leaves, signed now where there is none yet. @throws LogDivergedError, TreeBehindError. */
  treeHeadOf(size: number): Promise<SignedHead>;

  /** Tiles of a tree at least as large as that of every head that was given out. */
  readTile: TileReader;

  close(): Promise<void>;
}

/** What was signed is not in the log: it was restored from a backup, rewound or changed. Nothing is signed until this is declared. */
export class LogDivergedError extends Error {
  readonly lastKnownHead: KnownHead;
  constructor(lastKnownHead: KnownHead) {
    const { size, root } = lastKnownHead;
    super(`the log does not bear out the tree head that was signed last, of ${size} leaves with root ${root}`);
    this.name = "LogDivergedError";
    this.lastKnownHead = lastKnownHead;
  }
}

/** The tree has not come as far as was asked; it may have shortly. */
export class TreeBehindError extends Error {
  constructor(size: number, wanted: number) {
    super(`the signed tree has ${size} leaves and has not reached ${wanted} yet`);
    this.name = "TreeBehindError";
  }
}
