/** From dates as other systems write them to instants. Pure: it asks no clock and no zone of the machine. */
import { instantAt } from "../domain/values.ts";

export type DateForm = {
  date?: string | undefined;
  timeZone?: string | undefined;
  /** A day without a time means its end, which is the start of the next; its start where false. */
  isEnd?: boolean;
};

/** @returns an instant in UTC with milliseconds, or the reason why there is none. */
export function instantFrom(
  text: string,
  { date = "iso", timeZone, isEnd = false }: DateForm,
): { instant: string } | { reason: string } {
  try {
    switch (date) {
      case "epoch-seconds":
        return epoch(text, 1_000);
      case "epoch-ms":
        return epoch(text, 1);
      case "iso":
        return hasZone(text)
          ? { instant: instantOf(Temporal.Instant.from(text)) }
          : local(moment(Temporal.PlainDateTime.from(text), isEnd && !/\d[tT ]\d/.test(text)), timeZone);
      default:
        return local(moment(patterned(text, date), isEnd && !/[hH]/.test(date)), timeZone);
    }
  } catch {
    return { reason: `is no date of the form \`${date}\`` };
  }
}

/** @returns a calendar date, or the reason why there is none. */
export function dayFrom(text: string, { date = "iso" }: DateForm): { day: string } | { reason: string } {
  try {
    return { day: (date === "iso" ? Temporal.PlainDate.from(text) : patterned(text, date).toPlainDate()).toString() };
  } catch {
    return { reason: `is no date of the form \`${date}\`` };
  }
}

const moment = (of: Temporal.PlainDateTime, isWholeDay: boolean) => (isWholeDay ? of.add({ days: 1 }) : of);

const hasZone = (text: string): boolean => /(?:[zZ]|[+-]\d\d(?::?\d\d)?)(?:\[.*\])?$/.test(text) && /\d[tT ]\d/.test(text);

const instantOf = (of: Temporal.Instant): string => instantAt(of.epochMilliseconds);

function epoch(text: string, unitMs: number): { instant: string } | { reason: string } {
  if (!/^-?\d{1,14}(\.\d+)?$/.test(text)) return { reason: "is no number of seconds or milliseconds" };
  return { instant: instantAt(Math.round(Number(text) * unitMs)) };
}

/** A local time that the clocks skipped is a wrong zone or a typing error; of one that came twice the first is meant. */
function local(of: Temporal.PlainDateTime, timeZone: string | undefined): { instant: string } | { reason: string } {
  if (timeZone === undefined) return { reason: "has no time zone; give the mapping a `timeZone`" };
  const zoned = of.toZonedDateTime(timeZone, { disambiguation: "earlier" });
  if (!zoned.toPlainDateTime().equals(of)) return { reason: `does not exist in ${timeZone}: the clocks were put forward` };
  return { instant: instantOf(zoned.toInstant()) };
}

const letters: Record<string, string> = {
  yyyy: "(?<year>\\d{4})",
  MM: "(?<month>\\d{2})",
  M: "(?<month>\\d{1,2})",
  dd: "(?<day>\\d{2})",
  d: "(?<day>\\d{1,2})",
  HH: "(?<hour>\\d{2})",
  H: "(?<hour>\\d{1,2})",
  hh: "(?<hour12>\\d{2})",
  h: "(?<hour12>\\d{1,2})",
  mm: "(?<minute>\\d{2})",
  ss: "(?<second>\\d{2})",
  a: "(?<half>[AaPp])\\.?[Mm]\\.?",
};
const token = /yyyy|MM|M|dd|d|HH|H|hh|h|mm|ss|a|[^A-Za-z]/gy;

const patterns = new Map<string, RegExp>();

/** @throws Error for a pattern with letters of no meaning. */
export function patternOf(date: string): RegExp {
  const known = patterns.get(date);
  if (known !== undefined) return known;
  const parts = date.match(token) ?? [];
  if (parts.join("") !== date)
    throw new Error(`\`${date}\` is no form of a date: yyyy, MM, dd, HH, mm, ss, h and a have a meaning`);
  const made = new RegExp(`^${parts.map((part) => letters[part] ?? RegExp.escape(part)).join("")}$`);
  patterns.set(date, made);
  return made;
}

function patterned(text: string, date: string): Temporal.PlainDateTime {
  const { year, month, day, hour = "0", hour12, minute = "0", second = "0", half } = patternOf(date).exec(text)!.groups!;
  const hours = hour12 === undefined ? Number(hour) : (Number(hour12) % 12) + (half?.toLowerCase() === "p" ? 12 : 0);
  if (hour12 !== undefined && (Number(hour12) < 1 || Number(hour12) > 12)) throw new RangeError("no such hour");
  const fields = {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: hours,
    minute: Number(minute),
    second: Number(second),
  };
  return Temporal.PlainDateTime.from(fields, { overflow: "reject" });
}
