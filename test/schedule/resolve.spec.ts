/** Dates of a promise, as they will stand in its event for ever. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DomainError } from "../../src/domain/errors.ts";
import { recurringTerms, terms } from "../../src/domain/terms.ts";
import { dayMs } from "../../src/domain/values.ts";
import { checkTimeZone, resolveSchedule } from "../../src/schedule/resolve.ts";

const recurring = (more: object) =>
  recurringTerms.parse({ type: "recurring", rrule: "FREQ=WEEKLY;INTERVAL=2", from: "2026-01-09", until: "2026-03-31", ...more });
const resolve = (more: object, zone = "UTC") => resolveSchedule(recurring(more), zone, "test").occurrences;
const refusal = (work: () => unknown): { code: string; field: string | undefined } | undefined => {
  try {
    work();
  } catch (error) {
    if (error instanceof DomainError) return { code: error.code, field: error.field };
    throw error;
  }
  return undefined;
};

describe("resolving the dates of a promise", () => {
  it("takes every date that the rule gives between from and until, both included", () => {
    expect(resolve({ until: "2026-02-06" }).map(({ date }) => date)).toEqual(["2026-01-09", "2026-01-23", "2026-02-06"]);
  });

  it("gives each a window of whole days in the time zone of its terms, else of the account", () => {
    expect(resolve({ windowDays: 2, until: "2026-01-10", timeZone: "America/New_York" }, "Europe/Berlin")).toEqual([
      { date: "2026-01-09", opensAt: "2026-01-09T05:00:00.000Z", dueAt: "2026-01-11T05:00:00.000Z" },
    ]);
    expect(resolve({ until: "2026-01-10" }, "Europe/Berlin")[0]).toMatchObject({
      opensAt: "2026-01-08T23:00:00.000Z",
      dueAt: "2026-01-09T23:00:00.000Z",
    });
  });

  it("keeps to local days across changes of the clocks, where one lasts 23 hours and another 25", () => {
    const days = resolve({ rrule: "FREQ=DAILY", from: "2026-03-28", until: "2026-03-30" }, "Europe/Berlin");
    expect(days.map(({ opensAt, dueAt }) => (Date.parse(dueAt!) - Date.parse(opensAt!)) / 3_600_000)).toEqual([24, 23, 24]);
    const autumn = resolve({ rrule: "FREQ=DAILY", from: "2026-10-24", until: "2026-10-26" }, "Europe/Berlin");
    expect(autumn.map(({ opensAt, dueAt }) => (Date.parse(dueAt!) - Date.parse(opensAt!)) / 3_600_000)).toEqual([24, 25, 24]);
  });

  it("starts a day whose midnight does not exist at its first instant", () => {
    // In Santiago the clocks went from 24:00 on 5 September 2026 to 01:00 on the 6th.
    const [day] = resolve({ rrule: "FREQ=DAILY", from: "2026-09-06", until: "2026-09-06" }, "America/Santiago");
    expect(day).toMatchObject({ date: "2026-09-06", opensAt: "2026-09-06T04:00:00.000Z", dueAt: "2026-09-07T03:00:00.000Z" });
  });

  it("skips dates that a month does not have: they are never missed", () => {
    expect(
      resolve({ rrule: "FREQ=MONTHLY;BYMONTHDAY=31", from: "2026-01-01", until: "2026-05-31" }).map(({ date }) => date),
    ).toEqual(["2026-01-31", "2026-03-31", "2026-05-31"]);
  });

  it("honours a count within its bounds", () => {
    expect(resolve({ rrule: "FREQ=WEEKLY;COUNT=3", until: "2026-12-31" })).toHaveLength(3);
    expect(resolve({ rrule: "rrule:freq=weekly;count=3", until: "2026-12-31" })).toHaveLength(3);
    expect(() => resolve({ rrule: "FREQ=DAILY;BYHOUR=9" })).toThrow("`BYHOUR=9` is not supported in a rule");
    expect(resolve({ rrule: "FREQ=WEEKLY;COUNT=30", until: "2026-01-16" })).toHaveLength(2);
  });

  it("needs no time zone for a single window", () => {
    const once = terms.parse({ type: "once", dueAt: "2026-02-01T12:00:00.000Z" });
    expect(resolveSchedule(once, "UTC", "test")).toEqual({ occurrences: [{ dueAt: "2026-02-01T12:00:00.000Z" }] });
    expect(resolveSchedule(terms.parse({ type: "once" }), "UTC", "test")).toEqual({ occurrences: [{}] });
  });

  it.each([
    ["an until before its from", { until: "2026-01-01" }, "terms-invalid", "/terms/until"],
    ["a rule that is none", { rrule: "every two weeks" }, "terms-invalid", "/terms/rrule"],
    ["a rule by the hour", { rrule: "FREQ=HOURLY" }, "terms-invalid", "/terms/rrule"],
    ["a rule with a start of its own", { rrule: "DTSTART=20260101;FREQ=DAILY" }, "terms-invalid", "/terms/rrule"],
    ["a rule with an end of its own", { rrule: "FREQ=DAILY;UNTIL=99991231" }, "terms-invalid", "/terms/rrule"],
    ["an interval of nothing", { rrule: "FREQ=DAILY;INTERVAL=0" }, "terms-invalid", "/terms/rrule"],
    ["a count of less than nothing", { rrule: "FREQ=DAILY;COUNT=-1" }, "terms-invalid", "/terms/rrule"],
    ["a part that stands twice", { rrule: "FREQ=DAILY;FREQ=WEEKLY" }, "terms-invalid", "/terms/rrule"],
    ["a weekday that is none", { rrule: "FREQ=WEEKLY;BYDAY=XX" }, "terms-invalid", "/terms/rrule"],
    ["a rule that never falls on a day", { rrule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30" }, "terms-invalid", "/terms/rrule"],
    [
      "a rule with more dates than an event holds",
      { rrule: "FREQ=DAILY", until: "2029-01-01" },
      "too-many-occurrences",
      "/terms/rrule",
    ],
    ["a time zone that is none", { timeZone: "Europe/Atlantis" }, "terms-invalid", "/terms/timeZone"],
  ])("refuses %s", (_name, more, code, field) => {
    expect(refusal(() => resolve(more))).toEqual({ code, field });
  });

  it("refuses an account's time zone under the name of its field", () => {
    expect(refusal(() => checkTimeZone("Mars/Olympus", "/timeZone"))).toEqual({ code: "terms-invalid", field: "/timeZone" });
  });

  it("gives rising windows of the days asked for, in every zone", () => {
    const zones = fc.constantFrom(
      "UTC",
      "Europe/Berlin",
      "America/New_York",
      "Asia/Kolkata",
      "Australia/Lord_Howe",
      "Pacific/Apia",
    );
    fc.assert(
      fc.property(
        zones,
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 0, max: 3_000 }),
        (zone, interval, windowDays, day) => {
          const from = new Date(Date.parse("2020-01-01") + day * dayMs).toISOString().slice(0, 10);
          const until = new Date(Date.parse("2020-01-01") + (day + 200) * dayMs).toISOString().slice(0, 10);
          const windows = resolve({ rrule: `FREQ=DAILY;INTERVAL=${interval}`, from, until, windowDays }, zone);
          expect(windows).toHaveLength(Math.floor(200 / interval) + 1);
          for (const [index, { opensAt, dueAt }] of windows.entries()) {
            const hours = (Date.parse(dueAt!) - Date.parse(opensAt!)) / 3_600_000;
            expect(Math.abs(hours - windowDays * 24)).toBeLessThanOrEqual(1);
            if (index > 0) expect(opensAt! > windows[index - 1]!.opensAt!).toBe(true);
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});
