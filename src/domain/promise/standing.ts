/** Decisions on whether a promise binds: the offer and its answer, the condition, suspension and release. */
import type { Draft } from "../decider.ts";
import { DomainError } from "../errors.ts";
import type { PromiseCommandOf } from "./commands.ts";
import type { PromiseEvent } from "./events.ts";
import { isOnTable, type MadePromise, statusAt, type Suspension } from "./facts.ts";
import { again, askedParty, checkOffer, draft, personal, refusedIn, requireStatus, saidBy } from "./guards.ts";

type Drafts = Draft<PromiseEvent>[];

export function acceptOffer(command: PromiseCommandOf<"AcceptPromise">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, askedParty(facts));
  switch (statusAt(facts, command.at)) {
    case "offered":
    case "countered":
      return [draft("PromiseAccepted", said, facts.account)];
    case "conditional":
    case "in-force":
    case "suspended":
      return again(facts, command, said.by, "PromiseAccepted", {}); // Accepted already.
    default:
      throw new DomainError(refusedIn[statusAt(facts, command.at)]);
  }
}

export function declineOffer(command: PromiseCommandOf<"DeclinePromise">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, askedParty(facts));
  if (facts.status === "declined") return again(facts, command, said.by, "PromiseDeclined", {});
  requireStatus(facts, command.at, "offered", "countered");
  return [draft("PromiseDeclined", said, facts.account, personal("reason", command.reason))];
}

export function counterOffer(command: PromiseCommandOf<"CounterPromise">, facts: MadePromise): Drafts {
  const { offer } = command;
  // That very offer lies on the table.
  if (isOnTable(facts, offer)) return again(facts, command, facts.offeredBy, "PromiseCountered", { offer });
  const said = saidBy(command.speaker, askedParty(facts));
  requireStatus(facts, command.at, "offered", "countered");
  checkOffer(command.offer);
  return [draft("PromiseCountered", { offer: command.offer, ...said }, facts.account, personal("text", command.text))];
}

export function withdrawOffer(command: PromiseCommandOf<"WithdrawPromise">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, facts.promisor);
  if (facts.status === "withdrawn") return again(facts, command, said.by, "PromiseWithdrawn", {});
  requireStatus(facts, command.at, "offered", "countered");
  return [draft("PromiseWithdrawn", said, facts.account, personal("reason", command.reason))];
}

export function meetCondition(command: PromiseCommandOf<"MeetCondition">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, facts.promisee, facts.promisor);
  if (facts.conditionMetAt !== undefined) return again(facts, command, said.by, "PromiseConditionMet", {});
  requireStatus(facts, command.at, "conditional");
  return [draft("PromiseConditionMet", { interaction: command.interaction, ...said }, facts.account)];
}

export function suspendPromise(command: PromiseCommandOf<"SuspendPromise">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, facts.promisee);
  requireStatus(facts, command.at, "in-force", "suspended");
  if (facts.suspensions.some((one) => covers(one, command)))
    return again(facts, command, said.by, "PromiseSuspended", { until: command.until });
  if (command.until !== undefined && command.until <= command.at)
    throw new DomainError("terms-invalid", "`until` must be later than `at`", "/until");
  return [draft("PromiseSuspended", { until: command.until, ...said }, facts.account, personal("reason", command.reason))];
}

/** It is suspended then already, and for no less long. */
const covers = ({ from, until: end }: Suspension, { at, until }: PromiseCommandOf<"SuspendPromise">) =>
  from <= at && (end === undefined || (at < end && until !== undefined && until <= end));

export function resumePromise(command: PromiseCommandOf<"ResumePromise">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, facts.promisee);
  if (statusAt(facts, command.at) === "in-force" && facts.suspensions.length > 0)
    return again(facts, command, said.by, "PromiseResumed", {});
  requireStatus(facts, command.at, "suspended");
  return [draft("PromiseResumed", said, facts.account)];
}

export function releasePromise(command: PromiseCommandOf<"ReleasePromise">, facts: MadePromise): Drafts {
  const said = saidBy(command.speaker, facts.promisee);
  if (facts.status === "released") return again(facts, command, said.by, "PromiseReleased", {});
  requireStatus(facts, command.at, "conditional", "in-force", "suspended");
  return [draft("PromiseReleased", said, facts.account, personal("reason", command.reason))];
}
