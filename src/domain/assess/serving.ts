/** Which interaction keeps which occurrence. Within one promise an interaction serves at most one. */
import type { Interaction } from "../interaction.ts";
import type { Keeping, MadePromise } from "../promise/facts.ts";
import type { Occurrence } from "../promise/occurrences.ts";
import type { Instant } from "../values.ts";
import { rulingOn } from "./disputes.ts";
import { isForgiven, letGoAt } from "./letting-go.ts";
import { matches } from "./matching.ts";

/** The interaction that kept an occurrence, and the claim that says so where its window alone doesn't. */
export type Served = { interaction: Interaction; claim?: Keeping };

/** An occurrence that interactions can serve, with what is asked of it again and again. */
type Slot = {
  one: Occurrence;
  closesAt: Instant | undefined;
  /** A late keeping of it would be a courtesy. */
  isForgiven: boolean;
  /** Ruled broken when it was contested here: what had served it until then did not keep it. */
  ruledBrokenAt: Instant | undefined;
};

/**
 * What serves each occurrence whose proof is evidence, by occurrence number.
 *
 * A claim that names an interaction comes first: its promisor says what it was for, and the terms still have to agree. Then in
 * order of (startedAt, id) each interaction goes to its own window's occurrence, else to the earliest unkept one still within
 * grace. A single occurrence is kept late by whatever comes after its grace; in a series an interaction past grace belongs to
 * a later window, unless a claim says which occurrence it made good. Among windows the earliest due comes first, and one that
 * an amendment replaced comes last.
 *
 * @param interactions in order of (startedAt, id).
 * @param bindsFrom nothing that happened before keeps anything.
 */
export function servedBy(facts: MadePromise, interactions: readonly Interaction[], bindsFrom: Instant): Map<number, Served> {
  const slots = slotsOf(facts);
  const served = new Map<number, Served>();
  if (slots.length === 0) return served;
  const kept = interactions.filter(({ isRetracted, startedAt }) => !isRetracted && startedAt >= bindsFrom);
  const claimed = claimedFor(facts, slots, kept, served);
  for (const interaction of kept) {
    if (claimed.has(interaction.id)) continue;
    const slot = slotServed(slots, served, interaction, facts);
    if (slot !== undefined) served.set(slot.one.number, { interaction });
  }
  return served;
}

function slotsOf(facts: MadePromise): Slot[] {
  return facts.occurrences
    .filter((one) => one.proof === "evidence" && one.kind !== "abstain")
    .map((one) => ({
      one,
      closesAt: letGoAt(one, facts),
      isForgiven: isForgiven(one, facts),
      ruledBrokenAt: ruledBrokenAt(one, facts),
    }))
    .sort(inOrderOfService);
}

function ruledBrokenAt(one: Occurrence, facts: MadePromise): Instant | undefined {
  const ruling = rulingOn(one, facts);
  return ruling?.asserts.verdict === "broken" ? ruling.contestedAt : undefined;
}

const endOfTime = "9999";
const inOrderOfService = ({ one: a }: Slot, { one: b }: Slot) =>
  Number(a.supersededAt !== undefined) - Number(b.supersededAt !== undefined) ||
  compare(a.dueAt ?? endOfTime, b.dueAt ?? endOfTime) ||
  a.number - b.number;

/** In order of (startedAt, id). */
export const inOrder = (interactions: readonly Interaction[]): Interaction[] =>
  interactions.toSorted((a, b) => compare(a.startedAt, b.startedAt) || compare(a.id, b.id));

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Enters into `served` what claims link to an occurrence. @returns the ids of the interactions so used. */
function claimedFor(
  facts: MadePromise,
  slots: readonly Slot[],
  interactions: readonly Interaction[],
  served: Map<number, Served>,
): Set<string> {
  const used = new Set<string>();
  for (const claim of facts.claims) {
    const slot = slots.find(({ one }) => one.number === claim.occurrence);
    const interaction = interactions.find(({ id }) => id === claim.interaction);
    if (slot === undefined || interaction === undefined || used.has(interaction.id)) continue;
    const { opensAt } = slot.one;
    const at = interaction.startedAt;
    if ((opensAt !== undefined && at < opensAt) || !isFree(slot, served, at)) continue;
    if (!matches(interaction, slot.one, facts.promisee)) continue;
    served.set(slot.one.number, { interaction, claim });
    used.add(interaction.id);
  }
  return used;
}

function slotServed(
  slots: readonly Slot[],
  served: ReadonlyMap<number, Served>,
  interaction: Interaction,
  facts: MadePromise,
): Slot | undefined {
  const at = interaction.startedAt;
  const fits = (slot: Slot) => isFree(slot, served, at) && matches(interaction, slot.one, facts.promisee);
  return slots.find((slot) => isInWindow(slot.one, at) && fits(slot)) ?? slots.find((slot) => isInGrace(slot, at) && fits(slot));
}

const isInWindow = ({ opensAt, dueAt }: Occurrence, at: Instant) =>
  (dueAt === undefined || at < dueAt) && (opensAt === undefined || opensAt <= at);

const isInGrace = ({ one: { dueAt, deadlineAt, kind }, isForgiven }: Slot, at: Instant) =>
  dueAt !== undefined && dueAt <= at && (kind === "once" || at <= deadlineAt!) && (at === dueAt || !isForgiven);

/** Nothing serves it yet, or what did was ruled out by the time of `at`; and it has not been let go. */
function isFree({ one, closesAt, ruledBrokenAt }: Slot, served: ReadonlyMap<number, Served>, at: Instant): boolean {
  if (closesAt !== undefined && at >= closesAt) return false;
  const before = served.get(one.number);
  if (before === undefined) return true;
  return ruledBrokenAt !== undefined && before.interaction.startedAt <= ruledBrokenAt && at > ruledBrokenAt;
}
