/** Dates by the rule, expanded without a calendar of the runtime's, against the library by which the ledger resolves them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { datesOfRule } from "../../src/domain/recurrence.ts";
import { misfitOf } from "../../src/domain/schedule-fit.ts";
import { occurrenceCountMax, type RecurringTerms } from "../../src/domain/terms.ts";
import type { LocalDate } from "../../src/domain/values.ts";
import { resolveSchedule } from "../../src/schedule/resolve.ts";

const terms = (rrule: string, from: string, until: string, more: Partial<RecurringTerms> = {}): RecurringTerms => ({
  ...{ type: "recurring", rrule, from: from as LocalDate, until: until as LocalDate, windowDays: 1, graceMinutes: 0 },
  ...more,
});

/** Undefined where the ledger refuses such terms. */
function resolved(of: RecurringTerms, zone = "UTC") {
  try {
    return resolveSchedule(of, zone, "2026a");
  } catch {
    return undefined;
  }
}

const some = (item: fc.Arbitrary<string | number>) =>
  fc.uniqueArray(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(","));
const part = (name: string, value: fc.Arbitrary<string | number>) =>
  fc.option(
    value.map((text) => `;${name}=${text}`),
    { nil: "", freq: 2 },
  );
const weekday = fc.constantFrom("MO", "TU", "WE", "TH", "FR", "SA", "SU");
const nthWeekday = fc.tuple(fc.constantFrom("", "1", "2", "-1", "5", "-5"), weekday).map(([nth, day]) => nth + day);
const rule = fc
  .constantFrom("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
  .chain((frequency) =>
    fc
      .tuple(
        part("INTERVAL", fc.integer({ min: 1, max: 14 })),
        part("COUNT", fc.integer({ min: 1, max: 40 })),
        part("BYDAY", some(frequency === "MONTHLY" || frequency === "YEARLY" ? nthWeekday : weekday)),
        part("BYMONTHDAY", some(fc.constantFrom(1, 2, 15, 28, 29, 30, 31, -1, -2, -31))),
        part("BYYEARDAY", some(fc.constantFrom(1, 60, 100, 365, 366, -1, -366))),
        part("BYMONTH", some(fc.integer({ min: 1, max: 12 }))),
        part("BYSETPOS", some(fc.constantFrom(1, 2, -1, -2))),
        part("WKST", weekday),
      )
      .map((parts) => `FREQ=${frequency}${parts.join("")}`),
  );
const date = (days: number) => new Date(Date.UTC(2019, 0, 1 + days)).toISOString().slice(0, 10);
const cases = fc
  .tuple(rule, fc.integer({ min: 0, max: 4_000 }), fc.integer({ min: 0, max: 2_000 }))
  .map(([rrule, from, days]) => terms(rrule, date(from), date(from + days)));

describe("the dates of a rule", () => {
  it("are those that the ledger resolves, wherever the rule is expanded here", () => {
    let compared = 0;
    fc.assert(
      fc.property(cases, (of) => {
        const [theirs, ours] = [resolved(of), datesOfRule(of, occurrenceCountMax)];
        if (theirs === undefined || ours === undefined) return;
        compared += 1;
        expect(ours).toEqual(theirs.occurrences.map(({ date }) => date));
      }),
      { numRuns: 600 },
    );
    expect(compared).toBeGreaterThan(100);
  }, 60_000);

  it.each([
    ["FREQ=WEEKLY;INTERVAL=2", "2026-01-09", "2026-12-31"],
    ["rrule:freq=weekly;byday=mo,we", "2026-01-09", "2026-03-31"],
    ["FREQ=MONTHLY;BYDAY=-1FR", "2024-01-01", "2027-12-31"],
    ["FREQ=MONTHLY;BYMONTHDAY=31", "2024-01-31", "2027-12-31"],
    ["FREQ=YEARLY", "2024-02-29", "2060-12-31"],
    ["FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2026-01-01", "2027-12-31"],
    ["FREQ=DAILY", "2026-01-01", "2027-08-23"],
  ])("%s from %s to %s", (rrule, from, until) => {
    const of = terms(rrule, from, until);
    expect(datesOfRule(of, occurrenceCountMax)).toEqual(resolved(of)!.occurrences.map(({ date }) => date));
  });

  it("are not looked for where expanders differ, or for ever", () => {
    const none = (rrule: string, until = "2027-01-01") => datesOfRule(terms(rrule, "2026-01-01", until), 600);
    expect(none("FREQ=YEARLY;BYWEEKNO=20")).toBeUndefined();
    expect(none("FREQ=YEARLY;BYYEARDAY=20")).toBeUndefined();
    expect(none("FREQ=YEARLY;BYDAY=1MO,TU")).toBeUndefined();
    expect(none("FREQ=WEEKLY;BYMONTHDAY=1,2,3")).toBeUndefined();
    expect(none("FREQ=DAILY", "9999-12-31")).toBeUndefined();
    expect(none("FREQ=DAILY", "2199-12-31")!.length).toBe(601);
  });
});

describe("a schedule", () => {
  it("fits its terms in every time zone, over every change of the clocks", () => {
    for (const zone of [
      "Europe/Berlin",
      "Pacific/Kiritimati",
      "Etc/GMT+12",
      "Pacific/Apia",
      "America/St_Johns",
      "Asia/Kathmandu",
    ]) {
      const of = terms("FREQ=DAILY;INTERVAL=5", "2011-01-03", "2018-12-31", { windowDays: 3 });
      const offer = { terms: of, schedule: resolved(of, zone)! };
      expect(misfitOf(offer), zone).toBeUndefined();
    }
  });
});
