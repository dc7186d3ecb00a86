/** Whether an interaction is one that the terms of an occurrence speak of. */
import type { Interaction } from "../interaction.ts";
import { type Occurrence, promisorAt } from "../promise/facts.ts";
import type { Matcher } from "../terms.ts";
import { isPerson, type PartyId, type PersonId } from "../values.ts";

/** A promise without a matcher speaks of no interaction; what has been retracted proves nothing. */
export function matches(interaction: Interaction, occurrence: Occurrence, promisee: PartyId): boolean {
  const { matcher } = occurrence;
  if (matcher === undefined || interaction.isRetracted) return false;
  return (
    hasForm(interaction, matcher) &&
    participantsMeant(matcher, promisorAt(occurrence, interaction.startedAt), promisee).every((one) =>
      interaction.participants.includes(one),
    )
  );
}

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
    (tagsWith ?? []).every((tag) => interaction.tags.includes(tag)) &&
    !(tagsWithout ?? []).some((tag) => interaction.tags.includes(tag))
  );
}

const isOneOf = <Value>(allowed: readonly Value[] | undefined, value: Value | undefined) =>
  allowed === undefined || (value !== undefined && allowed.includes(value));

/** By default promisor and promisee take part; an account or the house takes part through anybody. */
function participantsMeant({ participants }: Matcher, promisor: PartyId, promisee: PartyId): readonly PersonId[] {
  return participants ?? [promisor, promisee].filter(isPerson);
}
