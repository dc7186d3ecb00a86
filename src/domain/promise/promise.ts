/** One party's promise to another, from offered to concluded. What is kept or broken is for `assess` to say, not for this decider. */
import type { Decider, Draft } from "../decider.ts";
import { DomainError } from "../errors.ts";
import { acceptChange, declineChange, proposeChange, withdrawChange } from "./changes.ts";
import type { MakePromise, PromiseCommand } from "./commands.ts";
import { concedeContest, contestVerdict, ruleDispute, withdrawContest } from "./disputes.ts";
import type { PromiseEvent } from "./events.ts";
import { evolve, type MadePromise, type PromiseFacts } from "./facts.ts";
import { checkOffer, draft, personal, saidBy } from "./guards.ts";
import { claimKeeping, confirmKeeping, renege, waiveOccurrence } from "./keeping.ts";
import {
  acceptOffer,
  counterOffer,
  declineOffer,
  meetCondition,
  releasePromise,
  resumePromise,
  suspendPromise,
  withdrawOffer,
} from "./standing.ts";

export const promise: Decider<PromiseCommand, PromiseEvent, PromiseFacts> = { initialState: { status: "none" }, decide, evolve };

function decide(command: PromiseCommand, facts: PromiseFacts): Draft<PromiseEvent>[] {
  if (command.type === "MakePromise") return make(command, facts);
  if (facts.status === "none") throw new DomainError("promise-not-found");
  if (command.at < facts.madeAt) throw new DomainError("before-promise", `the promise was made at ${facts.madeAt}`, "/at");
  return onMade(command, facts);
}

function onMade(command: Exclude<PromiseCommand, MakePromise>, facts: MadePromise): Draft<PromiseEvent>[] {
  switch (command.type) {
    case "AcceptPromise":
      return acceptOffer(command, facts);
    case "DeclinePromise":
      return declineOffer(command, facts);
    case "CounterPromise":
      return counterOffer(command, facts);
    case "WithdrawPromise":
      return withdrawOffer(command, facts);
    case "MeetCondition":
      return meetCondition(command, facts);
    case "SuspendPromise":
      return suspendPromise(command, facts);
    case "ResumePromise":
      return resumePromise(command, facts);
    case "ReleasePromise":
      return releasePromise(command, facts);
    case "WaiveOccurrence":
      return waiveOccurrence(command, facts);
    case "ProposeChange":
      return proposeChange(command, facts);
    case "AcceptChange":
      return acceptChange(command, facts);
    case "DeclineChange":
      return declineChange(command, facts);
    case "WithdrawChange":
      return withdrawChange(command, facts);
    case "ClaimKeeping":
      return claimKeeping(command, facts);
    case "ConfirmKeeping":
      return confirmKeeping(command, facts);
    case "RenegePromise":
      return renege(command, facts);
    case "ContestVerdict":
      return contestVerdict(command, facts);
    case "WithdrawContest":
      return withdrawContest(command, facts);
    case "ConcedeContest":
      return concedeContest(command, facts);
    case "RuleDispute":
      return ruleDispute(command, facts);
  }
}

function make(command: MakePromise, facts: PromiseFacts): Draft<PromiseEvent>[] {
  if (facts.status !== "none") throw new DomainError("promise-exists");
  checkMade(command);
  // Member by member: whatever else a command may carry must not slip into a leaf that is kept for ever.
  const { account, promisor, promisee, direction, kind, weight, offer, needsAcceptance, offerExpiresAt, condition } = command;
  const data = {
    ...{ account, promisor, promisee, direction, kind, weight, offer, needsAcceptance, offerExpiresAt },
    condition: condition === undefined ? undefined : { expiresAt: condition.expiresAt },
    agreement: command.agreement,
    recording: command.recording,
    source: command.source,
    ...saidBy(command.speaker, promisor),
  };
  const sealed = [
    ...personal("text", command.text),
    ...personal("condition", condition?.text),
    ...personal("externalId", command.externalId),
  ];
  return [draft("PromiseMade", data, account, sealed)];
}

/** @throws DomainError for what can't be promised, by whatever schedule or to whomever. */
function checkMade({ promisor, promisee, offer, needsAcceptance, offerExpiresAt, condition, at }: MakePromise): void {
  if (promisor === promisee) throw new DomainError("parties-unfit", "nobody promises to itself", "/promisee");
  checkOffer(offer);
  if (offerExpiresAt !== undefined && !needsAcceptance)
    throw new DomainError("terms-invalid", "only an offer that needs acceptance expires", "/offerExpiresAt");
  if (offerExpiresAt !== undefined && offerExpiresAt <= at)
    throw new DomainError("terms-invalid", "the offer expires before it is made", "/offerExpiresAt");
  if (condition?.expiresAt !== undefined && condition.expiresAt <= at)
    throw new DomainError("terms-invalid", "the condition expires before the promise is made", "/condition/expiresAt");
}
