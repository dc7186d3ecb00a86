/** Promises that fell due, and were not kept by then, while the load of history that they came with was open for too long. */
import { settlementWithoutLoad } from "../domain/assess/clock.ts";
import type { Policy } from "../domain/policy.ts";
import type { Occurrence } from "../domain/promise/occurrences.ts";
import { addMs, dayMs, epochMs, type Instant } from "../domain/values.ts";
import type { Judgement } from "./judgement.ts";
import type { CompletedLoad, Loads } from "./loads.ts";
import type { PromiseHistory } from "./promise-history.ts";

/** A load takes hours, and one that broke off is taken up again within days. */
export const openLoadMsMax = 7 * dayMs;
/** Whoever tells of a promise within a day was there when it was made. */
const liveMsMax = dayMs;

/** `live` of the promises were made while it was open, or the day before. */
export type HeldOver = CompletedLoad & { promises: number; live: number; longestMs: number };

/** How a promise would have been judged at an instant, had it come without a load. */
export type JudgedWithoutLoad = (history: PromiseHistory, at: Instant) => Judgement | undefined;

/**
 * Of loads that were completed after they had been open for too long.
 * @param policies all that were ever in force.
 */
export function heldOver(
  histories: Iterable<PromiseHistory>,
  loads: Loads,
  policies: readonly Policy[],
  judgedAt: JudgedWithoutLoad,
): Iterable<HeldOver> {
  const found = new Map<string, HeldOver>();
  for (const history of histories) {
    const load = loads.completed(history.facts.recording);
    if (load === undefined) continue;
    const hiddenMs = hiddenMsOf(history, load, policies, judgedAt);
    if (hiddenMs === undefined) continue;
    const { promises, live, longestMs } = found.get(load.id) ?? { promises: 0, live: 0, longestMs: 0 };
    const more = { promises: promises + 1, live: live + Number(isMadeWhileOpen(history, load)) };
    found.set(load.id, { ...load, ...more, longestMs: Math.max(longestMs, hiddenMs) });
  }
  return found.values();
}

const isMadeWhileOpen = ({ made }: PromiseHistory, { startedAt }: CompletedLoad): boolean =>
  made.madeAt >= startedAt || epochMs(made.madeRecordedAt) - epochMs(made.madeAt) <= liveMsMax;

/** How long the load hid that something was not kept in time; undefined where it hid nothing, or no longer than it may. */
function hiddenMsOf(
  history: PromiseHistory,
  { completedAt }: CompletedLoad,
  policies: readonly Policy[],
  judgedAt: JudgedWithoutLoad,
): number | undefined {
  const hiddenMs = (settlesAt: Instant) => epochMs(completedAt) - epochMs(settlesAt);
  const broken = watchedBy(history, policies)
    .filter(({ settlesAt }) => hiddenMs(settlesAt) > openLoadMsMax)
    .find((one) => isBroken(judgedAt, history, one));
  return broken && hiddenMs(broken.settlesAt);
}

type Watched = { number: number; settlesAt: Instant };

function isBroken(judgedAt: JudgedWithoutLoad, history: PromiseHistory, { number, settlesAt }: Watched): boolean {
  // The clock speaks after the deadline, and without an allowance at the next moment.
  const asOf = addMs(settlesAt, 1);
  return judgedAt(history, asOf)?.outcomeOf(number, asOf)?.outcome?.verdict === "broken";
}

/**
 * Occurrences whose terms were on record before they fell due, the first to settle first: as the promise was made and as it stands, for a
 * word may have moved them since, and under each policy, for which of them was in force then is looked up by whoever judges.
 */
function watchedBy({ made, facts }: PromiseHistory, policies: readonly Policy[]): Watched[] {
  const isWatched = ({ deadlineAt, termsRecordedAt }: Occurrence) => deadlineAt !== undefined && termsRecordedAt <= deadlineAt;
  const watched = [...made.occurrences, ...facts.occurrences].filter(isWatched);
  return policies
    .flatMap((policy) =>
      watched.map(({ number, deadlineAt, termsRecordedAt }) => ({
        number,
        settlesAt: settlementWithoutLoad(deadlineAt!, termsRecordedAt, policy),
      })),
    )
    .sort((a, b) => (a.settlesAt < b.settlesAt ? -1 : 1));
}
