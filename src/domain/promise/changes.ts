/** Decisions on changes: proposed by one party, accepted by the other. One proposal lies on the table at a time. */
import type { Draft } from "../decider.ts";
import { DomainError } from "../errors.ts";
import { checkTerms } from "../terms.ts";
import type { PromiseCommandOf } from "./commands.ts";
import type { ChangeProposal, PromiseEvent } from "./events.ts";
import type { MadePromise } from "./facts.ts";
import { draft, occurrenceMeant, otherParty, personal, requireStatus, saidBy } from "./guards.ts";

type Drafts = Draft<PromiseEvent>[];

export function proposeChange(command: PromiseCommandOf<"ProposeChange">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, facts.promisor, facts.promisee);
  requireStatus(facts, command.at, "conditional", "in-force", "suspended");
  if (facts.proposal !== undefined) {
    if (JSON.stringify(facts.proposal.proposal) === JSON.stringify(command.proposal) && facts.proposal.by === said.by) return [];
    throw new DomainError("change-pending", `change ${facts.proposal.change} waits for an answer`);
  }
  checkProposal(command.proposal, command.at, facts);
  return [
    draft(
      "ChangeProposed",
      { change: facts.changes + 1, proposal: command.proposal, ...said },
      facts.account,
      personal("reason", command.reason),
    ),
  ];
}

function checkProposal(proposal: ChangeProposal, at: string, facts: MadePromise): void {
  switch (proposal.type) {
    case "amend":
      return checkTerms(proposal.offer.terms);
    case "reassign":
      if (proposal.promisor === facts.promisee || proposal.promisor === facts.promisor)
        throw new DomainError("change-unfit", "another promisor is needed", "/change/promisor");
      return;
    case "suspend":
      if (proposal.until !== undefined && proposal.until <= at)
        throw new DomainError("change-unfit", "`until` must be later than `at`", "/change/until");
      return;
    case "reschedule": {
      const occurrence = occurrenceMeant(facts, proposal.occurrence);
      const opensAt = proposal.opensAt ?? occurrence.opensAt;
      if (occurrence.supersededAt !== undefined)
        throw new DomainError("change-unfit", "that occurrence was superseded", "/change/occurrence");
      if (opensAt !== undefined && proposal.dueAt <= opensAt)
        throw new DomainError("change-unfit", "`dueAt` must be later than `opensAt`", "/change/dueAt");
    }
  }
}

export function acceptChange(command: PromiseCommandOf<"AcceptChange">, facts: MadePromise): Drafts {
  if (isAnswered(facts, "accepted")) return [];
  const { change, by } = pending(facts);
  const said = saidBy(command.speaker, otherParty(facts, by));
  requireStatus(facts, command.at, "conditional", "in-force", "suspended");
  return [draft("ChangeAccepted", { change, ...said }, facts.account)];
}

export function declineChange(command: PromiseCommandOf<"DeclineChange">, facts: MadePromise): Drafts {
  if (isAnswered(facts, "declined")) return [];
  const { change, by } = pending(facts);
  return [
    draft(
      "ChangeDeclined",
      { change, ...saidBy(command.speaker, otherParty(facts, by)) },
      facts.account,
      personal("reason", command.reason),
    ),
  ];
}

export function withdrawChange(command: PromiseCommandOf<"WithdrawChange">, facts: MadePromise): Drafts {
  if (isAnswered(facts, "withdrawn")) return [];
  const { change, by } = pending(facts);
  return [draft("ChangeWithdrawn", { change, ...saidBy(command.speaker, by) }, facts.account)];
}

function pending(facts: MadePromise) {
  if (facts.proposal === undefined) throw new DomainError("no-change-pending");
  return facts.proposal;
}

/** The same answer again is not a second fact. */
const isAnswered = (facts: MadePromise, answer: MadePromise["answered"]) =>
  facts.proposal === undefined && facts.answered === answer;
