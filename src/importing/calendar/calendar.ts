/** From a calendar file to the interactions that took place: one for each occurrence and each account that took part. */
import type { Readable } from "node:stream";
import type { Instant } from "../../domain/values.ts";
import { AddressBook, bounded, type Known, parties, type Party, type Ref, warningsOn } from "../address-book.ts";
import { decoded } from "../decoding.ts";
import type { Json } from "../fields.ts";
import { attempted, type CommandLine, type Imported, type Item, type Omission, omission } from "../items.ts";
import { FileError, RowError } from "../refusals.ts";
import { type Component, componentsOf, propertiesNamed, propertyNamed } from "./components.ts";
import { type Property, textOf, textsOf } from "./content-lines.ts";
import type { CalendarMapping, Rule } from "./mapping.ts";
import { type Occurrence, occurrencesOf, recurrenceKeyOf, type When } from "./occurrences.ts";
import { TimeZones } from "./time-zones.ts";

/** Names and versions of all events are held while the file is read: some hundred bytes each. */
const eventCountMax = 1_000_000;
/** What one event may come to: they are held together, and a series with hundreds of guests is a mistake, or an attack. */
const interactionCountMax = 50_000;

export type CalendarContext = { mapping: CalendarMapping; creates: boolean; now: Instant };

/**
 * @param opened the same file from its beginning, each time: it is read once for its zones and the names of its events, and once for
 *   the events.
 * @throws FileError for a file that is no calendar.
 */
export async function* calendarItems(opened: () => Readable, context: CalendarContext): AsyncGenerator<Item> {
  const overview = await overviewOf(decoded(opened(), context.mapping.encoding), context);
  const book = new AddressBook(context.mapping, context.creates);
  for await (const component of componentsOf(decoded(opened(), context.mapping.encoding)))
    if (component.name === "VEVENT") yield itemOf(component, { ...context, overview, book });
}

type Overview = {
  zones: TimeZones;
  /** The line of the newest version of each event, by UID and RECURRENCE-ID as they are written. */
  newest: Map<string, { line: number; sequence: number; stamp: string }>;
  /** Components that tell of one occurrence of a series, by UID. */
  overrides: Map<string, Component[]>;
};

async function overviewOf(bytes: Readable, { mapping, now }: CalendarContext): Promise<Overview> {
  const zones = new TimeZones(mapping.timeZones, Date.parse(now) + 2 * 365 * 86_400_000);
  const overview: Overview = { zones, newest: new Map(), overrides: new Map() };
  for await (const component of componentsOf(bytes)) {
    if (component.name === "VTIMEZONE") zones.define(component);
    else if (component.fault === undefined) see(overview, component);
  }
  return overview;
}

function see({ newest, overrides }: Overview, component: Component): void {
  const uid = uidOf(component);
  if (uid === undefined) return;
  const name = versionName(component, uid);
  const version = {
    line: component.line,
    sequence: sequenceOf(component),
    stamp: propertyNamed(component, "DTSTAMP")?.value ?? "",
  };
  const before = newest.get(name);
  const isOlder =
    before !== undefined &&
    (version.sequence < before.sequence || (version.sequence === before.sequence && version.stamp < before.stamp));
  if (!isOlder) newest.set(name, version);
  if (newest.size > eventCountMax) throw new FileError(`the calendar has more than ${eventCountMax} events: split it`);
  const recurrence = propertyNamed(component, "RECURRENCE-ID");
  if (recurrence === undefined) return;
  const { name: _, line, timeZone, isCancelled } = component;
  const kept: Component = { name: "VEVENT", line, timeZone, isCancelled, properties: [recurrence], parts: [] };
  overrides.set(uid, [...(overrides.get(uid) ?? []), kept]);
}

const uidOf = (component: Component): string | undefined => {
  const uid = textOf(propertyNamed(component, "UID")?.value ?? "").trim();
  return uid === "" ? undefined : uid;
};
const sequenceOf = (component: Component): number =>
  Number(/^\d{1,9}/.exec(propertyNamed(component, "SEQUENCE")?.value ?? "")?.[0] ?? 0);

function versionName(component: Component, uid: string): string {
  const { value = "", parameters } = propertyNamed(component, "RECURRENCE-ID") ?? {};
  return `${uid}\n${value.trim()}\n${parameters?.["TZID"] ?? ""}`;
}

type EventContext = CalendarContext & { overview: Overview; book: AddressBook };

function itemOf(event: Component, context: EventContext): Item {
  const uid = uidOf(event);
  const about = { line: event.line, ...(uid === undefined ? {} : { name: uid }) };
  if (event.fault !== undefined) return { ...about, field: "", reason: event.fault };
  if (uid === undefined) return { ...about, field: "/uid", reason: "is required: by it the event is known again" };
  if (context.overview.newest.get(versionName(event, uid))?.line !== event.line) return { ...about, ...omission("superseded") };
  return { ...about, ...attempted(() => importedFrom(event, uid, context)) };
}

function importedFrom(event: Component, uid: string, context: EventContext): Imported {
  const { mapping, overview, book } = context;
  const reason = omitted(event, mapping);
  if (reason !== undefined) return omission(reason);
  const when: When = {
    zones: overview.zones,
    timeZone: mapping.timeZone ?? event.timeZone,
    nowMs: Date.parse(context.now),
  };
  const { past, notYet } = occurrencesOf(event, when, replacedIn(overview, event, uid, when));
  const [first] = past;
  if (first === undefined)
    return notYet > 0 ? { ...omission("not-yet"), omitted: { "not-yet": notYet } } : { lines: [], warnings: [] };
  const { traits, account } = traitsOf(event, mapping);
  const met = guestsOf(event).map((guest) => ({ ...guest, known: book.known(guest, first.startedAt) }));
  const found = partiesOf(met, mapping.calendarOf, account);
  const openings = book.takeOpenings();
  if (found.length === 0) return { ...omission("no-account"), warnings: warningsOn(met.map(({ known }) => known)) };
  if (past.length * found.length > interactionCountMax)
    throw new RowError("attendee", `makes it more than ${interactionCountMax} interactions`);
  const direction = mapping.event.direction ?? directionOf(met);
  const lines = past.flatMap((occurrence) =>
    found.map((party) =>
      lineOf(occurrence, party, { uid, traits, direction, note: noteOf(event, mapping), source: mapping.source }),
    ),
  );
  return {
    lines,
    openings,
    warnings: warningsOn(met.map(({ known }) => known)),
    ...(notYet > 0 ? { omitted: { "not-yet": notYet } } : {}),
  };
}

/** Occurrences of a series that other components of the file tell of. */
function replacedIn({ overrides }: Overview, event: Component, uid: string, when: When): Set<string> {
  if (propertyNamed(event, "RECURRENCE-ID") !== undefined) return new Set();
  const keys = new Set<string>();
  for (const override of overrides.get(uid) ?? []) {
    try {
      keys.add(recurrenceKeyOf(override, { ...when, timeZone: when.timeZone ?? override.timeZone })!);
    } catch (error) {
      // It is refused in its own place.
      if (!(error instanceof RowError)) throw error;
    }
  }
  return keys;
}

function omitted(event: Component, mapping: CalendarMapping): Omission | undefined {
  const status = propertyNamed(event, "STATUS")?.value.trim().toUpperCase();
  const access = propertyNamed(event, "CLASS")?.value.trim().toUpperCase();
  if (mapping.privateEvents === "skip" && (access === "PRIVATE" || access === "CONFIDENTIAL")) return "private";
  if (mapping.tentative === "skip" && status === "TENTATIVE") return "tentative";
  return rulesOn(event, mapping).some(({ skip }) => skip) ? "filtered" : undefined;
}

function rulesOn(event: Component, { categories, words }: CalendarMapping): Rule[] {
  const named = propertiesNamed(event, "CATEGORIES")
    .flatMap(({ value }) => textsOf(value))
    .map((category) => category.toLowerCase());
  const title = (titleOf(event) ?? "").toLowerCase();
  return [
    ...Object.entries(categories).filter(([category]) => named.includes(category.toLowerCase())),
    ...Object.entries(words).filter(([word]) => holdsWord(title, word.toLowerCase())),
  ].map(([, rule]) => rule);
}

const holdsWord = (title: string, word: string): boolean =>
  new RegExp(`(?<![\\p{L}\\p{N}])${RegExp.escape(word)}(?![\\p{L}\\p{N}])`, "u").test(title);

const titleOf = (event: Component): string | undefined => {
  const title = propertyNamed(event, "SUMMARY");
  return title === undefined ? undefined : textOf(title.value).trim();
};

type Traits = { kind: string; purpose: string; channel?: string; tags: string[] };

function traitsOf(event: Component, mapping: CalendarMapping): { traits: Traits; account: Ref | undefined } {
  const { kind, purpose, channel, tags } = mapping.event;
  let traits: Traits = { kind, purpose, tags: [...tags], ...(channel === undefined ? {} : { channel }) };
  let account: Ref | undefined;
  for (const { account: about, skip: _, tags: more = [], ...rest } of rulesOn(event, mapping)) {
    traits = { ...traits, ...rest, tags: [...new Set([...traits.tags, ...more])] };
    account = about ?? account;
  }
  return { traits, account };
}

type Guest = { address: string; name?: string; isOrganiser: boolean };

/** Whoever was invited and did not decline; rooms and things are no guests. */
function guestsOf(event: Component): Guest[] {
  const organiser = propertyNamed(event, "ORGANIZER");
  const attendees = propertiesNamed(event, "ATTENDEE").filter(
    ({ parameters }) =>
      parameters["PARTSTAT"]?.toUpperCase() !== "DECLINED" &&
      !["ROOM", "RESOURCE"].includes(parameters["CUTYPE"]?.toUpperCase() ?? ""),
  );
  const guests = [...(organiser === undefined ? [] : [organiser]), ...attendees].flatMap(guestOf);
  return [...new Map(guests.toReversed().map((guest) => [guest.address, guest])).values()].toReversed();
}

function guestOf({ name: property, value, parameters }: Property): Guest[] {
  const written = /^mailto:(.+)$/i.exec(value.trim())?.[1] ?? parameters["EMAIL"];
  const address = written?.trim().toLowerCase();
  if (address === undefined || !/^[^\s@]+@[^\s@]+$/.test(address)) return [];
  const name = parameters["CN"]?.replace(/\p{Cc}/gu, " ").trim();
  return [{ address, isOrganiser: property === "ORGANIZER", ...(name === undefined || name === "" ? {} : { name }) }];
}

type Met = Guest & { known: Known };

function partiesOf(met: readonly Met[], calendarOf: Ref | undefined, account: Ref | undefined): Party[] {
  const host: Known[] = calendarOf === undefined ? [] : [{ side: "ours", person: calendarOf }];
  const named: Known[] = account === undefined ? [] : [{ side: "theirs", account }];
  return parties([...host, ...met.map(({ known }) => known), ...named]);
}

function directionOf(met: readonly Met[]): "inbound" | "outbound" {
  return met.find(({ isOrganiser }) => isOrganiser)?.known.side === "theirs" ? "inbound" : "outbound";
}

const noteOf = (event: Component, { note }: CalendarMapping): string | undefined => {
  if (note === "none") return undefined;
  const title = titleOf(event)
    ?.replace(/[^\P{Cc}\n\t]/gu, " ")
    .slice(0, 4_000)
    .toWellFormed();
  return title === "" ? undefined : title;
};

type Common = { uid: string; traits: Traits; direction: string; note: string | undefined; source: string };

function lineOf(
  { key, startedAt, minutes, isCancelled }: Occurrence,
  party: Party,
  { uid, traits, direction, note, source }: Common,
): CommandLine {
  const body: Record<string, Json> = {
    account: party.account,
    ...traits,
    direction,
    startedAt,
    participants: party.participants,
    source,
    externalId: bounded(key === "" ? uid : `${uid} ${key}`),
    perAccount: true,
  };
  if (minutes !== undefined) body["minutes"] = minutes;
  if (note !== undefined) body["note"] = note;
  if (isCancelled) body["cancelled"] = true;
  return { command: "sync-interaction", body };
}
