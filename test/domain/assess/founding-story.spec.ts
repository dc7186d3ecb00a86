/**
 * A visit every two weeks, for an hour, without a briefcase, and no selling for a year. One visit is moved by agreement, one
 * comes late, and at the end of the year all of it can be shown.
 */
import { describe, expect, it } from "vitest";
import type { Interaction } from "../../../src/domain/interaction.ts";
import { addMs, dayMs, hourMs } from "../../../src/domain/values.ts";
import { on } from "../../support/spec.ts";
import { agreementId } from "../parties.examples.ts";
import * as p from "../promise.examples.ts";
import { type Example, example, salesVisit, short, visit } from "./assess.examples.ts";

const dates = p.fortnightly("2026-01-09", 26);
const agreed = { at: on("2026-01-05 16:00"), recordedAt: on("2026-01-05 18:00") };
const together = { agreement: agreementId, needsAcceptance: true };

/** Friday by Friday; the thirteenth was moved to the Tuesday after, and the twentieth came on a Sunday, two days late. */
const moved = 13;
const late = 20;
const visits: Interaction[] = dates.map((date, index) => {
  const days = index + 1 === moved ? 4 : index + 1 === late ? 2 : 0;
  const startedAt = short(addMs(on(date), days * dayMs + 10 * hourMs));
  return visit(index + 1, startedAt);
});

const visiting: p.Say[] = [
  p.made(p.series(dates, { graceMinutes: 2 * 1440 }), together, agreed),
  p.accepted(agreed),
  ...p.changed(
    { type: "reschedule", occurrence: moved, opensAt: on("2026-06-30"), dueAt: on("2026-07-01") },
    on("2026-06-22 09:00"),
  ),
];
const notSelling: p.Say[] = [p.made(p.abstain("2026-01-05 16:00", "2027-01-05 16:00"), together, agreed), p.accepted(agreed)];

const seen = (told: p.Say[], asOf: string, interactions: Interaction[] = visits): Example =>
  example(
    told.filter(({ at }) => at <= on(asOf)),
    { interactions, agreementMadeAt: "2026-01-05 16:00" },
  );

describe("twenty-six visits without sales material", () => {
  const year = seen(visiting, "2027-01-20").at("2027-01-20");
  it("are all kept, one of them late", () => {
    expect(dates.at(-1)).toBe("2026-12-25");
    expect(year.occurrences.filter(({ standing }) => standing === "kept")).toHaveLength(25);
    expect(year.occurrences[late - 1]).toMatchObject({
      standing: "kept-late",
      outcome: { latenessMs: dayMs + 10 * hourMs, reason: "evidence" },
    });
    expect(year).toMatchObject({ state: "concluded", pendingCount: 0, isDisputed: false });
  });
  it("each rest on a visit of their own", () =>
    expect(new Set(year.occurrences.flatMap(({ outcome }) => outcome!.evidence)).size).toBe(26));
  it("count the one that was moved by agreement as on time", () => {
    expect(year.occurrences[moved - 1]).toMatchObject({ standing: "kept", outcome: { at: on("2026-06-30 10:00") }, flags: [] });
    const unmoved = visiting.slice(0, 2);
    expect(seen(unmoved, "2027-01-20").at("2027-01-20").occurrences[moved - 1]!.standing).toBe("broken");
  });
  it("would miss one that came with a briefcase", () => {
    const withBriefcase = visits.toSpliced(4, 1, salesVisit(5, `${dates[4]!} 10:00`));
    expect(seen(visiting, "2027-01-20", withBriefcase).at("2027-01-20").occurrences[4]!.standing).toBe("broken");
  });
  it("would miss one that was cut short", () => {
    const short = visits.toSpliced(4, 1, visit(5, `${dates[4]!} 10:00`, { minutes: 55 }));
    expect(seen(visiting, "2027-01-20", short).at("2027-01-20").occurrences[4]!.standing).toBe("broken");
  });
  it("can be followed on any day of the year", () => {
    const standings = (asOf: string) =>
      seen(visiting, asOf)
        .at(asOf)
        .occurrences.map(({ standing }) => standing);
    expect(standings("2026-01-08")).toEqual(Array(26).fill("upcoming"));
    expect(standings("2026-01-09 08:00")[0]).toBe("open");
    expect(standings("2026-01-09 10:00")[0]).toBe("kept");
    expect(standings("2026-10-03 12:00")[late - 1]).toBe("in-grace");
    expect(standings("2026-10-05")[late - 1]).toBe("kept-late");
  });
});

describe("a year without selling", () => {
  it("is kept once it is over", () => {
    expect(seen(notSelling, "2026-12-31").state("2026-12-31")).toBe("in-force");
    expect(seen(notSelling, "2027-01-06 12:00").state("2027-01-06 12:00")).toBe("awaiting-settlement");
    expect(seen(notSelling, "2027-01-06 16:00").reads("2027-01-06 16:00")).toEqual(["kept 2027-01-05 16:00"]);
  });
  it("would be broken by one sales talk, on the day of the talk", () => {
    const talk = [...visits, salesVisit(40, "2026-08-14 15:00")];
    expect(seen(notSelling, "2026-08-14 15:00", talk).reads("2026-08-14 15:00")).toEqual(["broken 2026-08-14 15:00"]);
    expect(seen(notSelling, "2026-08-13", talk).state("2026-08-13")).toBe("in-force");
  });
  it("leaves the Friday free on which the whole fleet is renewed", () =>
    expect(seen(notSelling, "2027-01-20", [...visits, salesVisit(40, "2027-01-08 15:00")]).state("2027-01-20")).toBe("kept"));
});

describe("before the customer agreed", () => {
  it("neither binds", () => {
    expect(example(visiting.slice(0, 1)).state("2026-03-01")).toBe("offered");
    expect(example(visiting.slice(0, 2)).state("2026-03-01")).toBe("awaiting-agreement");
  });
});
