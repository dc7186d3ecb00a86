/** The keeping that the proof of an occurrence asks for. The promisee's own word stands whatever the proof. */
import type { Interaction } from "../interaction.ts";
import type { Policy } from "../policy.ts";
import type { Keeping, MadePromise } from "../promise/facts.ts";
import type { Occurrence } from "../promise/occurrences.ts";
import { dayMs, epochMs, type Instant, type PartyId } from "../values.ts";
import { delayMs, keptFinding } from "./finding.ts";
import { matches } from "./matching.ts";
import type { Served } from "./serving.ts";
import type { AssessmentInput, ClockFinding, Finding } from "./settlement.ts";

/** `claimedLate` was recorded so late that it needs the promisee's confirmation, and has none. */
export type KeepingFound = { finding?: Finding; claimedLate?: Finding };

/** Where a keeping is told: by whose recording, and since when. */
type Told = { recordedAt: Instant; recordedFor?: PartyId };

export function keepingOf(
  one: Occurrence,
  served: Served | undefined,
  input: AssessmentInput,
  clock: ClockFinding | null,
): KeepingFound {
  if (one.kind === "abstain") return {};
  const { promise } = input;
  const shown = served === undefined ? claimedOf(one, input, clock) : shownBy(served, one, input, clock);
  const confirmed = promise.confirmations.findLast(({ occurrence }) => occurrence === one.number);
  if (confirmed === undefined) return shown;
  const word = fromWord(confirmed, one, "confirmation");
  return { finding: served === undefined ? word : better(shown.finding ?? shown.claimedLate!, word) };
}

/** A confirmation vouches for the evidence, and where it says more it counts for more. */
const better = (evidence: Finding, word: Finding) => (word.credit! > evidence.credit! ? word : evidence);

function shownBy(served: Served, one: Occurrence, input: AssessmentInput, clock: ClockFinding | null): KeepingFound {
  const { interaction, claim } = served;
  const told = firstTold(interaction, one, input.promise.promisee);
  const finding = keptFinding(one, interaction.startedAt, 1, {
    reason: "evidence",
    evidence: [interaction.id],
    recordingDelayMs: delayMs(interaction.startedAt, told.recordedAt),
  });
  const isLate = isByPromisee(told, input.promise)
    ? false
    : isPastLimit(told.recordedAt, clock, input.policy) ||
      (claim !== undefined && isPastLimit(claim.recordedAt, clock, input.policy));
  return isLate ? { claimedLate: finding } : { finding };
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
function isPastLimit(recordedAt: Instant, clock: ClockFinding | null, policy: Policy): boolean {
  if (clock === null || clock.settlesAt === null || recordedAt <= clock.settlesAt) return false;
  return epochMs(recordedAt) > epochMs(clock.settlesAt) + policy.promises.evidenceLimitDays * dayMs;
}

/** What its promisor claims, where that is the proof; a larger claim that came too late leaves an earlier one standing. */
function claimedOf(one: Occurrence, { promise, policy }: AssessmentInput, clock: ClockFinding | null): KeepingFound {
  if (one.proof !== "claim") return {};
  const claims = promise.claims.filter(({ occurrence }) => occurrence === one.number);
  const isTimely = (claim: Keeping) =>
    (claim.asserted && promise.direction === "received") || !isPastLimit(claim.recordedAt, clock, policy);
  const timely = claims.findLast(isTimely);
  const last = claims.at(-1);
  return {
    ...(timely === undefined ? {} : { finding: fromWord(timely, one, "claim") }),
    ...(last === undefined || last === timely ? {} : { claimedLate: fromWord(last, one, "claim") }),
  };
}

function fromWord(keeping: Keeping, one: Occurrence, reason: "claim" | "confirmation"): Finding {
  return keptFinding(one, keeping.keptAt, keeping.fraction, {
    reason,
    evidence: [keeping.event],
    recordingDelayMs: delayMs(keeping.keptAt, keeping.recordedAt),
  });
}
