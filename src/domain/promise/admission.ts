/**
 * Whether a ledger can have recorded what it says that it did. A word on a promise is put back into the command that it must have come
 * of, and the decider decides again: whatever it would not have recorded, no ledger has. The guards are the decider's own.
 */
import type { Recorded } from "../decider.ts";
import { DomainError } from "../errors.ts";
import type { PartyId } from "../values.ts";
import type { PromiseCommand, Speaker } from "./commands.ts";
import type { Assertion, PromiseEvent, ToldAssertion, VerdictEvent } from "./events.ts";
import { isEqual, type PromiseFacts } from "./facts.ts";
import { promise } from "./promise.ts";

/** What people say of a promise; verdicts follow from it. */
export type WordEvent = Exclude<PromiseEvent, VerdictEvent>;

/**
 * Why no ledger can have recorded an event on a promise about which so much had been said; undefined where one can.
 * @param facts what the stream says before it, every event of it.
 */
export function refusalOf(facts: PromiseFacts, event: Recorded<WordEvent>): string | undefined {
  const by = "by" in event.data ? event.data.by : undefined;
  const { onBehalfOf } = event.actor;
  if (by !== undefined && onBehalfOf !== undefined && onBehalfOf !== by)
    return `it is said by ${by}, and was recorded on behalf of ${onBehalfOf}`;
  let refusal: string | undefined;
  for (const speaker of speakersOf(event)) {
    const reason = refusalOfCommand(
      { ...commandOf(event, facts), speaker, at: event.occurredAt } as PromiseCommand,
      facts,
      event,
    );
    if (reason === undefined) return undefined;
    refusal ??= reason;
  }
  return refusal;
}

function refusalOfCommand(command: PromiseCommand, facts: PromiseFacts, event: Recorded<WordEvent>): string | undefined {
  try {
    const [draft] = promise.decide(command, facts);
    if (draft === undefined) return "it says again what had been said, which a ledger does not record twice";
    if (draft.type === event.type && isEqual(draft.data, event.data)) return undefined;
    return `a ledger would have recorded ${draft.type} with ${differing(draft.data, event.data)} otherwise`;
  } catch (error) {
    if (error instanceof DomainError) return `a ledger refuses it (${error.code}): ${error.message}`;
    throw error;
  }
}

/** Whether a key speaks for a party alone shows in `asserted`, but for the house, whose word is its own through any key. */
function speakersOf({ data, actor }: Recorded<WordEvent>): Speaker[] {
  if (!("by" in data)) return [{ ...partyOf(actor.onBehalfOf), bound: false }];
  const { by: party, asserted } = data;
  if (party === "house" && !asserted)
    return [
      { party, bound: false },
      { party, bound: true },
    ];
  return [{ party, bound: !asserted }];
}

const partyOf = (party: PartyId | undefined): { party?: PartyId } => (party === undefined ? {} : { party });

/** The command without who speaks and when. */
function commandOf(event: WordEvent, facts: PromiseFacts): object {
  switch (event.type) {
    case "PromiseMade":
      return { type: "MakePromise", ...event.data };
    case "PromiseAccepted":
      return { type: "AcceptPromise" };
    case "PromiseDeclined":
      return { type: "DeclinePromise" };
    case "PromiseCountered":
      return { type: "CounterPromise", offer: event.data.offer };
    case "PromiseWithdrawn":
      return { type: "WithdrawPromise" };
    case "PromiseConditionMet":
      return { type: "MeetCondition", interaction: event.data.interaction };
    case "PromiseSuspended":
      return { type: "SuspendPromise", until: event.data.until };
    case "PromiseResumed":
      return { type: "ResumePromise" };
    case "PromiseReleased":
      return { type: "ReleasePromise" };
    case "ChangeProposed":
      return { type: "ProposeChange", proposal: event.data.proposal };
    case "ChangeAccepted":
      return { type: "AcceptChange" };
    case "ChangeDeclined":
      return { type: "DeclineChange" };
    case "ChangeWithdrawn":
      return { type: "WithdrawChange" };
    case "OccurrenceWaived":
      return { ...event.data, type: "WaiveOccurrence" };
    case "KeepingClaimed":
      return { ...event.data, type: "ClaimKeeping" };
    case "PromiseConfirmed":
      return { ...event.data, type: "ConfirmKeeping" };
    case "PromiseReneged":
      return { type: "RenegePromise", occurrence: event.data.occurrence };
    case "VerdictContested": {
      const { occurrence, asserts } = event.data;
      return { type: "ContestVerdict", occurrence, asserts: toldOf(asserts, occurrence, facts) };
    }
    case "ContestWithdrawn":
      return { type: "WithdrawContest", occurrence: contestedIn(facts, event.data.dispute) };
    case "ContestConceded":
      return { type: "ConcedeContest", occurrence: contestedIn(facts, event.data.dispute) };
    case "DisputeRuled":
      return { type: "RuleDispute", occurrence: contestedIn(facts, event.data.dispute), ruling: event.data.ruling };
  }
}

/** That an abstention was kept is told without an instant. */
function toldOf(asserts: Assertion, occurrence: number, facts: PromiseFacts): ToldAssertion {
  const contested = facts.status === "none" ? undefined : facts.occurrences.find(({ number }) => number === occurrence);
  return contested?.kind === "abstain" && asserts.verdict === "kept" ? { verdict: "kept" } : asserts;
}

const contestedIn = (facts: PromiseFacts, dispute: number): number | undefined =>
  facts.status === "none" ? undefined : facts.disputes.find(({ number }) => number === dispute)?.occurrence;

function differing(expected: object, is: object): string {
  const [a, b] = [expected, is] as Record<string, unknown>[];
  return Object.keys({ ...a, ...b })
    .filter((member) => !isEqual(a![member], b![member]))
    .join(", ");
}
