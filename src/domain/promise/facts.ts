/**
 * What has been said about one promise, folded. The same facts serve its decider and `assess`, which is why nothing here
 * judges and the keeper's verdicts are passed over.
 */
import type { Recorded } from "../decider.ts";
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
import { changedOccurrences, type Occurrence, occurrencesOf, promisorAt } from "./occurrences.ts";

export { type Occurrence, promisorAt } from "./occurrences.ts";

/** Something that was said: which event holds it, and whether a key that speaks for the party alone recorded it. */
export type Word = { event: EventId; at: Instant; recordedAt: Instant; asserted: boolean };

export type Keeping = Word & {
  occurrence: number;
  keptAt: Instant;
  fraction: number;
  interaction?: InteractionId;
  by: PartyId;
};
export type Dispute = Word & {
  number: number;
  occurrence: number;
  by: PartyId;
  asserts: Assertion;
  contestedAt: Instant;
  status: "open" | "withdrawn" | "conceded" | "upheld" | "dismissed";
  /** It was conceded by a key that doesn't speak for the conceding party alone. */
  isConcessionAsserted?: boolean;
  /** The concession or the ruling that ended it. */
  endedBy?: EventId;
};
/** From its first instant up to, not including, its end. */
export type Suspension = { from: Instant; until?: Instant; recordedAt: Instant };

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
  release?: Word;
  occurrences: Occurrence[];
  suspensions: Suspension[];
  waived: (Word & { occurrence: number })[];
  claims: Keeping[];
  confirmations: Keeping[];
  /** Without an occurrence: all that were still open. */
  reneged: (Word & { occurrence?: number; by: PartyId })[];
  disputes: Dispute[];
  proposal?: { change: number; by: PartyId; proposal: ChangeProposal };
  /** How the last proposal ended, so that the same answer again adds nothing. */
  answered?: "accepted" | "declined" | "withdrawn";
  answeredBy?: PartyId;
  /** How many changes were ever proposed; the next one is numbered from it. */
  changes: number;
  /** Some say-so on this promise was only asserted. */
  asserted: boolean;
  /** Names of the words that are only asserted so far. */
  assertedWords: string[];
};

export type PromiseFacts = { status: "none" } | MadePromise;

type Made = Extract<PromiseEvent, { type: "PromiseMade" }>;
type After = Recorded<Exclude<PromiseEvent, Made>>;
/** What is said, without the event that holds it. */
type Said = {
  [Type in PromiseEvent["type"]]: Pick<Extract<PromiseEvent, { type: Type }>, "type" | "data">;
}[PromiseEvent["type"]];

/** One more event. Unknown to none: a type that is missing here does not compile. */
export function evolve(facts: PromiseFacts, event: Recorded<PromiseEvent>): PromiseFacts {
  if (event.type === "PromiseMade") return made(event);
  if (facts.status === "none") return facts;
  if (!("asserted" in event.data)) return after(facts, event);
  const name = wordName(event, facts, event.occurredAt);
  if (event.data.asserted) return withAsserted(after(facts, event), [...facts.assertedWords, name]);
  if (isSaidBefore(event, facts) && facts.assertedWords.includes(name))
    return withAsserted(
      affirmed(facts, event),
      facts.assertedWords.filter((word) => word !== name),
    );
  const next = after(facts, event);
  return event.type === "PromiseConfirmed" ? withAsserted(next, withoutConfirmations(facts, event.data.occurrence)) : next;
}

const withAsserted = (facts: MadePromise, assertedWords: string[]): MadePromise => ({
  ...facts,
  asserted: assertedWords.length > 0,
  assertedWords,
});

/** The party's own confirmation takes the place of those that were asserted on its behalf. */
const withoutConfirmations = ({ assertedWords }: MadePromise, occurrence: number) =>
  assertedWords.filter((word) => !word.startsWith(`PromiseConfirmed/${occurrence}/`));

/** What a word says at an instant, in a name: two of the same name say the same. */
export function wordName(word: Said, facts: MadePromise, at: Instant): string {
  const { type, data } = word;
  if (isRenewable(word)) return [type, firstSaidAt(word, facts, at) ?? at].join("/");
  const said = data as { occurrence?: number; change?: number; dispute?: number; keptAt?: Instant; fraction?: number };
  const interaction = type === "KeepingClaimed" ? (data as { interaction?: InteractionId }).interaction : undefined;
  return [type, said.occurrence, said.change, said.dispute, said.keptAt, said.fraction, interaction].join("/");
}

/** Words that are said once, so that another of the same name is the same word again. */
const affirmable = [
  ...(["PromiseAccepted", "PromiseDeclined", "PromiseWithdrawn", "PromiseConditionMet", "PromiseReleased"] as const),
  ...(["OccurrenceWaived", "ChangeProposed", "ChangeAccepted", "ChangeDeclined", "ChangeWithdrawn"] as const),
  ...(["KeepingClaimed", "PromiseConfirmed", "VerdictContested", "ContestWithdrawn", "ContestConceded"] as const),
] satisfies PromiseEvent["type"][];
const isAffirmable = ({ type }: PromiseEvent) => (affirmable as string[]).includes(type);

/** Words that may be said anew after something else was said: another of the same kind is the same word only while that one holds. */
const renewable = ["PromiseCountered", "PromiseSuspended", "PromiseResumed", "PromiseReneged"] as const;
type Renewable = Extract<Said, { type: (typeof renewable)[number] }>;
const isRenewable = (word: Said): word is Renewable => (renewable as readonly string[]).includes(word.type);

const isSaidBefore = (event: After, facts: MadePromise): boolean =>
  isRenewable(event) ? firstSaidAt(event, facts, event.occurredAt) !== undefined : isAffirmable(event);

/** When the same was said that still holds at an instant; undefined where the word is news. */
function firstSaidAt(word: Renewable, facts: MadePromise, at: Instant): Instant | undefined {
  switch (word.type) {
    case "PromiseCountered":
      return isOnTable(facts, word.data.offer) && facts.offeredBy === word.data.by ? facts.occurrences[0]?.termsSetAt : undefined;
    case "PromiseSuspended":
      return facts.suspensions.find((one) => holdsAt(one, at) && one.until === word.data.until)?.from;
    case "PromiseResumed":
      return facts.status === "in-force" ? facts.suspensions.at(-1)?.until : undefined;
    case "PromiseReneged":
      return isReneged(facts, word.data, at) ? lastReneged(facts, word.data)?.at : undefined;
  }
}

export const isOnTable = ({ status, offer }: MadePromise, other: Offer): boolean =>
  status === "countered" && isEqual(offer, other);

/** Equal as JSON, in whatever order members stand: what is stored has them in another order than what was sent. */
export function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [one, other] = [a as Record<string, unknown>, b as Record<string, unknown>];
  let missing = 0;
  for (const name in one) {
    const value = one[name];
    if (!isEqual(value, other[name])) return false;
    if (value !== undefined) missing += 1;
  }
  for (const name in other) if (other[name] !== undefined) missing -= 1;
  return missing === 0;
}

type Reneged = { occurrence?: number; by: PartyId };

/** Nothing of what is meant is open then and not reneged on: without an occurrence, all of the party's. */
export function isReneged(facts: MadePromise, { occurrence, by }: Reneged, at: Instant): boolean {
  const meant = facts.occurrences.filter((one) =>
    occurrence === undefined ? promisorAt(one, undefined) === by : one.number === occurrence,
  );
  return meant.every((one) => !isOpenAt(one, at) || renegedOn(facts, one) !== undefined);
}

const isOpenAt = ({ supersededAt, termsSetAt, deadlineAt }: Occurrence, at: Instant): boolean =>
  supersededAt === undefined && termsSetAt <= at && (deadlineAt === undefined || at < deadlineAt);

const lastReneged = ({ reneged }: MadePromise, { occurrence, by }: Reneged) =>
  reneged.findLast((one) => one.occurrence === occurrence && one.by === by);

/** A party's own word in place of the same one that was asserted on its behalf. What it did stays as it was. */
function affirmed(facts: MadePromise, event: After): MadePromise {
  const own = { event: event.id, asserted: false };
  const inPlace = <Item>(items: readonly Item[], isIt: (one: Item) => boolean, mine: Partial<Item>): Item[] =>
    items.map((one) => (isIt(one) ? { ...one, ...mine } : one));
  switch (event.type) {
    case "PromiseReleased":
      return { ...facts, release: { ...facts.release!, ...own } };
    case "OccurrenceWaived":
      return { ...facts, waived: inPlace(facts.waived, ({ occurrence }) => occurrence === event.data.occurrence, own) };
    case "PromiseConfirmed": {
      const { occurrence, keptAt, fraction } = event.data;
      const isIt = (one: Keeping) => one.occurrence === occurrence && one.keptAt === keptAt && one.fraction === fraction;
      return { ...facts, confirmations: inPlace(facts.confirmations, isIt, own) };
    }
    case "VerdictContested":
      return { ...facts, disputes: inPlace(facts.disputes, ({ number }) => number === event.data.dispute, own) };
    case "ContestConceded":
      return disputeEnded(facts, event, { isConcessionAsserted: false });
    case "PromiseReneged": {
      const last = lastReneged(facts, event.data);
      return { ...facts, reneged: inPlace(facts.reneged, (one) => one === last, own) };
    }
    default:
      return facts;
  }
}

function made(event: Recorded<Made>): MadePromise {
  const { by, asserted, needsAcceptance, source: _, ...data } = event.data;
  const facts: MadePromise = {
    ...data,
    status: "offered",
    stream: event.stream,
    madeAt: event.occurredAt,
    madeRecordedAt: event.recordedAt,
    offeredBy: by,
    occurrences: occurrencesOf(data.offer, data.promisor, event),
    suspensions: [],
    waived: [],
    claims: [],
    confirmations: [],
    reneged: [],
    disputes: [],
    changes: 0,
    asserted,
    assertedWords: asserted ? [event.type] : [],
  };
  return needsAcceptance ? facts : accepted(facts, event.occurredAt);
}

function after(facts: MadePromise, event: After): MadePromise {
  const at = event.occurredAt;
  switch (event.type) {
    case "PromiseAccepted":
      return accepted(facts, at);
    case "PromiseDeclined":
      return { ...facts, status: "declined", endedAt: at };
    case "PromiseCountered":
      return countered(facts, event.data, event);
    case "PromiseWithdrawn":
      return { ...facts, status: "withdrawn", endedAt: at };
    case "PromiseConditionMet":
      return { ...facts, status: "in-force", conditionMetAt: at, inForceAt: at };
    case "ChangeProposed":
      return { ...facts, changes: event.data.change, proposal: event.data };
    case "ChangeAccepted":
      return facts.proposal === undefined ? facts : answered(changed(facts, facts.proposal.proposal, event), "accepted", event);
    case "ChangeDeclined":
      return answered(facts, "declined", event);
    case "ChangeWithdrawn":
      return answered(facts, "withdrawn", event);
    case "PromiseSuspended":
      return suspended(facts, event.data.until, event);
    case "PromiseResumed":
      return resumed(facts, at);
    case "PromiseReleased":
      return { ...facts, status: "released", releasedAt: at, endedAt: at, release: wordOf(event, event.data.asserted) };
    case "OccurrenceWaived":
      return { ...facts, waived: [...facts.waived, { ...event.data, ...wordOf(event, event.data.asserted) }] };
    case "KeepingClaimed":
      return { ...facts, claims: [...facts.claims, { ...event.data, ...wordOf(event, event.data.asserted) }] };
    case "PromiseConfirmed":
      return { ...facts, confirmations: [...facts.confirmations, { ...event.data, ...wordOf(event, event.data.asserted) }] };
    case "PromiseReneged":
      return { ...facts, reneged: [...facts.reneged, { ...event.data, ...wordOf(event, event.data.asserted) }] };
    case "VerdictContested":
      return { ...facts, disputes: [...facts.disputes, contested(event.data, event)] };
    case "ContestWithdrawn":
      return disputeEnded(facts, event, { status: "withdrawn" });
    case "ContestConceded":
      return disputeEnded(facts, event, { status: "conceded", isConcessionAsserted: event.data.asserted });
    case "DisputeRuled":
      return disputeEnded(facts, event, { status: event.data.ruling });
    case "PromiseKept":
    case "PromiseBroken":
    case "PromiseConditionLapsed":
    case "VerdictWithdrawn":
    case "PromiseConcluded":
      return facts;
  }
}

const wordOf = ({ id, occurredAt, recordedAt }: After, asserted: boolean): Word => ({
  event: id,
  at: occurredAt,
  recordedAt,
  asserted,
});

function accepted(facts: MadePromise, at: Instant): MadePromise {
  if (facts.condition !== undefined) return { ...facts, status: "conditional", acceptedAt: at };
  return { ...facts, status: "in-force", acceptedAt: at, inForceAt: at };
}

function countered(facts: MadePromise, { offer, by }: { offer: Offer; by: PartyId }, event: After): MadePromise {
  return { ...facts, status: "countered", offer, offeredBy: by, occurrences: occurrencesOf(offer, facts.promisor, event) };
}

/** A promise suspended until a known instant is in force again from then on; `statusAt` knows that. */
function suspended(facts: MadePromise, until: Instant | undefined, { occurredAt, recordedAt }: After): MadePromise {
  return { ...facts, status: "suspended", suspensions: [...facts.suspensions, { from: occurredAt, until, recordedAt }] };
}

function resumed(facts: MadePromise, at: Instant): MadePromise {
  const suspensions = facts.suspensions.map((one) => (one.until === undefined || one.until > at ? { ...one, until: at } : one));
  return { ...facts, status: "in-force", suspensions };
}

function changed(facts: MadePromise, proposal: ChangeProposal, event: After): MadePromise {
  if (proposal.type === "suspend") return suspended(facts, proposal.until, event);
  const occurrences = changedOccurrences(facts.occurrences, proposal, facts.promisor, event);
  switch (proposal.type) {
    case "reassign":
      return { ...facts, occurrences, promisor: proposal.promisor };
    case "amend":
      return { ...facts, occurrences, offer: proposal.offer };
    case "reschedule":
      return { ...facts, occurrences };
  }
}

type Answer = Extract<After, { type: "ChangeAccepted" | "ChangeDeclined" | "ChangeWithdrawn" }>;

function answered({ proposal: _, ...facts }: MadePromise, answer: MadePromise["answered"], { data }: Answer): MadePromise {
  return { ...facts, answered: answer, answeredBy: data.by };
}

type Contested = Extract<PromiseEvent, { type: "VerdictContested" }>["data"];

const contested = ({ dispute, occurrence, by, asserts, asserted }: Contested, event: After): Dispute => ({
  number: dispute,
  occurrence,
  by,
  asserts,
  contestedAt: event.occurredAt,
  status: "open",
  ...wordOf(event, asserted),
});

type Ending = Extract<After, { type: "ContestWithdrawn" | "ContestConceded" | "DisputeRuled" }>;

const disputeEnded = (facts: MadePromise, { id, data }: Ending, end: Partial<Dispute>): MadePromise => ({
  ...facts,
  disputes: facts.disputes.map((one) => (one.number === data.dispute ? { ...one, ...end, endedBy: id } : one)),
});

/** The facts' status at an instant: an offer or a condition may have lapsed by then, a suspension ended. */
export function statusAt(facts: MadePromise, at: Instant): PromiseStatus | "offer-lapsed" | "condition-lapsed" {
  const { status } = facts;
  if ((status === "offered" || status === "countered") && hasPassed(facts.offerExpiresAt, at)) return "offer-lapsed";
  if (status === "conditional" && hasPassed(facts.condition?.expiresAt, at)) return "condition-lapsed";
  if (status === "suspended" && !isSuspended(facts, at)) return "in-force";
  return status;
}

const hasPassed = (end: Instant | undefined, at: Instant) => end !== undefined && end <= at;

const holdsAt = ({ from, until }: Suspension, at: Instant): boolean => from <= at && (until === undefined || at < until);

export const suspensionAt = (facts: MadePromise, at: Instant): Suspension | undefined =>
  facts.suspensions.find((one) => holdsAt(one, at));

export const isSuspended = (facts: MadePromise, at: Instant): boolean => suspensionAt(facts, at) !== undefined;

/**
 * The promisor's word, if there is one, that it won't keep an occurrence. It speaks of what was still open then, and of terms
 * that stood then: whatever both agreed on afterwards, or handed to somebody else, was promised anew.
 */
export function renegedOn(facts: MadePromise, one: Occurrence): MadePromise["reneged"][number] | undefined {
  return facts.reneged.find(
    ({ occurrence, at, by }) =>
      (occurrence ?? one.number) === one.number &&
      (one.deadlineAt === undefined || at < one.deadlineAt) &&
      at >= one.termsSetAt &&
      promisorAt(one, undefined) === by,
  );
}
