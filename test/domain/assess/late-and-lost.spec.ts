/** DESIGN, section 5, "Late and lost", sentence by sentence. */
import { describe, expect, it } from "vitest";
import { concerns } from "../../../src/domain/assess/matching.ts";
import { latenessCredit } from "../../../src/domain/lateness.ts";
import { dayMs } from "../../../src/domain/values.ts";
import { on } from "../../support/spec.ts";
import { customer, interactionId, salesman, slugs } from "../parties.examples.ts";
import * as p from "../promise.examples.ts";
import { example, factsOf, received, salesVisit, visit } from "./assess.examples.ts";

const report = (more: Parameters<typeof p.once>[1] = {}) => p.made(p.once("2026-03-01", more));
const threeVisits = (graceDays = 0) =>
  p.made(p.series(["2026-02-02", "2026-02-16", "2026-03-02"], { graceMinutes: graceDays * 1440 }));

describe("lateness", () => {
  it("counts from the due instant, and credit follows it", () => {
    const { finding } = example([report(), p.claimed(1, "2026-03-03", on("2026-03-03"))]).settled();
    expect(finding).toMatchObject({
      verdict: "kept-late",
      latenessMs: 2 * dayMs,
      credit: latenessCredit(2 * dayMs),
      reason: "claim",
    });
  });
  it("is none up to the due instant itself", () =>
    expect(example([report(), p.claimed(1, "2026-03-01", on("2026-03-01"))]).settled().finding).toMatchObject({
      verdict: "kept",
      latenessMs: 0,
      credit: 1,
    }));
  it("is not shortened by grace, which only postpones broken", () => {
    const late = example([report({ graceMinutes: 7 * 1440 }), p.claimed(1, "2026-03-05", on("2026-03-05"))]);
    expect(late.settled().finding).toMatchObject({ verdict: "kept-late", latenessMs: 4 * dayMs });
  });
});

describe("the deadline", () => {
  const lost = example([report({ graceMinutes: 2 * 1440 })]);
  it("passes from open to in grace, to overdue, to broken", () =>
    expect(
      ["2026-02-20", "2026-03-01", "2026-03-02", "2026-03-03", "2026-03-03 00:01", "2026-03-04"].map((at) => lost.reads(at)[0]),
    ).toEqual(["open", "open", "in-grace", "in-grace", "overdue", "broken 2026-03-01"]));
  it("gives the instant of the outcome: the deadline missed", () =>
    expect(lost.at("2026-04-01").occurrences[0]!.outcome!.at).toBe(on("2026-03-01")));
  it("is never passed by a promise that has none", () => {
    const open = example([p.made(p.once(undefined))]);
    expect(open.state("2036-01-01")).toBe("in-force");
    expect(open.settled().clock).toBeNull();
  });
  it("lets a keeping after broken turn it into kept late", () => {
    const late = example([report(), p.claimed(1, "2026-03-10", on("2026-03-10"))]);
    expect(late.reads("2026-03-10")).toEqual(["kept-late 2026-03-10"]);
    expect(example([report()]).reads("2026-03-09")).toEqual(["broken 2026-03-01"]);
  });
  it("is not waited for when evidence of keeping settles at once", () =>
    expect(example([threeVisits()], { interactions: [visit(1, "2026-02-02 10:00")] }).reads("2026-02-02 10:00")).toEqual([
      "kept 2026-02-02 10:00",
      "upcoming",
      "upcoming",
    ]));
});

describe("which visit serves which occurrence", () => {
  const serves = (dates: string[], graceDays = 0, until = "2026-06-01") =>
    example([threeVisits(graceDays)], { interactions: dates.map((date, index) => visit(index + 1, date)) }).reads(until);

  it("is its own window's first", () =>
    expect(serves(["2026-02-02 09:00", "2026-02-16 09:00", "2026-03-02 09:00"])).toEqual([
      "kept 2026-02-02 09:00",
      "kept 2026-02-16 09:00",
      "kept 2026-03-02 09:00",
    ]));
  it("is never two", () =>
    expect(serves(["2026-02-16 09:00"], 20)).toEqual(["broken 2026-02-03", "kept 2026-02-16 09:00", "broken 2026-03-03"]));
  it("is else the earliest unkept one still within grace", () => {
    expect(serves(["2026-02-05 09:00"], 3)).toEqual(["kept-late 2026-02-05 09:00", "broken 2026-02-17", "broken 2026-03-03"]);
    expect(serves(["2026-02-16 09:00", "2026-02-16 15:00"], 20)).toEqual([
      "kept-late 2026-02-16 15:00",
      "kept 2026-02-16 09:00",
      "broken 2026-03-03",
    ]);
    expect(serves(["2026-02-20 09:00"], 30)).toEqual(["kept-late 2026-02-20 09:00", "broken 2026-02-17", "broken 2026-03-03"]);
  });
  it("is none once grace has passed", () =>
    expect(serves(["2026-02-06 00:01"], 3)).toEqual(["broken 2026-02-03", "broken 2026-02-17", "broken 2026-03-03"]));
  it("is the last to the instant of grace", () => expect(serves(["2026-02-06"], 3)[0]).toBe("kept-late 2026-02-06"));
  it("counts as kept at the very instant when it was due", () => expect(serves(["2026-02-03"])[0]).toBe("kept 2026-02-03"));
  it("is the window that opens, at the instant when another closes", () => {
    const daily = p.made(p.series(["2026-02-02", "2026-02-03"]));
    expect(example([daily], { interactions: [visit(1, "2026-02-03")] }).reads("2026-02-10")).toEqual([
      "broken 2026-02-03",
      "kept 2026-02-03",
    ]);
  });
  it("is none before a window opens", () => expect(serves(["2026-02-01 23:59"])[0]).toBe("broken 2026-02-03"));
  it("goes by (startedAt, id), whatever the order in which they are given", () => {
    const [early, late, same] = [visit(3, "2026-02-02 09:00"), visit(1, "2026-02-02 11:00"), visit(2, "2026-02-02 09:00")];
    for (const interactions of [
      [early, late, same],
      [late, same, early],
      [same, early, late],
    ])
      expect(example([threeVisits()], { interactions }).settled().finding!.evidence).toEqual([interactionId(2)]);
  });
  it("of a single occurrence is whatever comes after its grace", () => {
    const single = p.made(p.once("2026-03-01", { matcher: p.visits }));
    expect(example([single], { interactions: [visit(1, "2026-03-20")] }).reads("2026-03-20")).toEqual(["kept-late 2026-03-20"]);
  });
  it("is none that happened before the promise bound", () => {
    const single = p.made(p.once("2026-03-01", { matcher: p.visits }), { needsAcceptance: true });
    const told = [single, p.accepted(on("2026-02-01"))];
    expect(example(told, { interactions: [visit(1, "2026-01-20")] }).state("2026-02-02")).toBe("in-force");
    expect(example(told, { interactions: [visit(1, "2026-02-01")] }).state("2026-02-02")).toBe("kept");
  });
  it("is none that does not match", () => {
    const others = [
      visit(1, "2026-02-02 09:00", { minutes: 59 }),
      salesVisit(2, "2026-02-02 10:00"),
      visit(3, "2026-02-02 11:00", { participants: [salesman] }),
      visit(4, "2026-02-02 12:00", { participants: [customer] }),
      visit(5, "2026-02-02 13:00", { kind: slugs("call")[0]! }),
      visit(6, "2026-02-02 14:00", { isRetracted: true }),
    ];
    expect(example([threeVisits()], { interactions: others }).reads("2026-02-10")[0]).toBe("broken 2026-02-03");
  });
  it("leaves alone what was forgiven, where another is still to be kept", () => {
    const told = [threeVisits(30), p.waived(1, on("2026-02-04"))];
    expect(example(told, { interactions: [visit(1, "2026-02-20 09:00")] }).reads("2026-02-20 09:00")).toEqual([
      "waived 2026-02-04",
      "kept-late 2026-02-20 09:00",
      "upcoming",
    ]);
  });
});

describe("an interaction concerns a promise", () => {
  const concernsAt = (told: p.Say[], date: string) => concerns(visit(9, date), factsOf(told));
  it("from the opening of a window to its deadline, at both ends", () =>
    expect(
      ["2026-02-01 23:59", "2026-02-02", "2026-02-04", "2026-02-04 00:01"].map((date) => concernsAt([threeVisits(1)], date)),
    ).toEqual([false, true, true, false]));
  it("at any time after its opening, where there is a single occurrence", () => {
    expect(concernsAt([p.made(p.once("2026-03-01", { matcher: p.visits }))], "2036-01-01")).toBe(true);
    expect(concernsAt([p.made(p.once(undefined, { matcher: p.visits }))], "2036-01-01")).toBe(true);
  });
  it("where a claim names it", () => {
    const claim = p.claimed(1, "2026-02-10", on("2026-02-11"), { interaction: interactionId(9) });
    expect([concernsAt([threeVisits()], "2026-02-10"), concernsAt([threeVisits(), claim], "2026-02-10")]).toEqual([false, true]);
  });
  it("not where it does not match", () =>
    expect(concerns(salesVisit(9, "2026-02-02 10:00"), factsOf([threeVisits()]))).toBe(false));
});

describe("making a missed visit good after grace", () => {
  const extra = visit(9, "2026-02-10 09:00");
  const linked = (interaction = interactionId(9), when: string | { at: string; recordedAt: string } = "2026-02-11") =>
    p.claimed(1, "2026-02-10 09:00", typeof when === "string" ? on(when) : { at: on(when.at), recordedAt: on(when.recordedAt) }, {
      interaction,
    });
  it("takes a claim that links it to the occurrence", () => {
    expect(example([threeVisits()], { interactions: [extra] }).reads("2026-02-11")[0]).toBe("broken 2026-02-03");
    expect(example([threeVisits(), linked()], { interactions: [extra] }).reads("2026-02-11")[0]).toBe(
      "kept-late 2026-02-10 09:00",
    );
  });
  it("takes that visit from the occurrence that it would have served", () => {
    const second = visit(9, "2026-02-16 09:00");
    expect(example([threeVisits(), linked()], { interactions: [second] }).reads("2026-02-20")).toEqual([
      "kept-late 2026-02-16 09:00",
      "broken 2026-02-17",
      "upcoming",
    ]);
  });
  it("serves one occurrence, however many claims name it", () => {
    const again = p.claimed(2, "2026-02-16 09:00", on("2026-02-18"), { interaction: interactionId(9) });
    expect(
      example([threeVisits(), linked(), again], { interactions: [visit(9, "2026-02-16 09:00")] }).reads("2026-02-20"),
    ).toEqual(["kept-late 2026-02-16 09:00", "broken 2026-02-17", "upcoming"]);
  });
  it("still has to match, and says so where it does not", () => {
    const unfit = example([threeVisits(), linked()], { interactions: [visit(9, "2026-02-10 09:00", { minutes: 10 })] });
    expect(unfit.reads("2026-02-11")[0]).toBe("broken 2026-02-03");
    expect(unfit.settled().flags).toEqual(["evidence-unfit"]);
    expect(example([threeVisits(), linked(interactionId(8))], { interactions: [extra] }).settled().flags).toEqual([
      "evidence-unfit",
    ]);
  });
  it("can't be done with a visit before the window", () =>
    expect(example([threeVisits(), linked()], { interactions: [visit(9, "2026-02-01 09:00")] }).reads("2026-02-11")[0]).toBe(
      "broken 2026-02-03",
    ));
  it("is late, for the evidence limit, when the claim is", () => {
    const told = [threeVisits(), linked(interactionId(9), "2026-03-20")];
    expect(example(told, { interactions: [extra] }).settled()).toMatchObject({
      finding: null,
      claimedLate: { verdict: "kept-late" },
      flags: ["claimed-late"],
    });
  });
});

describe("the recording allowance", () => {
  const lost = example([report()]);
  it("is tested against what was known, deadline and grace against what is asked about", () => {
    expect(lost.state("2026-03-01 12:00", "2026-03-10")).toBe("broken");
    expect(lost.state("2026-03-10", "2026-03-01 23:59")).toBe("overdue");
    expect(lost.state("2026-03-10", "2026-03-02")).toBe("broken");
  });
  it("stands as pending meanwhile, without an outcome", () => {
    expect(lost.at("2026-03-01 12:00")).toMatchObject({ pendingCount: 1, occurrences: [{ outcome: null, isPending: true }] });
    expect(lost.at("2026-03-02")).toMatchObject({ pendingCount: 0 });
    expect(lost.at("2026-02-28")).toMatchObject({ pendingCount: 0 });
  });
  it("counts from the recording of the terms, where that is later than the deadline", () => {
    const late = example([p.made(p.once("2026-03-01"), {}, { at: p.madeAt, recordedAt: on("2026-05-01 08:00") })]);
    expect(late.state("2026-05-02 07:59")).toBe("overdue");
    expect(late.state("2026-05-02 08:00")).toBe("broken");
  });
  it("counts from the recording of a change of terms", () => {
    const moved = p.changed(
      { type: "reschedule", occurrence: 1, dueAt: on("2026-03-10") },
      { at: on("2026-02-20"), recordedAt: on("2026-05-01") },
    );
    const late = example([report(), ...moved]);
    expect(late.state("2026-05-01 23:59")).toBe("overdue");
    expect(late.reads("2026-05-02")).toEqual(["broken 2026-03-10"]);
  });
  it("is the policy's", () => {
    const { promises } = lost.input.policy;
    const policy = { ...lost.input.policy, promises: { ...promises, recordingAllowanceMinutes: 60 } };
    expect(example([report()], { policy }).state("2026-03-01 01:00")).toBe("broken");
    expect(example([report()], { policy }).state("2026-03-01 00:59")).toBe("overdue");
  });
  it("keeps an abstention awaiting settlement, which then is kept at its end", () => {
    const quiet = example([p.made(p.abstain("2026-01-01", "2027-01-01"))]);
    expect(["2026-12-31", "2027-01-01", "2027-01-01 12:00"].map((at) => quiet.state(at))).toEqual([
      "in-force",
      "in-force",
      "awaiting-settlement",
    ]);
    expect(quiet.reads("2027-01-02")).toEqual(["kept 2027-01-01"]);
  });
  it("makes a series overdue when nothing else is to come", () => {
    const series = example([threeVisits()]);
    expect(series.state("2026-02-03 12:00")).toBe("in-force");
    expect(series.state("2026-03-03 12:00")).toBe("overdue");
    expect(series.state("2026-03-04")).toBe("concluded");
  });
});

describe("a late fact", () => {
  const told = [threeVisits()];
  const recordedLate = visit(1, "2026-02-02 10:00", { recordedAt: "2026-02-20" });
  it("changes today's reading and leaves what was known before as it was", () => {
    expect(example(told).reads("2026-02-10")[0]).toBe("broken 2026-02-03");
    expect(example(told, { interactions: [recordedLate] }).reads("2026-02-10", "2026-02-20")[0]).toBe("kept 2026-02-02 10:00");
  });
  it("carries its delay", () =>
    expect(example(told, { interactions: [recordedLate] }).settled().finding!.recordingDelayMs).toBe(
      17 * dayMs + 14 * 3_600_000,
    ));
  it("of the future is left out: what happened after `asOf` is not asked about", () =>
    expect(example(told, { interactions: [visit(1, "2026-02-02 10:00")] }).reads("2026-02-02 09:59", "2026-05-01")[0]).toBe(
      "open",
    ));
});

describe("the evidence limit", () => {
  // The first visit's breach settles on 4 February, its deadline of the 3rd and a day's allowance; the limit is 30 days.
  const shown = (recordedAt: string, more: Parameters<typeof visit>[2] = {}, say: p.Say[] = []) =>
    example([threeVisits(), ...say], { interactions: [visit(1, "2026-02-02 10:00", { recordedAt, ...more })] }).settled();
  it("takes what is recorded within it", () =>
    expect(shown("2026-03-06")).toMatchObject({ finding: { verdict: "kept" }, flags: [] }));
  it("leaves broken what is recorded after it, and shows it as claimed late", () => {
    expect(shown("2026-03-06 00:01")).toMatchObject({
      finding: null,
      claimedLate: { verdict: "kept", evidence: [interactionId(1)] },
      flags: ["claimed-late"],
    });
    expect(
      example([threeVisits()], { interactions: [visit(1, "2026-02-02 10:00", { recordedAt: "2026-04-01" })] }).reads(
        "2026-04-01",
      )[0],
    ).toBe("broken 2026-02-03");
  });
  it("yields to the promisee's confirmation", () =>
    expect(shown("2026-04-01", {}, [p.confirmed(1, "2026-04-02", on("2026-04-02"))])).toMatchObject({
      finding: { verdict: "kept", reason: "evidence" },
      flags: [],
    }));
  it("does not hold for what the promisee's own key recorded", () =>
    expect(shown("2026-04-01", { recordedFor: customer })).toMatchObject({ finding: { verdict: "kept" } }));
  it("holds for claims alike", () => {
    const claim = (recordedAt: string) =>
      example([report(), p.claimed(1, "2026-03-01", { at: on("2026-03-01"), recordedAt: on(recordedAt) })]).settled();
    expect(claim("2026-04-01")).toMatchObject({ finding: { verdict: "kept" } });
    expect(claim("2026-04-01 00:01")).toMatchObject({ finding: null, flags: ["claimed-late"] });
  });
  it("holds for a claim that somebody else recorded for the promisor, unless that is the promisee's side", () => {
    const said = (party: typeof salesman) =>
      p.say(
        "KeepingClaimed",
        { occurrence: 1, keptAt: on("2026-03-01"), fraction: 1, ...p.by(party, true) },
        { at: on("2026-03-01"), recordedAt: on("2026-06-01") },
      );
    expect(example([report(), said(salesman)]).settled()).toMatchObject({ finding: null, flags: ["claimed-late"] });
    expect(example([p.made(p.once("2026-03-01"), received), said(customer)]).settled()).toMatchObject({
      finding: { verdict: "kept" },
    });
  });
  it("leaves an earlier, smaller claim standing", () => {
    const told = [
      report(),
      p.claimed(1, "2026-03-01", on("2026-03-01"), { fraction: 0.5 }),
      p.claimed(1, "2026-06-01", on("2026-06-01")),
    ];
    expect(example(told).settled()).toMatchObject({
      finding: { verdict: "partly-kept", credit: 0.5 },
      claimedLate: { verdict: "kept-late" },
    });
  });
  it("is not run into by a correction that changes nothing about the evidence", () => {
    const late = { recordedAt: "2026-06-01", minutes: 90, earlier: [{ minutes: 75, recordedAt: "2026-02-02 12:00" }] };
    expect(shown(late.recordedAt, late)).toMatchObject({ finding: { verdict: "kept", recordingDelayMs: 2 * 3_600_000 } });
  });
  it("is not run into by a correction that moves it within its window, or leaves a late one where it was", () => {
    const moved = { earlier: [{ startedAt: on("2026-02-02"), recordedAt: "2026-02-02 12:00" }] };
    expect(shown("2026-06-01", moved)).toMatchObject({ finding: { verdict: "kept" }, flags: [] });
    const late = visit(1, "2026-02-04 10:00", {
      recordedAt: "2026-06-01",
      minutes: 90,
      earlier: [{ minutes: 75, recordedAt: "2026-02-04 12:00" }],
    });
    expect(example([threeVisits(3)], { interactions: [late] }).settled()).toMatchObject({
      finding: { verdict: "kept-late" },
      flags: [],
    });
    const open = p.made(p.once(undefined, { matcher: p.visits }));
    expect(
      example([open], { interactions: [visit(1, "2026-02-02", { recordedAt: "2036-06-01", ...moved })] }).settled(),
    ).toMatchObject({ finding: { verdict: "kept" } });
  });
  it("is run into by a correction that makes evidence of what was none", () => {
    const stretched = (earlier: object) =>
      shown("2026-06-01", { earlier: [{ recordedAt: "2026-02-02 12:00", ...earlier }] } as never);
    expect(stretched({ minutes: 20 })).toMatchObject({ finding: null, flags: ["claimed-late"] });
    expect(stretched({ startedAt: on("2026-02-03 10:00"), minutes: 90 })).toMatchObject({
      finding: null,
      flags: ["claimed-late"],
    });
    expect(stretched({ startedAt: on("2026-01-20 10:00") })).toMatchObject({ finding: null, flags: ["claimed-late"] });
  });
  it("holds for the promisor's side alone: what we record of a promise given to us is our own word", () => {
    const given = p.made(p.series(["2026-02-02"]), received);
    const late = (recordedFor?: typeof customer) =>
      example([given], {
        interactions: [
          visit(1, "2026-02-02 10:00", { recordedAt: "2026-06-01", ...(recordedFor === undefined ? {} : { recordedFor }) }),
        ],
      }).settled();
    expect(late()).toMatchObject({ finding: { verdict: "kept" } });
    expect(late(customer)).toMatchObject({ finding: null, flags: ["claimed-late"] });
  });
});

describe("retracting and correcting evidence", () => {
  it("takes it back", () =>
    expect(
      example([threeVisits()], { interactions: [visit(1, "2026-02-02 10:00", { isRetracted: true })] }).reads("2026-02-10")[0],
    ).toBe("broken 2026-02-03"));
  it("lets the next best serve", () => {
    const interactions = [visit(1, "2026-02-02 10:00", { isRetracted: true }), visit(2, "2026-02-02 15:00")];
    expect(example([threeVisits()], { interactions }).reads("2026-02-10")[0]).toBe("kept 2026-02-02 15:00");
  });
  it("goes by what it says now", () => {
    const corrected = visit(1, "2026-02-03 10:00", {
      recordedAt: "2026-02-05",
      earlier: [{ startedAt: on("2026-02-02 10:00"), recordedAt: "2026-02-02 12:00" }],
    });
    expect(example([threeVisits(2)], { interactions: [corrected] }).reads("2026-02-10")[0]).toBe("kept-late 2026-02-03 10:00");
  });
});

describe("loading history", () => {
  const recording = "rec_0000000000000001" as never;
  const history = p.made(
    p.series(["2016-02-01", "2016-02-15"]),
    { recording },
    { at: on("2016-01-01"), recordedAt: on("2026-05-01") },
  );
  const load = { completedAt: "2026-05-20", upTo: "2026-05-18" };
  it("makes no false verdict on the way: while the load is open the clock says nothing", () => {
    expect(example([history], { recording: {} }).reads("2026-05-19")).toEqual(["overdue", "overdue"]);
    expect(example([history]).reads("2026-05-19")).toEqual(["overdue", "overdue"]);
    expect(example([history], { recording: {} }).settled().clock!.settlesAt).toBeNull();
  });
  it("settles at once what evidence shows", () =>
    expect(
      example([history], { recording: {}, interactions: [visit(1, "2016-02-01 10:00", { recordedAt: "2026-05-02" })] }).reads(
        "2026-05-19",
      ),
    ).toEqual(["kept 2016-02-01 10:00", "overdue"]));
  it("is settled when it is done: completing it ends the allowance for deadlines up to then", () => {
    const loaded = example([history], { recording: load });
    expect(loaded.reads("2026-05-19 23:59")).toEqual(["overdue", "overdue"]);
    expect(loaded.reads("2026-05-20")).toEqual(["broken 2016-02-02", "broken 2016-02-16"]);
  });
  it("runs into no evidence limit, however long it took", () =>
    expect(
      example([history], {
        recording: load,
        interactions: [visit(1, "2016-02-01 10:00", { recordedAt: "2026-05-19" })],
      }).settled().flags,
    ).toEqual([]));
  it("leaves the allowance of deadlines after `upTo`", () => {
    const live = p.made(p.once("2026-05-19 12:00"), { recording }, { at: on("2026-01-01"), recordedAt: on("2026-05-01") });
    expect(example([live], { recording: load }).state("2026-05-20 11:59")).toBe("overdue");
    expect(example([live], { recording: load }).state("2026-05-20 12:00")).toBe("broken");
  });
  it("ends the allowance of a deadline at `upTo` itself", () => {
    const live = p.made(p.once("2026-05-18"), { recording }, { at: on("2026-01-01"), recordedAt: on("2026-05-01") });
    expect(
      example([live], { recording: { completedAt: "2026-05-18 06:00", upTo: "2026-05-18" } }).state("2026-05-18 06:00"),
    ).toBe("broken");
  });
  it("leaves the allowance of terms set after it was done", () => {
    const moved = p.changed(
      { type: "reschedule", occurrence: 1, dueAt: on("2016-02-03") },
      { at: on("2016-01-20"), recordedAt: on("2026-06-01") },
    );
    const later = example([history, ...moved], { recording: load });
    expect(later.reads("2026-06-01 23:59")).toEqual(["overdue", "broken 2016-02-16"]);
    expect(later.reads("2026-06-02")).toEqual(["broken 2016-02-03", "broken 2016-02-16"]);
  });
  it("holds the lapse of offers and conditions too", () => {
    const offer = p.made(
      p.once("2016-03-01"),
      { recording, needsAcceptance: true, offerExpiresAt: on("2016-02-01") },
      { at: on("2016-01-01"), recordedAt: on("2026-05-01") },
    );
    expect(example([offer], { recording: {} }).state("2026-05-10")).toBe("offered");
    expect(example([offer], { recording: load }).state("2026-05-20")).toBe("offer-lapsed");
    const condition = p.made(
      p.once("2016-03-01"),
      { recording, condition: { expiresAt: on("2016-02-01") } },
      { at: on("2016-01-01"), recordedAt: on("2026-05-01") },
    );
    expect(example([condition], { recording: {} }).state("2026-05-10")).toBe("conditional");
    expect(example([condition], { recording: load }).state("2026-05-20")).toBe("condition-lapsed");
  });
});
