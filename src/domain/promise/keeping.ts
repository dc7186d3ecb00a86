/** Decisions on what was done: claims, confirmations, waivers and reneging. */
import type { Draft } from "../decider.ts";
import { DomainError } from "../errors.ts";
import type { Instant } from "../values.ts";
import type { PromiseCommandOf } from "./commands.ts";
import type { PromiseEvent } from "./events.ts";
import { type Keeping, type MadePromise, isReneged, promisorAt } from "./facts.ts";
import { again, draft, occurrenceMeant, personal, requirePast, requireStatus, saidBy } from "./guards.ts";
import type { Occurrence } from "./occurrences.ts";

type Drafts = Draft<PromiseEvent>[];

/** What was done before a release may still be told after it. */
const once = ["in-force", "suspended", "released"] as const;

export function claimKeeping(command: PromiseCommandOf<"ClaimKeeping">, facts: MadePromise): Drafts {
  requireStatus(facts, command.at, ...once);
  const occurrence = occurrenceMeant(facts, command.occurrence);
  const said = saidBy(command.speaker, promisorAt(occurrence, command.keptAt));
  if (occurrence.kind === "abstain")
    throw new DomainError("abstention-not-claimable", "an abstention is kept when its time is over, not when somebody says so");
  if (occurrence.proof === "evidence" && command.interaction === undefined)
    throw new DomainError("evidence-required", "its proof is an interaction; name the one that kept it", "/interaction");
  requirePast(command.keptAt, command.at, "/keptAt");
  const { number } = occurrence;
  const before = facts.claims.filter((claim) => claim.occurrence === number);
  const { keptAt, fraction, interaction } = command;
  if (before.some((claim) => isSameClaim(claim, command)))
    return again(facts, command, said.by, "KeepingClaimed", { occurrence: number, keptAt, fraction, interaction });
  if (!isNews(command, before, occurrence)) throw new DomainError("already-claimed");
  return [draft("KeepingClaimed", { occurrence: number, keptAt, fraction, interaction, ...said }, facts.account)];
}

type Claimed = Pick<Keeping, "keptAt" | "fraction" | "interaction">;

const isSameClaim = (a: Claimed, b: Claimed) =>
  a.keptAt === b.keptAt && a.fraction === b.fraction && a.interaction === b.interaction;

/** A part that grows is news, and so is another interaction to show; anything else would rewrite what was claimed. */
function isNews({ fraction, interaction }: Claimed, before: readonly Claimed[], { proof }: Occurrence): boolean {
  if (before.every((claim) => claim.fraction < fraction)) return true;
  return proof === "evidence" && before.every((claim) => claim.interaction !== interaction);
}

export function confirmKeeping(command: PromiseCommandOf<"ConfirmKeeping">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, facts.promisee);
  requireStatus(facts, command.at, ...once);
  const occurrence = occurrenceMeant(facts, command.occurrence);
  if (occurrence.kind === "abstain")
    throw new DomainError("abstention-not-claimable", "an abstention is kept when its time is over; contest what you dispute");
  const { number } = occurrence;
  const before = facts.confirmations.findLast((one) => one.occurrence === number);
  const keptAt = command.keptAt ?? before?.keptAt ?? lastClaimedAt(facts, number) ?? command.at;
  requirePast(keptAt, command.at, "/keptAt");
  const { fraction } = command;
  if (before?.keptAt === keptAt && before.fraction === fraction)
    return again(facts, command, said.by, "PromiseConfirmed", { occurrence: number, keptAt, fraction });
  if (before !== undefined && !outweighs({ asserted: said.asserted, fraction }, before))
    throw new DomainError("already-confirmed");
  return [draft("PromiseConfirmed", { occurrence: number, keptAt, fraction, ...said }, facts.account)];
}

/** Its own word outweighs one that was asserted on its behalf, whatever it says; among equals a part may grow. */
const outweighs = (word: Pick<Keeping, "asserted" | "fraction">, before: Keeping) =>
  word.asserted === before.asserted ? word.fraction > before.fraction : before.asserted;

const lastClaimedAt = (facts: MadePromise, number: number): Instant | undefined =>
  facts.claims.findLast((claim) => claim.occurrence === number)?.keptAt;

export function waiveOccurrence(command: PromiseCommandOf<"WaiveOccurrence">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, facts.promisee);
  requireStatus(facts, command.at, ...once);
  const { number } = occurrenceMeant(facts, command.occurrence);
  if (facts.waived.some((waiver) => waiver.occurrence === number))
    return again(facts, command, said.by, "OccurrenceWaived", { occurrence: number });
  return [draft("OccurrenceWaived", { occurrence: number, ...said }, facts.account, personal("reason", command.reason))];
}

/** Without an occurrence, every one of its promisor's that is open by then. */
export function renege(command: PromiseCommandOf<"RenegePromise">, facts: MadePromise): Drafts {
  requireStatus(facts, command.at, "conditional", "in-force", "suspended");
  const one = command.occurrence === undefined ? undefined : occurrenceMeant(facts, command.occurrence);
  const said = saidBy(command.speaker, one === undefined ? facts.promisor : promisorAt(one, undefined));
  const { occurrence, at } = command;
  if (isReneged(facts, { occurrence, by: said.by }, at)) return again(facts, command, said.by, "PromiseReneged", { occurrence });
  return [
    draft("PromiseReneged", { occurrence: command.occurrence, ...said }, facts.account, personal("reason", command.reason)),
  ];
}
