/** What the clock says, and from when on it may. */
import type { Policy } from "../policy.ts";
import type { MadePromise } from "../promise/facts.ts";
import type { Occurrence } from "../promise/occurrences.ts";
import { addMs, type Instant, latest, minuteMs } from "../values.ts";
import { brokenFinding } from "./finding.ts";
import type { AssessmentInput, ClockFinding, NeverBound, Settlement } from "./settlement.ts";

/** Broken at its deadline, or for an abstention kept at its end, once the allowance has passed too. */
export function clockFinding(one: Occurrence, input: AssessmentInput): ClockFinding | null {
  const { dueAt, deadlineAt } = one;
  if (dueAt === undefined || deadlineAt === undefined) return null;
  const settlesAt = settlementOf(deadlineAt, one.termsRecordedAt, input);
  if (one.kind !== "abstain") return { ...brokenFinding(dueAt, { reason: "deadline", evidence: [] }), settlesAt };
  return { verdict: "kept", at: dueAt, latenessMs: 0, credit: 1, reason: "abstained", evidence: [], settlesAt };
}

/**
 * The instant from which the clock may speak: the allowance counts from the deadline or from the recording of the terms,
 * whichever is later. A load holds it until it is complete, and its completion ends the allowance of what lay before `upTo`,
 * except under terms that were set afterwards.
 */
export function settlementOf(
  deadline: Instant,
  termsRecordedAt: Instant,
  { promise, recording, policy }: Pick<AssessmentInput, "promise" | "recording" | "policy">,
): Instant | null {
  const byRule = () => settlementWithoutLoad(deadline, termsRecordedAt, policy);
  if (promise.recording === undefined) return byRule();
  const { completedAt, upTo } = recording ?? {};
  if (completedAt === undefined || upTo === undefined) return null;
  return deadline <= upTo && termsRecordedAt <= completedAt ? completedAt : latest(byRule(), completedAt);
}

/** From when on the clock may speak of a promise that came with no load of history. */
export const settlementWithoutLoad = (deadline: Instant, termsRecordedAt: Instant, { promises }: Policy): Instant =>
  addMs(latest(deadline, termsRecordedAt), promises.recordingAllowanceMinutes * minuteMs);

/** The excluded outcome of a promise that never came to bind. */
export function neverBinding(input: AssessmentInput): Settlement["exclusion"] {
  const { promise } = input;
  switch (promise.status) {
    case "declined":
    case "withdrawn":
    case "released":
      return { verdict: promise.status, at: promise.endedAt!, settlesAt: promise.endedAt! };
    case "offered":
    case "countered":
      return lapse("offer-lapsed", promise.offerExpiresAt, input);
    case "conditional":
      return lapse("condition-lapsed", promise.condition?.expiresAt, input);
    case "in-force":
    case "suspended":
      return undefined; // It waits for its agreement.
  }
}

function lapse(verdict: NeverBound, at: Instant | undefined, input: AssessmentInput): Settlement["exclusion"] {
  if (at === undefined) return undefined;
  return { verdict, at, settlesAt: settlementOf(at, termsRecordedAt(input.promise), input) };
}

const termsRecordedAt = ({ occurrences, madeRecordedAt }: MadePromise): Instant =>
  occurrences[0]?.termsRecordedAt ?? madeRecordedAt;
