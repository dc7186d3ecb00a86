/** The verifiable log as the edges see it: its last signed head, and tiles that lead there. */
import type { KeyRotation } from "../audit/key-rotation.ts";
import type { TileReader } from "../audit/tile-proofs.ts";
import type { Log } from "../event-store/log.ts";
import type { SignedHead } from "./stores.ts";

/** A head as events and answers write it. @property root in base64; absent where a witness told the size alone. */
export type KnownHead = { size: number; root?: string };

/** Where a head that the log does not bear out is known from; a witness is called by the name of its key. */
export type ContradictingHead = KnownHead & { witness?: string };

/** @property oldKeyUntil when the old key signs for the last time beside the new one, as an instant. */
export type RotationRequest = { oldKeyUntil: string };

export type AuditLogStatus = {
  state: "building" | "running" | "diverged" | "failed";
  /** Leaves under the last signed head; 0 where there is none yet. */
  size: number;
  /** For the operator's eyes. */
  failure?: string;
  /** The head that the log does not bear out. */
  lastKnownHead?: ContradictingHead;
};

export interface AuditLog {
  status(): AuditLogStatus;

  /**
   * The public keys that heads are signed with, as auditors write them: the log's own first, then those before it, newest first.
   * @throws TreeBehindError before they are known.
   */
  verifierKeys(): readonly string[];

  /** The last head that was signed. @throws LogDivergedError, TreeBehindError. */
  treeHead(): SignedHead;

  /** A head of at least this many leaves, signed now where there is none yet. @throws LogDivergedError, TreeBehindError. */
  treeHeadOf(size: number): Promise<SignedHead>;

  /**
   * Makes the log's next key, and what the event LogKeyRotated says of it. The key is put to use once the log holds that event.
   * @throws LogDivergedError, TreeBehindError.
   */
  prepareKeyRotation(request: RotationRequest): Promise<KeyRotation>;

  /** Tells of a head that a witness holds and the log may not bear out. @param note that of the head, where the log has signed it. */
  contradict(head: ContradictingHead, note?: string): void;

  /** Tiles of a tree at least as large as that of every head that was given out. */
  readTile: TileReader;

  close(): Promise<void>;
}

/** What was signed is not in the log: it was restored from a backup, rewound or changed. Nothing is signed until this is declared. */
export class LogDivergedError extends Error {
  readonly lastKnownHead: ContradictingHead;
  constructor(lastKnownHead: ContradictingHead) {
    const { size, root, witness } = lastKnownHead;
    const which = witness === undefined ? "was signed last" : `the witness ${witness} holds`;
    const whose = root === undefined ? `a root that ${witness ?? "somebody"} can tell` : `root ${root}`;
    super(`the log does not bear out the tree head that ${which}, of ${size} leaves with ${whose}`);
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

/**
 * Whether the log itself says that it does not go on from this head.
 * @param within how far to look, in leaves; a declaration that no head covers yet says nothing.
 */
export const isGivenUp = (log: Pick<Log, "readStream">, { size, root }: KnownHead, within: number): boolean =>
  log.readStream("ledger").some(({ leaf, position }) => {
    if (position > within) return false;
    const { type, data } = JSON.parse(Buffer.from(leaf).toString("utf8")) as {
      type: string;
      data: { lastKnownHead?: { size: number; root: string } };
    };
    const { lastKnownHead: given } = data;
    return type === "LogResumed" && given?.size === size && (root === undefined || given.root === root);
  });
