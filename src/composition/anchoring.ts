/** The witnesses of a ledger at work: what `troth serve` runs where it was given a policy. */
import { setTimeout as delay } from "node:timers/promises";
import type { Policy } from "../audit/policy.ts";
import { recordAnchor } from "../commands/tree-heads.ts";
import type { Anchored } from "../domain/anchor.ts";
import { epochMs } from "../domain/values.ts";
import { Anchoring, type AnchoringTimes, usualAnchoringTimes } from "../transparency/anchoring.ts";
import { openSqliteAnchors } from "../transparency/sqlite-anchors.ts";
import type { OpenLedger } from "./ledger-folder.ts";

export type WitnessOptions = { policy: Policy; times?: Partial<AnchoringTimes> };

/** @throws Error for a policy with a witness to which nothing can be offered. */
export function anchoringOf(
  { logPath, desk, auditLog, store }: OpenLedger,
  { policy, times }: WitnessOptions,
  onTrouble: (witness: string, message: string) => void,
): { anchoring: Anchoring; work(signal: AbortSignal): Promise<void>; close(): void } {
  const anchors = openSqliteAnchors(logPath);
  const record = (anchored: object) => recordAnchor(desk, anchored as Anchored);
  const { startMsMax } = { ...usualAnchoringTimes, ...times };
  const now = () => epochMs(desk.ledger.now());
  try {
    const anchoring = new Anchoring({ policy, times, auditLog, log: store.log, anchors, record, now, onTrouble });
    return { anchoring, work, close: () => anchors.close() };

    async function work(signal: AbortSignal): Promise<void> {
      await Promise.race([
        anchoring.askAtStart(signal).catch(() => undefined),
        delay(startMsMax, undefined, { signal }).catch(() => undefined),
      ]);
      auditLog.release();
      await anchoring.run(signal);
    }
  } catch (error) {
    anchors.close();
    throw error;
  }
}
