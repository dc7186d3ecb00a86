/** What the decisions on a promise have in common: whose part it is, which occurrence is meant, and how a refusal is named. */
import type { Draft, PersonalField } from "../decider.ts";
import { DomainError, type DomainErrorCode } from "../errors.ts";
import { checkTerms, occurrenceCountMax } from "../terms.ts";
import type { AccountId, Instant, PartyId } from "../values.ts";
import type { Speaker, SubjectText } from "./commands.ts";
import type { Offer, PromiseEvent } from "./events.ts";
import { type MadePromise, statusAt, wordName } from "./facts.ts";
import type { Occurrence } from "./occurrences.ts";

/**
 * What no offer may be, whether it is made, countered or proposed instead of another.
 * @param base a JSON pointer to where the offer stands in the request.
 * @throws DomainError `terms-invalid` or `too-many-occurrences` naming the field.
 */
export function checkOffer({ terms, matcher, schedule }: Offer, base = ""): void {
  checkTerms(terms, base);
  if (schedule.occurrences.length > occurrenceCountMax)
    throw new DomainError("too-many-occurrences", `at most ${occurrenceCountMax} occurrences`, `${base}/terms`);
  if (terms.type === "abstain" && matcher === undefined)
    throw new DomainError("terms-invalid", "an abstention needs a matcher: it says what breaks it", `${base}/matcher`);
}

type DataOf<Type extends PromiseEvent["type"]> = Extract<PromiseEvent, { type: Type }>["data"];

export function draft<Type extends PromiseEvent["type"]>(
  type: Type,
  data: DataOf<Type>,
  account: AccountId,
  personalFields: PersonalField[] = [],
): Draft<PromiseEvent> {
  return { type, data, account, personal: personalFields } as unknown as Draft<PromiseEvent>;
}

export const personal = (field: string, text: SubjectText | undefined): PersonalField[] =>
  text === undefined ? [] : [{ field, ...text }];

/**
 * Whose word a command is, if it may be theirs.
 * @param part the parties whose part it is; an unbound key that names nobody speaks for the first.
 * @throws DomainError `not-your-part` for anybody else.
 */
export function saidBy(speaker: Speaker, ...part: [PartyId, ...PartyId[]]): { by: PartyId; asserted: boolean } {
  const by = speaker.party ?? part[0];
  if (!part.includes(by)) throw new DomainError("not-your-part", `only ${part.join(" or ")} can say this`, "/by");
  return { by, asserted: !speaker.bound && by !== "house" };
}

/**
 * The same word again is not a second fact, unless a party says itself what was only asserted on its behalf.
 * @param party whose word it was.
 */
export function again<Type extends PromiseEvent["type"]>(
  facts: MadePromise,
  { speaker, at }: { speaker: Speaker; at: Instant },
  party: PartyId | undefined,
  type: Type,
  data: Omit<DataOf<Type>, "by" | "asserted">,
): Draft<PromiseEvent>[] {
  if (!speaker.bound || party === undefined || speaker.party !== party) return [];
  const own = draft(type, { ...data, by: party, asserted: false } as unknown as DataOf<Type>, facts.account);
  return facts.assertedWords.includes(wordName(own, facts, at)) ? [own] : [];
}

/** The party that is asked by the offer on the table. */
export const askedParty = (facts: MadePromise): PartyId => (facts.offeredBy === facts.promisor ? facts.promisee : facts.promisor);

export const otherParty = (facts: MadePromise, party: PartyId): PartyId =>
  party === facts.promisee ? facts.promisor : facts.promisee;

/** @throws DomainError `in-the-future` when what is told is later than the telling. */
export function requirePast(keptAt: Instant, at: Instant, field: string): void {
  if (keptAt > at) throw new DomainError("in-the-future", `${keptAt} is later than ${at}, when it was said`, field);
}

/** The refusal for a command that does not fit where the promise stands. */
export const refusedIn: Record<ReturnType<typeof statusAt>, DomainErrorCode> = {
  offered: "promise-offered",
  countered: "promise-countered",
  declined: "promise-declined",
  withdrawn: "promise-withdrawn",
  conditional: "promise-conditional",
  "in-force": "promise-in-force",
  suspended: "promise-suspended",
  released: "promise-released",
  "offer-lapsed": "offer-lapsed",
  "condition-lapsed": "condition-lapsed",
};

/** @throws DomainError named after the status when it is none of `allowed`. */
export function requireStatus(facts: MadePromise, at: Instant, ...allowed: ReturnType<typeof statusAt>[]): void {
  const status = statusAt(facts, at);
  if (!allowed.includes(status)) throw new DomainError(refusedIn[status]);
}

/**
 * The occurrence that a command means. Only a promise with a single one may leave it out.
 * @throws DomainError `occurrence-required` or `occurrence-unknown`.
 */
export function occurrenceMeant(facts: MadePromise, number: number | undefined): Occurrence {
  const live = facts.occurrences.filter((one) => one.supersededAt === undefined);
  if (number === undefined && live.length === 1) return live[0]!;
  if (number === undefined)
    throw new DomainError("occurrence-required", "this promise has several occurrences; name one", "/occurrence");
  const found = facts.occurrences.find((one) => one.number === number);
  if (found === undefined)
    throw new DomainError("occurrence-unknown", `there are ${facts.occurrences.length} occurrences`, "/occurrence");
  return found;
}
