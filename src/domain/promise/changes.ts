/** Decisions on changes: proposed by one party, accepted by the other. One proposal lies on the table at a time. */
import type { Draft } from "../decider.ts";
import { DomainError } from "../errors.ts";
import type { Instant } from "../values.ts";
import type { PromiseCommandOf } from "./commands.ts";
import type { ChangeProposal, PromiseEvent } from "./events.ts";
import { isEqual, type MadePromise } from "./facts.ts";
import { again, checkOffer, draft, occurrenceMeant, otherParty, personal, requireStatus, saidBy } from "./guards.ts";
import { isChangeable, type Occurrence, stillToCome } from "./occurrences.ts";

type Drafts = Draft<PromiseEvent>[];

export function proposeChange(command: PromiseCommandOf<"ProposeChange">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, facts.promisor, facts.promisee);
  requireStatus(facts, command.at, "conditional", "in-force", "suspended");
  if (facts.proposal !== undefined) {
    if (facts.proposal.by === said.by && isEqual(facts.proposal.proposal, command.proposal)) {
      const { change, proposal } = facts.proposal;
      return again(facts, command, said.by, "ChangeProposed", { change, proposal });
    }
    throw new DomainError("change-pending", `change ${facts.proposal.change} waits for an answer`);
  }
  checkProposal(command.proposal, command.at, facts);
  const data = { change: facts.changes + 1, proposal: command.proposal, ...said };
  return [draft("ChangeProposed", data, facts.account, personal("reason", command.reason))];
}

/**
 * Whether a change can still do what it says at an instant: when it is proposed, and again when it is accepted.
 * @throws DomainError `change-unfit`, or `terms-invalid` for terms that contradict themselves.
 */
function checkProposal(proposal: ChangeProposal, at: Instant, facts: MadePromise): void {
  switch (proposal.type) {
    case "amend":
      checkOffer(proposal.offer, "/change");
      return requireFit(stillToCome(proposal.offer, at).length > 0, "all of it would have been due already", "/change/terms");
    case "reassign":
      return requireFit(
        proposal.promisor !== facts.promisee && proposal.promisor !== facts.promisor,
        "another promisor is needed",
        "/change/promisor",
      );
    case "suspend":
      requireStatus(facts, at, "in-force", "suspended");
      return requireFit(proposal.until === undefined || proposal.until > at, "`until` must be later than `at`", "/change/until");
    case "reschedule":
      return checkReschedule(proposal, at, occurrenceMeant(facts, proposal.occurrence));
  }
}

function checkReschedule(
  { opensAt, dueAt }: Extract<ChangeProposal, { type: "reschedule" }>,
  at: Instant,
  occurrence: Occurrence,
): void {
  const opens = opensAt ?? occurrence.opensAt;
  requireFit(isChangeable(occurrence, at), "that occurrence was due already, or superseded", "/change/occurrence");
  requireFit(dueAt > at, "`dueAt` must be later than `at`", "/change/dueAt");
  requireFit(opens === undefined || dueAt > opens, "`dueAt` must be later than `opensAt`", "/change/dueAt");
}

function requireFit(isFit: boolean, detail: string, field: string): void {
  if (!isFit) throw new DomainError("change-unfit", detail, field);
}

export function acceptChange(command: PromiseCommandOf<"AcceptChange">, facts: MadePromise): Drafts {
  if (isAnswered(facts, "accepted")) return answeredAgain(command, facts, "ChangeAccepted");
  const { change, by, proposal } = pending(facts);
  const said = saidBy(command.speaker, otherParty(facts, by));
  requireStatus(facts, command.at, "conditional", "in-force", "suspended");
  checkProposal(proposal, command.at, facts);
  return [draft("ChangeAccepted", { change, ...said }, facts.account)];
}

export function declineChange(command: PromiseCommandOf<"DeclineChange">, facts: MadePromise): Drafts {
  if (isAnswered(facts, "declined")) return answeredAgain(command, facts, "ChangeDeclined");
  const { change, by } = pending(facts);
  const said = saidBy(command.speaker, otherParty(facts, by));
  return [draft("ChangeDeclined", { change, ...said }, facts.account, personal("reason", command.reason))];
}

export function withdrawChange(command: PromiseCommandOf<"WithdrawChange">, facts: MadePromise): Drafts {
  if (isAnswered(facts, "withdrawn")) return answeredAgain(command, facts, "ChangeWithdrawn");
  const { change, by } = pending(facts);
  return [draft("ChangeWithdrawn", { change, ...saidBy(command.speaker, by) }, facts.account)];
}

function pending(facts: MadePromise) {
  if (facts.proposal === undefined) throw new DomainError("no-change-pending");
  return facts.proposal;
}

const answeredAgain = (
  command: PromiseCommandOf<"AcceptChange" | "DeclineChange" | "WithdrawChange">,
  facts: MadePromise,
  type: "ChangeAccepted" | "ChangeDeclined" | "ChangeWithdrawn",
) => again(facts, command, facts.answeredBy, type, { change: facts.changes });

const isAnswered = (facts: MadePromise, answer: MadePromise["answered"]) =>
  facts.proposal === undefined && facts.answered === answer;
