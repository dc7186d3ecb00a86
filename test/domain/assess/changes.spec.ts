/** DESIGN, section 5: what changes a promise, who may let it go, and whose rate an occurrence counts in. */
import { describe, expect, it } from "vitest";
import { on } from "../../support/spec.ts";
import { colleague, customer, interactionId, salesman } from "../parties.examples.ts";
import * as p from "../promise.examples.ts";
import { example, received, salesVisit, visit } from "./assess.examples.ts";

const report = (more: Parameters<typeof p.once>[1] = {}) => p.made(p.once("2026-03-01", more));
const visits = p.made(p.series(["2026-02-02", "2026-02-16", "2026-03-02"]));
const abstention = p.made(p.abstain("2026-01-01", "2027-01-01"));
const at = on("2026-02-10");

describe("rescheduling an occurrence", () => {
  const moved = p.changed({ type: "reschedule", occurrence: 2, opensAt: on("2026-02-18"), dueAt: on("2026-02-19") }, at);
  it("moves its window and leaves the others", () => {
    const interactions = [visit(1, "2026-02-02 10:00"), visit(2, "2026-02-18 10:00")];
    expect(example([visits, ...moved], { interactions }).reads("2026-02-20")).toEqual([
      "kept 2026-02-02 10:00",
      "kept 2026-02-18 10:00",
      "upcoming",
    ]);
  });
  it("leaves the old window behind", () =>
    expect(example([visits, ...moved], { interactions: [visit(2, "2026-02-16 10:00")] }).reads("2026-03-01")[1]).toBe(
      "broken 2026-02-19",
    ));
  it("keeps the grace", () => {
    const told = [
      p.made(p.series(["2026-02-02"], { graceMinutes: 1440 })),
      ...p.changed({ type: "reschedule", occurrence: 1, dueAt: on("2026-02-10") }, p.madeAt),
    ];
    expect(example(told).settled().deadlineAt).toBe(on("2026-02-11"));
  });
});

describe("amending a promise", () => {
  const monthly = p.series(["2026-02-05", "2026-03-05"], { matcher: { kinds: ["call" as never] } });
  const amended = [visits, ...p.changed({ type: "amend", offer: monthly }, at)];
  it("applies to what falls due after its acceptance; earlier ones keep their terms and stay", () =>
    expect(example(amended).reads("2026-04-01")).toEqual([
      "broken 2026-02-03",
      "superseded 2026-02-10",
      "superseded 2026-02-10",
      "broken 2026-03-06",
    ]));
  it("numbers the new ones on", () =>
    expect(
      example(amended)
        .at("2026-02-11")
        .occurrences.map(({ number, date }) => [number, date])[3],
    ).toEqual([4, "2026-03-05"]));
  it("goes by the new terms from then on", () =>
    expect(
      example(amended, { interactions: [visit(1, "2026-03-05 10:00", { kind: "call" as never, tags: [] })] }).reads(
        "2026-03-06",
      )[3],
    ).toBe("kept 2026-03-05 10:00"));
  it("lets a visit before it serve the new terms, where it fits them, and else the old", () => {
    const deadlineMoved = p.changed({ type: "amend", offer: p.once("2026-04-01", { matcher: p.visits }) }, at);
    const asked = report({ matcher: p.visits });
    expect(example([asked, ...deadlineMoved], { interactions: [visit(1, "2026-02-05")] }).reads("2026-02-11")).toEqual([
      "superseded 2026-02-10",
      "kept 2026-02-05",
    ]);
    const toACall = p.changed({ type: "amend", offer: p.once("2026-04-01", { matcher: { kinds: ["call" as never] } }) }, at);
    expect(example([asked, ...toACall], { interactions: [visit(1, "2026-02-05")] }).reads("2026-02-11")).toEqual([
      "kept 2026-02-05",
      "open",
    ]);
    expect(example([asked, ...toACall], { interactions: [visit(1, "2026-02-12")] }).reads("2026-02-13")).toEqual([
      "superseded 2026-02-10",
      "open",
    ]);
  });
  it("frees the window that it replaced: a visit in it serves an earlier occurrence still in grace", () => {
    const told = [
      p.made(p.series(["2026-02-02", "2026-02-09"], { graceMinutes: 10 * 1440 })),
      ...p.changed({ type: "amend", offer: p.series(["2026-06-01"]) }, on("2026-02-04")),
    ];
    const there = [told[0]!, ...p.changed({ type: "amend", offer: p.series(["2026-06-01"]) }, on("2026-02-09 10:00"))];
    expect(example(there, { interactions: [visit(1, "2026-02-09 10:00")] }).reads("2026-03-01")[0]).toBe(
      "kept-late 2026-02-09 10:00",
    );
    expect(example(told, { interactions: [visit(1, "2026-02-09 10:00")] }).reads("2026-03-01")).toEqual([
      "kept-late 2026-02-09 10:00",
      "superseded 2026-02-04",
      "upcoming",
    ]);
  });
  it("takes the place of what was reneged on: it was promised anew", () => {
    const told = [report(), p.reneged(on("2026-02-01")), ...p.changed({ type: "amend", offer: p.once("2026-04-01") }, at)];
    expect(example(told).reads("2026-02-11")).toEqual(["superseded 2026-02-10", "open"]);
  });
});

describe("reassigning a promise", () => {
  const handedOn = [visits, ...p.changed({ type: "reassign", promisor: colleague }, at)];
  it("counts each occurrence to whoever was promisor when it was due", () =>
    expect(
      example(handedOn)
        .at("2026-04-01")
        .occurrences.map(({ promisor }) => promisor),
    ).toEqual([salesman, colleague, colleague]));
  it("asks for the visits of the new promisor", () => {
    const [old, fresh] = [visit(1, "2026-02-16 10:00"), visit(1, "2026-02-16 10:00", { participants: [colleague, customer] })];
    expect(example(handedOn, { interactions: [old] }).reads("2026-02-20")[1]).toBe("broken 2026-02-17");
    expect(example(handedOn, { interactions: [fresh] }).reads("2026-02-20")[1]).toBe("kept 2026-02-16 10:00");
  });
  it("counts an act against whoever was promisor when it was done", () => {
    const told = [abstention, ...p.changed({ type: "reassign", promisor: colleague }, at)];
    expect(example(told, { interactions: [salesVisit(1, "2026-02-05")] }).settled()).toMatchObject({
      promisor: salesman,
      finding: { verdict: "broken" },
    });
    expect(
      example(told, { interactions: [salesVisit(1, "2026-02-15", { participants: [colleague, customer] })] }).settled().promisor,
    ).toBe(colleague);
    expect(example(told).settled().promisor).toBe(colleague);
  });
  it("starts afresh for whoever takes over what was reneged on", () => {
    const told = [visits, p.reneged(on("2026-02-04")), ...p.changed({ type: "reassign", promisor: colleague }, at)];
    expect(example(told).reads("2026-02-16 12:00")).toEqual(["broken 2026-02-03", "open", "upcoming"]);
  });
});

describe("a change recorded after an occurrence had settled", () => {
  const backdated = { at: on("2026-02-01"), recordedAt: on("2026-02-20") };
  it("is flagged, whether it moves, replaces, hands on, suspends or releases it", () => {
    const flagsAfter = (...say: p.Say[]) => example([visits, ...say]).settled().flags;
    expect(flagsAfter(...p.changed({ type: "reschedule", occurrence: 1, dueAt: on("2026-02-10") }, backdated))).toEqual([
      "changed-after-settlement",
    ]);
    expect(flagsAfter(...p.changed({ type: "amend", offer: p.series(["2026-03-05"]) }, backdated))).toEqual([
      "changed-after-settlement",
    ]);
    expect(flagsAfter(...p.changed({ type: "reassign", promisor: colleague }, backdated))).toEqual(["changed-after-settlement"]);
    expect(flagsAfter(...p.changed({ type: "suspend" }, backdated))).toEqual(["changed-after-settlement"]);
    expect(flagsAfter(p.suspended(backdated))).toEqual(["changed-after-settlement"]);
    expect(flagsAfter(p.released(backdated))).toEqual(["changed-after-settlement"]);
  });
  it("is not flagged in time", () => {
    const inTime = { at: on("2026-02-01"), recordedAt: on("2026-02-03 23:00") };
    expect(
      example([visits, ...p.changed({ type: "reschedule", occurrence: 1, dueAt: on("2026-02-10") }, inTime)]).settled().flags,
    ).toEqual([]);
    expect(example([visits, p.released(inTime)]).settled().flags).toEqual([]);
  });
  it("is flagged where the occurrence had been kept already", () => {
    const told = [report({ matcher: p.visits }), ...p.changed({ type: "reassign", promisor: colleague }, at)];
    expect(example(told, { interactions: [visit(1, "2026-02-05")] }).settled()).toMatchObject({
      finding: { verdict: "kept" },
      flags: ["changed-after-settlement"],
    });
  });
  it("is not flagged within a load, which settles nothing on the way", () => {
    const history = { at: on("2016-01-01"), recordedAt: on("2026-05-01") };
    const late = { at: on("2016-01-15"), recordedAt: on("2026-05-19") };
    const told = [p.made(p.series(["2016-02-01"]), { recording: "rec_0000000000000001" as never }, history), p.suspended(late)];
    expect(example(told, { recording: { completedAt: "2026-05-20", upTo: "2026-05-18" } }).settled()).toMatchObject({
      finding: { verdict: "suspended" },
      flags: [],
    });
  });
});

describe("a suspended promise", () => {
  it("can't be broken: what falls due meanwhile counts as waived", () => {
    const told = [visits, p.suspended(at), p.resumed(on("2026-02-20"))];
    expect(example(told).reads("2026-04-01")).toEqual(["broken 2026-02-03", "suspended 2026-02-17", "broken 2026-03-03"]);
  });
  it("reads suspended, and in force again when it is resumed or its end has come", () => {
    expect(example([visits, p.suspended(at)]).state("2026-02-11")).toBe("suspended");
    expect(example([visits, p.suspended(at), p.resumed(on("2026-02-12"))]).state("2026-02-13")).toBe("in-force");
    expect(example([visits, p.suspended(at, "2026-02-12")]).state("2026-02-12")).toBe("in-force");
  });
  it("forgives what was due before and still in grace", () => {
    const told = [report({ graceMinutes: 7 * 1440 }), p.suspended(on("2026-03-03"))];
    expect(example(told).reads("2026-05-01")).toEqual(["suspended 2026-03-03"]);
    expect(example([report({ graceMinutes: 1440 }), p.suspended(on("2026-03-03"))]).reads("2026-05-01")).toEqual([
      "broken 2026-03-01",
    ]);
  });
  it("still takes a keeping on time, and forgives one that is late", () => {
    const told = [visits, p.suspended(on("2026-01-20"))];
    expect(example(told, { interactions: [visit(1, "2026-02-02 10:00")] }).reads("2026-02-10")[0]).toBe("kept 2026-02-02 10:00");
    expect(
      example([report(), p.suspended(on("2026-02-20")), p.claimed(1, "2026-03-05", on("2026-03-05"))]).reads("2026-03-06"),
    ).toEqual(["suspended 2026-03-01"]);
  });
  it("may be suspended by a change that both accept", () =>
    expect(example([visits, ...p.changed({ type: "suspend", until: on("2026-02-20") }, at)]).reads("2026-04-01")).toEqual([
      "broken 2026-02-03",
      "suspended 2026-02-17",
      "broken 2026-03-03",
    ]));
  it("forgives acts against an abstention meanwhile, not before or after", () => {
    const told = [abstention, p.suspended(at, "2026-03-10")];
    const act = (date: string) => example(told, { interactions: [salesVisit(1, date)] }).reads("2027-02-01");
    expect(["2026-02-09 23:59", "2026-02-10", "2026-03-09", "2026-03-10"].map(act)).toEqual([
      ["broken 2026-02-09 23:59"],
      ["kept 2027-01-01"],
      ["kept 2027-01-01"],
      ["broken 2026-03-10"],
    ]);
  });
  it("counts an abstention as waived whose end it covers", () =>
    expect(example([abstention, p.suspended(at)]).reads("2027-02-01")).toEqual(["suspended 2027-01-01"]));
});

describe("a released promise", () => {
  const told = [visits, p.released(at)];
  it("binds no longer; what was due before stays as it was", () => {
    expect(example(told).reads("2026-04-01")).toEqual(["broken 2026-02-03", "released 2026-02-10", "released 2026-02-10"]);
    expect(example(told, { interactions: [visit(1, "2026-02-02 10:00")] }).reads("2026-04-01")[0]).toBe("kept 2026-02-02 10:00");
  });
  it("is not kept by what comes afterwards", () =>
    expect(example(told, { interactions: [visit(1, "2026-02-16 10:00")] }).reads("2026-04-01")[1]).toBe("released 2026-02-10"));
  it("can still have an earlier occurrence kept late", () => {
    const graceful = [
      p.made(p.series(["2026-02-02", "2026-02-16"], { graceMinutes: 3 * 1440 })),
      p.released(on("2026-02-17 12:00")),
    ];
    const claim = p.claimed(1, "2026-02-20 10:00", on("2026-02-21"), { interaction: interactionId(1) });
    expect(example([...graceful, claim], { interactions: [visit(1, "2026-02-20 10:00")] }).reads("2026-03-01")[0]).toBe(
      "kept-late 2026-02-20 10:00",
    );
  });
  it("lets go of what was still in grace", () =>
    expect(example([report({ graceMinutes: 7 * 1440 }), p.released(on("2026-03-03"))]).state("2026-05-01")).toBe("released"));
  it("stays kept where it was kept before", () => {
    const kept = [report(), p.claimed(1, "2026-02-01", on("2026-02-01")), p.released(at)];
    expect(example(kept).reads("2026-04-01")).toEqual(["kept 2026-02-01"]);
  });
  it("ends an abstention without a verdict, unless it was violated before", () => {
    const gone = [abstention, p.released(at)];
    expect(example(gone).state("2026-04-01")).toBe("released");
    expect(example(gone, { interactions: [salesVisit(1, "2026-03-01")] }).state("2026-04-01")).toBe("released");
    expect(example(gone, { interactions: [salesVisit(1, "2026-02-01")] }).state("2026-04-01")).toBe("broken");
  });
  it("reads released until nothing is waiting, and concluded where some of it had counted", () => {
    expect(example([visits, p.released(on("2026-02-03 12:00"))]).state("2026-02-03 13:00")).toBe("overdue");
    expect(example(told).state("2026-04-01")).toBe("concluded");
    expect(example([visits, p.released(on("2026-01-10"))]).state("2026-01-11")).toBe("released");
  });
});

describe("a waived occurrence", () => {
  it("counts in no rate", () =>
    expect(example([visits, p.waived(1, on("2026-02-05"))]).reads("2026-02-10")[0]).toBe("waived 2026-02-05"));
  it("stays kept where it was kept on time, and forgives what was late", () => {
    const told = [visits, p.waived(1, on("2026-02-01"))];
    expect(example(told, { interactions: [visit(1, "2026-02-02 10:00")] }).reads("2026-02-10")[0]).toBe("kept 2026-02-02 10:00");
    expect(
      example([report(), p.waived(1, on("2026-03-04")), p.claimed(1, "2026-03-03", on("2026-03-05"))]).state("2026-03-06"),
    ).toBe("waived");
  });
  it("forgives an act against an abstention", () =>
    expect(example([abstention, p.waived(1, at)], { interactions: [salesVisit(1, "2026-02-01")] }).state("2026-02-11")).toBe(
      "waived",
    ));
  it("says whether the promisee's own key said so", () => {
    expect(example([visits, p.waived(1, on("2026-02-05"), true)]).settled().flags).toEqual(["asserted"]);
    expect(example([visits, p.released(on("2026-01-05"), true)]).settled().flags).toEqual(["asserted"]);
    expect(example([visits, p.waived(1, on("2026-02-05"))]).settled().flags).toEqual([]);
  });
});

describe("reneging", () => {
  it("breaks what is open from the word on", () =>
    expect(example([report(), p.reneged(at)]).settled().finding).toMatchObject({ verdict: "broken", at, reason: "reneged" }));
  it("breaks no occurrence before its window opens", () => {
    const told = [visits, p.reneged(at)];
    expect(example(told).reads("2026-02-12")).toEqual(["broken 2026-02-03", "upcoming", "upcoming"]);
    expect(example(told).reads("2026-02-16")[1]).toBe("broken 2026-02-16");
  });
  it("may mean one occurrence", () =>
    expect(example([visits, p.reneged(at, 3)]).reads("2026-04-01")).toEqual([
      "broken 2026-02-03",
      "broken 2026-02-17",
      "broken 2026-03-02",
    ]));
  it("breaks at once what is in grace, and leaves alone what is past its deadline", () => {
    const graceful = report({ graceMinutes: 7 * 1440 });
    expect(example([graceful, p.reneged(on("2026-03-03"))]).reads("2026-03-03")).toEqual(["broken 2026-03-03"]);
    expect(example([report(), p.reneged(on("2026-03-03"), 1)]).reads("2026-04-01")).toEqual(["broken 2026-03-01"]);
  });
  it("is outweighed by a keeping, and forgiven by the promisee", () => {
    expect(example([report(), p.reneged(at), p.claimed(1, "2026-02-25", on("2026-02-25"))]).state("2026-02-26")).toBe("kept");
    expect(example([report(), p.reneged(at), p.waived(1, on("2026-02-12"))]).state("2026-02-26")).toBe("waived");
    expect(example([report(), p.reneged(at), p.suspended(on("2026-02-12"))]).state("2026-03-26")).toBe("concluded");
    expect(example([report(), p.reneged(at), p.released(on("2026-02-12"))]).state("2026-02-26")).toBe("released");
  });
  it("does not outlive a change that both agreed on afterwards", () => {
    const moved = p.changed({ type: "reschedule", occurrence: 1, dueAt: on("2026-03-10") }, on("2026-02-12"));
    expect(example([report(), p.reneged(at), ...moved]).state("2026-03-05")).toBe("in-force");
  });
  it("can be said of an abstention", () =>
    expect(example([abstention, p.reneged(at)]).reads("2026-02-10")).toEqual(["broken 2026-02-10"]));
});

describe("both directions", () => {
  it("a promise received is kept by the other side's visit and word alike", () => {
    const theirs = p.made(p.once("2026-03-01", { matcher: { kinds: ["visit" as never], directions: ["inbound"] } }), received);
    expect(example([theirs], { interactions: [visit(1, "2026-02-05", { direction: "inbound" })] }).state("2026-02-06")).toBe(
      "kept",
    );
    expect(example([theirs], { interactions: [visit(1, "2026-02-05")] }).state("2026-04-01")).toBe("broken");
    const word = p.made(p.once("2026-03-01"), received);
    expect(example([word, p.claimed(1, "2026-02-05", on("2026-02-05"), { by: customer })]).settled()).toMatchObject({
      promisor: customer,
      finding: { verdict: "kept" },
    });
  });
  it("an account or the house takes part through anybody", () => {
    const house = p.made(p.series(["2026-02-02"]), { promisor: "house" });
    expect(
      example([house], { interactions: [visit(1, "2026-02-02 10:00", { participants: [customer, colleague] })] }).state(
        "2026-02-03",
      ),
    ).toBe("kept");
    expect(
      example([house], { interactions: [visit(1, "2026-02-02 10:00", { participants: [colleague] })] }).state("2026-02-10"),
    ).toBe("broken");
  });
  it("a matcher may name others", () => {
    const named = p.made(p.series(["2026-02-02"], { matcher: { participants: [colleague] } }));
    expect(
      example([named], { interactions: [visit(1, "2026-02-02 10:00", { participants: [colleague] })] }).state("2026-02-03"),
    ).toBe("kept");
    expect(example([named], { interactions: [visit(1, "2026-02-02 10:00")] }).state("2026-02-10")).toBe("broken");
  });
});

describe("what a matcher asks for", () => {
  const fits = (matcher: object, more: Parameters<typeof visit>[2] = {}) =>
    example([p.made(p.series(["2026-02-02"], { matcher: matcher as never }))], {
      interactions: [visit(1, "2026-02-02 10:00", more)],
    }).state("2026-02-10") === "kept";
  it("is everything that it names", () => {
    expect(
      [
        {},
        { kinds: ["visit", "call"] },
        { purposes: ["relationship"] },
        { directions: ["mutual"] },
        { minMinutes: 60 },
        { tagsWith: [] },
      ].map((one) => fits(one)),
    ).not.toContain(false);
    expect(
      [
        { kinds: ["call"] },
        { purposes: ["sales"] },
        { channels: ["phone"] },
        { directions: ["inbound"] },
        { minMinutes: 61 },
        { tagsWith: ["gift"] },
      ].map((one) => fits(one)),
    ).not.toContain(true);
  });
  it("reads tags and channels", () => {
    expect(fits({ tagsWith: ["gift", "lunch"] }, { tags: ["gift", "lunch", "more"] as never })).toBe(true);
    expect(fits({ tagsWith: ["gift", "lunch"] }, { tags: ["gift"] as never })).toBe(false);
    expect(fits({ tagsWithout: ["gift"] }, { tags: ["gift"] as never })).toBe(false);
    expect(fits({ channels: ["phone"] }, { channel: "phone" as never })).toBe(true);
  });
  it("takes an unknown length for none", () => expect(fits({ minMinutes: 1 }, { minutes: undefined as never })).toBe(false));
});
