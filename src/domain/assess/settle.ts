/**
 * What the facts of a promise settle, whatever the time of asking: for each occurrence a finding, or what the clock will
 * say and when. `assess` reads a settlement at two instants; read models keep it, so that no list needs a sweep.
 */
import type { Dispute } from "../promise/facts.ts";
import { type Occurrence, promisorAt, promisorOf } from "../promise/occurrences.ts";
import { type Instant, latest, type PartyId } from "../values.ts";
import { reneged, violationOf } from "./breach.ts";
import { clockFinding, neverBinding } from "./clock.ts";
import { hadBeenUpheld, openDisputeOn, ruledFinding, rulingOn } from "./disputes.ts";
import { excludedFinding } from "./finding.ts";
import { flagsOf } from "./flags.ts";
import { keepingOf } from "./keeping.ts";
import { letGo, suspendedOver, waiverOf } from "./letting-go.ts";
import { inOrder, type Served, servedBy } from "./serving.ts";
import type { AssessmentInput, Finding, OccurrenceSettlement, Settlement } from "./settlement.ts";

export { settlementFlags } from "./settlement.ts";
export type {
  AssessmentInput,
  ClockFinding,
  Finding,
  OccurrenceSettlement,
  OpenDispute,
  Settlement,
  SettlementFlag,
} from "./settlement.ts";

/** Under which rule a verdict was reached. A new rule gets a new number, and this one stays in the code for ever. */
export const assessmentRule = 1;

export function settle(input: AssessmentInput): Settlement {
  const { exclusion, settled } = settling(input);
  const occurrences = input.promise.occurrences.map(settled);
  return exclusion === undefined ? { occurrences } : { exclusion, occurrences };
}

/** A settlement that is made one occurrence at a time, for whoever asks for one of a long series. */
export type Settling = Pick<Settlement, "exclusion"> & { settled(one: Occurrence): OccurrenceSettlement };

export function settling(unordered: AssessmentInput): Settling {
  const { promise } = unordered;
  const bindsFrom = bindingFrom(unordered);
  if (bindsFrom === undefined) return { exclusion: neverBinding(unordered), settled: unbound };
  const input = { ...unordered, interactions: inOrder(unordered.interactions) };
  const served = servedBy(promise, input.interactions, bindsFrom);
  return { settled: (one) => settleOccurrence(one, served.get(one.number), bindsFrom, input) };
}

/** A promise of an agreement binds from when all of its promises exist. */
function bindingFrom({ promise, agreementMadeAt }: AssessmentInput): Instant | undefined {
  if (promise.inForceAt === undefined || promise.agreement === undefined) return promise.inForceAt;
  return agreementMadeAt === undefined ? undefined : latest(promise.inForceAt, agreementMadeAt);
}

const unbound = (one: Occurrence): OccurrenceSettlement => ({ ...frameOf(one), finding: null, clock: null, flags: [] });

const frameOf = (one: Occurrence) => ({
  number: one.number,
  kind: one.kind,
  date: one.date,
  opensAt: one.opensAt,
  dueAt: one.dueAt,
  deadlineAt: one.deadlineAt,
  promisor: promisorOf(one),
});

function settleOccurrence(
  one: Occurrence,
  served: Served | undefined,
  bindsFrom: Instant,
  input: AssessmentInput,
): OccurrenceSettlement {
  const { finding, clock, claimedLate } = foundOf(one, served, bindsFrom, input);
  return {
    ...frameOf(one),
    bindsFrom,
    opensAt: one.opensAt === undefined ? bindsFrom : latest(one.opensAt, bindsFrom),
    promisor: answerableFor(one, finding),
    finding,
    clock,
    claimedLate,
    openDispute: openDispute(one, bindsFrom, input),
    flags: flagsOf(one, input, { finding, claimedLate, served }),
  };
}

type Found = Pick<OccurrenceSettlement, "finding" | "clock" | "claimedLate">;

function foundOf(one: Occurrence, served: Served | undefined, bindsFrom: Instant, input: AssessmentInput): Found {
  const { finding: keeping, claimedLate } = keepingOf(one, served, input);
  const finding = findingOf(one, keeping, bindsFrom, input);
  return { finding, clock: isSettledInTime(one, finding) ? null : clockFinding(one, input), claimedLate };
}

/** The dispute that is open, and what would be found had it been upheld: settled by the very rule that an upheld one is. */
function openDispute(one: Occurrence, bindsFrom: Instant, input: AssessmentInput): OccurrenceSettlement["openDispute"] {
  const open = openDisputeOn(one, input.promise);
  if (open === undefined) return undefined;
  const upheld = { ...input, promise: hadBeenUpheld(input.promise, open) };
  const served = servedBy(upheld.promise, input.interactions, bindsFrom).get(one.number);
  const { number, by, contestedAt } = open;
  const { finding, clock } = foundOf(one, served, bindsFrom, upheld);
  return { number, by, contestedAt, ifUpheld: { finding, clock } };
}

/** What was found up to the deadline leaves nothing for the clock to say, whenever it is asked. */
const isSettledInTime = ({ deadlineAt }: Occurrence, finding: Finding | null) =>
  finding !== null && deadlineAt !== undefined && finding.at <= deadlineAt;

/** Whoever was its promisor when it was due; for what an abstention forbids, whoever was when it was done. */
const answerableFor = (one: Occurrence, finding: Finding | null): PartyId =>
  finding?.reason === "violation" ? promisorAt(one, finding.at) : promisorOf(one);

function findingOf(one: Occurrence, keeping: Finding | undefined, bindsFrom: Instant, input: AssessmentInput): Finding | null {
  const ruling = rulingOn(one, input.promise);
  if (ruling !== undefined) return afterRuling(one, ruling, keeping, bindsFrom, input);
  return wasDueBefore(one, bindsFrom, input)
    ? excludedFinding("not-in-force", one.dueAt!)
    : byFacts(one, keeping, bindsFrom, input);
}

/**
 * Due before it bound. Where a single occurrence was due before its promise was made, as in records written down later, it is
 * taken as it is and flagged.
 */
const wasDueBefore = ({ dueAt, kind }: Occurrence, bindsFrom: Instant, { promise }: AssessmentInput) =>
  dueAt !== undefined && dueAt < bindsFrom && (kind === "recurring" || dueAt >= promise.madeAt);

function byFacts(
  one: Occurrence,
  keeping: Finding | undefined,
  bindsFrom: Instant,
  input: AssessmentInput,
  violationsAfter?: Instant,
): Finding | null {
  const { promise } = input;
  const gone = letGo(one, promise);
  const isKeptInTime = keeping !== undefined && (gone === null || keeping.at < gone.at);
  // Kept on time is kept, forgiven or not; a late keeping is forgiven with the rest.
  if (isKeptInTime && keeping.verdict === "kept") return keeping;
  return (
    waiverOf(one, promise) ??
    violationOf(one, bindsFrom, input, violationsAfter) ??
    suspendedOver(one, promise) ??
    (isKeptInTime ? keeping : null) ??
    gone ??
    reneged(one, promise, bindsFrom)
  );
}

/**
 * What was conceded or ruled upheld stands above everything that had happened when it was contested. A keeping, a waiver or an
 * act after that is new. An abstention that was found to be kept so far still has to be kept to its end.
 */
function afterRuling(
  one: Occurrence,
  ruling: Dispute,
  keeping: Finding | undefined,
  bindsFrom: Instant,
  input: AssessmentInput,
): Finding | null {
  const { asserts, contestedAt } = ruling;
  if (one.kind === "abstain" && asserts.verdict === "kept") return byFacts(one, undefined, bindsFrom, input, contestedAt);
  const isKeptSince = asserts.verdict === "broken" && keeping !== undefined && keeping.at > contestedAt;
  if (isKeptSince) return byFacts(one, keeping, bindsFrom, input);
  const ruled = ruledFinding(one, ruling);
  const waiver = waiverOf(one, input.promise);
  return waiver !== null && waiver.at > contestedAt && ruled.verdict !== "kept" ? waiver : ruled;
}
