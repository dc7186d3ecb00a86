/** What breaks a promise before the clock does: an act that an abstention forbids, and the promisor's own word. */
import type { MadePromise } from "../promise/facts.ts";
import { isSuspended, renegedOn } from "../promise/facts.ts";
import type { Occurrence } from "../promise/occurrences.ts";
import { type Instant, latest } from "../values.ts";
import { brokenFinding, byWord, delayMs } from "./finding.ts";
import { letGoAt } from "./letting-go.ts";
import { matches } from "./matching.ts";
import type { AssessmentInput, Finding } from "./settlement.ts";

/**
 * The first act that an abstention forbids, from when it binds to its end.
 * @param after acts up to this instant are left out: a dispute about them was settled.
 */
export function violationOf(
  one: Occurrence,
  bindsFrom: Instant,
  { promise, interactions }: AssessmentInput,
  after?: Instant,
): Finding | null {
  if (one.kind !== "abstain") return null;
  const from = latest(one.opensAt!, bindsFrom);
  const end = letGoAt(one, promise) ?? one.dueAt!;
  const isForbidden = (at: Instant) => from <= at && at < end && (after === undefined || at > after) && !isSuspended(promise, at);
  const act = interactions.find(
    (interaction) => isForbidden(interaction.startedAt) && matches(interaction, one, promise.promisee),
  );
  if (act === undefined) return null;
  const recordingDelayMs = delayMs(act.startedAt, act.recordedAt);
  return brokenFinding(act.startedAt, { reason: "violation", evidence: [act.id], recordingDelayMs });
}

/** Broken from the word on, but never before its window opens. */
export function reneged(one: Occurrence, promise: MadePromise, bindsFrom: Instant): Finding | null {
  const word = renegedOn(promise, one);
  if (word === undefined) return null;
  return brokenFinding(latest(word.at, one.opensAt ?? bindsFrom, bindsFrom), byWord("reneged", word));
}
