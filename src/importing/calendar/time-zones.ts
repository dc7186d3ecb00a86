/**
 * Where a calendar's local times are meant. A TZID is an IANA name, or ends in one, or is one of Windows'; else the file's own
 * definition of it counts (VTIMEZONE, RFC 5545, section 3.6.5). A definition of a known name is passed over: the machine's data on
 * that zone are better kept than a copy that some program wrote years ago.
 */
import { RowError } from "../refusals.ts";
import { type Component, propertiesNamed, propertyNamed } from "./components.ts";
import { plainTime, rulePlaces } from "./recurrence.ts";
import { windowsZones } from "./windows-zones.ts";

export type Zone = {
  /** In milliseconds since 1970. A time that the clocks skipped is meant by the offset before; of one that came twice the first. */
  instantOf(local: Temporal.PlainDateTime): number;
  localAt(epochMs: number): Temporal.PlainDateTime;
};

export class TimeZones {
  readonly #defined = new Map<string, Component>();
  readonly #named: Readonly<Record<string, string>>;
  readonly #zones = new Map<string, Zone>();
  readonly #untilMs: number;

  /** @param named zones by the names that the mapping gives them. @param untilMs as far as definitions are worked out. */
  constructor(named: Readonly<Record<string, string>>, untilMs: number) {
    this.#named = named;
    this.#untilMs = untilMs;
  }

  define(component: Component): void {
    const name = propertyNamed(component, "TZID")?.value.trim();
    if (name !== undefined) this.#defined.set(name, component);
  }

  /** @throws RowError for a name that nobody explains. */
  named(name: string): Zone {
    let zone = this.#zones.get(name);
    if (zone === undefined) this.#zones.set(name, (zone = this.#found(name)));
    return zone;
  }

  #found(name: string): Zone {
    const mapped = Object.hasOwn(this.#named, name) ? this.#named[name] : undefined;
    const defined = this.#defined.get(name);
    const location = defined === undefined ? undefined : propertyNamed(defined, "X-LIC-LOCATION")?.value.trim();
    const known = [mapped, ...tailsOf(name), windowsZones.get(name), location].find((each) => each !== undefined && isZone(each));
    if (known !== undefined) return knownZone(known);
    if (defined === undefined)
      throw new RowError(
        "timeZone",
        "is no zone that is known here, nor defined in the file: name it in the mapping's `timeZones`",
      );
    return definedZone(defined, this.#untilMs);
  }
}

/** `/example.org/20210210_1/Europe/Berlin` ends in Europe/Berlin. */
function tailsOf(name: string): string[] {
  const parts = name.split("/").filter((part) => part !== "");
  if (!name.startsWith("/")) return [name];
  return [3, 2].filter((count) => parts.length > count).map((count) => parts.slice(-count).join("/"));
}

function isZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}

export const knownZone = (name: string): Zone => ({
  instantOf: (local) => local.toZonedDateTime(name, { disambiguation: "compatible" }).epochMilliseconds,
  localAt: (epochMs) => Temporal.Instant.fromEpochMilliseconds(epochMs).toZonedDateTimeISO(name).toPlainDateTime(),
});

/** From an instant on the clocks differ from UTC by an offset, both in milliseconds. */
type Onset = { fromMs: number; offsetMs: number; beforeMs: number };

function definedZone(component: Component, untilMs: number): Zone {
  if (component.fault !== undefined)
    throw new RowError("timeZone", `is defined in line ${component.line}, which ${component.fault}`);
  const onsets = component.parts.flatMap((part) => onsetsOf(part, untilMs)).sort((a, b) => a.fromMs - b.fromMs);
  if (onsets.length === 0) throw new RowError("timeZone", `is defined in line ${component.line} without any offset`);
  const offsetAt = (epochMs: number): number =>
    onsets.findLast(({ fromMs }) => fromMs <= epochMs)?.offsetMs ?? onsets[0]!.beforeMs;
  return {
    instantOf(local) {
      const asUtc = utcMs(local);
      const [before, after] = [offsetAt(asUtc - dayMs), offsetAt(asUtc + dayMs)];
      const fitting = [before, after].map((offset) => asUtc - offset).filter((ms) => ms + offsetAt(ms) === asUtc);
      return fitting.length === 0 ? asUtc - before : Math.min(...fitting);
    },
    localAt: (epochMs) => plainAt(epochMs + offsetAt(epochMs)),
  };
}

const dayMs = 86_400_000;

export const utcMs = (local: Temporal.PlainDateTime): number => local.toZonedDateTime("UTC").epochMilliseconds;
export const plainAt = (ms: number): Temporal.PlainDateTime =>
  Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO("UTC").toPlainDateTime();

function onsetsOf(part: Component, untilMs: number): Onset[] {
  const [from, to] = ["TZOFFSETFROM", "TZOFFSETTO"].map((name) => offsetOf(part, name)) as [number, number];
  const first = plainTime(propertyNamed(part, "DTSTART")?.value ?? "");
  if (first === undefined) throw new RowError("timeZone", `is defined in line ${part.line} without a DTSTART`);
  const rules = propertiesNamed(part, "RRULE").map(({ value }) => value);
  const dates = propertiesNamed(part, "RDATE").flatMap(({ value }) => value.split(",").map(plainTime));
  const places = [
    first,
    ...dates.filter((each) => each !== undefined),
    ...rules.flatMap((rule) => rulePlaces(rule, first, { until: plainAt(untilMs), untilLocal: (utc) => plainAt(utc + from) })),
  ];
  return [...new Set(places.map(utcMs))].map((ms) => ({ fromMs: ms - from, offsetMs: to, beforeMs: from }));
}

function offsetOf(part: Component, name: string): number {
  const [, sign, hours, minutes, seconds = "0"] =
    /^([+-])(\d\d)(\d\d)(\d\d)?$/.exec(propertyNamed(part, name)?.value.trim() ?? "") ?? [];
  if (sign === undefined) throw new RowError("timeZone", `is defined in line ${part.line} without a ${name}`);
  return (sign === "-" ? -1 : 1) * (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
}
