/** The one place that says kept or broken: a settlement, read as of one instant and as known at another. Pure. */
import { isSuspended, type PromiseFacts } from "../promise/facts.ts";
import type { Instant } from "../values.ts";
import { isCounted, verdicts } from "../verdict.ts";
import { excludedFinding } from "./finding.ts";
import { settle } from "./settle.ts";
import type { AssessmentInput, Finding, NeverBound, OccurrenceSettlement, OpenDispute, Settlement } from "./settlement.ts";

/** Where an occurrence stands: still to come, waiting, or ended with a verdict. */
export const standings = ["upcoming", "open", "in-grace", "overdue", "awaiting-settlement", ...verdicts] as const;
export type Standing = (typeof standings)[number];

export type OccurrenceAssessment = Omit<OccurrenceSettlement, "openDispute"> & {
  /** `ifUpheld` is what the occurrence would be now; null where it would not have ended yet. */
  openDispute?: OpenDispute<Finding | null>;
  standing: Standing;
  /** Set once it has ended. */
  outcome: Finding | null;
  /** Deadline and grace have passed, and the clock does not yet speak. */
  isPending: boolean;
};

/** What a promise reads as a whole. */
export const promiseStandings = [
  "offered",
  "countered",
  "declined",
  "withdrawn",
  "offer-lapsed",
  "awaiting-agreement",
  "conditional",
  "condition-lapsed",
  "in-force",
  "overdue",
  "awaiting-settlement",
  "suspended",
  "released",
  "waived",
  "superseded",
  "kept",
  "kept-late",
  "partly-kept",
  "broken",
  "concluded",
] as const;
export type PromiseStanding = (typeof promiseStandings)[number];

export type Assessment = {
  state: PromiseStanding;
  isDisputed: boolean;
  occurrences: OccurrenceAssessment[];
  /** The one excluded outcome of a promise that never came to bind. */
  exclusion: { verdict: NeverBound; at: Instant } | null;
  pendingCount: number;
};

/**
 * @param input the promise's facts that happened up to `asOf` and were known at `knownAt`, and the interactions as they were
 *   known at `knownAt`: a correction or retraction is knowledge, not a happening. Filtering these is the caller's, because it
 *   is the log that knows what was known. Interactions that began after `asOf` are left out here.
 */
export function assess(input: AssessmentInput, asOf: Instant, knownAt: Instant): Assessment {
  const interactions = input.interactions.filter(({ startedAt }) => startedAt <= asOf);
  return read(input, settle({ ...input, interactions }), asOf, knownAt);
}

/** Reads a settlement at two instants. Deadlines and grace are tested against `asOf`, the allowance against `knownAt`. */
export function read(
  { promise, agreementMadeAt }: Pick<AssessmentInput, "promise" | "agreementMadeAt">,
  settlement: Settlement,
  asOf: Instant,
  knownAt: Instant,
): Assessment {
  const exclusion = exclusionAt(settlement, asOf, knownAt);
  const occurrences = settlement.occurrences.map((one) =>
    exclusion === null ? assessOccurrence(one, asOf, knownAt) : neverDue(one, exclusion),
  );
  return {
    state: stateOf({ promise, agreementMadeAt }, exclusion, occurrences, asOf),
    isDisputed: occurrences.some(({ openDispute }) => openDispute !== undefined && openDispute.contestedAt <= asOf),
    occurrences,
    exclusion,
    pendingCount: occurrences.filter(({ isPending }) => isPending).length,
  };
}

/** The one outcome of a promise that never came to bind, once it may be said. */
export function exclusionAt(
  { exclusion }: Pick<Settlement, "exclusion">,
  asOf: Instant,
  knownAt: Instant,
): Assessment["exclusion"] {
  if (exclusion === undefined || exclusion.settlesAt === null) return null;
  const { verdict, at, settlesAt } = exclusion;
  return at <= asOf && settlesAt <= knownAt ? { verdict, at } : null;
}

export function assessOccurrence(one: OccurrenceSettlement, asOf: Instant, knownAt: Instant): OccurrenceAssessment {
  const outcome = outcomeAt(one, asOf, knownAt);
  const standing = outcome?.verdict ?? waitingAt(one, asOf);
  const isPending = standing === "overdue" || standing === "awaiting-settlement";
  return { ...one, standing, outcome, isPending, openDispute: disputeAt(one, asOf, knownAt) };
}

function disputeAt(one: OccurrenceSettlement, asOf: Instant, knownAt: Instant): OccurrenceAssessment["openDispute"] {
  const { openDispute, deadlineAt } = one;
  if (openDispute === undefined) return undefined;
  return { ...openDispute, ifUpheld: outcomeAt({ ...openDispute.ifUpheld, deadlineAt }, asOf, knownAt) };
}

/** An occurrence of a promise that never came to bind ended with it. */
const neverDue = (one: OccurrenceSettlement, { verdict, at }: NonNullable<Assessment["exclusion"]>): OccurrenceAssessment => ({
  ...one,
  standing: verdict,
  outcome: excludedFinding(verdict, at),
  isPending: false,
  openDispute: undefined,
});

/** The outcome of an occurrence as of one instant and as known at another; null while it has none. */
export function outcomeAt(
  { finding, clock, deadlineAt }: Pick<OccurrenceSettlement, "finding" | "clock" | "deadlineAt">,
  asOf: Instant,
  knownAt: Instant,
): Finding | null {
  if (finding !== null && finding.at <= asOf) return finding;
  if (clock === null || clock.settlesAt === null || deadlineAt! >= asOf || clock.settlesAt > knownAt) return null;
  const { settlesAt: _, ...spoken } = clock;
  return spoken;
}

function waitingAt({ kind, bindsFrom, opensAt, dueAt, deadlineAt }: OccurrenceSettlement, asOf: Instant): Standing {
  if (bindsFrom === undefined || asOf < opensAt!) return "upcoming";
  if (dueAt === undefined || asOf <= dueAt) return "open";
  if (asOf <= deadlineAt!) return "in-grace";
  return kind === "abstain" ? "awaiting-settlement" : "overdue";
}

function stateOf(
  { promise, agreementMadeAt }: Pick<AssessmentInput, "promise" | "agreementMadeAt">,
  exclusion: Assessment["exclusion"],
  occurrences: readonly OccurrenceAssessment[],
  asOf: Instant,
): PromiseStanding {
  if (exclusion !== null) return exclusion.verdict;
  if (promise.inForceAt === undefined) return promise.status;
  if (promise.agreement !== undefined && agreementMadeAt === undefined) return "awaiting-agreement";
  const live = occurrences.filter(({ outcome }) => outcome?.verdict !== "superseded");
  const waiting = live.filter(({ outcome }) => outcome === null);
  if (waiting.length === 0) return concludedAs(live, promise.status === "released");
  if (isSuspended(promise, asOf)) return "suspended";
  if (waiting.every(({ isPending }) => isPending)) return waiting.at(-1)!.standing as "overdue" | "awaiting-settlement";
  return promise.status === "released" ? "released" : "in-force";
}

/** A single occurrence lends the promise its verdict; a series is concluded, and its occurrences tell the rest. */
function concludedAs(live: readonly OccurrenceAssessment[], isReleased: boolean): PromiseStanding {
  const verdicts = live.map(({ outcome }) => outcome!.verdict);
  if (verdicts.length === 0) return "superseded";
  if (verdicts.length > 1) return isReleased && !verdicts.some(isCounted) ? "released" : "concluded";
  const verdict = verdicts[0]!;
  return isCounted(verdict) || verdict === "released" || verdict === "waived" ? verdict : "concluded";
}

export const isMade = <Facts extends PromiseFacts>(facts: Facts): facts is Exclude<Facts, { status: "none" }> =>
  facts.status !== "none";
