/**
 * From terms to dates and instants. Time-zone data changes from year to year, so this is done once, when terms are set, and its
 * result is written into the event: no later release of that data moves a deadline.
 */
import { RRuleTemporal } from "rrule-temporal";
import { DomainError } from "../domain/errors.ts";
import { uncountedPart } from "../domain/recurrence.ts";
import {
  occurrenceCountMax,
  type RecurringTerms,
  type ResolvedOccurrence,
  type Schedule,
  singleSchedule,
  type Terms,
} from "../domain/terms.ts";
import { type Instant, instantAt, type LocalDate } from "../domain/values.ts";

/** Parts of a rule that speak of days. Hours and minutes have no meaning for a window of days; DTSTART and UNTIL come from the terms. */
const parts = new Set([
  "FREQ",
  "INTERVAL",
  "COUNT",
  "BYDAY",
  "BYMONTHDAY",
  "BYYEARDAY",
  "BYWEEKNO",
  "BYMONTH",
  "BYSETPOS",
  "WKST",
]);
const bounds = new Set(["DTSTART", "UNTIL"]);
const frequencies = new Set(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]);

/** A rule that finds nothing in so many steps (the 30th of February) is a mistake, not a promise. */
const maxIterations = 10_000;

/**
 * @param accountTimeZone where the days of a recurring promise begin and end, unless its terms say otherwise.
 * @param timeZoneData the version of the time-zone data in use, such as `2026c`.
 * @throws DomainError `terms-invalid` for a rule or a zone that can't be, `too-many-occurrences` past the limit.
 */
export function resolveSchedule(terms: Terms, accountTimeZone: string, timeZoneData: string): Schedule {
  if (terms.type !== "recurring") return singleSchedule(terms);
  if (terms.until < terms.from) throw new DomainError("terms-invalid", "`until` lies before `from`", "/terms/until");
  const timeZone = terms.timeZone ?? accountTimeZone;
  checkTimeZone(timeZone, "/terms/timeZone");
  const occurrences = datesOf(terms).map((date) => windowOf(date, terms.windowDays, timeZone));
  return { occurrences, timeZone, timeZoneData };
}

/** @throws DomainError `terms-invalid` naming `field` when there is no such time zone. */
export function checkTimeZone(timeZone: string, field: string): void {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(timeZone);
  } catch {
    throw new DomainError("terms-invalid", `there is no time zone \`${timeZone}\``, field);
  }
}

/** The rule is expanded over plain dates, as if in UTC, so that no change of the clocks can skip or repeat a day. */
function datesOf({ rrule: written, from, until }: RecurringTerms): LocalDate[] {
  const rrule = plainRule(written);
  checkParts(rrule);
  const dates: LocalDate[] = [];
  for (const date of expanded(rrule, from, until)) {
    if (dates.length === occurrenceCountMax)
      throw new DomainError("too-many-occurrences", `at most ${occurrenceCountMax} occurrences`, "/terms/rrule");
    dates.push(date);
  }
  if (dates.length === 0)
    throw new DomainError("terms-invalid", "the rule has no date between `from` and `until`", "/terms/rrule");
  return dates;
}

/** As other calendars write it: with its name in front, or in lower case. */
const plainRule = (rrule: string): string =>
  rrule
    .trim()
    .toUpperCase()
    .replace(/^RRULE:/, "");

function checkParts(rrule: string): void {
  const named = rrule.split(";").map((part) => part.split("="));
  const unknown = named.find(([name = "", value]) => !parts.has(name) || value === undefined || value === "");
  if (unknown !== undefined)
    throw new DomainError(
      "terms-invalid",
      bounds.has(unknown[0]!)
        ? `\`${unknown.join("=")}\` has no place in the rule; \`from\` and \`until\` bound it`
        : `\`${unknown.join("=")}\` is not supported in a rule`,
      "/terms/rrule",
    );
  const repeated = named.find(([name], index) => named.findIndex(([other]) => other === name) !== index);
  if (repeated !== undefined)
    throw new DomainError("terms-invalid", `\`${repeated[0]}\` stands twice in the rule`, "/terms/rrule");
  const uncounted = uncountedPart(rrule);
  if (uncounted !== undefined)
    throw new DomainError("terms-invalid", `${uncounted} must be a number from 1 to 9999`, "/terms/rrule");
  const frequency = named.find(([name]) => name === "FREQ")?.[1];
  if (frequency === undefined || !frequencies.has(frequency))
    throw new DomainError("terms-invalid", "FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY", "/terms/rrule");
}

function expanded(rrule: string, from: LocalDate, until: LocalDate): LocalDate[] {
  const last = `${until.replaceAll("-", "")}T000000Z`;
  try {
    const dtstart = Temporal.PlainDate.from(from).toZonedDateTime("UTC");
    const rule = new RRuleTemporal({
      rruleString: rrule.includes("COUNT=") ? rrule : `${rrule};UNTIL=${last}`,
      dtstart,
      maxIterations,
    });
    return rule
      .all((_, index) => index <= occurrenceCountMax)
      .map((date) => date.toPlainDate().toString() as LocalDate)
      .filter((date) => date <= until);
  } catch (cause) {
    throw new DomainError(
      "terms-invalid",
      `the rule can't be expanded: ${cause instanceof Error ? cause.message : "unknown"}`,
      "/terms/rrule",
    );
  }
}

/** From the first instant of its date to the first instant after its last day, in the zone's own time. */
function windowOf(date: LocalDate, windowDays: number, timeZone: string): ResolvedOccurrence {
  const first = Temporal.PlainDate.from(date);
  return { date, opensAt: startOf(first, timeZone), dueAt: startOf(first.add({ days: windowDays }), timeZone) };
}

const startOf = (date: Temporal.PlainDate, timeZone: string): Instant =>
  instantAt(date.toZonedDateTime(timeZone).epochMilliseconds);
