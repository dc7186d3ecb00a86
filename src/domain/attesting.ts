/** From an assessment to the events that put it on record. The keeper records them; auditors come to them again. */
import type { Assessment, OccurrenceAssessment } from "./assess/assess.ts";
import type { AssessmentInput } from "./assess/settle.ts";
import { type Attestation, attestedDigest, countsOf, digestOf, holdsFrom, worthOf } from "./attestation.ts";
import type { Draft } from "./decider.ts";
import type { Basis, VerdictEvent } from "./promise/events.ts";
import type { Instant } from "./values.ts";
import { isCounted } from "./verdict.ts";

/** A verdict as it is recorded: what it says, and when that came to be so. */
export type RecordedVerdict = VerdictEvent & { occurredAt: Instant };

/** The occurrence that a verdict is about; 0 is the promise as a whole. */
export const occurrenceOf = ({ data }: VerdictEvent): number => ("occurrence" in data ? data.occurrence : 0);

export const attestationOf = (event: VerdictEvent): Attestation => ({
  digest: attestedDigest(event),
  asOf: event.data.basis.asOf,
});

/** While a load is open nothing is put on record of its promises: what is loaded last may change all of it. */
export const isHeld = ({ promise, recording }: Pick<AssessmentInput, "promise" | "recording">): boolean =>
  promise.recording !== undefined && recording?.completedAt === undefined;

/** What attesting asks of an assessment. */
export type Outcomes = Pick<Assessment, "exclusion"> & { occurrences: readonly OutcomeOf[] };
export type OutcomeOf = Pick<OccurrenceAssessment, "number" | "outcome" | "finding" | "clock" | "deadlineAt">;

/** The verdicts that hold and are not on record, occurrence by occurrence, and the end of the whole once all are. */
export function verdictsOf(
  input: AssessmentInput,
  assessment: Outcomes,
  onRecord: ReadonlyMap<number, Attestation>,
  basis: Basis,
): Draft<VerdictEvent>[] {
  const { account } = input.promise;
  const verdicts: RecordedVerdict[] = [];
  for (const one of assessment.occurrences) {
    if (digestOf(one.outcome) === worthOf(onRecord.get(one.number), holdsFrom(one))) continue;
    verdicts.push(verdictOf(one, basis));
  }
  const conclusion = conclusionOf(assessment, basis);
  const isNews = conclusion !== undefined && attestedDigest(conclusion.event) !== worthOf(onRecord.get(0), conclusion.holdsFrom);
  if (isNews) verdicts.push(conclusion.event);
  return verdicts.map((verdict) => ({ ...verdict, account }));
}

/** What there is to say of an occurrence at a basis; that a verdict is withdrawn where there is none. */
export function verdictOf(
  { number: occurrence, outcome }: Pick<OccurrenceAssessment, "number" | "outcome">,
  basis: Basis,
): RecordedVerdict {
  if (outcome === null || !isCounted(outcome.verdict)) {
    const reason = (outcome?.verdict ?? "reopened") as never;
    return { type: "VerdictWithdrawn", data: { occurrence, reason, basis }, occurredAt: outcome?.at ?? basis.asOf };
  }
  const { verdict, at, latenessMs, credit, reason, evidence } = outcome;
  const common = { occurrence, reason: reason as never, evidence: evidence as never[], basis };
  if (verdict === "broken") return { type: "PromiseBroken", data: { ...common, brokenAt: at }, occurredAt: at };
  const data = { ...common, verdict, keptAt: at, latenessMs, credit: credit! };
  return { type: "PromiseKept", data, occurredAt: at };
}

/** What there is to say of the promise as a whole: a lapsed condition, or the end of a promise that bound; undefined before that. */
export function conclusionOf(
  { occurrences, exclusion }: Outcomes,
  basis: Basis,
): { event: RecordedVerdict; holdsFrom: Instant | null } | undefined {
  if (exclusion !== null) {
    const { verdict, at } = exclusion;
    if (verdict !== "condition-lapsed") return undefined;
    return { event: { type: "PromiseConditionLapsed", data: { lapsedAt: at, basis }, occurredAt: at }, holdsFrom: null };
  }
  if (occurrences.length === 0 || occurrences.some(({ outcome }) => outcome === null)) return undefined;
  const counts = countsOf(occurrences.map(({ outcome }) => outcome!.verdict));
  const last = latestOf(occurrences.map(({ outcome }) => outcome!.at));
  return {
    event: { type: "PromiseConcluded", data: { counts, basis }, occurredAt: last },
    holdsFrom: latestOf(occurrences.map((one) => holdsFrom(one)!)),
  };
}

const latestOf = (instants: readonly Instant[]): Instant => instants.reduce((last, one) => (one > last ? one : last));
