/** Keeps the fitted models young: fits them once there is enough history, and again each week. */
import { setTimeout as delay } from "node:timers/promises";
import type { Desk } from "../commands/command.ts";
import { dormancyFitOf, priorFitOf, recordFitAt } from "../commands/models.ts";
import { DomainError } from "../domain/errors.ts";
import { addMs, dayMs, hourMs, type Instant } from "../domain/values.ts";

/** A relationship changes over weeks; a fit a week follows it and stays a handful of events a month. */
const fitEveryMs = 7 * dayMs;
const lookEveryMs = hourMs;

const fits = [
  { name: "fit-dormancy-model", last: `SELECT max(cut_off) AS cut_off FROM dormancy_models`, fit: dormancyFitOf },
  { name: "fit-prior", last: `SELECT max(cut_off) AS cut_off FROM priors`, fit: priorFitOf },
];

/** Fits what is due. Too little history is no failure: it is looked at again. @returns the names of the fits recorded. */
export async function refitWhenDue(desk: Desk): Promise<string[]> {
  await desk.host.caughtUp(desk.ledger.lastPosition);
  const now = desk.ledger.now();
  const recorded: string[] = [];
  for (const { name, last, fit } of fits) {
    const { cut_off: cutOff } = desk.host.views.get<{ cut_off: Instant | null }>(last)!;
    if (cutOff !== null && addMs(cutOff, fitEveryMs) > now) continue;
    if (await fitted(() => recordFitAt(desk, name, now, { kind: "clock", id: "weekly" }, fit))) recorded.push(name);
  }
  return recorded;
}

async function fitted(record: () => Promise<unknown>): Promise<boolean> {
  try {
    await record();
    return true;
  } catch (error) {
    if (error instanceof DomainError && error.code === "too-little-history") return false;
    throw error;
  }
}

/** Resolves when `signal` aborts. */
export async function refitWeekly(desk: Desk, signal: AbortSignal, onFailure: (error: unknown) => void): Promise<void> {
  while (!signal.aborted) {
    await refitWhenDue(desk).catch(onFailure);
    await delay(lookEveryMs, undefined, { signal }).catch(() => undefined);
  }
}
