import { describe, expect, it } from "vitest";
import { promise } from "../../../src/domain/promise/promise.ts";
import { on, specFor } from "../../support/spec.ts";
import { colleague, customer, interactionId, salesman, stranger } from "../parties.examples.ts";
import * as p from "../promise.examples.ts";

const { given } = specFor(promise, "promise-1");
const single = p.made(p.once("2026-03-01"));
const weekly = p.made(p.series(["2026-02-02", "2026-02-16", "2026-03-02"]));
const byWord = p.made(p.series(["2026-02-02", "2026-02-16"], { proof: "claim", matcher: undefined }));
const abstention = p.made(p.abstain("2026-01-01", "2027-01-01"));

describe("claiming that a promise was kept", () => {
  const claim = (keptAt: string, more: Partial<Parameters<typeof p.command<"ClaimKeeping">>[2]> = {}) =>
    p.command("ClaimKeeping", "2026-03-03", { keptAt: on(keptAt), fraction: 1, speaker: p.speaker(salesman), ...more });

  it("records when it was kept", () =>
    given(single)
      .when(claim("2026-03-02"))
      .then(p.claimed(1, "2026-03-02", on("2026-03-03")) as never));
  it("adds nothing when repeated", () =>
    given(single, p.claimed(1, "2026-03-02", on("2026-03-02")))
      .when(claim("2026-03-02"))
      .thenNothing());
  it("is refused where it would rewrite what was claimed", () =>
    given(single, p.claimed(1, "2026-03-02", on("2026-03-02")))
      .when(claim("2026-03-01"))
      .thenRefused("already-claimed"));
  it("takes a part that grows, not one that shrinks", () => {
    const half = p.claimed(1, "2026-03-01", on("2026-03-01"), { fraction: 0.5 });
    expect(given(single, half).when(claim("2026-03-02")).outcome()).toEqual(["KeepingClaimed"]);
    given(single, half)
      .when(claim("2026-03-02", { fraction: 0.4 }))
      .thenRefused("already-claimed");
  });
  it("names an interaction where that is the proof", () => {
    given(weekly)
      .when(claim("2026-02-02", { occurrence: 1 }))
      .thenRefused("evidence-required");
    expect(
      given(weekly)
        .when(claim("2026-02-02", { occurrence: 1, interaction: interactionId(1) }))
        .outcome(),
    ).toHaveLength(1);
  });
  it("may name another interaction, where the first did not show it", () => {
    const first = p.claimed(1, "2026-02-02", on("2026-02-03"), { interaction: interactionId(1) });
    expect(
      given(weekly, first)
        .when(claim("2026-02-02", { occurrence: 1, interaction: interactionId(2) }))
        .outcome(),
    ).toHaveLength(1);
  });
  it("names the occurrence, where there are several", () => {
    given(byWord).when(claim("2026-02-02")).thenRefused("occurrence-required");
    given(byWord)
      .when(claim("2026-02-02", { occurrence: 3 }))
      .thenRefused("occurrence-unknown");
  });
  it("is the promisor's part alone", () =>
    given(single)
      .when(claim("2026-03-02", { speaker: p.speaker(customer) }))
      .thenRefused("not-your-part"));
  it("is never taken for an abstention, early or late", () => {
    given(abstention)
      .when(claim("2026-03-02", { interaction: interactionId(1) }))
      .thenRefused("abstention-not-claimable");
    given(abstention)
      .when({ ...claim("2027-01-02", { interaction: interactionId(1) }), at: on("2027-01-03") })
      .thenRefused("abstention-not-claimable");
  });
  it("is refused for a time that has not come", () => given(single).when(claim("2026-03-04")).thenRefused("in-the-future"));
  it("is the part of whoever was promisor when it was kept", () => {
    const reassigned = p.changed({ type: "reassign", promisor: colleague }, on("2026-02-10"));
    const speak = (keptAt: string, occurrence: number, who = colleague) =>
      given(byWord, ...reassigned).when(claim(keptAt, { occurrence, speaker: p.speaker(who) }));
    expect(speak("2026-02-16", 2).outcome()).toHaveLength(1);
    speak("2026-02-16", 2, salesman).thenRefused("not-your-part");
    expect(speak("2026-02-02", 1, salesman).outcome()).toHaveLength(1);
    speak("2026-02-02", 1).thenRefused("not-your-part");
  });
});

describe("confirming that a promise was kept", () => {
  const confirm = (more: Partial<Parameters<typeof p.command<"ConfirmKeeping">>[2]> = {}) =>
    p.command("ConfirmKeeping", "2026-03-05", { fraction: 1, speaker: p.speaker(customer), ...more });
  it("records what the promisee says", () =>
    given(single)
      .when(confirm({ keptAt: on("2026-03-01") }))
      .then(p.confirmed(1, "2026-03-01", on("2026-03-05")) as never));
  it("takes over when it was claimed to have been kept", () =>
    given(single, p.claimed(1, "2026-02-20", on("2026-02-21")))
      .when(confirm())
      .then(p.confirmed(1, "2026-02-20", on("2026-03-05")) as never));
  it("means now, where nobody said when", () =>
    given(single)
      .when(confirm())
      .then(p.confirmed(1, "2026-03-05", on("2026-03-05")) as never));
  it("adds nothing when repeated, with its time or without", () => {
    const before = p.confirmed(1, "2026-03-01", on("2026-03-02"));
    given(single, before).when(confirm()).thenNothing();
    given(single, before)
      .when(confirm({ keptAt: on("2026-03-01") }))
      .thenNothing();
  });
  it("takes a part that grows, not one that shrinks", () => {
    const half = p.confirmed(1, "2026-03-01", on("2026-03-01"), { fraction: 0.5 });
    expect(given(single, half).when(confirm()).outcome()).toEqual(["PromiseConfirmed"]);
    given(single, half)
      .when(confirm({ fraction: 0.4 }))
      .thenRefused("already-confirmed");
    given(single, half)
      .when(confirm({ fraction: 0.5, keptAt: on("2026-02-20") }))
      .thenRefused("already-confirmed");
  });
  it("is the promisee's part alone", () =>
    given(single)
      .when(confirm({ speaker: p.speaker(salesman) }))
      .thenRefused("not-your-part"));
  it("is not for abstentions", () => given(abstention).when(confirm()).thenRefused("abstention-not-claimable"));
  it("is refused for a time that has not come", () =>
    given(single)
      .when(confirm({ keptAt: on("2026-03-06") }))
      .thenRefused("in-the-future"));
});

describe("letting go", () => {
  it("is the promisee's part: the promisor can't release itself, nor waive, nor suspend", () => {
    const promisor = { speaker: p.speaker(salesman) };
    given(weekly)
      .when(p.command("ReleasePromise", "2026-01-02", promisor))
      .thenRefused("not-your-part");
    given(weekly)
      .when(p.command("WaiveOccurrence", "2026-01-02", { occurrence: 1, ...promisor }))
      .thenRefused("not-your-part");
    given(weekly)
      .when(p.command("SuspendPromise", "2026-01-02", promisor))
      .thenRefused("not-your-part");
    given(weekly, p.suspended(on("2026-01-02")))
      .when(p.command("ResumePromise", "2026-01-03", promisor))
      .thenRefused("not-your-part");
  });
  it("adds nothing when repeated", () => {
    given(weekly, p.waived(1, on("2026-01-02")))
      .when(p.command("WaiveOccurrence", "2026-01-03", { occurrence: 1 }))
      .thenNothing();
    given(weekly, p.released(on("2026-01-02")))
      .when(p.command("ReleasePromise", "2026-01-03", {}))
      .thenNothing();
  });
  it("seals the reason given", () => {
    const reason = { subject: customer, value: "The plant is closing." };
    given(weekly)
      .when(p.command("ReleasePromise", "2026-01-02", { reason, speaker: p.speaker(customer) }))
      .then({ type: "PromiseReleased", data: p.by(customer), personal: [{ field: "reason", ...reason }] });
  });
  it("is refused for a suspension that ends before it begins", () =>
    given(weekly)
      .when(p.command("SuspendPromise", "2026-01-02", { until: on("2026-01-02") }))
      .thenRefused("terms-invalid"));
});

describe("reneging", () => {
  const renege = (at: string, occurrence?: number, who = salesman) =>
    p.command("RenegePromise", at, { occurrence, speaker: p.speaker(who) });
  it("is the promisor's part alone", () =>
    given(weekly)
      .when(renege("2026-02-01", 1, customer))
      .thenRefused("not-your-part"));
  it("adds nothing when repeated, or when all of it was reneged on", () => {
    given(weekly, p.reneged(on("2026-02-01"), 2))
      .when(renege("2026-02-02", 2))
      .thenNothing();
    given(weekly, p.reneged(on("2026-02-01")))
      .when(renege("2026-02-02", 2))
      .thenNothing();
    given(weekly, p.reneged(on("2026-02-01")))
      .when(renege("2026-02-02"))
      .thenNothing();
  });
  it("may grow from one occurrence to all", () =>
    expect(
      given(weekly, p.reneged(on("2026-02-01"), 2))
        .when(renege("2026-02-02"))
        .outcome(),
    ).toEqual(["PromiseReneged"]));
  it("changes nothing about what is past its deadline", () => {
    given(weekly).when(renege("2026-03-03")).thenNothing();
    given(weekly).when(renege("2026-02-03", 1)).thenNothing();
  });
  it("can be said anew of what both agreed on afterwards", () => {
    const moved = p.changed({ type: "reschedule", occurrence: 1, dueAt: on("2026-02-10") }, on("2026-02-01 12:00"));
    const told = [weekly, p.reneged(on("2026-02-01"), 1), ...moved];
    expect(
      given(...told)
        .when(renege("2026-02-05", 1))
        .outcome(),
    ).toEqual(["PromiseReneged"]);
  });
});

describe("proposing a change", () => {
  const reschedule = { type: "reschedule", occurrence: 2, dueAt: on("2026-02-20") } as const;
  const propose = (proposal: Parameters<typeof p.proposed>[0], at = "2026-02-01", who = salesman) =>
    given(weekly).when(p.command("ProposeChange", at, { proposal, speaker: p.speaker(who) }));
  it("is either party's part", () => {
    propose(reschedule).then({ type: "ChangeProposed", data: { change: 1, proposal: reschedule, ...p.by(salesman) } });
    propose(reschedule, "2026-02-01", customer).then({
      type: "ChangeProposed",
      data: { change: 1, proposal: reschedule, ...p.by(customer) },
    });
    propose(reschedule, "2026-02-01", stranger).thenRefused("not-your-part");
  });
  it("leaves one proposal on the table at a time, and adds nothing when repeated", () => {
    const told = [weekly, p.proposed(reschedule, on("2026-02-01"))];
    given(...told)
      .when(p.command("ProposeChange", "2026-02-01", { proposal: reschedule, speaker: p.speaker(salesman) }))
      .thenNothing();
    given(...told)
      .when(p.command("ProposeChange", "2026-02-01", { proposal: reschedule, speaker: p.speaker(customer) }))
      .thenRefused("change-pending");
    given(...told)
      .when(p.command("ProposeChange", "2026-02-01", { proposal: { type: "suspend" } }))
      .thenRefused("change-pending");
  });
  it("is refused where it can't be done", () => {
    propose({ type: "reassign", promisor: customer }).thenRefused("change-unfit");
    propose({ type: "reassign", promisor: salesman }).thenRefused("change-unfit");
    propose({ type: "suspend", until: on("2026-02-01") }).thenRefused("change-unfit");
    propose({ ...reschedule, occurrence: 4 }).thenRefused("occurrence-unknown");
    propose({ ...reschedule, occurrence: 1 }, "2026-02-03").thenRefused("change-unfit");
    propose({ ...reschedule, dueAt: on("2026-02-16") }).thenRefused("change-unfit");
    propose({ ...reschedule, opensAt: on("2026-01-20"), dueAt: on("2026-01-31") }).thenRefused("change-unfit");
    propose({ type: "amend", offer: p.abstain("2026-03-01", "2026-02-01") }).thenRefused("terms-invalid");
    propose({ type: "amend", offer: p.series(["2026-01-05"]) }).thenRefused("change-unfit");
  });
  it("is refused for a due date that is now", () =>
    given(single)
      .when(
        p.command("ProposeChange", "2026-02-01", { proposal: { type: "reschedule", occurrence: 1, dueAt: on("2026-02-01") } }),
      )
      .thenRefused("change-unfit"));
  it("can't suspend what does not bind yet", () =>
    given(p.made(p.once("2026-03-01"), { condition: {} }))
      .when(p.command("ProposeChange", "2026-02-01", { proposal: { type: "suspend" } }))
      .thenRefused("promise-conditional"));
});

describe("answering a change", () => {
  const reschedule = { type: "reschedule", occurrence: 2, dueAt: on("2026-02-20") } as const;
  const told = [weekly, p.proposed(reschedule, on("2026-02-01"))];
  const accept = (at: string, who = customer) => p.command("AcceptChange", at, { speaker: p.speaker(who) });
  it("is the other party's part, and withdrawing it its own", () => {
    given(...told)
      .when(accept("2026-02-02", salesman))
      .thenRefused("not-your-part");
    given(...told)
      .when(p.command("DeclineChange", "2026-02-02", { speaker: p.speaker(salesman) }))
      .thenRefused("not-your-part");
    given(...told)
      .when(p.command("WithdrawChange", "2026-02-02", { speaker: p.speaker(customer) }))
      .thenRefused("not-your-part");
    given(...told)
      .when(accept("2026-02-02"))
      .then({ type: "ChangeAccepted", data: { change: 1, ...p.by(customer) } });
  });
  it("adds nothing when repeated", () => {
    given(...told, p.changeAccepted(on("2026-02-02")))
      .when(accept("2026-02-03"))
      .thenNothing();
    for (const [type, command] of [
      ["ChangeDeclined", "DeclineChange"],
      ["ChangeWithdrawn", "WithdrawChange"],
    ] as const)
      given(...told, p.say(type, { change: 1, ...p.by(customer) }, on("2026-02-02")))
        .when(p.command(command, "2026-02-03", {}))
        .thenNothing();
  });
  it("is refused once another answer was given", () =>
    given(...told, p.changeAccepted(on("2026-02-02")))
      .when(p.command("DeclineChange", "2026-02-03", {}))
      .thenRefused("no-change-pending"));
  it("is refused when the change has been overtaken", () =>
    given(...told)
      .when(accept("2026-02-17"))
      .thenRefused("change-unfit"));
  it("numbers the next change", () =>
    given(...told, p.changeAccepted(on("2026-02-02")))
      .when(p.command("ProposeChange", "2026-02-03", { proposal: { type: "suspend" }, speaker: p.speaker(salesman) }))
      .then({ type: "ChangeProposed", data: { change: 2, proposal: { type: "suspend" }, ...p.by(salesman) } }));
});

describe("contesting a verdict", () => {
  const contest = (at: string, more: Partial<Parameters<typeof p.command<"ContestVerdict">>[2]> = {}) =>
    p.command("ContestVerdict", at, { occurrence: 1, asserts: { verdict: "broken" }, speaker: p.speaker(customer), ...more });
  const open = [weekly, p.contested(1, { verdict: "broken" }, on("2026-02-04"))];
  it("is either party's part", () => {
    given(weekly)
      .when(contest("2026-02-04"))
      .then(p.contested(1, { verdict: "broken" }, on("2026-02-04")) as never);
    given(weekly)
      .when(contest("2026-02-04", { speaker: p.speaker(stranger) }))
      .thenRefused("not-your-part");
  });
  it("is the part of whoever was promisor when it fell due, also after the promise was handed on", () => {
    const told = [weekly, ...p.changed({ type: "reassign", promisor: colleague }, on("2026-02-10"))];
    const asserts = { verdict: "kept", keptAt: on("2026-02-02") } as const;
    const broken = p.contested(1, { verdict: "broken" }, on("2026-02-11"));
    expect(
      given(...told)
        .when(contest("2026-02-12", { asserts, speaker: p.speaker(salesman) }))
        .outcome(),
    ).toHaveLength(1);
    given(...told)
      .when(contest("2026-02-12", { asserts, speaker: p.speaker(colleague) }))
      .thenRefused("not-your-part");
    expect(
      given(...told, broken)
        .when(p.command("ConcedeContest", "2026-02-12", { speaker: p.speaker(salesman) }))
        .outcome(),
    ).toHaveLength(1);
    given(...told, broken)
      .when(p.command("ConcedeContest", "2026-02-12", { speaker: p.speaker(colleague) }))
      .thenRefused("not-your-part");
  });
  it("is open from the instant at which the window opens", () =>
    expect(given(weekly).when(contest("2026-02-02")).outcome()).toHaveLength(1));
  it("is refused before the window opens", () => given(weekly).when(contest("2026-02-01")).thenRefused("nothing-to-contest"));
  it("can't assert what has not happened", () =>
    given(weekly)
      .when(contest("2026-02-04", { asserts: { verdict: "kept", keptAt: on("2026-02-05") } }))
      .thenRefused("in-the-future"));
  it("opens one dispute an occurrence, and adds nothing when repeated", () => {
    given(...open)
      .when(contest("2026-02-05"))
      .thenNothing();
    given(...open)
      .when(contest("2026-02-05", { speaker: p.speaker(salesman) }))
      .thenRefused("dispute-open");
    expect(
      given(...open)
        .when(contest("2026-02-17", { occurrence: 2 }))
        .outcome(),
    ).toHaveLength(1);
  });
  it("is withdrawn by who opened it, conceded by the other, and ruled on by neither", () => {
    given(...open)
      .when(p.command("WithdrawContest", "2026-02-05", { speaker: p.speaker(salesman) }))
      .thenRefused("not-your-part");
    given(...open)
      .when(p.command("ConcedeContest", "2026-02-05", { speaker: p.speaker(customer) }))
      .thenRefused("not-your-part");
    for (const party of [salesman, customer])
      given(...open)
        .when(p.command("RuleDispute", "2026-02-05", { ruling: "upheld", speaker: p.speaker(party) }))
        .thenRefused("not-your-part");
  });
  it("ends once: the same end again adds nothing, another is refused", () => {
    const ends = { WithdrawContest: p.contestWithdrawn, ConcedeContest: p.conceded } as const;
    for (const [command, event] of Object.entries(ends)) {
      const told = [...open, event(on("2026-02-05"))];
      given(...told)
        .when(p.command(command as "WithdrawContest", "2026-02-06", {}))
        .thenNothing();
      given(...told)
        .when(p.command("RuleDispute", "2026-02-06", { ruling: "upheld" }))
        .thenRefused("no-dispute-open");
    }
    given(...open, p.ruled("upheld", on("2026-02-05")))
      .when(p.command("RuleDispute", "2026-02-06", { ruling: "upheld" }))
      .thenNothing();
    given(...open, p.ruled("upheld", on("2026-02-05")))
      .when(p.command("RuleDispute", "2026-02-06", { ruling: "dismissed" }))
      .thenRefused("no-dispute-open");
  });
  it("is answered on the occurrence that is named", () => {
    const two = [...open, p.contested(2, { verdict: "broken" }, on("2026-02-17"), { dispute: 2 })];
    const concede = (occurrence: number) =>
      p.command("ConcedeContest", "2026-02-18", { occurrence, speaker: p.speaker(salesman) });
    given(...two)
      .when(concede(2))
      .then({ type: "ContestConceded", data: { dispute: 2, ...p.by(salesman) } });
    given(...two, p.conceded(on("2026-02-17 12:00"), 2))
      .when(concede(2))
      .thenNothing();
    given(...two, p.conceded(on("2026-02-17 12:00"), 2))
      .when(concede(1))
      .then({ type: "ContestConceded", data: { dispute: 1, ...p.by(salesman) } });
    given(...open)
      .when(concede(2))
      .thenRefused("no-dispute-open");
  });
  it("names the occurrence where several are disputed", () =>
    given(...open, p.contested(2, { verdict: "broken" }, on("2026-02-17"), { dispute: 2 }))
      .when(p.command("ConcedeContest", "2026-02-18", {}))
      .thenRefused("occurrence-required"));
});
