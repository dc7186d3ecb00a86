/** Events and time zones of a calendar file, one after the other, at the memory of one. */
import type { Readable } from "node:stream";
import { FileError } from "../refusals.ts";
import { type ContentLine, contentLines, type Property, propertyOf } from "./content-lines.ts";

export type Component = {
  name: string;
  line: number;
  properties: Property[];
  /** Those of a time zone: STANDARD and DAYLIGHT. Alarms of events are left out. */
  parts: Component[];
  /** METHOD:CANCEL stands over the whole calendar. */
  isCancelled: boolean;
  /** X-WR-TIMEZONE of the calendar: where times without a zone are meant. */
  timeZone?: string;
  /** What makes it unreadable. */
  fault?: string;
};

const kept = new Set(["VEVENT", "VTIMEZONE", "STANDARD", "DAYLIGHT"]);
const depthMax = 8;
const propertyCountMax = 20_000;

/** @throws FileError for a file that is no calendar. */
export async function* componentsOf(bytes: Readable): AsyncGenerator<Component> {
  const reading = new Reading();
  for await (const lines of contentLines(bytes))
    for (const line of lines) {
      const component = reading.take(line);
      if (component !== undefined) yield component;
    }
  if (!reading.isBegun) throw new FileError("the file is empty: BEGIN:VCALENDAR is wanted");
  const last = reading.end();
  if (last !== undefined) yield last;
}

class Reading {
  isBegun = false;
  readonly #open: Component[] = [];
  #isCancelled = false;
  #timeZone: string | undefined;

  /** @returns the component that ends here. */
  take(read: ContentLine): Component | undefined {
    const line = this.isBegun ? read : { ...read, text: read.text.replace(/^\ufeff/, "") };
    const property = propertyOf(line);
    if (!this.isBegun) {
      if (property?.name !== "BEGIN" || property.value.trim().toUpperCase() !== "VCALENDAR")
        throw new FileError(`line ${line.line} is not the beginning of a calendar: BEGIN:VCALENDAR is wanted`);
      this.isBegun = true;
    }
    if (property?.name === "BEGIN") return this.#begin(property.value.trim().toUpperCase(), line.line);
    if (property?.name === "END") return this.#end(property.value.trim().toUpperCase(), line.line);
    this.#hold(property, line.line);
    return undefined;
  }

  end(): Component | undefined {
    const open = this.#outermost();
    return open === undefined ? undefined : { ...open, fault: `has no END:${open.name}: the file ends before it` };
  }

  #begin(name: string, line: number): Component | undefined {
    if (name === "VCALENDAR") {
      const unended = this.end();
      this.#open.length = 0;
      this.#isCancelled = false;
      this.#timeZone = undefined;
      return unended;
    }
    // No event holds another: the one that is open was never ended.
    const open = name === "VEVENT" || name === "VTIMEZONE" ? this.#outermost() : undefined;
    if (open !== undefined) this.#open.length = 0;
    if (this.#open.length >= depthMax) throw new FileError(`line ${line} begins a part within ${depthMax} others`);
    this.#open.push({ name, line, properties: [], parts: [], isCancelled: this.#isCancelled, timeZone: this.#timeZone });
    return open === undefined ? undefined : { ...open, fault: `has no END:${open.name} before line ${line}` };
  }

  #end(name: string, line: number): Component | undefined {
    if (name === "VCALENDAR" && this.#open.length === 0) return undefined;
    const at = this.#open.findLastIndex((each) => each.name === name);
    const open = this.#outermost();
    if (at === -1) {
      if (open !== undefined) open.fault ??= `END:${name} in line ${line} ends nothing`;
      return undefined;
    }
    if (at < this.#open.length - 1) this.#open[0]!.fault ??= `has no END:${this.#open.at(-1)!.name} before line ${line}`;
    const ended = this.#open[at]!;
    this.#open.length = at;
    const around = this.#open.at(-1);
    if (around?.name === "VTIMEZONE" && kept.has(name)) around.parts.push(ended);
    return around === undefined && (name === "VEVENT" || name === "VTIMEZONE") ? ended : undefined;
  }

  #hold(property: Property | undefined, line: number): void {
    const open = this.#open.at(-1);
    if (open === undefined) {
      if (property?.name === "METHOD") this.#isCancelled = property.value.trim().toUpperCase() === "CANCEL";
      if (property?.name === "X-WR-TIMEZONE") this.#timeZone = property.value.trim();
      return;
    }
    if (!kept.has(open.name)) return;
    if (property === undefined) open.fault ??= `line ${line} is no line of a calendar`;
    else if (!wanted.has(property.name)) return;
    else if (property.isCut) open.fault ??= `${property.name} in line ${line} is longer than any that is taken`;
    else if (property.value.includes("\ufffd")) open.fault ??= `${property.name} in line ${line} is not UTF-8`;
    else if (open.properties.length >= propertyCountMax) open.fault ??= `has more than ${propertyCountMax} lines`;
    else open.properties.push(property);
  }

  #outermost(): Component | undefined {
    return this.#open[0]?.name === "VEVENT" || this.#open[0]?.name === "VTIMEZONE" ? this.#open[0] : undefined;
  }
}

/** Everything else is passed over, descriptions and attachments too. */
const wanted = new Set([
  ...["UID", "RECURRENCE-ID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE"],
  ...["STATUS", "CLASS", "SUMMARY", "CATEGORIES", "ORGANIZER", "ATTENDEE"],
  ...["TZID", "X-LIC-LOCATION", "TZOFFSETFROM", "TZOFFSETTO"],
]);

export const propertyNamed = ({ properties }: Component, name: string): Property | undefined =>
  properties.find((each) => each.name === name);
export const propertiesNamed = ({ properties }: Component, name: string): Property[] =>
  properties.filter((each) => each.name === name);
