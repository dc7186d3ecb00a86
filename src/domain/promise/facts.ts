/**
 * What has been said about one promise, folded. The same facts serve its decider and `assess`, which is why nothing here
 * judges and the keeper's verdicts are passed over.
 */
import type { Recorded } from "../decider.ts";
import type { Matcher, Proof } from "../terms.ts";
import type {
  AccountId,
  AgreementId,
  EventId,
  Instant,
  InteractionId,
  PartyId,
  PromiseDirection,
  RecordingId,
  Slug,
} from "../values.ts";
import type { Assertion, ChangeProposal, Offer, PromiseEvent } from "./events.ts";

/** One thing to be kept. Its terms are those in force for it; who must keep it may change on the way. */
export type Occurrence = {
  /** 1-based. */
  number: number;
  date?: string;
  /** Its window opens here, or when the promise comes into force, whichever is later. */
  opensAt?: Instant;
  dueAt?: Instant;
  graceMinutes: number;
  kind: "once" | "recurring" | "abstain";
  matcher?: Matcher;
  proof: Proof;
  /** Each from its instant on; the first has none. */
  promisors: { from?: Instant; party: PartyId }[];
  /** When the event that last set these terms was recorded: the allowance counts from there. */
  termsRecordedAt: Instant;
  /** What the last change found, and when it was recorded: a change recorded after settlement is flagged. */
  changed?: { recordedAt: Instant; dueAt?: Instant; termsRecordedAt: Instant };
  /** An amendment took its place. */
  supersededAt?: Instant;
};

export type Keeping = {
  occurrence: number;
  keptAt: Instant;
  fraction: number;
  interaction?: InteractionId;
  event: EventId;
  by: PartyId;
  asserted: boolean;
  occurredAt: Instant;
  recordedAt: Instant;
};
export type Dispute = {
  number: number;
  occurrence: number;
  by: PartyId;
  asserts: Assertion;
  event: EventId;
  contestedAt: Instant;
  status: "open" | "withdrawn" | "conceded" | "upheld" | "dismissed";
};

export type PromiseStatus =
  "offered" | "countered" | "declined" | "withdrawn" | "conditional" | "in-force" | "suspended" | "released";

export type MadePromise = {
  status: PromiseStatus;
  stream: string;
  account: AccountId;
  promisor: PartyId;
  promisee: PartyId;
  direction: PromiseDirection;
  kind: Slug;
  weight: number;
  madeAt: Instant;
  madeRecordedAt: Instant;
  offer: Offer;
  /** Who made the offer on the table; the other party is asked. */
  offeredBy: PartyId;
  offerExpiresAt?: Instant;
  condition?: { expiresAt?: Instant };
  agreement?: AgreementId;
  recording?: RecordingId;
  acceptedAt?: Instant;
  conditionMetAt?: Instant;
  /** Since when it binds: made, accepted and its condition met. */
  inForceAt?: Instant;
  endedAt?: Instant;
  releasedAt?: Instant;
  occurrences: Occurrence[];
  suspensions: { from: Instant; until?: Instant }[];
  waived: { occurrence: number; at: Instant; event: EventId }[];
  claims: Keeping[];
  confirmations: Keeping[];
  reneged: { occurrence?: number; at: Instant; event: EventId }[];
  disputes: Dispute[];
  proposal?: { change: number; by: PartyId; proposal: ChangeProposal };
  /** How the last proposal ended, so that the same answer again adds nothing. */
  answered?: "accepted" | "declined" | "withdrawn";
  /** How many changes were ever proposed; the next one is numbered from it. */
  changes: number;
  /** Some say-so on this promise was only asserted. */
  asserted: boolean;
};

export type PromiseFacts = { status: "none" } | MadePromise;

type Made = Extract<PromiseEvent, { type: "PromiseMade" }>;

/** One more event. Unknown to none: a type that is missing here does not compile. */
export function evolve(facts: PromiseFacts, event: Recorded<PromiseEvent>): PromiseFacts {
  if (event.type === "PromiseMade") return made(event);
  if (facts.status === "none") return facts;
  const next = after(facts, event);
  return "asserted" in event.data && event.data.asserted ? { ...next, asserted: true } : next;
}

function made(event: Recorded<Made>): MadePromise {
  const { by, asserted, needsAcceptance, ...data } = event.data;
  const facts: MadePromise = {
    ...data,
    status: needsAcceptance ? "offered" : "in-force",
    stream: event.stream,
    madeAt: event.occurredAt,
    madeRecordedAt: event.recordedAt,
    offeredBy: by,
    occurrences: occurrencesOf(data.offer, data.promisor, event.recordedAt, 0),
    suspensions: [],
    waived: [],
    claims: [],
    confirmations: [],
    reneged: [],
    disputes: [],
    changes: 0,
    asserted,
  };
  return needsAcceptance ? facts : accepted(facts, event.occurredAt);
}

function after(facts: MadePromise, event: Recorded<Exclude<PromiseEvent, Made>>): MadePromise {
  const at = event.occurredAt;
  switch (event.type) {
    case "PromiseAccepted":
      return accepted(facts, at);
    case "PromiseDeclined":
      return { ...facts, status: "declined", endedAt: at };
    case "PromiseCountered":
      return {
        ...facts,
        status: "countered",
        offer: event.data.offer,
        offeredBy: event.data.by,
        occurrences: occurrencesOf(event.data.offer, facts.promisor, event.recordedAt, 0),
      };
    case "PromiseWithdrawn":
      return { ...facts, status: "withdrawn", endedAt: at };
    case "PromiseConditionMet":
      return { ...facts, status: "in-force", conditionMetAt: at, inForceAt: at };
    case "ChangeProposed":
      return {
        ...facts,
        changes: event.data.change,
        proposal: { change: event.data.change, by: event.data.by, proposal: event.data.proposal },
      };
    case "ChangeAccepted":
      return facts.proposal === undefined ? facts : answered(changed(facts, facts.proposal.proposal, event), "accepted");
    case "ChangeDeclined":
      return answered(facts, "declined");
    case "ChangeWithdrawn":
      return answered(facts, "withdrawn");
    case "PromiseSuspended":
      return suspended(facts, at, event.data.until);
    case "PromiseResumed":
      return {
        ...facts,
        status: "in-force",
        suspensions: facts.suspensions.map((one) => (one.until === undefined || one.until > at ? { ...one, until: at } : one)),
      };
    case "PromiseReleased":
      return { ...facts, status: "released", releasedAt: at, endedAt: at };
    case "OccurrenceWaived":
      return { ...facts, waived: [...facts.waived, { occurrence: event.data.occurrence, at, event: event.id }] };
    case "KeepingClaimed":
      return { ...facts, claims: [...facts.claims, keeping(event)] };
    case "PromiseConfirmed":
      return { ...facts, confirmations: [...facts.confirmations, keeping(event)] };
    case "PromiseReneged":
      return {
        ...facts,
        reneged: [
          ...facts.reneged,
          { at, event: event.id, ...(event.data.occurrence === undefined ? {} : { occurrence: event.data.occurrence }) },
        ],
      };
    case "VerdictContested": {
      const { dispute, occurrence, by, asserts } = event.data;
      return {
        ...facts,
        disputes: [
          ...facts.disputes,
          { number: dispute, occurrence, by, asserts, event: event.id, contestedAt: at, status: "open" },
        ],
      };
    }
    case "ContestWithdrawn":
      return disputeEnded(facts, event.data.dispute, "withdrawn");
    case "ContestConceded":
      return disputeEnded(facts, event.data.dispute, "conceded");
    case "DisputeRuled":
      return disputeEnded(facts, event.data.dispute, event.data.ruling);
    case "PromiseKept":
    case "PromiseBroken":
    case "PromiseConditionLapsed":
    case "VerdictWithdrawn":
    case "PromiseConcluded":
      return facts;
  }
}

/** Numbers the occurrences of an offer from `after + 1` on. */
function occurrencesOf(of: Offer, promisor: PartyId, recordedAt: Instant, after: number): Occurrence[] {
  const graceMinutes = of.terms.type === "abstain" ? 0 : of.terms.graceMinutes;
  return of.schedule.occurrences.map((resolved, index) => ({
    ...resolved,
    number: after + index + 1,
    graceMinutes,
    kind: of.terms.type,
    ...(of.matcher === undefined ? {} : { matcher: of.matcher }),
    proof: of.proof,
    promisors: [{ party: promisor }],
    termsRecordedAt: recordedAt,
  }));
}

function accepted(facts: MadePromise, at: Instant): MadePromise {
  if (facts.condition !== undefined) return { ...facts, status: "conditional", acceptedAt: at };
  return { ...facts, status: "in-force", acceptedAt: at, inForceAt: at };
}

/** A promise suspended until a known instant is in force again from then on; `statusAt` knows that. */
const suspended = (facts: MadePromise, from: Instant, until: Instant | undefined): MadePromise => ({
  ...facts,
  status: "suspended",
  suspensions: [...facts.suspensions, until === undefined ? { from } : { from, until }],
});

function changed(facts: MadePromise, proposal: ChangeProposal, event: Recorded<PromiseEvent>): MadePromise {
  const at = event.occurredAt;
  const isLater = (one: Occurrence) => one.supersededAt === undefined && (one.dueAt === undefined || one.dueAt > at);
  switch (proposal.type) {
    case "suspend":
      return suspended(facts, at, proposal.until);
    case "reassign":
      return {
        ...facts,
        promisor: proposal.promisor,
        occurrences: facts.occurrences.map((one) =>
          isLater(one)
            ? { ...one, promisors: [...one.promisors, { from: at, party: proposal.promisor }], changed: changeOf(one, event) }
            : one,
        ),
      };
    case "reschedule":
      return {
        ...facts,
        occurrences: facts.occurrences.map((one) =>
          one.number === proposal.occurrence ? rescheduled(one, proposal, event) : one,
        ),
      };
    case "amend": {
      const { offer } = proposal;
      const kept = facts.occurrences.map((one) => (isLater(one) ? { ...one, supersededAt: at } : one));
      const added = occurrencesOf(offer, facts.promisor, event.recordedAt, kept.length).filter(isLater);
      return {
        ...facts,
        offer,
        occurrences: [...kept, ...added.map((one, index) => ({ ...one, number: kept.length + index + 1 }))],
      };
    }
  }
}

function rescheduled(
  one: Occurrence,
  proposal: Extract<ChangeProposal, { type: "reschedule" }>,
  event: Recorded<PromiseEvent>,
): Occurrence {
  const { opensAt = one.opensAt, dueAt } = proposal;
  return { ...one, opensAt, dueAt, termsRecordedAt: event.recordedAt, changed: changeOf(one, event) };
}

const changeOf = (one: Occurrence, event: Recorded<PromiseEvent>): Occurrence["changed"] => ({
  recordedAt: event.recordedAt,
  dueAt: one.dueAt,
  termsRecordedAt: one.termsRecordedAt,
});

function answered({ proposal: _, ...facts }: MadePromise, answer: MadePromise["answered"]): MadePromise {
  return { ...facts, answered: answer };
}

function keeping(event: Recorded<Extract<PromiseEvent, { type: "KeepingClaimed" | "PromiseConfirmed" }>>): Keeping {
  return { ...event.data, event: event.id, occurredAt: event.occurredAt, recordedAt: event.recordedAt };
}

function disputeEnded(facts: MadePromise, number: number, status: Dispute["status"]): MadePromise {
  return { ...facts, disputes: facts.disputes.map((one) => (one.number === number ? { ...one, status } : one)) };
}

/** The facts' status at an instant: an offer or a condition may have lapsed by then, a suspension ended. */
export function statusAt(facts: MadePromise, at: Instant): PromiseStatus | "offer-lapsed" | "condition-lapsed" {
  const { status } = facts;
  if ((status === "offered" || status === "countered") && facts.offerExpiresAt !== undefined && facts.offerExpiresAt <= at)
    return "offer-lapsed";
  if (status === "conditional" && facts.condition?.expiresAt !== undefined && facts.condition.expiresAt <= at)
    return "condition-lapsed";
  if (status === "suspended" && !isSuspended(facts, at)) return "in-force";
  return status;
}

/** Suspended from the first instant of a suspension up to, not including, its end. */
export const isSuspended = (facts: MadePromise, at: Instant): boolean =>
  facts.suspensions.some(({ from, until }) => from <= at && (until === undefined || at < until));

/** Who had to keep an occurrence at an instant. */
export function promisorAt(occurrence: Occurrence, at: Instant | undefined): PartyId {
  const since = occurrence.promisors.filter(({ from }) => from === undefined || at === undefined || from <= at);
  return since.at(-1)!.party;
}
