/** What no rule forbids, and an auditor should know: breaches taken back, and promises that were told of or judged long afterwards. */
import { settlementWithoutLoad } from "../domain/assess/clock.ts";
import type { Recorded } from "../domain/decider.ts";
import type { Policy } from "../domain/policy.ts";
import type { VerdictEvent } from "../domain/promise/events.ts";
import type { Occurrence } from "../domain/promise/occurrences.ts";
import { dayMs, epochMs, type Instant, minuteMs } from "../domain/values.ts";
import type { Loads } from "./loads.ts";
import type { PromiseHistory } from "./promise-history.ts";
import type { NoteKind } from "./report.ts";
import { whileOf } from "./witness-bounds.ts";

/** @param position of the event that shows it worst. */
export type Afterthought = { kind: NoteKind; message: string; counts: Record<string, number>; position?: number };

/** An allowance is for what is still being typed in, and a load of history takes hours. */
const waitDaysMax = 7;

/** Breaches that stood on record and do not any more, and what was said since they did. */
export class TakenBack {
  readonly #counts = { breaches: 0, asserted: 0, ruled: 0, corrected: 0 };
  #longest = { ms: -1, position: 0 };

  /**
   * A verdict that follows. Several words may have been said since the breach: one of the house is enough for the breach to count as
   * taken back after it, so that nobody hides it behind another.
   * @param lastCorrection position of the last visit of the account that was corrected or retracted.
   */
  verdict(event: Recorded<VerdictEvent>, { displaced, lastAsserted, lastRuling }: PromiseHistory, lastCorrection: number): void {
    if (displaced?.verdict !== "broken" || (event.type !== "PromiseKept" && event.type !== "VerdictWithdrawn")) return;
    this.#counts.breaches += 1;
    if (lastAsserted > displaced.position) this.#counts.asserted += 1;
    else if (lastRuling > displaced.position) this.#counts.ruled += 1;
    else if (lastCorrection > displaced.position) this.#counts.corrected += 1;
    // Of two nodes one may be some seconds behind.
    const ms = Math.max(0, epochMs(event.recordedAt) - displaced.recordedMs);
    if (ms > this.#longest.ms) this.#longest = { ms, position: event.position };
  }

  *told(): Generator<Afterthought> {
    const { breaches, asserted, ruled, corrected } = this.#counts;
    if (breaches === 0) return;
    const { ms, position } = this.#longest;
    const message = `${breaches} breaches that stood on record were taken back: ${asserted} after a word that the house said for a party (asserted), ${ruled} after a ruling, ${corrected} after a visit was corrected or retracted; this one ${whileOf(ms)} after the breach was put on record`;
    yield { kind: "breaches-taken-back", message, counts: { ...this.#counts, longestMs: ms }, position };
  }
}

/**
 * Promises that were put on record, or given new terms, after they were due: the ledger could not watch them being kept. A load of history
 * says so of itself, and is told apart, as long as it tells of promises from before it.
 */
export function* toldAfterwards(histories: Iterable<PromiseHistory>, loads: Loads): Generator<Afterthought> {
  const counts = { promises: 0, kept: 0 };
  const history = { promises: 0, kept: 0, recordings: new Set<string>() };
  let longest = { ms: -1, position: 0 };
  for (const { facts, onRecord, madePosition } of histories) {
    const afterwards = facts.occurrences.filter(isToldAfterwards);
    if (afterwards.length === 0) continue;
    const isKeptOne = afterwards.some(({ number }) => isKept(onRecord.get(number)?.verdict));
    const into = isHistory(facts, loads) ? history : counts;
    into.promises += 1;
    into.kept += Number(isKeptOne);
    if (into === history) {
      history.recordings.add(facts.recording!);
      continue;
    }
    for (const { deadlineAt, termsRecordedAt } of afterwards) {
      const ms = epochMs(termsRecordedAt) - epochMs(deadlineAt!);
      if (ms > longest.ms) longest = { ms, position: madePosition };
    }
  }
  if (counts.promises > 0) {
    const message = `of ${counts.promises} promises something was put on record only after it was due, this one by ${whileOf(longest.ms)}: ${counts.kept} of them stand as kept; that they were promised before, and kept, is the word of whoever recorded it`;
    yield { kind: "told-afterwards", message, counts: { ...counts, longestMs: longest.ms }, position: longest.position };
  }
  const { promises, kept, recordings } = history;
  if (promises === 0) return;
  const message = `${promises} promises that had been due before came with ${recordings.size} loads of history, and ${kept} of them stand as kept: the ledger has them from their source, and did not watch them`;
  yield { kind: "history-loaded", message, counts: { promises, kept, loads: recordings.size } };
}

/** A promise from before the load that brought it. */
const isHistory = ({ recording, madeAt }: PromiseHistory["facts"], loads: Loads): boolean =>
  recording !== undefined && madeAt < (loads.startedAt(recording) ?? "");

const isToldAfterwards = ({ deadlineAt, termsRecordedAt }: Occurrence) =>
  deadlineAt !== undefined && deadlineAt < termsRecordedAt;
const isKept = (verdict: string | undefined) => verdict !== undefined && verdict !== "broken";

/** Deadlines that have passed, and that a long allowance keeps from being judged. */
export function* waitingForAllowance(histories: Iterable<PromiseHistory>, policy: Policy, now: Instant): Generator<Afterthought> {
  const { recordingAllowanceMinutes } = policy.promises;
  if (recordingAllowanceMinutes * minuteMs <= waitDaysMax * dayMs) return;
  let [deadlines, longest] = [0, { ms: 0, position: 0 }];
  for (const { facts, onRecord, madePosition } of histories) {
    if (facts.status !== "in-force") continue;
    for (const one of facts.occurrences) {
      if (one.deadlineAt === undefined || one.deadlineAt >= now || one.supersededAt !== undefined) continue;
      const settlesAt = settlementWithoutLoad(one.deadlineAt, one.termsRecordedAt, policy);
      if (settlesAt <= now || onRecord.get(one.number)?.verdict !== undefined) continue;
      deadlines += 1;
      const ms = epochMs(now) - epochMs(one.deadlineAt);
      if (ms > longest.ms) longest = { ms, position: madePosition };
    }
  }
  const days = Math.round((recordingAllowanceMinutes * minuteMs) / dayMs);
  const waiting = `${deadlines} deadlines have passed and wait for it${deadlines === 0 ? "" : `, this one for ${whileOf(longest.ms)}`}`;
  const message = `the policy in force lets the clock wait ${days} days after each deadline before a breach is put on record: ${waiting}`;
  const counts = { recordingAllowanceMinutes, deadlines, longestMs: longest.ms };
  yield { kind: "long-allowance", message, counts, ...(deadlines === 0 ? {} : { position: longest.position }) };
}

/** Promises that bind nobody yet, so that nothing of them is ever due. */
export type Waiting = { forAgreements: number; forConditions: number; forAnswers: number };

export function* notBinding({ forAgreements, forConditions, forAnswers }: Waiting): Generator<Afterthought> {
  const count = forAgreements + forConditions + forAnswers;
  if (count === 0) return;
  const message = `${count} promises bind nobody yet, so nothing of them can be due: ${forAgreements} belong to agreements that were not made, ${forConditions} wait for a condition without an end, ${forAnswers} for an answer to an offer without an end`;
  yield { kind: "not-binding", message, counts: { forAgreements, forConditions, forAnswers } };
}
