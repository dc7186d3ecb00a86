/**
 * Verdicts that were put on record long after they were due, and those that never were, because more was said first. Whoever wants a
 * breach unseen lets the keeper rest, and has something said just before it is put on record, or in its place: so what is due is
 * looked at before anything more is taken up.
 */
import { settlementWithoutLoad } from "../domain/assess/clock.ts";
import { digestOf, holdsFrom, noVerdict, worthOf } from "../domain/attestation.ts";
import { occurrenceOf, type OutcomeOf } from "../domain/attesting.ts";
import type { Recorded } from "../domain/decider.ts";
import type { VerdictEvent } from "../domain/promise/events.ts";
import { epochMs, type Instant, latest } from "../domain/values.ts";
import type { Afterthought } from "./hindsight.ts";
import type { Judgement, Moment } from "./judgement.ts";
import type { Lag } from "./lag.ts";
import type { PromiseHistory } from "./promise-history.ts";
import { whileOf } from "./witness-bounds.ts";

/** What held of a promise at a moment; undefined where nothing is to be put on record of it. */
export type JudgedAt = (history: PromiseHistory, moment: Moment) => Judgement | undefined;
/** A verdict that follows, of an occurrence or of the promise as a whole, and when what it says came to hold. */
export type Came = { judgement: Judgement; one?: OutcomeOf | undefined; holdsFrom: Instant | null };

export class LateVerdicts {
  readonly #lag: Lag;
  readonly #judgedAt: JudgedAt;
  #count = 0;
  #longest = { ms: 0, position: 0 };

  constructor(lag: Lag, judgedAt: JudgedAt) {
    this.#lag = lag;
    this.#judgedAt = judgedAt;
  }

  /** To be called before a word, a correction or a verdict after fresh evidence is taken up. */
  disturbed(history: PromiseHistory, { position, recordedAt }: Pick<Recorded<VerdictEvent>, "position" | "recordedAt">): void {
    const { position: size, at: asOf } = this.#lag.then;
    if (!mayBeOverdue(history, asOf)) return;
    const judgement = this.#judgedAt(history, { size, asOf });
    if (judgement === undefined) return;
    for (const one of judgement.outcomes(asOf).occurrences) {
      if (history.overdue.has(one.number) || !isUnrecorded(history, one, size)) continue;
      // It stood then, whatever was corrected since.
      const sinceMs = Math.min(epochMs(asOf), dueMs(history, { judgement, one, holdsFrom: holdsFrom(one) }, size));
      history.overdue.set(one.number, { sinceMs, untilMs: epochMs(recordedAt), position });
    }
  }

  /** A verdict that takes something back is news whenever it comes. */
  came(event: Recorded<VerdictEvent>, history: PromiseHistory, came: Came): void {
    if (came.holdsFrom === null || event.type === "VerdictWithdrawn") return;
    const occurrence = occurrenceOf(event);
    const sinceMs = Math.min(history.overdue.get(occurrence)?.sinceMs ?? Infinity, dueMs(history, came, event.position));
    history.overdue.delete(occurrence);
    const lateMs = epochMs(event.recordedAt) - sinceMs;
    if (lateMs <= this.#lag.ms) return;
    this.#count += 1;
    if (lateMs > this.#longest.ms) this.#longest = { ms: lateMs, position: event.position };
  }

  *told(histories: Iterable<PromiseHistory>): Generator<Afterthought> {
    let unrecorded = 0;
    let { ms, position } = this.#longest;
    for (const { overdue } of histories)
      for (const one of overdue.values()) {
        unrecorded += 1;
        const lateMs = one.untilMs - one.sinceMs;
        if (lateMs > ms) [ms, position] = [lateMs, one.position];
      }
    if (this.#count + unrecorded === 0) return;
    const never =
      unrecorded === 0 ? "" : `, and ${unrecorded} that were due never were, because more was said or corrected before`;
    const message = `${this.#count} verdicts were put on record later than they were due by more than the lag${never}; the longest waited for ${whileOf(ms)}: until then what they say could not be seen`;
    yield { kind: "late-verdicts", message, counts: { verdicts: this.#count, unrecorded, longestMs: ms }, position };
  }
}

/** Asked before anything is judged: most words come before anything is due. */
const mayBeOverdue = ({ facts, onRecord }: PromiseHistory, asOf: Instant): boolean =>
  facts.reneged.length > 0 ||
  facts.occurrences.some(
    ({ number, kind, deadlineAt }) =>
      (kind === "abstain" || (deadlineAt !== undefined && deadlineAt < asOf)) && onRecord.get(number)?.verdict === undefined,
  );

/** What was put on record since may rest on what came since. */
function isUnrecorded({ onRecord }: PromiseHistory, one: OutcomeOf, size: number): boolean {
  const record = onRecord.get(one.number);
  if (record !== undefined && record.position > size) return false;
  const digest = digestOf(one.outcome);
  return digest !== noVerdict && digest !== worthOf(record, holdsFrom(one));
}

/**
 * Since when something could have been put on record, as the first `size` leaves tell it, in ms. Where the clock decides, evidence that did
 * not keep the promise is no excuse; nor is a load of history for a deadline that it was open over.
 */
function dueMs(history: PromiseHistory, { judgement, one, holdsFrom }: Came, size: number): number {
  const { grounds, lastCorrectedAt, lastEvidenceAt } = judgement;
  const words = latest(holdsFrom!, history.lastWordAtSize(size), lastCorrectedAt);
  const { termsRecordedAt } = grounds.promise.occurrences.find(({ number }) => number === one?.number) ?? {};
  const isByClock = one?.finding === null;
  const isWatched = one?.deadlineAt !== undefined && termsRecordedAt !== undefined && termsRecordedAt <= one.deadlineAt;
  if (!isByClock) {
    const completedAt = isWatched ? undefined : grounds.recording?.completedAt;
    return epochMs(latest(words, lastEvidenceAt, ...(completedAt === undefined ? [] : [completedAt])));
  }
  if (grounds.recording === undefined || !isWatched) return epochMs(words);
  const from = settlementWithoutLoad(one.deadlineAt!, termsRecordedAt, grounds.policy);
  return epochMs(latest(from, history.lastWordAtSize(size), lastCorrectedAt));
}
