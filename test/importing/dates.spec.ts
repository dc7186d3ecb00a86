import { describe, expect, it } from "vitest";
import { dayFrom, instantFrom, patternOf } from "../../src/importing/dates.ts";

const berlin = "Europe/Berlin";

describe("a date in a file", () => {
  it.each([
    ["2017-07-27T00:00:00-07:00", {}, "2017-07-27T07:00:00.000Z"],
    ["2017-07-27T07:00:00Z", { timeZone: berlin }, "2017-07-27T07:00:00.000Z"],
    ["2024-01-12 11:00", { timeZone: berlin }, "2024-01-12T10:00:00.000Z"],
    ["2024-07-12", { timeZone: berlin }, "2024-07-11T22:00:00.000Z"],
    ["12.01.2024 10:00", { date: "dd.MM.yyyy HH:mm", timeZone: berlin }, "2024-01-12T09:00:00.000Z"],
    ["1/9/2026 3:05 PM", { date: "M/d/yyyy h:mm a", timeZone: "America/New_York" }, "2026-01-09T20:05:00.000Z"],
    ["1/9/2026 12:05 a.m.", { date: "M/d/yyyy h:mm a", timeZone: "UTC" }, "2026-01-09T00:05:00.000Z"],
    ["20260109T101530", { date: "yyyyMMdd", timeZone: "UTC" }, undefined],
    ["20260109", { date: "yyyyMMdd", timeZone: "UTC" }, "2026-01-09T00:00:00.000Z"],
    ["1501138800", { date: "epoch-seconds" }, "2017-07-27T07:00:00.000Z"],
    ["1501138800123", { date: "epoch-ms" }, "2017-07-27T07:00:00.123Z"],
  ])("%s with %j is %s", (text, form, instant) => {
    const found = instantFrom(text, form);
    if (instant === undefined) expect(found).toHaveProperty("reason");
    else expect(found).toEqual({ instant });
  });

  it.each([
    ["2024-01-12 11:00", {}, "has no time zone"],
    ["2024-01-12", {}, "has no time zone"],
    ["31.03.2024 02:30", { date: "dd.MM.yyyy HH:mm", timeZone: berlin }, "the clocks were put forward"],
    ["31.02.2024 10:00", { date: "dd.MM.yyyy HH:mm", timeZone: berlin }, "is no date"],
    ["soon", { timeZone: berlin }, "is no date of the form `iso`"],
    ["13:00 PM", { date: "hh:mm a", timeZone: berlin }, "is no date"],
    ["1e9", { date: "epoch-seconds" }, "is no number"],
  ])("%s with %j is refused: %s", (text, form, reason) => {
    expect(instantFrom(text, form)).toEqual({ reason: expect.stringContaining(reason) });
  });

  it("of an hour that came twice means the first", () => {
    expect(instantFrom("2024-10-27 02:30", { timeZone: berlin })).toEqual({ instant: "2024-10-27T00:30:00.000Z" });
  });
});

it("a day keeps its date, whatever the zone", () => {
  expect(dayFrom("09.01.2026", { date: "dd.MM.yyyy" })).toEqual({ day: "2026-01-09" });
  expect(dayFrom("2026-02-30", {})).toHaveProperty("reason");
});

it("a form with letters of no meaning is refused before any row is read", () => {
  expect(() => patternOf("dd.MM.jjjj")).toThrow("is no form of a date");
});
