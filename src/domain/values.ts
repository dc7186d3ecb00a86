/** The values that events, commands and answers are made of. Schemas are free of transforms, so JSON Schema can show them. */
import { z } from "zod";

/** ISO 8601, UTC, exactly three decimals: text order is time order. Years 0000 to 9999. */
export const instant = z.iso.datetime({ precision: 3, abort: true }).brand<"Instant">();
export type Instant = z.infer<typeof instant>;

/** A calendar date in some time zone that its field names, `YYYY-MM-DD`. */
export const localDate = z.iso.date({ abort: true }).brand<"LocalDate">();
export type LocalDate = z.infer<typeof localDate>;

const yearsTold = { first: "1900", last: "2199" };
const isInYearsTold = (text: string): boolean => text.slice(0, 4) >= yearsTold.first && text.slice(0, 4) <= yearsTold.last;
const outsideYearsTold = `must lie in the years ${yearsTold.first} to ${yearsTold.last}`;

/**
 * An instant as callers may tell it. Whatever lies further away is a slip: a year of two digits, seconds taken for milliseconds, a
 * placeholder for never. What was once stored is read with the wider schema, and what follows from it may lie beyond.
 */
export const toldInstant = instant.refine(isInYearsTold, outsideYearsTold);
export const toldDate = localDate.refine(isInYearsTold, outsideYearsTold);

/**
 * Lower-case words joined by hyphens. Short and closed in form, so that a sentence or a name with its capitals
 * can't slip into a leaf that is kept for ever; a policy may close the vocabulary altogether.
 */
export const slug = z
  .string()
  .max(40)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "must be lower-case words joined by hyphens, such as `site-visit`")
  .brand<"Slug">();
export type Slug = z.infer<typeof slug>;

/** Of an opaque id, as a part of a pattern: Crockford's base 32 in lower case. */
export const opaqueText = "[0-9a-hjkmnp-tv-z]{16,40}";

/**
 * Crockford's base 32 in lower case after a prefix. Opaque on purpose: 16 to 40 characters without i, l, o and u
 * leave no room for a name or an e-mail address in an id that no erasure can reach.
 */
const opaqueId = <Brand extends string>(prefix: string) =>
  z
    .string()
    .regex(
      new RegExp(`^${prefix}_${opaqueText}$`),
      `must be \`${prefix}_\` and 16 to 40 characters of 0-9 and a-z without i, l, o, u`,
    )
    .brand<Brand>();

export const accountId = opaqueId<"AccountId">("acc");
export const personId = opaqueId<"PersonId">("per");
export const interactionId = opaqueId<"InteractionId">("int");
export const agreementId = opaqueId<"AgreementId">("agr");
export const promiseId = opaqueId<"PromiseId">("prm");
export const outcomeId = opaqueId<"OutcomeId">("out");
export const keyId = opaqueId<"KeyId">("key");
export const recordingId = opaqueId<"RecordingId">("rec");
export const eventId = opaqueId<"EventId">("evt");
export type AccountId = z.infer<typeof accountId>;
export type PersonId = z.infer<typeof personId>;
export type InteractionId = z.infer<typeof interactionId>;
export type AgreementId = z.infer<typeof agreementId>;
export type PromiseId = z.infer<typeof promiseId>;
export type OutcomeId = z.infer<typeof outcomeId>;
export type KeyId = z.infer<typeof keyId>;
export type RecordingId = z.infer<typeof recordingId>;
export type EventId = z.infer<typeof eventId>;

/** The company that runs the ledger, as a party to a promise. */
export const house = z.literal("house");
/** Who can promise or be promised: a person, an account, or the house. */
export const partyId = z.union([personId, accountId, house]);
export type PartyId = z.infer<typeof partyId>;

/** Whose personal data a sealed segment is: a person, or an account for an organisation's own text. */
export const subjectId = z.union([personId, accountId]);
export type SubjectId = z.infer<typeof subjectId>;

/** Which way a promise runs: `given` by our side to the account's, or `received` by ours from the account's. */
export const promiseDirection = z.enum(["given", "received"]);
export type PromiseDirection = z.infer<typeof promiseDirection>;

/** An IANA time zone such as `Europe/Berlin`. That the zone exists is checked where time-zone data is, at the edge. */
export const timeZone = z
  .string()
  .max(64)
  .regex(/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/, "must be an IANA time zone such as `Europe/Berlin`");

export const isPerson = (party: PartyId): party is PersonId => party.startsWith("per_");
export const isAccount = (party: PartyId): party is AccountId => party.startsWith("acc_");

/**
 * Milliseconds since 1970-01-01T00:00:00Z. Counted by hand, in a tenth of the time that a parser of dates takes: an instant has one form,
 * and judging asks for it again and again. Days are those since 1 March of the year 0, so that a leap day ends its year.
 */
export function epochMs(at: Instant): number {
  const month = twoDigits(at, 5);
  const year = 100 * twoDigits(at, 0) + twoDigits(at, 2) - (month < 3 ? 1 : 0);
  const day = 365 * year + Math.floor(year / 4) - Math.floor(year / 100) + Math.floor(year / 400);
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + twoDigits(at, 8) - 1;
  const minutes = (day + dayOfYear - daysTo1970) * 1_440 + 60 * twoDigits(at, 11) + twoDigits(at, 14);
  return minutes * minuteMs + 1_000 * twoDigits(at, 17) + 10 * twoDigits(at, 20) + (at.charCodeAt(22) - zero);
}
const daysTo1970 = 719_468;
const zero = 48;
const twoDigits = (text: string, at: number): number => 10 * (text.charCodeAt(at) - zero) + text.charCodeAt(at + 1) - zero;

/** The last one is kept: within a request, and within a millisecond, the same instant is asked for again and again. */
let last: { ms: number; at: Instant } = { ms: Number.NaN, at: "" as Instant };
export function instantAt(ms: number): Instant {
  if (ms !== last.ms) last = { ms, at: new Date(ms).toISOString() as Instant };
  return last.at;
}

export const addMs = (at: Instant, ms: number): Instant => instantAt(epochMs(at) + ms);
/** Later than whatever happens: instants are told up to the year 2199 (`toldInstant`). */
export const endOfTime = "9999-12-31T23:59:59.999Z" as Instant;
export const latest = (first: Instant, ...more: Instant[]): Instant => more.reduce((a, b) => (a < b ? b : a), first);

export const minuteMs = 60_000;
export const hourMs = 3_600_000;
export const dayMs = 86_400_000;
