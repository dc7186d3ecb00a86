/** Decisions on disputes: an overlay on a verdict, one open dispute an occurrence. */
import type { Draft } from "../decider.ts";
import { DomainError } from "../errors.ts";
import type { PartyId } from "../values.ts";
import type { PromiseCommandOf } from "./commands.ts";
import type { PromiseEvent } from "./events.ts";
import type { Dispute, MadePromise } from "./facts.ts";
import { draft, isEqual, occurrenceMeant, personal, requirePast, requireStatus, saidBy } from "./guards.ts";
import { promisorOf } from "./occurrences.ts";

type Drafts = Draft<PromiseEvent>[];

export function contestVerdict(command: PromiseCommandOf<"ContestVerdict">, facts: MadePromise): Drafts {
  requireStatus(facts, command.at, "in-force", "suspended", "released");
  const occurrence = occurrenceMeant(facts, command.occurrence);
  const said = saidBy(command.speaker, facts.promisee, promisorOf(occurrence));
  // Before its window opens there is nothing that could have been kept or broken.
  if (occurrence.opensAt !== undefined && command.at < occurrence.opensAt)
    throw new DomainError("nothing-to-contest", "its window has not opened", "/occurrence");
  if (command.asserts.verdict !== "broken") requirePast(command.asserts.keptAt, command.at, "/asserts/keptAt");
  const open = facts.disputes.find((one) => one.occurrence === occurrence.number && one.status === "open");
  if (open !== undefined) {
    if (open.by === said.by && isEqual(open.asserts, command.asserts)) return [];
    throw new DomainError("dispute-open", `dispute ${open.number} on this occurrence is open`);
  }
  const data = { dispute: facts.disputes.length + 1, occurrence: occurrence.number, asserts: command.asserts, ...said };
  return [draft("VerdictContested", data, facts.account, personal("reason", command.reason))];
}

export function withdrawContest(command: PromiseCommandOf<"WithdrawContest">, facts: MadePromise): Drafts {
  if (hasEnded(facts, command.occurrence, "withdrawn")) return [];
  const open = disputeMeant(facts, command.occurrence);
  return [draft("ContestWithdrawn", { dispute: open.number, ...saidBy(command.speaker, open.by) }, facts.account)];
}

export function concedeContest(command: PromiseCommandOf<"ConcedeContest">, facts: MadePromise): Drafts {
  if (hasEnded(facts, command.occurrence, "conceded")) return [];
  const open = disputeMeant(facts, command.occurrence);
  const said = saidBy(command.speaker, opponentOf(open, facts));
  return [draft("ContestConceded", { dispute: open.number, ...said }, facts.account)];
}

/** Whoever the dispute is with; a promise may have been handed on since the occurrence fell due. */
function opponentOf({ by, occurrence }: Dispute, facts: MadePromise): PartyId {
  return by === facts.promisee ? promisorOf(occurrenceMeant(facts, occurrence)) : facts.promisee;
}

/** Who may arbitrate is a matter of scopes, at the edge; a party to the promise never rules on it. */
export function ruleDispute(command: PromiseCommandOf<"RuleDispute">, facts: MadePromise): Drafts {
  const { party } = command.speaker;
  if (party !== undefined && isParty(party, facts))
    throw new DomainError("not-your-part", "a party can't rule on its own dispute", "/by");
  if (hasEnded(facts, command.occurrence, command.ruling)) return [];
  const open = disputeMeant(facts, command.occurrence);
  return [
    draft("DisputeRuled", { dispute: open.number, ruling: command.ruling }, facts.account, personal("reason", command.reason)),
  ];
}

const isParty = (party: PartyId, facts: MadePromise) =>
  party === facts.promisee || facts.occurrences.some(({ promisors }) => promisors.some((one) => one.party === party));

function disputeMeant(facts: MadePromise, occurrence: number | undefined): Dispute {
  const open = facts.disputes.filter(
    (one) => one.status === "open" && (occurrence === undefined || one.occurrence === occurrence),
  );
  if (open.length === 0) throw new DomainError("no-dispute-open");
  if (open.length > 1)
    throw new DomainError("occurrence-required", "several disputes are open; name the occurrence", "/occurrence");
  return open[0]!;
}

/** The last dispute meant ended in just this way and none is open: the same word again is not a second fact. */
function hasEnded(facts: MadePromise, occurrence: number | undefined, status: Dispute["status"]): boolean {
  const meant = facts.disputes.filter((one) => occurrence === undefined || one.occurrence === occurrence);
  return meant.every((one) => one.status !== "open") && meant.at(-1)?.status === status;
}
