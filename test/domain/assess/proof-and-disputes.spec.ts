/** DESIGN, section 5: what proves a keeping, when a promise binds, and what a dispute does to a verdict. */
import { describe, expect, it } from "vitest";
import { latenessCredit } from "../../../src/domain/lateness.ts";
import { dayMs } from "../../../src/domain/values.ts";
import { idOf, on } from "../../support/spec.ts";
import { agreementId, interactionId, salesman } from "../parties.examples.ts";
import * as p from "../promise.examples.ts";
import { example, salesVisit, visit } from "./assess.examples.ts";

const report = (more: Parameters<typeof p.once>[1] = {}) => p.made(p.once("2026-03-01", more));
const visits = p.made(p.series(["2026-02-02", "2026-02-16"]));
const abstention = p.made(p.abstain("2026-01-01", "2027-01-01"));

describe("proof by claim", () => {
  it("is the promisor's word", () =>
    expect(example([report(), p.claimed(1, "2026-02-20", on("2026-02-20"))]).settled().finding).toMatchObject({
      verdict: "kept",
      reason: "claim",
    }));
  it("may say that a part was kept, which earns just that part", () =>
    expect(example([report(), p.claimed(1, "2026-02-20", on("2026-02-20"), { fraction: 0.4 })]).settled().finding).toMatchObject({
      verdict: "partly-kept",
      credit: 0.4,
    }));
  it("goes by the larger part, once there is one", () => {
    const told = [
      report(),
      p.claimed(1, "2026-02-20", on("2026-02-20"), { fraction: 0.4 }),
      p.claimed(1, "2026-02-25", on("2026-02-25")),
    ];
    expect(example(told).reads("2026-02-26")).toEqual(["kept 2026-02-25"]);
  });
  it("takes no interaction instead", () =>
    expect(
      example([report({ matcher: p.visits, proof: "claim" })], { interactions: [visit(1, "2026-02-20")] }).state("2026-04-01"),
    ).toBe("broken"));
  it("gives way to the promisee's word", () => {
    const told = [
      report(),
      p.claimed(1, "2026-02-20", on("2026-02-20")),
      p.confirmed(1, "2026-02-22", on("2026-02-23"), { fraction: 0.5 }),
    ];
    expect(example(told).settled().finding).toMatchObject({ verdict: "partly-kept", credit: 0.5, reason: "confirmation" });
  });
  it("is flagged where it speaks of a time before the promise", () =>
    expect(example([report(), p.claimed(1, "2025-12-20", on("2026-01-02"))]).settled()).toMatchObject({
      finding: { verdict: "kept" },
      flags: ["kept-before-made"],
    }));
});

describe("proof by confirmation", () => {
  const asked = report({ proof: "confirmation" });
  it("is the promisee's word alone", () => {
    const claimed = example([asked, p.claimed(1, "2026-02-20", on("2026-02-20"))]);
    expect(claimed.reads("2026-02-21")).toEqual(["open"]);
    expect(claimed.settled().flags).toEqual(["claimed-unconfirmed"]);
    expect(claimed.state("2026-03-02")).toBe("broken");
  });
  it("is kept when the promisee says that it was, however late it says so", () => {
    const confirmed = example([
      asked,
      p.claimed(1, "2026-02-20", on("2026-02-20")),
      p.confirmed(1, "2026-02-20", on("2026-08-01")),
    ]);
    expect(confirmed.settled()).toMatchObject({ finding: { verdict: "kept", at: on("2026-02-20") }, flags: [] });
  });
  it("says whether the promisee's own key said so", () =>
    expect(example([asked, p.confirmed(1, "2026-02-20", on("2026-02-21"), { asserted: true })]).settled().flags).toEqual([
      "asserted",
    ]));
});

describe("a confirmation where the proof is evidence", () => {
  it("counts without any evidence", () =>
    expect(example([visits, p.confirmed(1, "2026-02-02 10:00", on("2026-02-05"))]).settled().finding).toMatchObject({
      verdict: "kept",
      reason: "confirmation",
    }));
  it("counts for more where it says more, and never for less", () => {
    const late = { interactions: [visit(1, "2026-02-04 10:00")] };
    const graceful = p.made(p.series(["2026-02-02"], { graceMinutes: 5 * 1440 }));
    expect(example([graceful, p.confirmed(1, "2026-02-02 10:00", on("2026-02-05"))], late).settled().finding).toMatchObject({
      verdict: "kept",
      reason: "confirmation",
    });
    expect(example([graceful, p.confirmed(1, "2026-02-05", on("2026-02-05"))], late).settled().finding).toMatchObject({
      verdict: "kept-late",
      reason: "evidence",
    });
  });
});

describe("an abstention", () => {
  it("is kept at the end of its window, not before", () => {
    expect(example([abstention]).reads("2026-12-31")).toEqual(["open"]);
    expect(example([abstention]).reads("2027-01-02")).toEqual(["kept 2027-01-01"]);
  });
  it("is broken by the first act that it forbids, at the instant of the act", () => {
    const acts = [salesVisit(2, "2026-07-01"), salesVisit(1, "2026-05-01")];
    expect(example([abstention], { interactions: acts }).settled().finding).toMatchObject({
      verdict: "broken",
      at: on("2026-05-01"),
      reason: "violation",
      evidence: [interactionId(1)],
    });
  });
  it("is not broken outside its window, by others, or by something else", () => {
    const acts = [
      salesVisit(1, "2025-12-31"),
      salesVisit(2, "2027-01-01"),
      salesVisit(3, "2026-05-01", { participants: [] }),
      visit(4, "2026-05-02"),
      salesVisit(5, "2026-05-03", { isRetracted: true }),
    ];
    expect(example([abstention], { interactions: acts }).state("2027-01-02")).toBe("kept");
  });
  it("is broken by what comes to light after it had settled as kept", () =>
    expect(
      example([abstention], { interactions: [salesVisit(1, "2026-05-01", { recordedAt: "2028-01-01" })] }).state("2028-01-01"),
    ).toBe("broken"));
  it("is not broken before it binds", () => {
    const told = [p.made(p.abstain("2026-01-01", "2027-01-01"), { needsAcceptance: true }), p.accepted(on("2026-02-01"))];
    expect(example(told, { interactions: [salesVisit(1, "2026-01-20")] }).state("2027-02-01")).toBe("kept");
    expect(example(told, { interactions: [salesVisit(1, "2026-02-01")] }).state("2027-02-01")).toBe("broken");
  });
});

describe("when a promise binds", () => {
  const offered = p.made(p.once("2026-03-01"), { needsAcceptance: true, offerExpiresAt: on("2026-02-01") });
  const conditional = p.made(p.once("2026-03-01"), { condition: { expiresAt: on("2026-02-01") } });

  it("is not while it is offered: nothing is open, overdue or broken", () => {
    const ignored = example([p.made(p.series(["2026-02-02"]), { needsAcceptance: true })]);
    expect(ignored.at("2026-05-01")).toMatchObject({
      state: "offered",
      pendingCount: 0,
      occurrences: [{ standing: "upcoming", outcome: null }],
      exclusion: null,
    });
  });
  it("is not when it was declined or withdrawn, which leaves one excluded outcome", () => {
    expect(example([offered, p.declined(on("2026-01-10"))]).at("2026-05-01")).toMatchObject({
      state: "declined",
      exclusion: { verdict: "declined", at: on("2026-01-10") },
    });
    expect(example([offered, p.withdrawn(on("2026-01-10"))]).at("2026-05-01")).toMatchObject({
      state: "withdrawn",
      exclusion: { verdict: "withdrawn", at: on("2026-01-10") },
    });
  });
  it("is not when the offer lapsed, which the clock says after the allowance", () => {
    expect(example([offered]).state("2026-02-01 23:59")).toBe("offered");
    expect(example([offered]).at("2026-02-02")).toMatchObject({
      state: "offer-lapsed",
      exclusion: { verdict: "offer-lapsed", at: on("2026-02-01") },
    });
  });
  it("counts the allowance of a counter-offer from its recording", () => {
    const countered = p.countered(p.once("2026-03-01"), { at: on("2026-01-10"), recordedAt: on("2026-02-05") });
    expect(example([offered, countered]).state("2026-02-05 23:59")).toBe("countered");
    expect(example([offered, countered]).state("2026-02-06")).toBe("offer-lapsed");
  });
  it("is from its acceptance on, of a counter-offer by its terms", () => {
    const told = [
      offered,
      p.countered(p.once("2026-03-20"), on("2026-01-10")),
      p.say("PromiseAccepted", p.by(salesman), on("2026-01-12")),
    ];
    expect(example(told).at("2026-02-01")).toMatchObject({
      state: "in-force",
      occurrences: [{ dueAt: on("2026-03-20"), standing: "open" }],
    });
  });
  it("is not while its condition is not met, and lapses when it never is", () => {
    expect(example([conditional]).state("2026-01-15")).toBe("conditional");
    expect(example([conditional]).at("2026-02-02")).toMatchObject({
      state: "condition-lapsed",
      exclusion: { verdict: "condition-lapsed", at: on("2026-02-01") },
    });
    expect(example([conditional, p.conditionMet(on("2026-01-20"))]).state("2026-01-21")).toBe("in-force");
  });
  it("is never, when the promisee releases it before", () =>
    expect(example([conditional, p.released(on("2026-01-20"))]).at("2026-01-21")).toMatchObject({
      state: "released",
      exclusion: { verdict: "released", at: on("2026-01-20") },
    }));
  it("leaves out what fell due before", () => {
    const told = [p.made(p.series(["2026-02-02", "2026-02-16"]), { needsAcceptance: true }), p.accepted(on("2026-02-10"))];
    expect(example(told).reads("2026-02-10")).toEqual(["not-in-force 2026-02-03", "upcoming"]);
    expect(example([...told, p.reneged(on("2026-02-11"))]).reads("2026-04-01")).toEqual([
      "not-in-force 2026-02-03",
      "broken 2026-02-16",
    ]);
    expect(example(told.toSpliced(1, 0, p.reneged(on("2026-01-20")))).reads("2026-02-10")[0]).toBe("not-in-force 2026-02-03");
  });
  it("leaves out what fell due as it was made, and bound later", () => {
    const told = [p.made(p.once("2026-01-01"), { needsAcceptance: true }), p.accepted(on("2026-01-05"))];
    expect(example(told).reads("2026-01-05")).toEqual(["not-in-force 2026-01-01"]);
  });
  it("tells whether anything that was said of it was only asserted", () => {
    expect(example([visits, p.waived(1, on("2026-02-01"))]).input.promise.asserted).toBe(false);
    expect(example([visits, p.waived(1, on("2026-02-01"), true), p.waived(2, on("2026-02-02"))]).input.promise.asserted).toBe(
      true,
    );
  });
  it("takes a due date before the promise as it is, and flags it", () => {
    const told = [p.made(p.once("2025-12-01")), p.claimed(1, "2025-12-03", on("2026-01-02"))];
    expect(example(told).settled()).toMatchObject({
      finding: { verdict: "kept-late", credit: latenessCredit(2 * dayMs) },
      flags: ["due-before-made", "kept-before-made"],
    });
    expect(example([p.made(p.once("2025-12-01"))]).state("2026-01-02")).toBe("broken");
  });
  it("leaves out what of a series was due before it was made", () =>
    expect(example([p.made(p.series(["2025-12-20", "2026-01-03"]))]).reads("2026-02-01")).toEqual([
      "not-in-force 2025-12-21",
      "broken 2026-01-04",
    ]));
  it("ends with its promise where that never came to bind", () => {
    const declined = [p.made(p.once("2026-02-01"), { needsAcceptance: true }), p.declined(on("2026-01-05"))];
    expect(example(declined).at("2026-03-01").occurrences[0]).toMatchObject({
      standing: "declined",
      outcome: { verdict: "declined", at: on("2026-01-05"), credit: null },
    });
    const lapsing = [p.made(p.once("2026-02-01"), { needsAcceptance: true, offerExpiresAt: on("2026-01-10") })];
    expect(example(lapsing).reads("2026-01-10")).toEqual(["upcoming"]);
    expect(example(lapsing).reads("2026-01-11")).toEqual(["offer-lapsed 2026-01-10"]);
  });
  it("takes a due date at the very instant of making", () =>
    expect(example([p.made(p.once("2026-01-01"))]).state("2026-01-02")).toBe("broken"));
});

describe("a promise of an agreement", () => {
  const part = p.made(p.series(["2026-02-02", "2026-02-16"]), { agreement: agreementId });
  it("binds nobody before the agreement is made", () => {
    expect(example([part]).at("2026-05-01")).toMatchObject({ state: "awaiting-agreement", pendingCount: 0 });
    expect(example([part], { interactions: [visit(1, "2026-02-02 10:00")] }).reads("2026-05-01")).toEqual([
      "upcoming",
      "upcoming",
    ]);
  });
  it("binds from then on", () =>
    expect(example([part], { agreementMadeAt: "2026-02-05" }).reads("2026-05-01")).toEqual([
      "not-in-force 2026-02-03",
      "broken 2026-02-17",
    ]));
  it("may be released before", () => expect(example([part, p.released(on("2026-01-10"))]).state("2026-01-11")).toBe("released"));
});

describe("a contest", () => {
  const kept = { interactions: [visit(1, "2026-02-02 10:00")] };
  const broken = p.contested(1, { verdict: "broken" }, on("2026-02-05"));
  const reads = (...say: p.Say[]) => example([visits, ...say], kept).reads("2026-02-10")[0];

  it("leaves the verdict the headline while it is open, and says what it would be if upheld", () => {
    const open = example([visits, broken], kept);
    expect(open.at("2026-02-10")).toMatchObject({
      isDisputed: true,
      occurrences: [
        { standing: "kept", openDispute: { number: 1, ifUpheld: { verdict: "broken", credit: 0, at: on("2026-02-03") } } },
        {},
      ],
    });
    expect(open.at("2026-02-04").isDisputed).toBe(false);
  });
  it("says so of a breach too, at the instant of the keeping that is asserted", () => {
    const told = [
      visits,
      p.contested(1, { verdict: "kept", keptAt: on("2026-02-02 10:00") }, on("2026-02-05"), { by: salesman }),
    ];
    expect(example(told).settled().openDispute).toMatchObject({
      ifUpheld: { finding: { verdict: "kept", credit: 1, at: on("2026-02-02 10:00"), reason: "contested" } },
    });
  });
  it("would leave kept what was kept after it was contested", () => {
    const early = p.contested(1, { verdict: "broken" }, on("2026-02-02 08:00"));
    expect(example([visits, early], kept).settled().openDispute?.ifUpheld.finding).toMatchObject({
      verdict: "kept",
      reason: "evidence",
    });
    expect(reads(early, p.conceded(on("2026-02-06")))).toBe("kept 2026-02-02 10:00");
  });
  it("would clear an abstention of an act, and leave it to its end", () => {
    const cleared = p.contested(1, { verdict: "kept", keptAt: on("2026-05-01") }, on("2026-05-03"), { by: salesman });
    const acts = { interactions: [salesVisit(1, "2026-05-01")] };
    const disputed = example([abstention, cleared], acts);
    const ifUpheld = (at: string) => disputed.at(at).occurrences[0]!.openDispute?.ifUpheld;
    expect(disputed.at("2026-06-01").occurrences[0]!.standing).toBe("broken");
    // Neither mid-window nor while the clock still waits for records.
    expect(ifUpheld("2026-06-01")).toBeNull();
    expect(ifUpheld("2027-01-01")).toBeNull();
    expect(ifUpheld("2027-01-02")).toMatchObject({ verdict: "kept", at: on("2027-01-01"), reason: "abstained" });
  });
  it("names the contest and what ended it as its evidence", () => {
    const evidence = (...say: p.Say[]) => example([visits, ...say], kept).settled().finding?.evidence;
    expect(evidence(broken, p.conceded(on("2026-02-06")))).toEqual([idOf("evt", 2), idOf("evt", 3)]);
    expect(evidence(broken, p.ruled("upheld", on("2026-02-06")))).toEqual([idOf("evt", 2), idOf("evt", 3)]);
  });
  it("changes the verdict once it is conceded or ruled upheld", () => {
    expect(reads(broken, p.conceded(on("2026-02-06")))).toBe("broken 2026-02-03");
    expect(reads(broken, p.ruled("upheld", on("2026-02-06")))).toBe("broken 2026-02-03");
    expect(example([visits, broken, p.ruled("upheld", on("2026-02-06"))], kept).settled().finding).toMatchObject({
      reason: "ruled",
    });
    expect(example([visits, broken, p.conceded(on("2026-02-06"))], kept).settled().finding).toMatchObject({ reason: "conceded" });
  });
  it("leaves the verdict once it is withdrawn or dismissed", () => {
    expect(reads(broken, p.contestWithdrawn(on("2026-02-06")))).toBe("kept 2026-02-02 10:00");
    expect(reads(broken, p.ruled("dismissed", on("2026-02-06")))).toBe("kept 2026-02-02 10:00");
    expect(example([visits, broken, p.contestWithdrawn(on("2026-02-06"))], kept).at("2026-02-10").isDisputed).toBe(false);
  });
  it("can find for the promisor, in whole or in part, and as late as it says", () => {
    const say = (asserts: Parameters<typeof p.contested>[1]) =>
      example([
        visits,
        p.contested(1, asserts, on("2026-02-08"), { by: salesman }),
        p.ruled("upheld", on("2026-02-09")),
      ]).settled().finding;
    expect(say({ verdict: "kept", keptAt: on("2026-02-02 10:00") })).toMatchObject({ verdict: "kept", credit: 1 });
    expect(say({ verdict: "kept", keptAt: on("2026-02-05") })).toMatchObject({ verdict: "kept-late", latenessMs: 2 * dayMs });
    expect(say({ verdict: "partly-kept", keptAt: on("2026-02-02 10:00"), fraction: 0.5 })).toMatchObject({
      verdict: "partly-kept",
      credit: 0.5,
    });
  });
  it("goes by the last word where there were several", () => {
    const again = p.contested(1, { verdict: "kept", keptAt: on("2026-02-02 10:00") }, on("2026-02-07"), {
      dispute: 2,
      by: salesman,
    });
    expect(reads(broken, p.conceded(on("2026-02-06")), again, p.ruled("upheld", on("2026-02-08"), 2))).toBe(
      "kept 2026-02-02 10:00",
    );
  });
  it("says nothing about what came after it: a later visit keeps late what was ruled broken", () => {
    const graceful = p.made(p.series(["2026-02-02"], { graceMinutes: 20 * 1440 }));
    const told = [graceful, broken, p.conceded(on("2026-02-06"))];
    const interactions = [visit(1, "2026-02-02 10:00"), visit(2, "2026-02-08 10:00")];
    expect(example(told, { interactions }).reads("2026-02-10")).toEqual(["kept-late 2026-02-08 10:00"]);
    expect(example(told, { interactions: interactions.slice(0, 1) }).reads("2026-02-10")).toEqual(["broken 2026-02-03"]);
  });
  it("lets the promisee forgive what was ruled broken, and not undo what was ruled kept", () => {
    expect(reads(broken, p.conceded(on("2026-02-06")), p.waived(1, on("2026-02-07")))).toBe("waived 2026-02-07");
    const found = p.contested(1, { verdict: "kept", keptAt: on("2026-02-02 10:00") }, on("2026-02-05"), { by: salesman });
    expect(reads(found, p.ruled("upheld", on("2026-02-06")), p.waived(1, on("2026-02-07")))).toBe("kept 2026-02-02 10:00");
  });
  it("clears an act against an abstention, which still has to be kept to its end", () => {
    const cleared = [
      abstention,
      p.contested(1, { verdict: "kept", keptAt: on("2026-05-01") }, on("2026-05-03"), { by: salesman }),
      p.ruled("upheld", on("2026-05-04")),
    ];
    const acts = [salesVisit(1, "2026-05-01")];
    expect(example(cleared, { interactions: acts }).reads("2026-06-01")).toEqual(["open"]);
    expect(example(cleared, { interactions: acts }).reads("2027-01-02")).toEqual(["kept 2027-01-01"]);
    expect(example(cleared, { interactions: [...acts, salesVisit(2, "2026-09-01")] }).reads("2026-09-02")).toEqual([
      "broken 2026-09-01",
    ]);
  });
  it("says whether the party that conceded said so by its own key", () => {
    const asserted = p.say("ContestConceded", { dispute: 1, ...p.by(salesman, true) }, on("2026-02-06"));
    expect(example([visits, broken, asserted], kept).settled().flags).toEqual(["asserted"]);
  });
  it("lies on one occurrence and leaves the others", () =>
    expect(
      example([visits, broken, p.conceded(on("2026-02-06"))], {
        interactions: [visit(1, "2026-02-02 10:00"), visit(2, "2026-02-16 10:00")],
      }).reads("2026-02-20")[1],
    ).toBe("kept 2026-02-16 10:00"));
});

describe("what a promise reads as a whole", () => {
  it("is the verdict of its only occurrence, and concluded for a series", () => {
    expect(example([report()]).state("2026-03-02")).toBe("broken");
    expect(example([visits]).state("2026-02-18")).toBe("concluded");
  });
  it("is concluded where its only occurrence ended without counting", () =>
    expect(example([report(), p.suspended(on("2026-02-01"))]).state("2026-03-02")).toBe("concluded"));
});
