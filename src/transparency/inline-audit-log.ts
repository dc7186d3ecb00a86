/** The verifiable log in this thread, growing when it is asked: for ledgers in memory. */
import { formatVerifierKey } from "../audit/verifier-key.ts";
import { type AuditLog, LogDivergedError, TreeBehindError } from "./audit-log.ts";
import type { SignedTree } from "./signed-tree.ts";
import type { LogKeys, TileStore } from "./stores.ts";

/** @param tree once it was opened, over these tiles. */
export function inlineAuditLog(tree: SignedTree, tiles: TileStore, keys: LogKeys): AuditLog {
  const current = (wanted: number) => {
    while (tree.grow() > 0);
    const head = tree.sign();
    if (tree.broken !== undefined) throw new LogDivergedError(tree.broken);
    if (head === undefined || head.size < wanted) throw new TreeBehindError(head?.size ?? 0, wanted);
    return head;
  };
  return {
    status: () => ({
      state: tree.broken === undefined ? "running" : "diverged",
      size: tree.served?.size ?? 0,
      ...(tree.broken === undefined ? {} : { lastKnownHead: tree.broken }),
    }),
    verifierKeys: () => keys.verifiers().map(formatVerifierKey),
    treeHead: () => current(1),
    treeHeadOf: async (size) => current(size),
    prepareKeyRotation: () => Promise.reject(new Error("the key of a log in memory is not rotated")),
    contradict(head, note) {
      while (tree.grow() > 0);
      tree.contradict(head, note);
    },
    readTile: tiles.readTile,
    close: async () => tree.close(),
  };
}
