/**
 * Whether a schedule is what its terms resolve to. Dates follow from the rule alone; instants follow from time-zone data too, which
 * whoever audits has in another release, so these are held within what any zone could make of a date.
 */
import { isEqual } from "./promise/facts.ts";
import type { Offer } from "./promise/events.ts";
import { datesOfRule, uncountedPart } from "./recurrence.ts";
import { occurrenceCountMax, type RecurringTerms, type ResolvedOccurrence, type Schedule, singleSchedule } from "./terms.ts";
import { dayMs, epochMs, hourMs, type Instant } from "./values.ts";

/** No zone that the tz database knows was ever further from UTC. */
const zoneOffsetMsMax = 16 * hourMs;

/** What does not fit, or `unknown` for a rule that can't be expanded here; undefined where all of it fits. */
export function misfitOf({ terms, schedule }: Pick<Offer, "terms" | "schedule">): string | "unknown" | undefined {
  if (terms.type !== "recurring")
    return isEqual(schedule, singleSchedule(terms)) ? undefined : "its schedule is not what its terms say";
  return timesMisfit(terms, schedule) ?? datesMisfit(terms, schedule);
}

function datesMisfit(terms: RecurringTerms, { occurrences }: Schedule): string | undefined {
  const uncounted = uncountedPart(terms.rrule);
  if (uncounted !== undefined) return `its rule has an ${uncounted} that is no number from 1 to 9999`;
  const dates = datesOfRule(terms, occurrenceCountMax);
  if (dates === undefined) return "unknown";
  const at = occurrences.findIndex(({ date }, index) => date !== dates[index]);
  if (at >= 0)
    return `occurrence ${at + 1} of its schedule is on ${occurrences[at]!.date}, and by its rule on ${dates[at] ?? "no further day"}`;
  if (occurrences.length === dates.length) return undefined;
  const count = dates.length > occurrenceCountMax ? `more than ${occurrenceCountMax}` : String(dates.length);
  return `its schedule has ${occurrences.length} occurrences, and its rule gives ${count}`;
}

function timesMisfit(terms: RecurringTerms, { occurrences, timeZone }: Schedule): string | undefined {
  if (timeZone === undefined) return "its schedule names no time zone";
  if (terms.timeZone !== undefined && terms.timeZone !== timeZone)
    return `its schedule is in ${timeZone}, and its terms are in ${terms.timeZone}`;
  const at = occurrences.findIndex((one) => !isOfItsDay(one, terms));
  return at < 0 ? undefined : `occurrence ${at + 1} of its schedule is not open when its day is, in any time zone`;
}

function isOfItsDay({ date, opensAt, dueAt }: ResolvedOccurrence, { from, until, windowDays }: RecurringTerms): boolean {
  if (date === undefined || opensAt === undefined || dueAt === undefined || date < from || date > until) return false;
  const midnightMs = epochMs(`${date}T00:00:00.000Z` as Instant);
  return opensAt < dueAt && isNear(opensAt, midnightMs) && isNear(dueAt, midnightMs + windowDays * dayMs);
}

const isNear = (at: Instant, midnightMs: number): boolean => Math.abs(epochMs(at) - midnightMs) <= zoneOffsetMsMax;
