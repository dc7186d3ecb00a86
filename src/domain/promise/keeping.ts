/** Decisions on what was done: claims, confirmations, waivers and reneging. */
import type { Draft } from "../decider.ts";
import { DomainError } from "../errors.ts";
import type { PromiseCommandOf } from "./commands.ts";
import type { PromiseEvent } from "./events.ts";
import { type MadePromise, type Occurrence, promisorAt } from "./facts.ts";
import { draft, occurrenceMeant, personal, requireStatus, saidBy } from "./guards.ts";

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
  if (command.keptAt > command.at) throw new DomainError("in-the-future", "`keptAt` is later than the claim", "/keptAt");
  const before = facts.claims.findLast((claim) => claim.occurrence === occurrence.number);
  if (before !== undefined) return repeatedClaim(command, before);
  return [draft("KeepingClaimed", claimOf(command, occurrence, said), facts.account)];

  function repeatedClaim(again: typeof command, first: NonNullable<typeof before>): Drafts {
    const isSame = first.keptAt === again.keptAt && first.fraction === again.fraction && first.interaction === again.interaction;
    if (isSame) return [];
    // A part that grows is news; anything else would rewrite what was claimed.
    if (again.fraction <= first.fraction) throw new DomainError("already-claimed");
    return [draft("KeepingClaimed", claimOf(again, occurrence, said), facts.account)];
  }
}

const claimOf = (command: PromiseCommandOf<"ClaimKeeping">, occurrence: Occurrence, said: ReturnType<typeof saidBy>) => ({
  occurrence: occurrence.number,
  keptAt: command.keptAt,
  fraction: command.fraction,
  interaction: command.interaction,
  ...said,
});

export function confirmKeeping(command: PromiseCommandOf<"ConfirmKeeping">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, facts.promisee);
  requireStatus(facts, command.at, ...once);
  const occurrence = occurrenceMeant(facts, command.occurrence);
  if (occurrence.kind === "abstain")
    throw new DomainError("abstention-not-claimable", "an abstention is kept when its time is over; contest what you dispute");
  const claim = facts.claims.findLast((one) => one.occurrence === occurrence.number);
  const keptAt = command.keptAt ?? claim?.keptAt ?? command.at;
  if (keptAt > command.at) throw new DomainError("in-the-future", "`keptAt` is later than the confirmation", "/keptAt");
  const before = facts.confirmations.findLast((one) => one.occurrence === occurrence.number);
  if (before?.keptAt === keptAt && before.fraction === command.fraction) return [];
  if (before !== undefined && command.keptAt === undefined && before.fraction === command.fraction) return [];
  if (before !== undefined && command.fraction <= before.fraction) throw new DomainError("already-confirmed");
  return [
    draft("PromiseConfirmed", { occurrence: occurrence.number, keptAt, fraction: command.fraction, ...said }, facts.account),
  ];
}

export function waiveOccurrence(command: PromiseCommandOf<"WaiveOccurrence">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, facts.promisee);
  requireStatus(facts, command.at, ...once);
  const { number } = occurrenceMeant(facts, command.occurrence);
  if (facts.waived.some((waiver) => waiver.occurrence === number)) return [];
  return [draft("OccurrenceWaived", { occurrence: number, ...said }, facts.account, personal("reason", command.reason))];
}

/** Without an occurrence, every one that is still to come. */
export function renege(command: PromiseCommandOf<"RenegePromise">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, facts.promisor);
  requireStatus(facts, command.at, "conditional", "in-force", "suspended");
  const occurrence = command.occurrence === undefined ? undefined : occurrenceMeant(facts, command.occurrence).number;
  const isSaid = facts.reneged.some((one) => one.occurrence === undefined || one.occurrence === occurrence);
  if (isSaid) return [];
  return [draft("PromiseReneged", { occurrence, ...said }, facts.account, personal("reason", command.reason))];
}
