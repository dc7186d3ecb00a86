/**
 * The dates of a recurrence rule (RFC 5545, section 3.3.10) over plain days. The ledger expands rules with a library that needs the
 * runtime's calendar and time zones; this is for whoever holds its dates against the rule anywhere, a browser or an older runtime.
 */
import type { RecurringTerms } from "./terms.ts";
import type { LocalDate } from "./values.ts";

type Frequency = "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY";
/** A day of the week, 0 for Monday; `nth` of its month or year, from the end where negative. */
type WeekDay = { weekday: number; nth?: number };
type Rule = {
  frequency: Frequency;
  interval: number;
  count: number;
  weekDays: WeekDay[];
  monthDays: number[];
  months: number[];
  places: number[];
  /** On which a week starts. */
  weekStart: number;
};
/** A day by its number since 1970-01-01, and what rules ask of it. */
type Day = {
  number: number;
  year: number;
  month: number;
  dayOfMonth: number;
  dayOfYear: number;
  monthLength: number;
  yearLength: number;
};

/** Three centuries and a bit: instants and dates are told in the years 1900 to 2199. */
const daysMax = 110_000;
const weekDayNames = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

const counted = new Set(["INTERVAL", "COUNT"]);

/** The part of a rule that counts something and is no number from 1 to 9999: it would go on for ever, or not at all. */
export const uncountedPart = (rrule: string): string | undefined =>
  partsOf(rrule).find(([name = "", value = ""]) => counted.has(name) && !/^[1-9]\d{0,3}$/.test(value))?.[0];

/** How many days a rule is looked for on. */
export const dayCountOf = ({ from, until }: Pick<RecurringTerms, "from" | "until">): number =>
  Math.max(0, numberOf(until) - numberOf(from) + 1);

/**
 * @param countMax no more dates are looked for once there are more than so many.
 * @returns undefined for a rule that is not expanded here: it numbers weeks or the days of a year, or has parts that expanders take differently,
 *   or runs for more than three centuries. Takes up to a microsecond a day.
 */
export function datesOfRule({ rrule, from, until }: Omit<RecurringTerms, "type">, countMax: number): LocalDate[] | undefined {
  const rule = ruleOf(rrule);
  const [first, last] = [numberOf(from), numberOf(until)];
  if (rule === undefined || last - first > daysMax || uncountedPart(rrule) !== undefined) return undefined;
  const start = dayOf(first);
  if (isAmbiguous(rule)) return undefined;
  const whole = withDefaults(rule, start);
  const dates: LocalDate[] = [];
  let found = 0;
  for (const period of periodsOf(whole, start, last)) {
    for (const day of placed(
      period.filter((day) => isOf(whole, day)),
      whole.places,
    )) {
      if (day.number < first) continue;
      found += 1;
      if (day.number > last || found > whole.count || dates.length > countMax) return dates;
      dates.push(textOf(day));
    }
  }
  return dates;
}

/** As other calendars write it: with its name in front, or in lower case. */
const partsOf = (written: string): string[][] =>
  written
    .trim()
    .toUpperCase()
    .replace(/^RRULE:/, "")
    .split(";")
    .map((part) => part.split("="));

function ruleOf(written: string): Rule | undefined {
  const parts = new Map(partsOf(written) as [string, string][]);
  const frequency = parts.get("FREQ") as Frequency | undefined;
  if (frequency === undefined || parts.has("BYWEEKNO") || parts.has("BYYEARDAY")) return undefined;
  const numbers = (name: string): number[] => (parts.get(name) ?? "").split(",").filter(Boolean).map(Number);
  return {
    frequency,
    interval: Number(parts.get("INTERVAL") ?? 1),
    count: Number(parts.get("COUNT") ?? Infinity),
    weekDays: (parts.get("BYDAY") ?? "").split(",").filter(Boolean).map(weekDayOf),
    monthDays: numbers("BYMONTHDAY"),
    months: numbers("BYMONTH"),
    places: numbers("BYSETPOS"),
    weekStart: Math.max(0, weekDayNames.indexOf(parts.get("WKST") ?? "MO")),
  };
}

function weekDayOf(text: string): WeekDay {
  const weekday = weekDayNames.indexOf(text.slice(-2));
  const nth = Number(text.slice(0, -2));
  return nth === 0 ? { weekday } : { weekday, nth };
}

/** Days of the month in a week, the n-th weekday of a year beside other days: expanders differ in what is added and what is cut. */
const isAmbiguous = ({ frequency, weekDays, monthDays }: Rule): boolean =>
  (frequency === "WEEKLY" && monthDays.length > 0) ||
  (frequency === "YEARLY" &&
    weekDays.some(({ nth }) => nth !== undefined) &&
    (monthDays.length > 0 || weekDays.some(({ nth }) => nth === undefined)));

/** What a rule leaves open is as on its first day. */
function withDefaults(rule: Rule, start: Day): Rule {
  const { frequency, weekDays, monthDays, months } = rule;
  if (weekDays.length > 0 || monthDays.length > 0) return rule;
  if (frequency === "WEEKLY") return { ...rule, weekDays: [{ weekday: weekdayOf(start) }] };
  if (frequency === "MONTHLY") return { ...rule, monthDays: [start.dayOfMonth] };
  if (frequency === "YEARLY")
    return { ...rule, monthDays: [start.dayOfMonth], months: months.length > 0 ? months : [start.month] };
  return rule;
}

/** Each whole period that the rule's interval meets, from that of the first day on, as its days. */
function* periodsOf({ frequency, interval, weekStart }: Rule, start: Day, last: number): Generator<Day[]> {
  switch (frequency) {
    case "DAILY":
      for (let number = start.number; number <= last; number += interval) yield [dayOf(number)];
      return;
    case "WEEKLY": {
      const monday = start.number - ((weekdayOf(start) - weekStart + 7) % 7);
      for (let number = monday; number <= last; number += 7 * interval) yield daysFrom(number, 7);
      return;
    }
    case "MONTHLY":
      for (let index = start.year * 12 + start.month - 1; ; index += interval) {
        const number = numberOfDate(Math.floor(index / 12), (index % 12) + 1, 1);
        if (number > last) return;
        yield daysFrom(number, dayOf(number).monthLength);
      }
    case "YEARLY":
      for (let year = start.year; ; year += interval) {
        const number = numberOfDate(year, 1, 1);
        if (number > last) return;
        yield daysFrom(number, dayOf(number).yearLength);
      }
  }
}

const daysFrom = (number: number, count: number): Day[] => Array.from({ length: count }, (_, index) => dayOf(number + index));

function isOf({ frequency, months, monthDays, weekDays }: Rule, day: Day): boolean {
  if (months.length > 0 && !months.includes(day.month)) return false;
  if (monthDays.length > 0 && !isCounted(monthDays, day.dayOfMonth, day.monthLength)) return false;
  if (weekDays.length === 0) return true;
  const isOfMonth = frequency === "MONTHLY" || (frequency === "YEARLY" && months.length > 0);
  return weekDays.some(({ weekday, nth }) => {
    if (weekday !== weekdayOf(day)) return false;
    if (nth === undefined || frequency === "DAILY" || frequency === "WEEKLY") return true;
    const [place, length] = isOfMonth ? [day.dayOfMonth, day.monthLength] : [day.dayOfYear, day.yearLength];
    return nth > 0 ? Math.ceil(place / 7) === nth : Math.ceil((length - place + 1) / 7) === -nth;
  });
}

const isCounted = (numbers: readonly number[], place: number, length: number): boolean =>
  numbers.includes(place) || numbers.includes(place - length - 1);

const placed = (days: readonly Day[], places: readonly number[]): readonly Day[] =>
  places.length === 0 ? days : days.filter((_, index) => places.includes(index + 1) || places.includes(index - days.length));

const weekdayOf = ({ number }: Day): number => (((number + 3) % 7) + 7) % 7;

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
const monthLengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const lengthOf = (year: number, month: number): number => (month === 2 && isLeap(year) ? 29 : monthLengths[month - 1]!);

/** Days since 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so that a leap day ends one. */
function numberOfDate(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function numberOf(date: LocalDate): number {
  const [year, month, day] = date.split("-").map(Number);
  return numberOfDate(year!, month!, day!);
}

function dayOf(number: number): Day {
  const shifted = number + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayFromMarch = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayFromMarch + 2) / 153);
  const dayOfMonth = dayFromMarch - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const dayOfYear = number - numberOfDate(year, 1, 1) + 1;
  const yearLength = isLeap(year) ? 366 : 365;
  return { number, year, month, dayOfMonth, dayOfYear, monthLength: lengthOf(year, month), yearLength };
}

const textOf = ({ year, month, dayOfMonth }: Day): LocalDate =>
  `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(dayOfMonth).padStart(2, "0")}` as LocalDate;
