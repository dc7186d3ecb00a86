/** Decisions on disputes: an overlay on a verdict, one open dispute an occurrence. */
import type { Draft } from "../decider.ts";
import { DomainError } from "../errors.ts";
import type { PartyId } from "../values.ts";
import type { PromiseCommandOf } from "./commands.ts";
import type { Assertion, PromiseEvent } from "./events.ts";
import { type Dispute, isEqual, type MadePromise } from "./facts.ts";
import { again, draft, occurrenceMeant, personal, requirePast, requireStatus, saidBy } from "./guards.ts";
import { type Occurrence, promisorOf } from "./occurrences.ts";

type Drafts = Draft<PromiseEvent>[];

export function contestVerdict(command: PromiseCommandOf<"ContestVerdict">, facts: MadePromise): Drafts {
  requireStatus(facts, command.at, "in-force", "suspended", "released");
  const occurrence = occurrenceMeant(facts, command.occurrence);
  const said = saidBy(command.speaker, facts.promisee, promisorOf(occurrence));
  // Before its window opens there is nothing that could have been kept or broken.
  if (occurrence.opensAt !== undefined && command.at < occurrence.opensAt)
    throw new DomainError("nothing-to-contest", "its window has not opened", "/occurrence");
  const asserts = assertedOf(command, occurrence);
  if (asserts.verdict !== "broken") requirePast(asserts.keptAt, command.at, "/asserts/keptAt");
  const open = facts.disputes.find((one) => one.occurrence === occurrence.number && one.status === "open");
  if (open !== undefined) {
    if (open.by === said.by && isSaidAgain(open.asserts, asserts, occurrence)) {
      const { number: dispute, asserts } = open;
      return again(facts, command, said.by, "VerdictContested", { dispute, occurrence: occurrence.number, asserts });
    }
    throw new DomainError("dispute-open", `dispute ${open.number} on this occurrence is open`);
  }
  const data = { dispute: facts.disputes.length + 1, occurrence: occurrence.number, asserts, ...said };
  return [draft("VerdictContested", data, facts.account, personal("reason", command.reason))];
}

/**
 * That an abstention was kept is said of its window up to the contest: no instant is asked for.
 * @throws DomainError `terms-invalid` where one is named all the same, or lacks elsewhere.
 */
function assertedOf({ asserts, at }: PromiseCommandOf<"ContestVerdict">, { kind }: Occurrence): Assertion {
  if (asserts.verdict !== "kept") return asserts;
  const { keptAt } = asserts;
  if (kind === "abstain" && keptAt !== undefined)
    throw new DomainError("terms-invalid", "an abstention is kept all along: leave the instant out", "/asserts/keptAt");
  if (kind === "abstain") return { verdict: "kept", keptAt: at };
  if (keptAt === undefined) throw new DomainError("terms-invalid", "say when it was kept", "/asserts/keptAt");
  return { verdict: "kept", keptAt };
}

/** The instant of a contest is no part of what it says. */
const isSaidAgain = (before: Assertion, now: Assertion, { kind }: Occurrence): boolean =>
  kind === "abstain" && now.verdict === "kept" ? before.verdict === "kept" : isEqual(before, now);

export function withdrawContest(command: PromiseCommandOf<"WithdrawContest">, facts: MadePromise): Drafts {
  const ended = endedAs(facts, command.occurrence, "withdrawn");
  if (ended !== undefined) return again(facts, command, ended.by, "ContestWithdrawn", { dispute: ended.number });
  const open = disputeMeant(facts, command.occurrence);
  return [draft("ContestWithdrawn", { dispute: open.number, ...saidBy(command.speaker, open.by) }, facts.account)];
}

export function concedeContest(command: PromiseCommandOf<"ConcedeContest">, facts: MadePromise): Drafts {
  const ended = endedAs(facts, command.occurrence, "conceded");
  if (ended !== undefined) return again(facts, command, opponentOf(ended, facts), "ContestConceded", { dispute: ended.number });
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
  if (endedAs(facts, command.occurrence, command.ruling) !== undefined) return [];
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

/** The last dispute meant, where it ended in just this way and none is open: the same word again is not a second fact. */
function endedAs(facts: MadePromise, occurrence: number | undefined, status: Dispute["status"]): Dispute | undefined {
  const meant = facts.disputes.filter((one) => occurrence === undefined || one.occurrence === occurrence);
  const last = meant.at(-1);
  return last?.status === status && meant.every((one) => one.status !== "open") ? last : undefined;
}
