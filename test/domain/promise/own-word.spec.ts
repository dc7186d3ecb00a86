/** A party's own word outweighs one that a key of somebody else recorded on its behalf. */
import { describe, expect, it } from "vitest";
import { promise } from "../../../src/domain/promise/promise.ts";
import { idOf, on, specFor } from "../../support/spec.ts";
import { example } from "../assess/assess.examples.ts";
import { customer, salesman } from "../parties.examples.ts";
import * as p from "../promise.examples.ts";

const { told } = specFor(promise, "promise-1");
const own = { speaker: p.speaker(customer) };
const report = p.made(p.once("2026-03-01", { graceMinutes: 1440 }));
const said = (...commands: Parameters<typeof told>[0]) => told(commands, [report]);
const shown = (say: p.Say[]) => {
  const { finding, flags } = example([report, ...say]).settled();
  return { verdict: finding?.verdict, evidence: finding?.evidence, flags };
};

describe("what was asserted on behalf of a party", () => {
  const repeats = [
    ["waived", p.command("WaiveOccurrence", "2026-02-01", {}), p.command("WaiveOccurrence", "2026-02-02", own)],
    ["released", p.command("ReleasePromise", "2026-02-01", {}), p.command("ReleasePromise", "2026-02-02", own)],
    [
      "kept",
      p.command("ConfirmKeeping", "2026-02-01", { fraction: 1 }),
      p.command("ConfirmKeeping", "2026-02-02", { fraction: 1, ...own }),
    ],
  ] as const;
  it.each(repeats)("is its own word once it says so itself: %s", (verdict, asserted, bound) => {
    expect(shown(said(asserted))).toEqual({ verdict, evidence: [idOf("evt", 2)], flags: ["asserted"] });
    const both = said(asserted, asserted, bound, bound, asserted);
    expect(both).toHaveLength(2);
    expect(shown(both)).toEqual({ verdict, evidence: [idOf("evt", 3)], flags: [] });
    expect(example([report, ...both]).input.promise.asserted).toBe(false);
  });
  it("stays the promise's flag while another word is only asserted", () => {
    const say = said(...(repeats[0].slice(1) as never[]), p.command("ReleasePromise", "2026-02-03", {}));
    expect(example([report, ...say]).input.promise.asserted).toBe(true);
  });
  it("gives way to another confirmation of its own, and not the other way round", () => {
    const half = p.command("ConfirmKeeping", "2026-02-02", { fraction: 0.5, keptAt: on("2026-02-02"), ...own });
    const whole = p.command("ConfirmKeeping", "2026-02-01", { fraction: 1 });
    expect(shown(said(whole, half))).toMatchObject({ verdict: "partly-kept", flags: [] });
    expect(shown(said(half, { ...whole, at: on("2026-02-03") }))).toMatchObject({ verdict: "partly-kept", flags: [] });
  });
  it("is conceded by the party itself", () => {
    const contest = p.command("ContestVerdict", "2026-02-01", { asserts: { verdict: "broken" }, ...own });
    const concede = p.command("ConcedeContest", "2026-02-02", {});
    const bound = { ...concede, speaker: p.speaker(salesman) };
    expect(shown(said(contest, concede)).flags).toEqual(["asserted"]);
    expect(shown(said(contest, concede, bound, bound))).toMatchObject({ evidence: [idOf("evt", 2), idOf("evt", 4)], flags: [] });
  });
  describe("of what may be said anew", () => {
    const promisor = { speaker: p.speaker(salesman) };
    const offered = p.made(p.series(["2026-02-02"]), { needsAcceptance: true });
    const visits = p.made(p.series(["2026-02-02", "2026-02-16"]));
    const suspend = p.command("SuspendPromise", "2026-01-10", { until: on("2026-03-01") });
    const resume = p.command("ResumePromise", "2026-01-20", {});
    const counter = p.command("CounterPromise", "2026-01-10", { offer: p.series(["2026-03-02"]) });
    const renege = p.command("RenegePromise", "2026-01-10", {});
    const renegeOne = p.command("RenegePromise", "2026-01-10", { occurrence: 2 });
    type Commands = Parameters<typeof told>[0];
    const cases: [string, p.Say, Commands, Commands[number], object][] = [
      ["a suspension", visits, [suspend], suspend, own],
      ["that it resumes", visits, [{ ...suspend, ...own }, resume], resume, own],
      ["a counter-offer", offered, [counter], counter, own],
      ["that it won't keep it", visits, [renege], renege, promisor],
      ["that it won't keep one of it", visits, [renegeOne], renegeOne, promisor],
    ];

    it.each(cases)("is its own word once it says so itself: %s", (_what, made, asserted, command, speaker) => {
      const itself = { ...command, ...speaker, at: on("2026-01-25") };
      const before = told(asserted, [made]);
      const facts = (say: p.Say[]) => example([made, ...say]).input.promise;
      expect(facts(before).asserted).toBe(true);
      const both = told([...asserted, ...asserted.slice(-1), itself, itself, command], [made]);
      expect(both.map(({ type }) => type)).toEqual([...before, before.at(-1)!].map(({ type }) => type));
      const { asserted: isAsserted, ...after } = facts(both);
      expect(isAsserted).toBe(false);
      // What was said holds as of when it was first said.
      expect(after).toMatchObject({
        status: facts(before).status,
        suspensions: facts(before).suspensions,
        occurrences: facts(before).occurrences,
        reneged: facts(before).reneged.map(({ at }) => ({ at, asserted: false })),
      });
    });

    it("is a word of its own where it says something else", () => {
      const longer = { ...suspend, ...own, at: on("2026-01-12"), until: on("2026-06-01") };
      const say = told([suspend, longer], [visits]);
      expect(say).toHaveLength(2);
      expect(example([visits, ...say]).input.promise).toMatchObject({ asserted: true, suspensions: [{}, {}] });
      const other = { ...counter, ...own, at: on("2026-01-12"), offer: p.series(["2026-04-06"]) };
      expect(told([counter, { ...other, speaker: p.speaker(salesman) }], [offered])).toHaveLength(2);
    });

    it("is a word of its own where the one before holds no longer", () => {
      const again = { ...suspend, ...own, at: on("2026-01-22") };
      const say = told([suspend, { ...resume, ...own }, again], [visits]);
      expect(say.map(({ type }) => type)).toEqual(["PromiseSuspended", "PromiseResumed", "PromiseSuspended"]);
      expect(example([visits, ...say]).input.promise).toMatchObject({
        asserted: true,
        status: "suspended",
        suspensions: [{ from: on("2026-01-10") }, { from: on("2026-01-22") }],
      });
    });
  });
  it("is an acceptance, of the offer or of a change, as of when it was first given", () => {
    const offered = p.made(p.once("2026-03-01"), { needsAcceptance: true });
    const accept = p.command("AcceptPromise", "2026-01-02", {});
    const change = p.command("ProposeChange", "2026-01-03", {
      proposal: { type: "suspend" },
      speaker: p.speaker(salesman),
    });
    const agree = p.command("AcceptChange", "2026-01-04", {});
    const say = told(
      [accept, { ...accept, at: on("2026-01-05"), ...own }, change, agree, { ...agree, ...own }, { ...agree, ...own }],
      [offered],
    );
    expect(say.map(({ type }) => type)).toEqual([
      "PromiseAccepted",
      "PromiseAccepted",
      "ChangeProposed",
      "ChangeAccepted",
      "ChangeAccepted",
    ]);
    expect(example([offered, ...say]).input.promise).toMatchObject({ asserted: false, acceptedAt: on("2026-01-02"), changes: 1 });
  });
});
