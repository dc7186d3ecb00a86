/** What auditors ask of the log, made from its last signed head and its tiles. */
import { AuditError } from "../audit/errors.ts";
import { encodeEntryBundle } from "../audit/entry-bundles.ts";
import { leafHash } from "../audit/hashing.ts";
import { verifyInclusion } from "../audit/merkle.ts";
import { formatReceipt } from "../audit/receipt.ts";
import { consistencyProofFromTiles, inclusionProofFromTiles, rootFromTiles } from "../audit/tile-proofs.ts";
import { type Tile, tileWidth, widthOfTile } from "../audit/tiles.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import type { Log } from "../event-store/log.ts";
import type { AuditLog } from "./audit-log.ts";
import { InnerNodes } from "./inner-nodes.ts";
import type { SignedHead } from "./stores.ts";

/**
 * The proof that an event is in the log, with a head that has it, signed now where need be. It is checked before it is given.
 * @throws AuditError proof-failed where the event, or a tile on its way up, is not as it was signed.
 */
export const receiptOf = async (auditLog: AuditLog, event: StoredEvent): Promise<string> =>
  receiptUnder(await auditLog.treeHeadOf(event.position), auditLog, event);

/** The same with a head that was signed before, and holds the event. */
export function receiptUnder({ size, root, note }: SignedHead, auditLog: AuditLog, { position, leaf }: StoredEvent): string {
  const index = position - 1;
  const nodes = nodesOf(auditLog);
  const proof = inclusionProofFromTiles(auditLog.readTile, index, size, nodes.rootIn);
  if (!verifyInclusion(leafHash(leaf), index, size, proof, root)) {
    nodes.clear();
    throw new AuditError("proof-failed", `the leaf at position ${position}, or a tile above it, is not as it was signed`);
  }
  return formatReceipt({ index, proof, note });
}

const nodesByLog = new WeakMap<AuditLog, InnerNodes>();

function nodesOf(auditLog: AuditLog): InnerNodes {
  const known = nodesByLog.get(auditLog);
  if (known !== undefined) return known;
  const nodes = new InnerNodes();
  nodesByLog.set(auditLog, nodes);
  return nodes;
}

export type Consistency = { from: number; to: number; fromRoot: Uint8Array; toRoot: Uint8Array; proof: Uint8Array[] };

/** That the tree of the second size begins with that of the first. @throws RangeError unless 1 <= from <= to <= signed size. */
export function consistencyOf({ treeHead, readTile }: AuditLog, from: number, to: number): Consistency {
  if (to > treeHead().size) throw new RangeError(`no tree of ${to} leaves is signed yet`);
  const proof = consistencyProofFromTiles(readTile, from, to);
  return { from, to, proof, fromRoot: rootFromTiles(readTile, from), toRoot: rootFromTiles(readTile, to) };
}

/**
 * The bytes of a tile or a bundle of entries, or undefined where the signed tree does not have it. A tile has every width that it
 * ever had: an auditor may still be at work on an earlier head.
 */
export function tileBytes(auditLog: AuditLog, log: Pick<Log, "readAll">, { level, index, width }: Tile): Uint8Array | undefined {
  const { size } = auditLog.treeHead();
  if (width < 1 || width > widthOfTile(size, level, index)) return undefined;
  if (level !== "entries") return auditLog.readTile(level, index, width);
  return encodeEntryBundle(log.readAll(index * tileWidth, width).map(({ leaf }) => leaf));
}
