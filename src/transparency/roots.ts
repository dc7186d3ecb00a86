/** Roots of the log's tree at sizes that answers rest on, so that an answer can be held against a signed head. */
import { setTimeout as delay } from "node:timers/promises";
import { toBase64 } from "../audit/encoding.ts";
import { rootFromTiles } from "../audit/tile-proofs.ts";
import type { AuditLog } from "./audit-log.ts";

/** The tree takes up new leaves within a moment; whoever asks for more than it has waits no longer. */
const waitMsMax = 1_000;
const rememberedCountMax = 1_000;

/** @returns base64; null where the tree has not come that far, or the log does not bear out what was signed. */
export function rootsOf(auditLog: Pick<AuditLog, "treeHeadOf" | "readTile">): (size: number) => Promise<string | null> {
  const known = new Map<number, string>();
  return async (size) => {
    const found = known.get(size) ?? (await rootAt(auditLog, size));
    if (found === undefined) return null;
    if (known.size >= rememberedCountMax) known.delete(known.keys().next().value!);
    known.set(size, found);
    return found;
  };
}

async function rootAt(
  { treeHeadOf, readTile }: Pick<AuditLog, "treeHeadOf" | "readTile">,
  size: number,
): Promise<string | undefined> {
  const waiting = new AbortController();
  const late = delay(waitMsMax, undefined, { signal: waiting.signal }).catch(() => undefined);
  try {
    const head = await Promise.race([treeHeadOf(size), late]);
    return head === undefined ? undefined : toBase64(rootFromTiles(readTile, size));
  } catch {
    return undefined;
  } finally {
    waiting.abort();
  }
}
