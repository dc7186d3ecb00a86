/** Recurrence rules of calendars, worked out over local times as if in UTC, so that no change of the clocks can disturb them. */
import { RRuleTemporal } from "rrule-temporal";
import { RowError } from "../refusals.ts";

/** Daily for 27 years. More from one event is a mistake, or an attack. */
const placeCountMax = 10_000;
/** A rule that finds nothing in so many steps (the 30th of February) finds nothing at all. */
const maxIterations = 50_000;
const maxCandidateEvaluations = 2_000_000;

const parts = new Set([
  ...["FREQ", "UNTIL", "COUNT", "INTERVAL", "BYSECOND", "BYMINUTE", "BYHOUR", "BYDAY", "BYMONTHDAY", "BYYEARDAY"],
  ...["BYWEEKNO", "BYMONTH", "BYSETPOS", "WKST"],
]);
const frequencies = new Set(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]);
const ruleLengthMax = 500;

export type Bounds = {
  /** Local time up to which anything is asked for. */
  until: Temporal.PlainDateTime;
  /** An UNTIL in UTC as local time. */
  untilLocal(utcMs: number): Temporal.PlainDateTime;
};

/** Local times that a rule gives, the first one included. @throws RowError for a rule that can't be worked out. */
export function rulePlaces(
  written: string,
  first: Temporal.PlainDateTime,
  { until, untilLocal }: Bounds,
): Temporal.PlainDateTime[] {
  const rule = new Map(partsOf(written));
  if (!frequencies.has(rule.get("FREQ") ?? "")) refused("recurs neither daily nor weekly, monthly or yearly");
  const end = endOf(rule.get("UNTIL"), untilLocal);
  const last = end !== undefined && Temporal.PlainDateTime.compare(end, until) < 0 ? end : until;
  if (Temporal.PlainDateTime.compare(first, last) > 0) return [];
  rule.delete("UNTIL");
  const places = expanded([...rule].map((part) => part.join("=")).join(";"), first, last);
  if (places.length > placeCountMax) refused(`recurs more than ${placeCountMax} times`);
  return places;
}

function partsOf(written: string): [string, string][] {
  const named = written
    .trim()
    .toUpperCase()
    .split(";")
    .filter((part) => part !== "")
    .map((part) => part.split("=") as [string, string]);
  if (written.length > ruleLengthMax || named.some((part) => part.length !== 2 || !/^[A-Z0-9,+-]+$/.test(part[1])))
    refused("is no recurrence rule");
  const names = named.map(([name]) => name);
  if (names.some((name, index) => !parts.has(name) || names.indexOf(name) !== index))
    refused("has a part that is not supported, or stands there twice");
  if (named.some(([name, value]) => (name === "COUNT" || name === "INTERVAL") && !/^[1-9]\d{0,5}$/.test(value)))
    refused("has a COUNT or an INTERVAL that is no number from 1 on");
  return named;
}

function refused(reason: string): never {
  throw new RowError("rrule", reason);
}

/** A day means its end. */
function endOf(written: string | undefined, untilLocal: Bounds["untilLocal"]): Temporal.PlainDateTime | undefined {
  if (written === undefined) return undefined;
  const end = plainTime(written);
  if (end === undefined) refused("has an UNTIL that is no date");
  if (written.endsWith("Z")) return untilLocal(end.toZonedDateTime("UTC").epochMilliseconds);
  return written.includes("T") ? end : end.add({ days: 1 }).subtract({ milliseconds: 1 });
}

function expanded(rruleString: string, first: Temporal.PlainDateTime, last: Temporal.PlainDateTime): Temporal.PlainDateTime[] {
  const places: Temporal.PlainDateTime[] = [];
  const take = (at: { toPlainDateTime(): Temporal.PlainDateTime }): boolean => {
    const place = at.toPlainDateTime();
    if (Temporal.PlainDateTime.compare(place, last) > 0) return false;
    places.push(place);
    return places.length <= placeCountMax;
  };
  try {
    const dtstart = first.toZonedDateTime("UTC");
    const rule = new RRuleTemporal({
      rruleString,
      dtstart,
      includeDtstart: true,
      cache: false,
      maxIterations,
      maxCandidateEvaluations,
    });
    rule.all((at) => take(at as unknown as Temporal.ZonedDateTime));
  } catch (cause) {
    if (cause instanceof RowError) throw cause;
    throw new RowError("rrule", "can't be worked out");
  }
  return places;
}

/** A DATE or DATE-TIME of RFC 5545 without its zone: `20260109`, `20260109T100000`, `20260109T100000Z`. */
export function plainTime(value: string): Temporal.PlainDateTime | undefined {
  const found = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)Z?)?$/.exec(value.trim());
  if (found === null) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1).map((part) => Number(part ?? "0")) as [number, ...number[]];
  try {
    // No clock here knows a leap second; the one before it is as near.
    return Temporal.PlainDateTime.from(
      { year, month: month!, day: day!, hour: hour!, minute: minute!, second: Math.min(second!, 59) },
      { overflow: "reject" },
    );
  } catch {
    return undefined;
  }
}
