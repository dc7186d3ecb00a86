/** The keeping that the proof of an occurrence asks for. The promisee's own word stands whatever the proof. */
import type { Interaction } from "../interaction.ts";
import type { Keeping, MadePromise } from "../promise/facts.ts";
import type { Occurrence } from "../promise/occurrences.ts";
import { dayMs, epochMs, type Instant, latest, type PartyId } from "../values.ts";
import { settlementOf } from "./clock.ts";
import { delayMs, keptFinding } from "./finding.ts";
import { matches } from "./matching.ts";
import type { Served } from "./serving.ts";
import type { AssessmentInput, Finding } from "./settlement.ts";

/** `claimedLate` was recorded so late that it needs the promisee's confirmation, and has none. */
export type KeepingFound = { finding?: Finding; claimedLate?: Finding };

/** Where a keeping is told: by whose recording, and since when. */
type Told = { recordedAt: Instant; recordedFor?: PartyId };

export function keepingOf(one: Occurrence, served: Served | undefined, input: AssessmentInput): KeepingFound {
  if (one.kind === "abstain") return {};
  const { promise } = input;
  const shown = served === undefined ? claimedOf(one, input) : shownBy(served, one, input);
  const confirmed = promise.confirmations.findLast(({ occurrence }) => occurrence === one.number);
  if (confirmed === undefined) return shown;
  const word = fromWord(confirmed, one, "confirmation");
  return { finding: served === undefined ? word : better(shown.finding ?? shown.claimedLate!, word) };
}

/** A confirmation vouches for the evidence, and where it says more it counts for more. */
const better = (evidence: Finding, word: Finding) => (word.credit! > evidence.credit! ? word : evidence);

function shownBy({ interaction, claim }: Served, one: Occurrence, input: AssessmentInput): KeepingFound {
  const told = firstTold(interaction, one, input.promise.promisee);
  const finding = keptFinding(one, interaction.startedAt, 1, {
    reason: "evidence",
    evidence: [interaction.id],
    recordingDelayMs: delayMs(interaction.startedAt, told.recordedAt),
  });
  const recordedAt = claim === undefined ? told.recordedAt : latest(told.recordedAt, claim.recordedAt);
  const isTimely = isByPromisee(told, input.promise) || !isPastLimit(recordedAt, one, input);
  return isTimely ? { finding } : { claimedLate: finding };
}

/** A correction that leaves what an interaction shows of an occurrence as it was makes no evidence late. */
function firstTold(interaction: Interaction, one: Occurrence, promisee: PartyId): Told {
  let told: Told = interaction;
  for (const version of (interaction.earlier ?? []).toReversed()) {
    const before = { ...interaction, ...version };
    if (!matches(before, one, promisee) || !isAsTimely(before.startedAt, interaction.startedAt, one)) break;
    told = version;
  }
  return told;
}

function isAsTimely(before: Instant, after: Instant, { opensAt, dueAt }: Occurrence): boolean {
  if (before === after) return true;
  const isInWindow = (at: Instant) => (opensAt === undefined || opensAt <= at) && (dueAt === undefined || at <= dueAt);
  return isInWindow(before) && isInWindow(after);
}

/** Ours is the side that records where nobody is named: the promisee's, of a promise that we were given. */
const isByPromisee = ({ recordedFor }: Told, { promisee, direction }: MadePromise) =>
  recordedFor === undefined ? direction === "received" : recordedFor === promisee;

/** What the promisor's side records so long after a breach settled supersedes it only once the promisee confirms. */
function isPastLimit(recordedAt: Instant, one: Occurrence, input: AssessmentInput): boolean {
  if (one.deadlineAt === undefined || recordedAt <= one.deadlineAt) return false;
  const settledAt = settlementOf(one.deadlineAt, one.termsRecordedAt, input);
  return settledAt !== null && epochMs(recordedAt) > epochMs(settledAt) + input.policy.promises.evidenceLimitDays * dayMs;
}

/** What its promisor claims, where that is the proof; a larger claim that came too late leaves an earlier one standing. */
function claimedOf(one: Occurrence, input: AssessmentInput): KeepingFound {
  if (one.proof !== "claim") return {};
  const claims = input.promise.claims.filter(({ occurrence }) => occurrence === one.number);
  const isOurs = input.promise.direction === "received";
  const timely = claims.findLast(({ asserted, recordedAt }) => (asserted && isOurs) || !isPastLimit(recordedAt, one, input));
  const last = claims.at(-1);
  return {
    finding: timely && fromWord(timely, one, "claim"),
    claimedLate: last === timely ? undefined : fromWord(last!, one, "claim"),
  };
}

function fromWord(keeping: Keeping, one: Occurrence, reason: "claim" | "confirmation"): Finding {
  return keptFinding(one, keeping.keptAt, keeping.fraction, {
    reason,
    evidence: [keeping.event],
    recordingDelayMs: delayMs(keeping.keptAt, keeping.recordedAt),
  });
}
