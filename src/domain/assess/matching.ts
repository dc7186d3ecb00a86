/** Whether an interaction is one that the terms of an occurrence speak of. */
import type { Interaction } from "../interaction.ts";
import type { MadePromise } from "../promise/facts.ts";
import { type Occurrence, promisorAt } from "../promise/occurrences.ts";
import type { Matcher } from "../terms.ts";
import { type Instant, isPerson, type PartyId } from "../values.ts";

/** A promise without a matcher speaks of no interaction; what has been retracted proves nothing. */
export function matches(interaction: Interaction, occurrence: Occurrence, promisee: PartyId): boolean {
  const { matcher } = occurrence;
  if (matcher === undefined || interaction.isRetracted || !hasForm(interaction, matcher)) return false;
  return (
    matcher.participants?.every((one) => interaction.participants.includes(one)) ??
    (tookPart(promisee, interaction) && tookPart(promisorAt(occurrence, interaction.startedAt), interaction))
  );
}

/**
 * Whether knowing of an interaction can change what holds of a promise: some occurrence speaks of it and is open to it, or a
 * claim names it. Read models judge a promise anew only then.
 */
export const concerns = (interaction: Interaction, facts: MadePromise): boolean =>
  facts.occurrences.some((one) => isOpenAt(one, interaction.startedAt) && matches(interaction, one, facts.promisee)) ||
  facts.claims.some((claim) => claim.interaction === interaction.id);

/** From its opening to its deadline; a single occurrence without end, since whatever comes keeps it late. */
const isOpenAt = ({ kind, opensAt, deadlineAt }: Occurrence, at: Instant): boolean =>
  (opensAt === undefined || opensAt <= at) && (kind === "once" || deadlineAt === undefined || at <= deadlineAt);

function hasForm(
  interaction: Interaction,
  { kinds, purposes, channels, directions, minMinutes, tagsWith, tagsWithout }: Matcher,
): boolean {
  return (
    isOneOf(kinds, interaction.kind) &&
    isOneOf(purposes, interaction.purpose) &&
    isOneOf(channels, interaction.channel) &&
    isOneOf(directions, interaction.direction) &&
    (minMinutes === undefined || (interaction.minutes ?? 0) >= minMinutes) &&
    (tagsWith === undefined || tagsWith.every((tag) => interaction.tags.includes(tag))) &&
    (tagsWithout === undefined || !tagsWithout.some((tag) => interaction.tags.includes(tag)))
  );
}

const isOneOf = <Value>(allowed: readonly Value[] | undefined, value: Value | undefined) =>
  allowed === undefined || (value !== undefined && allowed.includes(value));

/** An account or the house takes part through anybody. */
const tookPart = (party: PartyId, { participants }: Interaction) => !isPerson(party) || participants.includes(party);
