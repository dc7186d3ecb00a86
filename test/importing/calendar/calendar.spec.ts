import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { calendarItems } from "../../../src/importing/calendar/calendar.ts";
import { calendarMapping } from "../../../src/importing/calendar/mapping.ts";
import { attempted, type Item } from "../../../src/importing/items.ts";
import type { Instant } from "../../../src/domain/values.ts";

const account = "acc_0000000000000001";
const now = "2026-03-01T00:00:00.000Z" as Instant;
const base = {
  source: "calendar",
  event: { kind: "visit", purpose: "relationship" },
  ours: { people: { "r.novak@ours.example": "per_00000000000000r1" }, domains: ["ours.example"] },
  people: { "m.l@harbour.example": { account, person: "per_00000000000000c1" } },
  accounts: { "mill.example": "acc_0000000000000002" },
};

type Options = { mapping?: object; creates?: boolean; chunkBytes?: number; bytes?: Buffer };

async function itemsOf(text: string, { mapping = {}, creates = false, chunkBytes = 50, bytes }: Options = {}): Promise<Item[]> {
  const content = bytes ?? Buffer.from(text.replaceAll("\n", "\r\n"));
  const opened = () =>
    Readable.from(
      Array.from({ length: Math.ceil(content.length / chunkBytes) }, (_, index) =>
        content.subarray(index * chunkBytes, (index + 1) * chunkBytes),
      ),
      { objectMode: false },
    );
  return Array.fromAsync(calendarItems(opened, { mapping: calendarMapping.parse({ ...base, ...mapping }), creates, now }));
}

const calendar = (...lines: string[]) => ["BEGIN:VCALENDAR", "VERSION:2.0", ...lines, "END:VCALENDAR", ""].join("\n");
const event = (...lines: string[]) =>
  [
    "BEGIN:VEVENT",
    "UID:one@example",
    "DTSTAMP:20260101T000000Z",
    "ATTENDEE:mailto:m.l@harbour.example",
    ...lines,
    "END:VEVENT",
  ].join("\n");

/** When, for how long, and whether it was cancelled. */
async function told(lines: string[], options?: Options): Promise<unknown[]> {
  return (await itemsOf(calendar(...lines), options)).flatMap((item) =>
    "reason" in item
      ? [[item.line, item.field, item.reason]]
      : item.lines.map(({ body }) => [body["startedAt"], body["minutes"], ...(body["cancelled"] ? ["cancelled"] : [])]),
  );
}
const at = (text: string) => `2026-${text}:00.000Z`;

describe("an event of a calendar", () => {
  it("is an interaction with those who were invited and did not decline", async () => {
    const [item] = await itemsOf(
      calendar(
        "BEGIN:VEVENT",
        "UID:7c0f2a@calendar.example",
        'ORGANIZER;CN="Novak, R.":mailto:R.Novak@ours.example',
        "ATTENDEE;CUTYPE=INDIVIDUAL;CN=M. Lind",
        " qvist;PARTSTAT=ACCEPTED:mailto:m.l@harbour.example",
        "ATTENDEE;PARTSTAT=DECLINED:mailto:baker@mill.example",
        "ATTENDEE;CUTYPE=ROOM:mailto:room1@mill.example",
        "ATTENDEE:mailto:colleague@ours.example",
        "DTSTART:20260109T100000Z",
        "DTEND:20260109T110000Z",
        "SUMMARY:Visit\\, second\\nof all",
        "BEGIN:VALARM",
        "DTSTART:19700101T000000Z",
        "END:VALARM",
        "END:VEVENT",
      ),
      { mapping: { note: "title" } },
    );
    expect(item).toEqual({
      line: 3,
      name: "7c0f2a@calendar.example",
      openings: [],
      warnings: ["unknown-colleague"],
      lines: [
        {
          command: "sync-interaction",
          body: {
            ...{ account, kind: "visit", purpose: "relationship", tags: [], direction: "outbound", minutes: 60 },
            ...{ startedAt: at("01-09T10:00"), participants: ["per_00000000000000r1", "per_00000000000000c1"] },
            ...{ note: "Visit, second\nof all", source: "calendar", externalId: "7c0f2a@calendar.example", perAccount: true },
          },
        },
      ],
    });
  });

  it.each([
    ["in UTC", ["DTSTART:20260109T100000Z", "DTEND:20260109T104500Z"], [at("01-09T10:00"), 45]],
    ["in a zone", ["DTSTART;TZID=Europe/Berlin:20260109T100000", "DURATION:PT1H30M"], [at("01-09T09:00"), 90]],
    [
      "in a zone with a long name",
      ["DTSTART;TZID=/maker.example/20210210_1/Europe/Berlin:20260109T100000"],
      [at("01-09T09:00"), undefined],
    ],
    ["in a zone of Windows", ["DTSTART;TZID=W. Europe Standard Time:20260109T100000"], [at("01-09T09:00"), undefined]],
    ["in a quoted zone", ['DTSTART;TZID="Europe/Berlin":20260109T100000'], [at("01-09T09:00"), undefined]],
    ["without a zone", ["DTSTART:20260109T100000", "DURATION:PT15M"], [at("01-09T15:00"), 15]],
    ["of a whole day", ["DTSTART;VALUE=DATE:20260109"], [at("01-09T05:00"), undefined]],
    [
      "over the change of the clocks",
      ["DTSTART;TZID=Europe/Berlin:20251026T010000", "DTEND;TZID=Europe/Berlin:20251026T040000"],
      ["2025-10-25T23:00:00.000Z", 240],
    ],
  ])("%s began when it did", async (_what, lines, expected) => {
    expect(await told([event(...lines)], { mapping: { timeZone: "America/New_York" } })).toEqual([expected]);
  });

  it("takes a zone that the file defines, summer and winter", async () => {
    const zone = [
      "BEGIN:VTIMEZONE",
      "TZID:Our own",
      "BEGIN:STANDARD",
      "DTSTART:16010101T030000",
      "TZOFFSETFROM:+0200",
      "TZOFFSETTO:+0100",
      "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
      "END:STANDARD",
      "BEGIN:DAYLIGHT",
      "DTSTART:16010101T020000",
      "TZOFFSETFROM:+0100",
      "TZOFFSETTO:+0200",
      "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
      "END:DAYLIGHT",
      "END:VTIMEZONE",
    ];
    const local = ["20250701T100000", "20260109T100000", "20250330T023000", "20251026T023000"];
    const events = local.map((start, index) => event(`DTSTART;TZID=Our own:${start}`).replace("one@", `${index}@`));
    // The definition may stand after those who use it.
    expect(await told([...events, ...zone])).toEqual([
      ["2025-07-01T08:00:00.000Z", undefined],
      ["2026-01-09T09:00:00.000Z", undefined],
      ["2025-03-30T01:30:00.000Z", undefined],
      ["2025-10-26T00:30:00.000Z", undefined],
    ]);
  });

  it("is left out where it is to come, private, tentative, or concerns no account", async () => {
    const items = await itemsOf(
      calendar(
        event("DTSTART:20260301T000000Z", "DURATION:PT1H"),
        event("DTSTART:20260109T100000Z", "CLASS:PRIVATE").replace("one", "two"),
        event("DTSTART:20260109T100000Z", "STATUS:TENTATIVE").replace("one", "three"),
        event("DTSTART:20260109T100000Z").replace("one", "four").replace("m.l@harbour", "nobody@elsewhere"),
      ),
    );
    expect(items.map((item) => "omitted" in item && item.omitted)).toEqual([
      { "not-yet": 1 },
      { private: 1 },
      { tentative: 1 },
      { "no-account": 1 },
    ]);
    expect(items.flatMap((item) => ("lines" in item ? item.lines : []))).toEqual([]);
  });

  it("takes its kind, purpose, tags and account from its categories and title", async () => {
    const mapping = {
      categories: { "Sales call": { kind: "call", purpose: "sales" }, Off: { skip: true } },
      words: { mill: { account: { source: "crm", externalId: "C-2" }, tags: ["bakery"] } },
    };
    const items = await itemsOf(
      calendar(
        event("DTSTART:20260109T100000Z", "CATEGORIES:other,SALES CALL", "SUMMARY:At the Mill").replace(
          "m.l@harbour",
          "x@nowhere",
        ),
        event("DTSTART:20260109T100000Z", "CATEGORIES:Off").replace("one", "two"),
        event("DTSTART:20260109T100000Z", "SUMMARY:Treadmill").replace("one", "three"),
      ),
      { mapping },
    );
    expect(
      items.map(
        (item) => "lines" in item && item.lines.map(({ body }) => [body["account"], body["kind"], body["purpose"], body["tags"]]),
      ),
    ).toEqual([
      [[{ source: "crm", externalId: "C-2" }, "call", "sales", ["bakery"]]],
      [],
      [[account, "visit", "relationship", []]],
    ]);
  });

  it("opens accounts and people for addresses that nobody knows, where that is asked for", async () => {
    const text = calendar(
      event("DTSTART:20260109T100000Z", "ATTENDEE;CN=Ana:mailto:Ana@new.example", "ATTENDEE:mailto:leo@gmail.com"),
    );
    const [item] = await itemsOf(text, { creates: true });
    const by = (externalId: string) => ({ source: "address", externalId });
    const opened = { timeZone: "UTC", at: at("01-09T10:00") };
    expect(item).toMatchObject({
      openings: [
        { command: "open-account", body: { ...by("new.example"), name: "new.example", ...opened } },
        {
          command: "add-person",
          body: { ...by("ana@new.example"), name: "Ana", email: "ana@new.example", account: by("new.example") },
        },
        { command: "open-account", body: { ...by("leo@gmail.com"), name: "leo@gmail.com", ...opened } },
        { command: "add-person", body: { ...by("leo@gmail.com"), account: by("leo@gmail.com") } },
      ],
      lines: [
        { body: { account } },
        { body: { account: by("new.example"), participants: [by("ana@new.example")] } },
        { body: { account: by("leo@gmail.com") } },
      ],
    });
  });

  it("of which the file holds several versions counts in the newest", async () => {
    const lines = [
      event("DTSTART:20260109T100000Z", "SEQUENCE:2"),
      event("DTSTART:20260110T100000Z", "SEQUENCE:1"),
      event("DTSTART:20260111T100000Z"),
    ];
    expect(await told(lines)).toEqual([[at("01-09T10:00"), undefined]]);
  });
});

describe("a series", () => {
  it("is each time that it took place, by the local clock", async () => {
    const found = await told([
      event("DTSTART;TZID=Europe/Berlin:20251014T100000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=3"),
    ]);
    expect(found).toEqual([
      ["2025-10-14T08:00:00.000Z", 60],
      ["2025-10-28T09:00:00.000Z", 60],
      ["2025-11-11T09:00:00.000Z", 60],
    ]);
  });

  it("without an end goes up to now", async () => {
    const found = await told([event("DTSTART:20260216T100000Z", "RRULE:FREQ=WEEKLY;BYDAY=MO,TH")]);
    expect(found.map((one) => (one as string[])[0])).toEqual(
      ["02-16T10:00", "02-19T10:00", "02-23T10:00", "02-26T10:00"].map(at),
    );
    const [future] = await itemsOf(calendar(event("DTSTART:20260316T100000Z", "RRULE:FREQ=WEEKLY")));
    expect(future).toMatchObject({ lines: [], omitted: { "not-yet": 1 } });
  });

  it.each([
    ["up to a day", "RRULE:FREQ=DAILY;UNTIL=20260111", ["01-09T23:00", "01-10T23:00"]],
    ["up to an instant", "RRULE:FREQ=DAILY;UNTIL=20260110T225959Z", ["01-09T23:00"]],
    ["up to that very instant", "RRULE:FREQ=DAILY;UNTIL=20260110T230000Z", ["01-09T23:00", "01-10T23:00"]],
    [
      "with dates of its own",
      "RDATE;TZID=Europe/Berlin:20260115T000000,20260112T000000",
      ["01-09T23:00", "01-11T23:00", "01-14T23:00"],
    ],
    ["with periods of its own", "RDATE;VALUE=PERIOD:20260112T100000Z/PT30M", ["01-09T23:00", "01-12T10:00"]],
  ])("%s", async (_what, rule, days) => {
    const found = await told([event("DTSTART;TZID=Europe/Berlin:20260110T000000", rule)]);
    expect(found.map((one) => (one as string[])[0])).toEqual(days.map(at));
  });

  it("has no instance in an hour that the clocks skipped", async () => {
    const found = await told([event("DTSTART;TZID=Europe/Berlin:20250329T023000", "RRULE:FREQ=DAILY;COUNT=3")]);
    expect(found.map((one) => (one as string[])[0])).toEqual(["2025-03-29T01:30:00.000Z", "2025-03-31T00:30:00.000Z"]);
  });

  it("tells of what was excluded that it did not take place", async () => {
    const rule = "RRULE:FREQ=DAILY;COUNT=3";
    const expected = [
      [at("01-09T10:00"), undefined],
      [at("01-10T10:00"), undefined, "cancelled"],
      [at("01-11T10:00"), undefined],
    ];
    expect(await told([event("DTSTART:20260109T100000Z", rule, "EXDATE:20260110T100000Z")])).toEqual(expected);
    expect(
      await told([event("DTSTART:20260109T100000Z", rule, "EXDATE;VALUE=DATE:20260110")], { mapping: { timeZone: "UTC" } }),
    ).toEqual(expected);
  });

  it("leaves to its overrides what they tell, wherever they stand", async () => {
    const override = event("RECURRENCE-ID;TZID=Europe/Berlin:20260110T110000", "DTSTART:20260110T150000Z", "DURATION:PT20M");
    const cancelled = event("RECURRENCE-ID:20260111T100000Z", "DTSTART:20260111T100000Z", "STATUS:CANCELLED");
    const series = event("DTSTART:20260109T100000Z", "RRULE:FREQ=DAILY;COUNT=3");
    const items = await itemsOf(calendar(override, series, cancelled));
    expect(
      items.flatMap((item) =>
        "lines" in item ? item.lines.map(({ body }) => [body["externalId"], body["startedAt"], body["cancelled"]]) : [],
      ),
    ).toEqual([
      ["one@example 2026-01-10T10:00:00.000Z", at("01-10T15:00"), undefined],
      ["one@example 2026-01-09T10:00:00.000Z", at("01-09T10:00"), undefined],
      ["one@example 2026-01-11T10:00:00.000Z", at("01-11T10:00"), true],
    ]);
  });

  it("of whole days is known by its days", async () => {
    const items = await itemsOf(calendar(event("DTSTART;VALUE=DATE:20260109", "RRULE:FREQ=DAILY;COUNT=2")), {
      mapping: { timeZone: "UTC" },
    });
    expect(items.flatMap((item) => ("lines" in item ? item.lines.map(({ body }) => body["externalId"]) : []))).toEqual([
      "one@example 2026-01-09",
      "one@example 2026-01-10",
    ]);
  });

  it("that was cancelled as a whole is cancelled each time; so is all under METHOD:CANCEL", async () => {
    const times = [
      [at("01-09T10:00"), undefined, "cancelled"],
      [at("01-10T10:00"), undefined, "cancelled"],
    ];
    const series = ["DTSTART:20260109T100000Z", "RRULE:FREQ=DAILY;COUNT=2"];
    expect(await told([event(...series, "STATUS:CANCELLED")])).toEqual(times);
    expect(await told(["METHOD:CANCEL", event(...series)])).toEqual(times);
  });
});

describe("what can't be an event", () => {
  const start = "DTSTART:20260109T100000Z";
  it.each([
    ["no start", [], "/dtstart", "is required"],
    ["a start that is none", ["DTSTART:20260231T100000Z"], "/dtstart", "in line 7 is no date or time"],
    ["a time without a zone", ["DTSTART:20260109T100000"], "/dtstart", "has no time zone; give the mapping a `timeZone`"],
    [
      "a zone that nobody knows",
      ["DTSTART;TZID=Mars/Olympus:20260109T100000"],
      "/timeZone",
      "is no zone that is known here, nor defined in the file: name it in the mapping's `timeZones`",
    ],
    ["an end before the start", [start, "DTEND:20260109T090000Z"], "/dtend", "lies before DTSTART"],
    ["a duration backwards", [start, "DURATION:-PT1H"], "/duration", "is no duration that goes forward"],
    ["a rule of seconds", [start, "RRULE:FREQ=SECONDLY"], "/rrule", "recurs neither daily nor weekly, monthly or yearly"],
    ["a rule of nonsense", [start, "RRULE:FREQ=DAILY;BYDAY=<script>"], "/rrule", "is no recurrence rule"],
    ["a rule without a frequency", [start, "RRULE:COUNT=3"], "/rrule", "recurs neither daily nor weekly, monthly or yearly"],
    ["an endless rule of old", ["DTSTART:19000101T000000Z", "RRULE:FREQ=DAILY"], "/rrule", "recurs more than 10000 times"],
    [
      "a change of all that follow",
      [start, "RECURRENCE-ID;RANGE=THISANDFUTURE:20260109T100000Z"],
      "/recurrenceId",
      "changes all that follow (RANGE=THISANDFUTURE), which is not supported",
    ],
    ["a line that is none", [start, "this is no line"], "", "line 8 is no line of a calendar"],
  ])("%s", async (_what, lines, field, reason) => {
    expect(await told([event(...lines)])).toEqual([[3, field, reason]]);
  });

  it("a UID that is missing", async () => {
    expect(await told([event(start).replace("UID:one@example\n", "")])).toEqual([
      [3, "/uid", "is required: by it the event is known again"],
    ]);
  });

  it("an event that never ends, and the next is taken", async () => {
    const broken = event(start).replace("\nEND:VEVENT", "");
    expect(await told([broken, event(start).replace("one", "two")])).toEqual([
      [3, "", "has no END:VEVENT before line 8"],
      [at("01-09T10:00"), undefined],
    ]);
    expect(await itemsOf(`BEGIN:VCALENDAR\n${broken}\n`)).toMatchObject([
      { reason: "has no END:VEVENT: the file ends before it" },
    ]);
  });

  it("a value of a million folded lines costs no memory and is refused by its name, or passed over where nobody asks for it", async () => {
    const folded = (name: string, count: number) => Buffer.from(calendar(event(start, `${name}:x${"\n yyyy".repeat(count)}`)));
    const options = { chunkBytes: 65_536, mapping: {} };
    expect(await itemsOf("", { ...options, bytes: folded("SUMMARY", 1_000_000) })).toMatchObject([
      { line: 3, reason: "SUMMARY in line 8 is longer than any that is taken" },
    ]);
    expect(await itemsOf("", { ...options, bytes: folded("DESCRIPTION", 100_000) })).toMatchObject([
      { lines: [{ body: { account } }] },
    ]);
  });

  it("a file that is no calendar", async () => {
    await expect(itemsOf("Date,What\n2026-01-09,Visit\n")).rejects.toThrow("line 1 is not the beginning of a calendar");
    await expect(itemsOf("")).rejects.toThrow("the file is empty");
  });

  it("a character that was cut by a fold is whole, one that is not UTF-8 is refused, UTF-16 is read", async () => {
    const bytes = Buffer.from(calendar(event(start, "SUMMARY:caf\u00e9")));
    const cut = bytes.indexOf(0xc3) + 1;
    const folded = Buffer.concat([bytes.subarray(0, cut), Buffer.from("\r\n "), bytes.subarray(cut)]);
    const note = { mapping: { note: "title" } };
    expect(await itemsOf("", { ...note, bytes: folded })).toMatchObject([{ lines: [{ body: { note: "caf\u00e9" } }] }]);
    const latin = Buffer.from(calendar(event(start, "SUMMARY:caf\u00e9")), "latin1");
    expect(await itemsOf("", { ...note, bytes: latin })).toMatchObject([{ reason: "SUMMARY in line 8 is not UTF-8" }]);
    const wide = Buffer.from(`\ufeff${calendar(event(start, "SUMMARY:caf\u00e9"))}`, "utf16le");
    expect(await itemsOf("", { ...note, bytes: wide })).toMatchObject([{ lines: [{ body: { note: "caf\u00e9" } }] }]);
  });
});

describe("whatever lines a calendar has", () => {
  const line = fc.oneof(
    fc.constantFrom(
      ...[
        "BEGIN:VEVENT",
        "END:VEVENT",
        "BEGIN:VTIMEZONE",
        "END:VTIMEZONE",
        "BEGIN:STANDARD",
        "END:STANDARD",
        "BEGIN:VCALENDAR",
        "END:VCALENDAR",
      ],
      ...[
        "UID:a",
        "UID:b",
        "DTSTART:20260109T100000Z",
        "DTSTART;VALUE=DATE:20260109",
        "DTSTART;TZID=x:20260109T100000",
        "DTEND:20260109T110000Z",
      ],
      ...[
        "DURATION:PT1H",
        "DURATION:P",
        "RRULE:FREQ=DAILY;COUNT=3",
        "RRULE:FREQ=DAILY;BYDAY=XX",
        "RDATE:20260110T100000Z,x",
        "EXDATE:20260110T100000Z",
      ],
      ...[
        "RECURRENCE-ID:20260110T100000Z",
        "STATUS:CANCELLED",
        "ATTENDEE:mailto:m.l@harbour.example",
        "TZID:x",
        "TZOFFSETFROM:+0100",
      ],
      ...["TZOFFSETTO:+0200", "SEQUENCE:1", 'X;Y="z:', " folded", ";:", "METHOD:CANCEL"],
    ),
    fc.string({ maxLength: 20 }),
  );

  it("each event is taken or refused, in its order, and nothing else happens", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 40 }), fc.integer({ min: 1, max: 30 }), async (lines, chunkBytes) => {
        const items = await itemsOf(calendar(...lines), { chunkBytes, mapping: { timeZone: "Europe/Berlin" } });
        const places = items.map((item) => item.line);
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        for (const item of items) if ("reason" in item) expect(item.reason).not.toBe("");
      }),
      { numRuns: 150 },
    );
  });
});

it("a fault of Troth's own is no refusal of an event", () => {
  expect(() =>
    attempted(() => {
      throw new TypeError("a bug");
    }),
  ).toThrow(TypeError);
});
