/** Which interaction keeps which occurrence. Within one promise an interaction serves at most one. */
import type { Interaction } from "../interaction.ts";
import type { MadePromise, Occurrence } from "../promise/facts.ts";
import { addMs, type Instant, minuteMs } from "../values.ts";
import { matches } from "./matching.ts";

export const deadlineOf = ({ dueAt, graceMinutes }: Occurrence): Instant | undefined =>
  dueAt === undefined ? undefined : addMs(dueAt, graceMinutes * minuteMs);

/**
 * The interaction that serves each occurrence whose proof is evidence, by occurrence number.
 *
 * In order of (startedAt, id) each interaction goes to its own window's occurrence, else to the earliest unkept one still
 * within grace. A single occurrence is kept late by whatever comes after its grace; in a series an interaction past grace
 * belongs to a later window, unless a claim says which occurrence it made good.
 *
 * @param inForceAt nothing that happened before keeps anything.
 */
export function servedBy(facts: MadePromise, interactions: readonly Interaction[], inForceAt: Instant): Map<number, Interaction> {
  const served = new Map<number, Interaction>();
  const provable = facts.occurrences.filter((one) => one.proof === "evidence" && one.kind !== "abstain");
  if (provable.length === 0) return served;
  const linked = linkedByClaim(facts, provable, interactions, inForceAt, served);
  for (const interaction of inOrder(interactions)) {
    if (interaction.startedAt < inForceAt || linked.has(interaction.id)) continue;
    const occurrence = occurrenceServed(provable, served, interaction, facts);
    if (occurrence !== undefined) served.set(occurrence.number, interaction);
  }
  return served;
}

export const inOrder = (interactions: readonly Interaction[]): Interaction[] =>
  interactions.toSorted((a, b) => (a.startedAt === b.startedAt ? compare(a.id, b.id) : compare(a.startedAt, b.startedAt)));

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Claims that name an interaction come first: the promisor says what it was for, and the matcher still has to agree. */
function linkedByClaim(
  facts: MadePromise,
  provable: Occurrence[],
  interactions: readonly Interaction[],
  inForceAt: Instant,
  served: Map<number, Interaction>,
): Set<string> {
  const linked = new Set<string>();
  for (const claim of facts.claims) {
    const occurrence = provable.find((one) => one.number === claim.occurrence);
    const interaction = interactions.find((one) => one.id === claim.interaction);
    if (occurrence === undefined || interaction === undefined || linked.has(interaction.id) || served.has(occurrence.number))
      continue;
    const isInTime =
      interaction.startedAt >= inForceAt && (occurrence.opensAt === undefined || interaction.startedAt >= occurrence.opensAt);
    if (!isInTime || !isOpenTo(occurrence, facts, interaction.startedAt) || !matches(interaction, occurrence, facts.promisee))
      continue;
    served.set(occurrence.number, interaction);
    linked.add(interaction.id);
  }
  return linked;
}

function occurrenceServed(
  provable: readonly Occurrence[],
  served: Map<number, Interaction>,
  interaction: Interaction,
  facts: MadePromise,
): Occurrence | undefined {
  const at = interaction.startedAt;
  const fitting = (one: Occurrence) =>
    !served.has(one.number) && isOpenTo(one, facts, at) && matches(interaction, one, facts.promisee);
  const own = earliestDue(provable.filter((one) => isInWindow(one, at) && fitting(one)));
  return own ?? earliestDue(provable.filter((one) => isWithinGrace(one, at) && fitting(one)));
}

const isInWindow = ({ opensAt, dueAt }: Occurrence, at: Instant) =>
  (opensAt === undefined || opensAt <= at) && (dueAt === undefined || at < dueAt);

const isWithinGrace = (one: Occurrence, at: Instant) =>
  one.dueAt !== undefined && one.dueAt <= at && (one.kind === "once" || at <= deadlineOf(one)!);

/** What an amendment replaced or the promisee let go can't be kept afterwards. */
export const isOpenTo = (one: Occurrence, facts: MadePromise, at: Instant): boolean =>
  (one.supersededAt === undefined || at < one.supersededAt) && (facts.releasedAt === undefined || at < facts.releasedAt);

const earliestDue = (some: readonly Occurrence[]): Occurrence | undefined =>
  some.reduce<Occurrence | undefined>(
    (first, one) => (first === undefined || (one.dueAt ?? "9") < (first.dueAt ?? "9") ? one : first),
    undefined,
  );
