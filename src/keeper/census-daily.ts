/** Takes the census once a day, so that no dossier is older than that. */
import { setTimeout as delay } from "node:timers/promises";
import { takeCensusAs } from "../commands/census.ts";
import type { Desk } from "../commands/command.ts";
import { ledgerRecord } from "../domain/ledger-record.ts";
import { addMs, dayMs, hourMs, type Instant } from "../domain/values.ts";

const lookEveryMs = hourMs;

/** A day after the last census, or after the ledger was opened. @returns whether one was recorded: none where nothing is new. */
export async function takeCensusWhenDue(desk: Desk): Promise<boolean> {
  const { state, events } = await desk.ledger.load(ledgerRecord, "ledger");
  const since: Instant | undefined = state.census?.recordedAt ?? events[0]?.recordedAt;
  if (since === undefined || addMs(since, dayMs) > desk.ledger.now()) return false;
  const actor = { kind: "clock", id: "daily" } as const;
  const { isReplay } = await takeCensusAs(desk, { actor, correlation: `census-${desk.ledger.now().slice(0, 10)}` });
  return !isReplay;
}

/** Resolves when `signal` aborts. */
export async function takeCensusDaily(desk: Desk, signal: AbortSignal, onFailure: (error: unknown) => void): Promise<void> {
  while (!signal.aborted) {
    await takeCensusWhenDue(desk).catch(onFailure);
    await delay(lookEveryMs, undefined, { signal }).catch(() => undefined);
  }
}
