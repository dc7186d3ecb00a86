/** Calendars, mailboxes and exports, from the file to the events in the log. */
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ImportServer, importServer } from "./support/importing.ts";
import { example, scratchFolder, troth } from "./support/troth.ts";

let { api, imported }: ImportServer = {} as ImportServer;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => void ({ api, imported } = await importServer((close) => closing.push(close))));
afterAll(async () => {
  for (const close of closing) await close();
});

/** Types of the events that the work added, but for those of the load. */
async function added(work: () => Promise<unknown>): Promise<string[]> {
  const before = api.ledger.store.log.head();
  await work();
  const types = api.ledger
    .events()
    .slice(before)
    .map(({ type }) => type);
  return types.filter((type) => !type.startsWith("Recording")).sort();
}

const calendar = ["--mapping", example("mapping-calendar.json")];
const mail = ["--mapping", example("mapping-mail.json")];

/** A file beside the data, with some of its text replaced. */
function changed(name: string, ...replacements: [string, string][]): string {
  const path = join(scratchFolder(), basename(name));
  writeFileSync(
    path,
    replacements.reduce((text, [from, to]) => text.replaceAll(from, to), readFileSync(example(name), "utf8")),
  );
  return path;
}

describe("a calendar", () => {
  it("is recorded once; what it changes is corrected, what it cancels retracted", async () => {
    const given = await added(async () => {
      const first = await imported(example("visits.ics"), ...calendar);
      expect(first).toMatchObject({ code: 1, lines: 5, commands: 5, accepted: 4, known: 1, refused: 1, omitted: { private: 1 } });
      expect(first.refusals).toMatchObject([{ line: 59, name: "d01e77@calendar.example", field: "/timeZone" }]);
    });
    expect(given).toEqual(Array(4).fill("InteractionRecorded"));
    const again = await added(async () =>
      expect(await imported(example("visits.ics"), ...calendar)).toMatchObject({ accepted: 0, known: 5, refused: 1 }),
    );
    expect(again).toEqual([]);
    const moved = changed(
      "visits.ics",
      ["DURATION:PT15M", "DURATION:PT25M"],
      ["EXDATE;", "EXDATE;TZID=Europe/Berlin:20240209T100000\nEXDATE;"],
    );
    const after = await added(async () =>
      expect(await imported(moved, ...calendar)).toMatchObject({ accepted: 2, known: 3, refused: 1 }),
    );
    expect(after).toEqual(["InteractionCorrected", "InteractionRetracted"]);
    expect(await added(() => imported(moved, ...calendar))).toEqual([]);
  });

  it("holds its names and titles under seal, and says none of them", async () => {
    const { said } = await imported(example("visits.ics"), ...calendar);
    const told = JSON.stringify([api.ledger.events(), api.lines]) + said;
    for (const text of ["no briefcase", "calendar.example", "ours.example", "harbour.example", "oven"])
      expect(told).not.toContain(text);
  });
});

describe("a mailbox", () => {
  it("on a dry run is reported as it would be, and nothing is recorded", async () => {
    const report = join(scratchFolder(), "report.json");
    const nothing = await added(async () => {
      const dry = await imported(example("sent.mbox"), ...mail, "--create", "--dry-run", "--report", report);
      expect(dry).toMatchObject({ code: 1, lines: 5, commands: 7, refused: 1, omitted: { automatic: 1 } });
    });
    expect(nothing).toEqual([]);
    const lines = readFileSync(report, "utf8").trim().split("\n");
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { line: 41, name: "d1@ours.example", field: "/date", code: "unreadable" },
      { summary: { lines: 5, refused: 1, dryRun: true } },
    ]);
  });

  it("opens what is missing where that is asked for, once, whatever else names it later", async () => {
    expect(await imported(example("sent.mbox"), ...mail)).toMatchObject({ commands: 3, warnings: { "unknown-address": 1 } });
    const opened = await added(() => imported(example("sent.mbox"), ...mail, "--create"));
    expect(opened).toEqual(["AccountOpened", "InteractionCorrected", "InteractionRecorded", "PersonAdded", "PersonAdded"]);
    const renamed = changed("sent.mbox", ["A. Sorensen", "Sorensen, Arne"], ["<b12@", "<b13@"]);
    const after = await added(async () =>
      expect(await imported(renamed, ...mail, "--create")).toMatchObject({ accepted: 1, known: 6, refused: 1 }),
    );
    expect(after).toEqual(["InteractionRecorded"]);
  });
});

describe("exports of a CRM", () => {
  it("refer to each other by their own ids; a changed row is a correction, a cancelled one a retraction", async () => {
    const parts = { users: "people", accounts: "accounts", contacts: "people" };
    for (const [what, kind] of Object.entries(parts)) {
      const options = ["--kind", kind, "--mapping", example(`crm/mapping-${what}.json`)];
      expect(await imported(example(`crm/${what}.csv`), ...options)).toMatchObject({ code: 0, refused: 0 });
    }
    const activities = ["--kind", "interactions", "--mapping", example("crm/mapping-activities.json")];
    const first = await imported(example("crm/activities.csv"), ...activities);
    expect(first).toMatchObject({ code: 1, lines: 6, commands: 4, accepted: 3, refused: 2, omitted: { filtered: 1 } });
    expect(first.refusals).toMatchObject([
      { line: 7, field: "/startedAt", column: "ActivityDateTime" },
      { line: 6, field: "/account", column: "AccountId", code: "account-not-found" },
    ]);
    const visits = api.ledger.events().flatMap(({ data }) => {
      const { startedAt, participants = [] } = data as { startedAt?: string; participants?: string[] };
      return startedAt === "2024-02-09T09:00:00.000Z" && participants.length === 2 ? [data] : [];
    });
    expect(visits).toContainEqual(expect.objectContaining({ kind: "visit", minutes: 60, source: "crm" }));
    const longer = changed("crm/activities.csv", ["+0100,60,", "+0100,75,"]);
    expect(await added(() => imported(longer, ...activities))).toEqual(["InteractionCorrected"]);
  });
});

it.each([
  ["a calendar without a mapping", ["visits.ics"], "--kind calendar needs --mapping"],
  ["a mapping for something else", ["visits.ics", ...mail], "is for mail, not for calendar"],
  ["a CSV file as a calendar", ["promises.csv", "--kind", "calendar", ...calendar], "is not the beginning of a calendar"],
  ["a calendar from the input", ["-", "--kind", "calendar", ...calendar], "a calendar is read twice: give a file"],
  [
    "--create for rows",
    ["crm/users.csv", "--kind", "people", "--mapping", example("crm/mapping-users.json"), "--create"],
    "--create is for calendars",
  ],
])("%s is refused in one sentence", async (_what, [file, ...options], sentence) => {
  const path = file === "-" ? "-" : example(file!);
  const { code, err } = await troth(["import", path, ...options, "--dry-run"]);
  expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(sentence) as string });
});
