/** The one place that says kept or broken: a settlement, read as of one instant and as known at another. Pure. */
import { isSuspended, type PromiseFacts, statusAt } from "../promise/facts.ts";
import type { Instant, PartyId } from "../values.ts";
import { isCounted, type Verdict } from "../verdict.ts";
import { type AssessmentInput, type Finding, type OccurrenceSettlement, type Settlement, settle } from "./settle.ts";

/** Where an occurrence stands: still to come, waiting, or ended with a verdict. */
export type Standing = "upcoming" | "open" | "in-grace" | "overdue" | "awaiting-settlement" | Verdict;

export type OccurrenceAssessment = OccurrenceSettlement & {
  standing: Standing;
  /** Set once it has ended. */
  outcome: Finding | null;
  /** Deadline and grace have passed, and the clock does not yet speak. */
  isPending: boolean;
};

export type PromiseStanding =
  | "offered"
  | "countered"
  | "declined"
  | "withdrawn"
  | "offer-lapsed"
  | "awaiting-agreement"
  | "conditional"
  | "condition-lapsed"
  | "in-force"
  | "overdue"
  | "awaiting-settlement"
  | "suspended"
  | "released"
  | "waived"
  | "superseded"
  | "kept"
  | "kept-late"
  | "partly-kept"
  | "broken"
  | "concluded";

export type Assessment = {
  state: PromiseStanding;
  isDisputed: boolean;
  occurrences: OccurrenceAssessment[];
  /** The one excluded outcome of a promise that never came to bind. */
  exclusion: { verdict: Verdict; at: Instant } | null;
  pendingCount: number;
};

/**
 * @param input facts that happened up to `asOf` and were known at `knownAt`; filtering them is the caller's, because it is the
 *   log that knows what was known. Interactions later than `asOf` are left out here.
 */
export function assess(input: AssessmentInput, asOf: Instant, knownAt: Instant): Assessment {
  const interactions = input.interactions.filter(({ startedAt }) => startedAt <= asOf);
  return read(input, settle({ ...input, interactions }), asOf, knownAt);
}

/** Reads a settlement at two instants. Deadlines and grace are tested against `asOf`, the allowance against `knownAt`. */
export function read(
  input: Pick<AssessmentInput, "promise" | "agreementMadeAt">,
  settlement: Settlement,
  asOf: Instant,
  knownAt: Instant,
): Assessment {
  const occurrences = settlement.occurrences.map((one) => assessOccurrence(one, asOf, knownAt));
  const { exclusion } = settlement;
  const isExcluded = exclusion !== undefined && exclusion.at <= asOf && exclusion.settlesAt <= latestOf(asOf, knownAt);
  return {
    state: stateOf(input, occurrences, asOf),
    isDisputed: occurrences.some(({ openDispute }) => openDispute !== undefined && openDispute.contestedAt <= asOf),
    occurrences,
    exclusion: isExcluded ? { verdict: exclusion.verdict, at: exclusion.at } : null,
    pendingCount: occurrences.filter(({ isPending }) => isPending).length,
  };
}

const latestOf = (a: Instant, b: Instant) => (a < b ? b : a);

export function assessOccurrence(one: OccurrenceSettlement, asOf: Instant, knownAt: Instant): OccurrenceAssessment {
  const outcome = outcomeAt(one, asOf, knownAt);
  const standing = outcome?.verdict ?? waitingAt(one, asOf);
  return { ...one, standing, outcome, isPending: standing === "overdue" || standing === "awaiting-settlement" };
}

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

function waitingAt({ kind, opensAt, dueAt, deadlineAt, clock }: OccurrenceSettlement, asOf: Instant): Standing {
  if (opensAt === undefined || asOf < opensAt || clock?.verdict === "not-in-force") return "upcoming";
  if (dueAt === undefined || asOf <= dueAt) return "open";
  if (asOf <= deadlineAt!) return "in-grace";
  return kind === "abstain" ? "awaiting-settlement" : "overdue";
}

function stateOf(
  { promise, agreementMadeAt }: Pick<AssessmentInput, "promise" | "agreementMadeAt">,
  occurrences: readonly OccurrenceAssessment[],
  asOf: Instant,
): PromiseStanding {
  const status = statusAt(promise, asOf);
  if (status !== "in-force" && status !== "suspended" && status !== "released") return status;
  if (promise.agreement !== undefined && agreementMadeAt === undefined) return "awaiting-agreement";
  const live = occurrences.filter(({ outcome }) => outcome?.verdict !== "superseded");
  if (live.length > 0 && live.every(({ outcome }) => outcome !== null)) return concludedAs(live, status);
  if (isSuspended(promise, asOf)) return "suspended";
  if (live.length === 1 && live[0]!.isPending) return live[0]!.standing as "overdue" | "awaiting-settlement";
  return status;
}

/** A single occurrence lends the promise its verdict; a series is concluded, and its occurrences tell the rest. */
function concludedAs(live: readonly OccurrenceAssessment[], status: PromiseStanding): PromiseStanding {
  if (live.length > 1)
    return status === "released" && live.every(({ outcome }) => !isCounted(outcome!.verdict)) ? "released" : "concluded";
  const { verdict } = live[0]!.outcome!;
  if (isCounted(verdict)) return verdict;
  return verdict === "released" || verdict === "waived" || verdict === "superseded" ? verdict : "concluded";
}

export const isMade = <Facts extends PromiseFacts>(facts: Facts): facts is Exclude<Facts, { status: "none" }> =>
  facts.status !== "none";
