/** The verifiable log in this thread, growing when it is asked: for ledgers in memory. */
import { formatVerifierKey, type SignerKey, verifierOf } from "../audit/verifier-key.ts";
import { type AuditLog, LogDivergedError, TreeBehindError } from "./audit-log.ts";
import type { SignedTree } from "./signed-tree.ts";
import type { TileStore } from "./stores.ts";

/** @param tree once it was opened, over these tiles. */
export function inlineAuditLog(tree: SignedTree, tiles: TileStore, signer: SignerKey): AuditLog {
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
    verifierKey: () => formatVerifierKey(verifierOf(signer)),
    treeHead: () => current(1),
    treeHeadOf: async (size) => current(size),
    readTile: tiles.readTile,
    close: async () => tree.close(),
  };
}
