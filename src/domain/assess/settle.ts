/**
 * What the facts of a promise settle, whatever the time of asking: for each occurrence a finding, or what the clock will
 * say and when. `assess` reads a settlement at two instants; read models keep it, so that no list needs a sweep.
 */
import type { Interaction } from "../interaction.ts";
import { latenessCredit } from "../lateness.ts";
import type { Policy } from "../policy.ts";
import type { Assertion } from "../promise/events.ts";
import { type Keeping, type MadePromise, type Occurrence, promisorAt } from "../promise/facts.ts";
import { addMs, dayMs, epochMs, type Instant, latest, minuteMs, type PartyId } from "../values.ts";
import type { ExcludedVerdict, Verdict } from "../verdict.ts";
import { matches } from "./matching.ts";
import { deadlineOf, inOrder, isOpenTo, servedBy } from "./serving.ts";

/** Under which rule a verdict was reached. A new rule gets a new number, and this one stays in the code for ever. */
export const assessmentRule = 1;

export type AssessmentInput = {
  promise: MadePromise;
  /** When the agreement that the promise belongs to was made; without it such a promise binds nobody yet. */
  agreementMadeAt?: Instant;
  /** Of the promise's account, as known; retracted ones included. */
  interactions: readonly Interaction[];
  /** The load that the promise came with. While it is open the clock says nothing. */
  recording?: { completedAt?: Instant; upTo?: Instant };
  policy: Policy;
};

/** How an occurrence ended. `credit` is null where the verdict does not count. */
export type Finding = {
  verdict: Verdict;
  at: Instant;
  latenessMs: number;
  credit: number | null;
  /** Which rule of the lifecycle says so: `evidence`, `claim`, `confirmation`, `deadline`, `violation`, `reneged`, `ruled` … */
  reason: string;
  evidence: string[];
  /** From the keeping to its recording. */
  recordingDelayMs?: number;
};

/** What the clock says when nothing else is known by `settlesAt`; null while a load is open. */
export type ClockFinding = Finding & { settlesAt: Instant | null };

export type OccurrenceSettlement = {
  number: number;
  kind: Occurrence["kind"];
  date?: string;
  opensAt?: Instant;
  dueAt?: Instant;
  /** Due and grace: not broken before. */
  deadlineAt?: Instant;
  promisor: PartyId;
  finding: Finding | null;
  clock: ClockFinding | null;
  /** A keeping that was recorded too late to count unless the promisee confirms. */
  claimedLate?: Finding;
  openDispute?: { number: number; by: PartyId; contestedAt: Instant; ifUpheld: Finding };
  flags: SettlementFlag[];
};

export type SettlementFlag =
  "due-before-made" | "kept-before-made" | "changed-after-settlement" | "claimed-late" | "claimed-unconfirmed" | "evidence-unfit";

export type Settlement = {
  /** Set when the promise never came to bind: the one excluded outcome that it leaves, from that instant on. */
  exclusion?: { verdict: ExcludedVerdict; at: Instant; settlesAt: Instant };
  occurrences: OccurrenceSettlement[];
};

export function settle(input: AssessmentInput): Settlement {
  const { promise } = input;
  const inForceAt = bindingFrom(input);
  if (inForceAt === undefined)
    return { exclusion: neverBinding(input), occurrences: promise.occurrences.map((one) => unbound(one)) };
  const served = servedBy(promise, input.interactions, inForceAt);
  return { occurrences: promise.occurrences.map((one) => settleOccurrence(one, served.get(one.number), inForceAt, input)) };
}

/** A promise of an agreement binds from when all of its promises exist. */
function bindingFrom({ promise, agreementMadeAt }: AssessmentInput): Instant | undefined {
  if (promise.inForceAt === undefined) return undefined;
  if (promise.agreement === undefined) return promise.inForceAt;
  return agreementMadeAt === undefined ? undefined : latest(promise.inForceAt, agreementMadeAt);
}

function neverBinding({ promise, policy }: AssessmentInput): Settlement["exclusion"] {
  const lapse = (verdict: ExcludedVerdict, at: Instant) => ({
    verdict,
    at,
    settlesAt: addMs(latest(at, promise.madeRecordedAt), allowanceMs(policy)),
  });
  switch (promise.status) {
    case "declined":
    case "withdrawn":
      return { verdict: promise.status, at: promise.endedAt!, settlesAt: promise.endedAt! };
    case "released":
      return { verdict: "released", at: promise.releasedAt!, settlesAt: promise.releasedAt! };
    case "offered":
    case "countered":
      return promise.offerExpiresAt === undefined ? undefined : lapse("offer-lapsed", promise.offerExpiresAt);
    case "conditional":
      return promise.condition?.expiresAt === undefined ? undefined : lapse("condition-lapsed", promise.condition.expiresAt);
    case "in-force":
    case "suspended":
      return undefined;
  }
}

const unbound = (one: Occurrence): OccurrenceSettlement => ({ ...frameOf(one), finding: null, clock: null, flags: [] });

const frameOf = (one: Occurrence) => ({
  number: one.number,
  kind: one.kind,
  date: one.date,
  opensAt: one.opensAt,
  dueAt: one.dueAt,
  deadlineAt: deadlineOf(one),
  promisor: promisorAt(one, one.dueAt),
});

function settleOccurrence(
  one: Occurrence,
  evidence: Interaction | undefined,
  inForceAt: Instant,
  input: AssessmentInput,
): OccurrenceSettlement {
  const clock = clockFinding(one, inForceAt, input);
  const keeping = keepingOf(one, evidence, input, clock);
  const finding = ruledOn(one, input) ?? findingOf(one, keeping?.finding, inForceAt, input);
  const claimedLate = keeping?.late;
  const violation = finding?.reason === "violation" && one.promisors.length > 1 ? promisorAt(one, finding.at) : undefined;
  return {
    ...frameOf(one),
    ...(violation === undefined ? {} : { promisor: violation }),
    opensAt: one.opensAt === undefined ? inForceAt : latest(one.opensAt, inForceAt),
    finding,
    clock,
    claimedLate,
    openDispute: openDispute(one, input, finding ?? clock ?? undefined),
    flags: flagsOf(one, input, finding, claimedLate, evidence),
  };
}

const allowanceMs = (policy: Policy) => policy.promises.recordingAllowanceMinutes * minuteMs;

/** Broken at its deadline, or for an abstention kept at its end, once the allowance has passed too. */
function clockFinding(one: Occurrence, inForceAt: Instant, { promise, policy, recording }: AssessmentInput): ClockFinding | null {
  const deadline = deadlineOf(one);
  if (one.dueAt === undefined || deadline === undefined) return null;
  const settlesAt = settlementOf(
    deadline,
    one.termsRecordedAt,
    policy,
    promise.recording === undefined ? undefined : (recording ?? {}),
  );
  const common = { at: one.dueAt, latenessMs: 0, evidence: [], settlesAt };
  if (one.dueAt <= inForceAt && one.dueAt >= promise.madeAt)
    return { ...common, verdict: "not-in-force", credit: null, reason: "not-in-force" };
  return one.kind === "abstain"
    ? { ...common, verdict: "kept", credit: 1, reason: "abstained" }
    : { ...common, verdict: "broken", credit: 0, reason: "deadline" };
}

/**
 * The instant from which the clock may speak: the allowance counts from the deadline or from the recording of the terms,
 * whichever is later. A load holds it until it is complete, and its completion ends the allowance of what lay before `upTo`.
 */
function settlementOf(
  deadline: Instant,
  termsRecordedAt: Instant,
  policy: Policy,
  recording: AssessmentInput["recording"],
): Instant | null {
  const byRule = addMs(latest(deadline, termsRecordedAt), allowanceMs(policy));
  if (recording === undefined) return byRule;
  if (recording.completedAt === undefined || recording.upTo === undefined) return null;
  return deadline <= recording.upTo ? recording.completedAt : latest(byRule, recording.completedAt);
}

type KeepingFound = { finding?: Finding; late?: Finding };

/** The keeping that its proof asks for. The promisee's own word stands whatever the proof. */
function keepingOf(
  one: Occurrence,
  evidence: Interaction | undefined,
  input: AssessmentInput,
  clock: ClockFinding | null,
): KeepingFound | undefined {
  if (one.kind === "abstain") return undefined;
  const confirmed = lastOf(input.promise.confirmations, one);
  const claimed = one.proof === "claim" ? lastOf(input.promise.claims, one) : undefined;
  const shown = evidence === undefined ? claimed && fromWord(claimed, one, "claim") : fromEvidence(evidence, one);
  const recordedAt = evidence?.recordedAt ?? claimed?.recordedAt;
  const isPromiseesOwn = evidence?.recordedFor !== undefined && evidence.recordedFor === input.promise.promisee;
  if (
    shown !== undefined &&
    (confirmed !== undefined || isPromiseesOwn || !isPastEvidenceLimit(recordedAt!, clock, input.policy))
  ) {
    return { finding: confirmed !== undefined && evidence === undefined ? fromWord(confirmed, one, "confirmation") : shown };
  }
  if (confirmed !== undefined) return { finding: fromWord(confirmed, one, "confirmation") };
  return { late: shown };
}

const lastOf = (keepings: readonly Keeping[], one: Occurrence) =>
  keepings.findLast((keeping) => keeping.occurrence === one.number);

/** What the promisor's side records so long after a breach settled supersedes it only once the promisee confirms. */
function isPastEvidenceLimit(recordedAt: Instant, clock: ClockFinding | null, policy: Policy): boolean {
  if (clock?.settlesAt == null || clock.verdict !== "broken") return false;
  return epochMs(recordedAt) > epochMs(clock.settlesAt) + policy.promises.evidenceLimitDays * dayMs;
}

function fromEvidence(interaction: Interaction, one: Occurrence): Finding {
  return {
    ...kept(one, interaction.startedAt, 1),
    reason: "evidence",
    evidence: [interaction.id],
    recordingDelayMs: delay(interaction.startedAt, interaction.recordedAt),
  };
}

function fromWord(keeping: Keeping, one: Occurrence, reason: "claim" | "confirmation"): Finding {
  return {
    ...kept(one, keeping.keptAt, keeping.fraction),
    reason,
    evidence: [keeping.event],
    recordingDelayMs: delay(keeping.keptAt, keeping.recordedAt),
  };
}

const delay = (from: Instant, to: Instant) => Math.max(0, epochMs(to) - epochMs(from));

/** Lateness counts from the due instant; grace does not shorten it. A part that was kept earns just that part. */
function kept(one: Occurrence, keptAt: Instant, fraction: number): Pick<Finding, "verdict" | "at" | "latenessMs" | "credit"> {
  const latenessMs = one.dueAt === undefined ? 0 : Math.max(0, epochMs(keptAt) - epochMs(one.dueAt));
  if (fraction < 1) return { verdict: "partly-kept", at: keptAt, latenessMs, credit: fraction };
  return { verdict: latenessMs > 0 ? "kept-late" : "kept", at: keptAt, latenessMs, credit: latenessCredit(latenessMs) };
}

/** What was conceded or ruled upheld stands above everything else; the latest such word counts. */
function ruledOn(one: Occurrence, { promise }: AssessmentInput): Finding | null {
  const settled = promise.disputes.findLast(
    (dispute) => dispute.occurrence === one.number && (dispute.status === "conceded" || dispute.status === "upheld"),
  );
  return settled === undefined
    ? null
    : asserted(one, settled.asserts, settled.contestedAt, settled.status === "upheld" ? "ruled" : "conceded", settled.event);
}

function asserted(one: Occurrence, asserts: Assertion, contestedAt: Instant, reason: string, event: string): Finding {
  if (asserts.verdict === "broken")
    return {
      verdict: "broken",
      at: one.dueAt !== undefined && one.dueAt < contestedAt ? one.dueAt : contestedAt,
      latenessMs: 0,
      credit: 0,
      reason,
      evidence: [event],
    };
  return { ...kept(one, asserts.keptAt, asserts.verdict === "kept" ? 1 : asserts.fraction), reason, evidence: [event] };
}

function findingOf(one: Occurrence, keeping: Finding | undefined, inForceAt: Instant, input: AssessmentInput): Finding | null {
  const { promise } = input;
  if (keeping !== undefined && !isOpenTo(one, promise, keeping.at)) return letGo(one, promise) ?? keeping;
  const forgiven = forgivenBy(one, promise);
  // Kept on time is kept, forgiven or not; a late keeping was forgiven with the rest.
  if (keeping !== undefined && (keeping.verdict === "kept" || forgiven === null)) return keeping;
  if (forgiven !== null) return forgiven;
  return violationOf(one, inForceAt, input) ?? letGo(one, promise) ?? renegedOn(one, promise, inForceAt);
}

const excluded = (verdict: ExcludedVerdict, at: Instant, evidence: string[] = []): Finding => ({
  verdict,
  at,
  latenessMs: 0,
  credit: null,
  reason: verdict,
  evidence,
});

function forgivenBy(one: Occurrence, promise: MadePromise): Finding | null {
  const waiver = promise.waived.find(({ occurrence }) => occurrence === one.number);
  if (waiver !== undefined) return excluded("waived", waiver.at, [waiver.event]);
  const { dueAt } = one;
  const isInSuspension =
    dueAt !== undefined && promise.suspensions.some(({ from, until }) => from <= dueAt && (until === undefined || dueAt < until));
  // An abstention goes on after a suspension; only its violations meanwhile are forgiven.
  return isInSuspension && one.kind !== "abstain" ? excluded("suspended", dueAt) : null;
}

function letGo(one: Occurrence, promise: MadePromise): Finding | null {
  const { supersededAt } = one;
  const { releasedAt } = promise;
  const isReleased = releasedAt !== undefined && (one.dueAt === undefined || one.dueAt > releasedAt);
  if (supersededAt !== undefined && !(isReleased && releasedAt < supersededAt)) return excluded("superseded", supersededAt);
  return isReleased ? excluded("released", releasedAt) : null;
}

/** The first act that the abstention forbids, from when it binds to its end. */
function violationOf(one: Occurrence, inForceAt: Instant, { promise, interactions }: AssessmentInput): Finding | null {
  if (one.kind !== "abstain") return null;
  const from = latest(one.opensAt!, inForceAt);
  const isForbidden = (at: Instant) =>
    from <= at &&
    at < one.dueAt! &&
    isOpenTo(one, promise, at) &&
    !promise.suspensions.some((pause) => pause.from <= at && (pause.until === undefined || at < pause.until));
  const act = inOrder(interactions).find(
    (interaction) => isForbidden(interaction.startedAt) && matches(interaction, one, promise.promisee),
  );
  if (act === undefined) return null;
  return {
    verdict: "broken",
    at: act.startedAt,
    latenessMs: 0,
    credit: 0,
    reason: "violation",
    evidence: [act.id],
    recordingDelayMs: delay(act.startedAt, act.recordedAt),
  };
}

/** Broken from the word on, but never before its window opens. */
function renegedOn(one: Occurrence, promise: MadePromise, inForceAt: Instant): Finding | null {
  const word = promise.reneged.find(({ occurrence, at }) =>
    occurrence === undefined ? one.dueAt === undefined || one.dueAt > at : occurrence === one.number,
  );
  if (word === undefined) return null;
  return {
    verdict: "broken",
    at: latest(word.at, one.opensAt ?? inForceAt, inForceAt),
    latenessMs: 0,
    credit: 0,
    reason: "reneged",
    evidence: [word.event],
  };
}

function openDispute(
  one: Occurrence,
  { promise }: AssessmentInput,
  headline: Finding | undefined,
): OccurrenceSettlement["openDispute"] {
  const dispute = promise.disputes.findLast(({ occurrence, status }) => occurrence === one.number && status === "open");
  if (dispute === undefined) return undefined;
  const ifUpheld = asserted(one, dispute.asserts, dispute.contestedAt, "contested", dispute.event);
  return {
    number: dispute.number,
    by: dispute.by,
    contestedAt: dispute.contestedAt,
    ifUpheld: headline === undefined ? ifUpheld : { ...ifUpheld, at: headline.at },
  };
}

function flagsOf(
  one: Occurrence,
  input: AssessmentInput,
  finding: Finding | null,
  late: Finding | undefined,
  evidence: Interaction | undefined,
): SettlementFlag[] {
  const { promise, policy } = input;
  const flags: SettlementFlag[] = [];
  if (one.dueAt !== undefined && one.dueAt < promise.madeAt) flags.push("due-before-made");
  if (finding?.credit != null && finding.credit > 0 && finding.at < promise.madeAt) flags.push("kept-before-made");
  if (late !== undefined) flags.push("claimed-late");
  if (isClaimedOnly(one, promise)) flags.push("claimed-unconfirmed");
  if (
    evidence === undefined &&
    promise.claims.some((claim) => claim.occurrence === one.number && claim.interaction !== undefined)
  )
    flags.push("evidence-unfit");
  if (wasSettledBeforeChange(one, policy)) flags.push("changed-after-settlement");
  return flags;
}

const isClaimedOnly = (one: Occurrence, promise: MadePromise) =>
  one.proof === "confirmation" && lastOf(promise.claims, one) !== undefined && lastOf(promise.confirmations, one) === undefined;

function wasSettledBeforeChange(one: Occurrence, policy: Policy): boolean {
  if (one.changed?.dueAt === undefined) return false;
  const deadline = addMs(one.changed.dueAt, one.graceMinutes * minuteMs);
  return one.changed.recordedAt > addMs(latest(deadline, one.changed.termsRecordedAt), allowanceMs(policy));
}
