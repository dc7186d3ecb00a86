import { describe, expect, it } from "vitest";
import { promise } from "../../../src/domain/promise/promise.ts";
import { on, specFor } from "../../support/spec.ts";
import * as p from "../promise.examples.ts";
import { cells, commands, refusalIn, type Status, statuses, statusNames } from "./lifecycle.examples.ts";

const { given } = specFor(promise, "promise-1");

describe("a command on a promise", () => {
  for (const { name, status, told, row, expected } of cells) {
    const outcome = () =>
      given(...told)
        .when(row.command)
        .outcome();
    const title = `${name} when ${status}`;
    if (expected === "yes") it(`${title} records ${row.event}`, () => expect(outcome()).toEqual([row.event]));
    else if (expected === "again") it(`${title} adds nothing`, () => expect(outcome()).toEqual([]));
    else it(`${title} is refused`, () => expect(outcome()).toBe(expected === "no" ? refusalIn(status) : expected));
  }

  it("has a cell for every status", () => {
    for (const { cells } of Object.values(commands)) expect(cells.split(" ")).toHaveLength(statusNames.length);
  });

  for (const [name, { command }] of Object.entries(commands))
    it(`${name} is refused while there is no promise`, () => given().when(command).thenRefused("promise-not-found"));

  for (const { name, status, told, row } of cells.filter(({ expected }) => expected === "yes"))
    it(`${name} when ${status}, repeated, adds no event`, () => {
      // An answer once given can't be given anew: countering twice is for the other party, and refusals add nothing either.
      const repeated = given(...told)
        .when(row.command)
        .again();
      if (Array.isArray(repeated)) expect(repeated).toEqual([]);
    });
});

describe("a lapsed offer or condition", () => {
  const lapsed: [Status, string][] = [
    ["offer-lapsed", "2026-01-01 23:59"],
    ["condition-lapsed", "2026-01-01 23:59"],
  ];
  for (const [status, before] of lapsed)
    it(`${status} takes an answer that was given before and is recorded late`, () => {
      const command = status === "offer-lapsed" ? p.command("AcceptPromise", before, {}) : p.command("MeetCondition", before, {});
      expect(
        given(...statuses[status])
          .when(command)
          .outcome(),
      ).toHaveLength(1);
    });

  it("lapses at the very instant", () =>
    given(...statuses["offer-lapsed"])
      .when(p.command("AcceptPromise", "2026-01-02", {}))
      .thenRefused("offer-lapsed"));
});

describe("a suspension with an end", () => {
  const told = [p.made(p.series(["2026-02-02", "2026-02-16"])), p.suspended(on("2026-01-05"), "2026-01-20")];
  it("needs no resuming then", () =>
    given(...told)
      .when(p.command("ResumePromise", "2026-01-21", {}))
      .thenNothing());
  it("can be suspended again afterwards", () =>
    expect(
      given(...told)
        .when(p.command("SuspendPromise", "2026-01-21", {}))
        .outcome(),
    ).toEqual(["PromiseSuspended"]));
  it("can be made longer, not shorter", () => {
    const suspendUntil = (until: string) => given(...told).when(p.command("SuspendPromise", "2026-01-10", { until: on(until) }));
    suspendUntil("2026-01-19").thenNothing();
    expect(suspendUntil("2026-02-01").outcome()).toEqual(["PromiseSuspended"]);
  });
});
