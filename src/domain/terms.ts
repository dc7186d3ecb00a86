/** What was promised, in a form that a machine can check. The text of a promise says it to people; these say it to the machine. */
import { z } from "zod";
import { DomainError } from "./errors.ts";
import { instant, localDate, personId, slug, timeZone, toldDate, toldInstant } from "./values.ts";

/** Each takes about 92 bytes of a leaf that may hold 60 KB; a day-by-day promise of a year and a half fits. */
export const occurrenceCountMax = 600;

/** Ten years: a longer grace is another deadline. */
const graceMinutes = z
  .int()
  .min(0)
  .max(5_256_000)
  .describe("Minutes after the due instant before it can count as broken. Lateness counts from the due instant all the same.");

type Times = { instant: typeof instant; localDate: typeof localDate };

const termsOf = ({ instant, localDate }: Times) => ({
  once: z.strictObject({
    type: z.literal("once"),
    dueAt: instant.optional().describe("Without it the promise is never late and never broken by the clock."),
    graceMinutes: graceMinutes.default(0),
  }),
  recurring: z.strictObject({
    type: z.literal("recurring"),
    rrule: z
      .string()
      .min(6)
      .max(200)
      .describe("An RFC 5545 rule without DTSTART, such as `FREQ=WEEKLY;INTERVAL=2`. `from` and `until` bound it."),
    from: localDate,
    until: localDate.describe("The last date on which an occurrence may start."),
    timeZone: timeZone.optional().describe("Where its days begin and end; the account's own where absent."),
    windowDays: z.int().min(1).max(366).default(1).describe("Days from an occurrence's date within which it is kept on time."),
    graceMinutes: graceMinutes.default(0),
  }),
  abstain: z.strictObject({ type: z.literal("abstain"), from: instant, until: instant }),
});

const stored = termsOf({ instant, localDate });
export const recurringTerms = stored.recurring;
export const terms = z.discriminatedUnion("type", [stored.once, stored.recurring, stored.abstain]);

const told = termsOf({ instant: toldInstant, localDate: toldDate });
/** As callers send them. */
export const toldTerms = z.discriminatedUnion("type", [told.once, told.recurring, told.abstain]);

export type Terms = z.infer<typeof terms>;
export type RecurringTerms = z.infer<typeof recurringTerms>;

const some = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).max(20);

/** Which interactions count. Every field that is present must hold. */
export const matcher = z.strictObject({
  kinds: some(slug).optional(),
  purposes: some(slug).optional(),
  channels: some(slug).optional(),
  directions: some(z.enum(["inbound", "outbound", "mutual"])).optional(),
  minMinutes: z.int().min(1).max(100_000).optional(),
  participants: some(personId)
    .optional()
    .describe("All of these took part. Default: promisor and promisee, where they are people."),
  tagsWith: some(slug).optional(),
  tagsWithout: some(slug).optional(),
});
export type Matcher = z.infer<typeof matcher>;

/** What shows that it was kept: a matching interaction, the promisor's word, or the promisee's. */
export const proof = z.enum(["evidence", "claim", "confirmation"]);
export type Proof = z.infer<typeof proof>;

/** One occurrence as resolved when its terms were set; new time-zone data moves no deadline afterwards. */
export const resolvedOccurrence = z.strictObject({
  date: localDate.optional(),
  opensAt: instant.optional().describe("Absent for a promise without a window of its own: it opens when it comes into force."),
  dueAt: instant.optional(),
});
export type ResolvedOccurrence = z.infer<typeof resolvedOccurrence>;

/** The dates of a recurring promise, or the one window of another, with the time-zone data that gave them. */
export const schedule = z.strictObject({
  occurrences: z.array(resolvedOccurrence).min(1).max(occurrenceCountMax),
  timeZone: timeZone.optional(),
  timeZoneData: z.string().max(20).optional().describe("Version of the time-zone data, such as `2026c`."),
});
export type Schedule = z.infer<typeof schedule>;

/** A single window: what terms other than recurring ones resolve to. Needs no time zone. */
export function singleSchedule(of: Exclude<Terms, RecurringTerms>): Schedule {
  if (of.type === "once") return { occurrences: [of.dueAt === undefined ? {} : { dueAt: of.dueAt }] };
  return { occurrences: [{ opensAt: of.from, dueAt: of.until }] };
}

/**
 * Checks what a schema alone can't. A due date before the promise was made is taken (real data has some) and flagged by `assess`.
 * @param base a JSON pointer to what holds the terms in the request.
 * @throws DomainError `terms-invalid` naming the field: a window that ends before it begins.
 */
export function checkTerms(of: Terms, base = ""): void {
  if (of.type === "abstain" && of.until <= of.from)
    throw new DomainError("terms-invalid", "`until` must be later than `from`", `${base}/terms/until`);
  if (of.type === "recurring" && of.until < of.from)
    throw new DomainError("terms-invalid", "`until` lies before `from`", `${base}/terms/until`);
}
