/** What an event of a calendar comes to: each time that it took place, up to now. */
import { type Instant, instantAt } from "../../domain/values.ts";
import { RowError } from "../refusals.ts";
import { type Component, propertiesNamed, propertyNamed } from "./components.ts";
import type { Property } from "./content-lines.ts";
import { plainTime, rulePlaces } from "./recurrence.ts";
import { knownZone, plainAt, type TimeZones, utcMs, type Zone } from "./time-zones.ts";

export type Occurrence = {
  /** Its name in the series: its original start, as a date or an instant; empty for an event that does not recur. */
  key: string;
  startedAt: Instant;
  /** Undefined for whole days: nobody visits for 24 hours. */
  minutes: number | undefined;
  isCancelled: boolean;
};

export type Occurrences = { past: Occurrence[]; notYet: number };

export type When = {
  zones: TimeZones;
  /** Where times without a zone are meant. */
  timeZone: string | undefined;
  nowMs: number;
};

type Moment = { local: Temporal.PlainDateTime; ms: number; isDate: boolean; zone: Zone };

/** @param replaced keys of occurrences of which other components of the file tell. @throws RowError naming the property. */
export function occurrencesOf(event: Component, when: When, replaced: ReadonlySet<string>): Occurrences {
  const start = momentNamed(event, "DTSTART", when);
  if (start === undefined) throw new RowError("dtstart", "is required");
  const durationMs = durationOf(event, start, when);
  const isCancelled = event.isCancelled || propertyNamed(event, "STATUS")?.value.trim().toUpperCase() === "CANCELLED";
  const places = placesOf(event, start, when).filter(({ key }) => !replaced.has(key));
  // What ends later than now has not taken place yet, or not as a whole.
  const past = places.filter(({ ms, lengthMs = durationMs }) => ms + lengthMs <= when.nowMs && ms <= when.nowMs);
  const occurrences = past.map(({ key, ms, isExcluded, lengthMs = durationMs }) => ({
    key,
    startedAt: instantAt(ms),
    minutes: start.isDate ? undefined : minutesIn(lengthMs),
    isCancelled: isCancelled || isExcluded,
  }));
  return { past: occurrences, notYet: places.length - past.length };
}

const minutesMax = 100_000;
const minutesIn = (ms: number): number | undefined => {
  const minutes = Math.round(ms / 60_000);
  return minutes === 0 || minutes > minutesMax ? undefined : minutes;
};

/** The key that RECURRENCE-ID gives. @throws RowError */
export function recurrenceKeyOf(event: Component, when: When): string | undefined {
  const property = propertyNamed(event, "RECURRENCE-ID");
  if (property === undefined) return undefined;
  if (property.parameters["RANGE"] !== undefined)
    throw new RowError("recurrenceId", "changes all that follow (RANGE=THISANDFUTURE), which is not supported");
  return keyOf(momentOf(property, property.value, when));
}

const keyOf = ({ ms, isDate, local }: Moment): string => (isDate ? local.toPlainDate().toString() : instantAt(ms));

type Place = { key: string; ms: number; isExcluded: boolean; lengthMs?: number };

function placesOf(event: Component, start: Moment, when: When): Place[] {
  const own = recurrenceKeyOf(event, when);
  if (own !== undefined) return [{ key: own, ms: start.ms, isExcluded: false }];
  if (propertyNamed(event, "EXRULE") !== undefined)
    throw new RowError("exrule", "was taken out of the standard and is not supported");
  const rules = propertiesNamed(event, "RRULE");
  const dates = propertiesNamed(event, "RDATE");
  if (rules.length === 0 && dates.length === 0) return [{ key: "", ms: start.ms, isExcluded: false }];
  const excluded = exclusions(event, when);
  const places = new Map<string, Place>();
  for (const place of [start, ...rules.flatMap(({ value }) => ruled(value, start, when))]) {
    const key = keyOf(place);
    places.set(key, { key, ms: place.ms, isExcluded: excluded.has(key) });
  }
  for (const place of dates.flatMap((property) => added(property, when)))
    places.set(place.key, { ...place, isExcluded: excluded.has(place.key) });
  return [...places.values()].sort((a, b) => a.ms - b.ms);
}

/** Times that a rule gives and that there are: an instance in an hour that the clocks skipped is none (RFC 5545, 3.3.10). */
function ruled(rule: string, { local, isDate, zone }: Moment, { nowMs }: When): Moment[] {
  return rulePlaces(rule, local, {
    until: zone.localAt(nowMs),
    untilLocal: (utc) => (isDate ? plainAt(utc) : zone.localAt(utc)),
  })
    .map((place) => ({ local: place, ms: zone.instantOf(place), isDate, zone }))
    .filter((place) => isDate || zone.localAt(place.ms).equals(place.local));
}

/** Some calendars exclude a day where the event has a time. */
function exclusions(event: Component, when: When): { has(key: string): boolean } {
  const keys = new Set<string>();
  const days = new Set<string>();
  const start = momentNamed(event, "DTSTART", when)!;
  for (const property of propertiesNamed(event, "EXDATE"))
    for (const value of property.value.split(",")) {
      const moment = momentOf(property, value, when);
      keys.add(keyOf(moment));
      if (moment.isDate && !start.isDate) days.add(moment.local.toPlainDate().toString());
    }
  const dayOf = (key: string) => start.zone.localAt(Date.parse(key)).toPlainDate().toString();
  return { has: (key) => keys.has(key) || (days.size > 0 && days.has(dayOf(key))) };
}

function added(property: Property, when: When): Omit<Place, "isExcluded">[] {
  return property.value.split(",").map((written) => {
    const [from = "", to] = written.split("/");
    const start = momentOf(property, from, when);
    if (to === undefined) return { key: keyOf(start), ms: start.ms };
    const endMs = to.startsWith("P") ? start.ms + lengthOf(to, start, "rdate") : momentOf(property, to, when).ms;
    return { key: keyOf(start), ms: start.ms, lengthMs: Math.max(0, endMs - start.ms) };
  });
}

function durationOf(event: Component, start: Moment, when: When): number {
  const written = propertyNamed(event, "DURATION")?.value.trim();
  if (written !== undefined) return lengthOf(written, start, "duration");
  const end = momentNamed(event, "DTEND", when);
  // Without an end a day lasts a day, and a time no time (RFC 5545, 3.6.1).
  if (end === undefined) return start.isDate ? start.zone.instantOf(start.local.add({ days: 1 })) - start.ms : 0;
  if (end.ms < start.ms) throw new RowError("dtend", "lies before DTSTART");
  return end.ms - start.ms;
}

/** Weeks and days are those of the calendar, hours and minutes those of the clock. */
function lengthOf(written: string, { local, ms, zone }: Moment, field: string): number {
  const found = /^\+?P(?:(\d{1,4})W|(?:(\d{1,4})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,6})S)?)?)$/.exec(written);
  if (found === null || written.endsWith("P") || written.endsWith("T"))
    throw new RowError(field, "is no duration that goes forward");
  const [weeks, days, hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? "0")) as [number, ...number[]];
  const daysMs = zone.instantOf(local.add({ days: weeks * 7 + days! })) - ms;
  return daysMs + (hours! * 3_600 + minutes! * 60 + seconds!) * 1_000;
}

function momentNamed(event: Component, name: string, when: When): Moment | undefined {
  const property = propertyNamed(event, name);
  return property === undefined ? undefined : momentOf(property, property.value, when);
}

function momentOf({ name, parameters, line }: Property, written: string, when: When): Moment {
  const field = name === "RECURRENCE-ID" ? "recurrenceId" : name.toLowerCase();
  const local = plainTime(written);
  if (local === undefined) throw new RowError(field, `in line ${line} is no date or time`);
  const isDate = !written.includes("T");
  const zone = zoneOf(written.trim(), parameters["TZID"], isDate, when, field);
  return { local, ms: zone.instantOf(local), isDate, zone };
}

const utc: Zone = { instantOf: utcMs, localAt: plainAt };

function zoneOf(written: string, named: string | undefined, isDate: boolean, when: When, field: string): Zone {
  if (written.endsWith("Z")) return utc;
  if (named !== undefined && !isDate) return when.zones.named(named);
  if (when.timeZone === undefined) throw new RowError(field, "has no time zone; give the mapping a `timeZone`");
  return knownZone(when.timeZone);
}
