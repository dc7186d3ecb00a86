/** What the ledger's rules permit, and an auditor must be told: history that was changed, told or judged long afterwards. */
import { describe, expect, it } from "vitest";
import { policyDocument } from "../../src/domain/policy.ts";
import type { Auditor } from "../../src/verification/auditor.ts";
import { bundleOf, headOf, policyOf, told, verified } from "./support/forgery.ts";
import {
  account,
  byRule,
  due,
  logKey,
  opened,
  own,
  promised,
  promisee,
  promisor,
  promisorsKey,
  recording,
  type ToldLog,
  withPromise,
} from "./support/told-log.ts";

const outcomeOf = async (log: ToldLog, more: Partial<Auditor> = {}) => {
  const report = await verified(await bundleOf(log.leaves, logKey), { policy: policyOf(logKey), ...more });
  const { exitCode, messages } = told(report);
  return { exitCode, messages, note: (kind: string) => report.notes.find((one) => one.kind === kind) };
};

const early = "2026-01-20T00:00:00.000Z";
const basisOf = ({ size, now }: ToldLog, more: object = {}) => ({ size, asOf: now, rule: 1, policy: 0, ...more });
const lastEvent = ({ size }: ToldLog) => `evt_${String(size).padStart(16, "0")}`;

function kept(log: ToldLog, reason: string, evidence: string[], keptAt = early): ToldLog {
  const basis = basisOf(log);
  const what = { occurrence: 1, verdict: "kept", keptAt, latenessMs: 0, credit: 1, reason, evidence, basis };
  log.onPromise("PromiseKept", what, { ...byRule, occurredAt: keptAt });
  return log.onPromise("PromiseConcluded", { counts: { kept: 1 }, basis }, { ...byRule, occurredAt: keptAt });
}

function settled(log: ToldLog): ToldLog {
  const basis = basisOf(log);
  const data = { occurrence: 1, reason: "deadline", brokenAt: due, evidence: [], basis };
  log.onPromise("PromiseBroken", data, { ...byRule, occurredAt: due });
  return log.onPromise("PromiseConcluded", { counts: { broken: 1 }, basis }, { ...byRule, occurredAt: due });
}
/** @returns the id of the interaction. */
function visited(log: ToldLog, startedAt = log.now, kind = "visit"): string {
  const id = `int_${String(log.size).padStart(16, "0")}`;
  const facts = { account, direction: "outbound", kind, startedAt, participants: [promisor, promisee] };
  const data = { ...facts, tags: [], purpose: "relationship" };
  log.add("InteractionRecorded", `interaction-${id}`, data, { occurredAt: startedAt });
  return id;
}

/** The breach stands on record since 2 February; whatever comes is recorded on 1 November. */
const brokenBefore = () => settled(withPromise().goesOnTo("2026-02-02T00:30")).at("2026-11-01");

/** A promise not to call before February; it is 10 January. */
function abstaining(): ToldLog {
  const from = "2026-01-03T00:00:00.000Z";
  const matched = { matcher: { kinds: ["call"] }, proof: "evidence", schedule: { occurrences: [{ opensAt: from, dueAt: due }] } };
  return withPromise({ offer: { ...matched, terms: { type: "abstain", from, until: due } } }).at("2026-01-10");
}

describe("a breach that stood on record and was taken back nine months later", () => {
  const ways: [what: string, counts: object, log: () => ToldLog][] = [
    [
      "by a release that the house asserted, and dated back",
      { breaches: 1, asserted: 1, ruled: 0 },
      () => {
        const log = brokenBefore().onPromise("PromiseReleased", { by: promisee, asserted: true }, { occurredAt: early });
        const basis = basisOf(log);
        log.onPromise("VerdictWithdrawn", { occurrence: 1, reason: "released", basis }, { ...byRule, occurredAt: early });
        return log.onPromise("PromiseConcluded", { counts: { released: 1 }, basis }, { ...byRule, occurredAt: early });
      },
    ],
    [
      "by a confirmation that the house asserted",
      { breaches: 1, asserted: 1, ruled: 0 },
      () => {
        const word = { occurrence: 1, by: promisee, asserted: true, keptAt: early, fraction: 1 };
        const log = brokenBefore().onPromise("PromiseConfirmed", word, { occurredAt: early });
        return kept(log, "confirmation", [lastEvent(log)]);
      },
    ],
    [
      "by a ruling of the house",
      { breaches: 1, asserted: 0, ruled: 1 },
      () => {
        const contest = { dispute: 1, occurrence: 1, by: promisor, asserted: false, asserts: { verdict: "kept", keptAt: early } };
        const log = brokenBefore().onPromise("VerdictContested", contest, own(promisor, promisorsKey));
        const contested = lastEvent(log);
        log.onPromise("DisputeRuled", { dispute: 1, ruling: "upheld" });
        return kept(log, "ruled", [contested, lastEvent(log)]);
      },
    ],
    [
      "by the retraction of the call that broke an abstention",
      { breaches: 1, asserted: 0, corrected: 1 },
      () => {
        const log = abstaining();
        const interaction = visited(log, log.now, "call");
        const [brokenAt, basis] = [log.now, basisOf(log)];
        const breach = { occurrence: 1, reason: "violation", brokenAt, evidence: [interaction], basis };
        log.onPromise("PromiseBroken", breach, { ...byRule, occurredAt: brokenAt });
        log.onPromise("PromiseConcluded", { counts: { broken: 1 }, basis }, { ...byRule, occurredAt: brokenAt });
        log.at("2026-11-01").add("InteractionRetracted", `interaction-${interaction}`, {});
        return kept(log, "abstained", [], due);
      },
    ],
  ];
  it.each(ways)("is told: %s", async (_, counts, logOf) => {
    const { exitCode, messages, note } = await outcomeOf(logOf().goesOnTo("2026-12-01"));
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
    expect(note("breaches-taken-back")).toMatchObject({
      counts,
      message: expect.stringMatching(/this one (272|295) days after/),
    });
  });

  it("is told with its leaf where another node, whose clock is some seconds behind, took it back at once", async () => {
    const log = settled(withPromise().goesOnTo("2026-02-02T00:30")).at("2026-02-02T00:29:56");
    log.onPromise("OccurrenceWaived", { occurrence: 1, by: promisee, asserted: true });
    const basis = basisOf(log);
    log.onPromise("VerdictWithdrawn", { occurrence: 1, reason: "waived", basis }, byRule);
    log.onPromise("PromiseConcluded", { counts: { waived: 1 }, basis }, byRule);
    const { exitCode, messages, note } = await outcomeOf(log);
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
    expect(note("breaches-taken-back")).toMatchObject({ leaf: { index: log.size - 2 }, counts: { breaches: 1, longestMs: 0 } });
  });

  it("is not told of one that stands", async () => {
    const { exitCode, note } = await outcomeOf(brokenBefore().goesOnTo("2026-12-01"));
    expect({ exitCode, note: note("breaches-taken-back") }).toEqual({ exitCode: 0, note: undefined });
  });
});

describe("a recording allowance of a year", () => {
  const yearLong = policyDocument.parse({ promises: { recordingAllowanceMinutes: 525_600 } });
  const adopted = (log: ToldLog) => log.add("PolicyAdopted", "policy-default", { version: 1, policy: yearLong });

  it("is told with the deadlines that have passed and wait for it", async () => {
    const log = adopted(opened()).at("2026-01-02").onPromise("PromiseMade", promised());
    const { exitCode, note } = await outcomeOf(log.goesOnTo("2026-12-30"));
    expect(exitCode).toBe(0);
    expect(note("long-allowance")).toMatchObject({
      counts: { recordingAllowanceMinutes: 525_600, deadlines: 1 },
      message: expect.stringContaining("1 deadlines have passed and wait for it, this one for 332 days"),
    });
  });

  it("is told when it is adopted while a promise waits for its deadline", async () => {
    const { note } = await outcomeOf(adopted(withPromise().at("2026-01-31T23:59")).goesOnTo("2026-12-30"));
    expect(note("policy-adopted")).toMatchObject({ counts: { due: 0, open: 1 } });
  });

  it("waits for nothing that was kept", async () => {
    const log = adopted(opened()).at("2026-01-02").onPromise("PromiseMade", promised()).at("2026-01-20");
    const interaction = visited(log);
    const basis = basisOf(log, { policy: 1 });
    const what = { occurrence: 1, verdict: "kept", keptAt: log.now, latenessMs: 0, credit: 1, reason: "evidence", basis };
    log.onPromise("PromiseKept", { ...what, evidence: [interaction] }, byRule);
    log.onPromise("PromiseConcluded", { counts: { kept: 1 }, basis }, byRule);
    const { exitCode, messages, note } = await outcomeOf(log.goesOnTo("2026-12-30"));
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
    expect(note("long-allowance")).toMatchObject({ counts: { deadlines: 0 } });
  });
});

describe("a promise that was put on record after it was due, with its keeping", () => {
  it("is told as the word of whoever recorded it", async () => {
    const log = opened().at("2026-06-01").onPromise("PromiseMade", promised(), { occurredAt: "2026-01-02T00:00:00.000Z" });
    kept(log, "evidence", [visited(log, early)]);
    const { exitCode, messages, note } = await outcomeOf(log.goesOnTo("2026-06-10"));
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
    expect(note("told-afterwards")).toMatchObject({
      counts: { promises: 1, kept: 1 },
      message: expect.stringContaining("this one by 120 days"),
    });
  });

  it("is not told of one that was promised before", async () => {
    const log = settled(withPromise().goesOnTo("2026-02-02T00:30"));
    expect((await outcomeOf(log)).note("told-afterwards")).toBeUndefined();
  });
});

const load = { recording, source: "crm" };
const completed = (log: ToldLog) => log.onLedger("RecordingCompleted", { ...load, upTo: log.now });
/** Begun on 2 January, with a promise that is due in February. */
const loading = (more: object = {}) => {
  const log = opened().at("2026-01-02").onLedger("RecordingStarted", load);
  return log.onPromise("PromiseMade", promised({ recording }), more);
};

describe("a load of history that was open for longer than a week, and is complete", () => {
  const ways: [what: string, log: () => ToldLog][] = [
    [
      "with a visit that was told ten months later",
      () => {
        const log = loading().goesOnTo("2026-11-30");
        const visit = visited(log, early);
        return completed(kept(log, "evidence", [visit]).at("2026-12-01"));
      },
    ],
    ["with a breach that was put on record in the end", () => settled(completed(loading().goesOnTo("2026-12-01")))],
    [
      "with a deadline that was moved meanwhile, as of before it",
      () => {
        const log = loading().goesOnTo("2026-11-01");
        const proposal = { type: "reschedule", occurrence: 1, dueAt: "2027-01-01T00:00:00.000Z" };
        log.onPromise("ChangeProposed", { change: 1, by: promisor, asserted: true, proposal }, { occurredAt: early });
        const word = { change: 1, by: promisee, asserted: true };
        return completed(log.onPromise("ChangeAccepted", word, { occurredAt: early }).at("2026-12-01"));
      },
    ],
  ];
  it.each(ways)("hides a promise that was made while it was open, %s", async (_, logOf) => {
    const { exitCode, messages, note } = await outcomeOf(logOf().goesOnTo("2026-12-10"));
    expect(exitCode, messages).toBe(3);
    expect(messages).toContain("1 of them had been made while it was open, or the day before");
    const hidden = { promises: 1, live: 1, longestMs: Date.parse("2026-12-01") - Date.parse("2026-02-02") };
    expect(note("load-held")).toMatchObject({ counts: hidden });
  });

  it("is known to whoever kept a tree head from after it, and to nobody who kept one from before", async () => {
    const log = settled(completed(loading().goesOnTo("2026-12-01")));
    const since = (size: number) => ({
      since: [{ name: "kept.head", note: Buffer.from(headOf(log.leaves.slice(0, size), logKey).note) }],
    });
    const [after, before] = [await outcomeOf(log, since(log.size - 2)), await outcomeOf(log, since(log.size - 3))];
    expect([after.exitCode, before.exitCode]).toEqual([0, 3]);
    expect(after.note("load-held")).toBeDefined();
  });

  it("is told where it brought a promise from before it that fell due meanwhile", async () => {
    const log = settled(completed(loading({ occurredAt: "2025-11-01T00:00:00.000Z" }).goesOnTo("2026-12-01")));
    const { exitCode, note } = await outcomeOf(log);
    expect(exitCode).toBe(0);
    expect(note("load-held")).toMatchObject({ counts: { promises: 1, live: 0 } });
  });

  it("is not told where the promise was kept in time", async () => {
    const log = loading().at("2026-01-20");
    const visit = visited(log);
    completed(log.goesOnTo("2026-12-01"));
    const { exitCode, messages, note } = await outcomeOf(kept(log, "evidence", [visit]));
    expect({ exitCode, messages, held: note("load-held") }).toEqual({ exitCode: 0, messages: "", held: undefined });
  });

  it("is not told where it brought history: what was due before it came", async () => {
    const log = opened().at("2026-06-01").onLedger("RecordingStarted", load);
    log.onPromise("PromiseMade", promised({ recording }), { occurredAt: "2026-01-02T00:00:00.000Z" });
    const visit = visited(log, early);
    completed(log.goesOnTo("2026-07-01"));
    const { exitCode, messages, note } = await outcomeOf(kept(log, "evidence", [visit]));
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
    for (const kind of ["load-held", "told-afterwards", "late-verdicts"]) expect(note(kind)).toBeUndefined();
    expect(note("history-loaded")).toMatchObject({ counts: { promises: 1, kept: 1, loads: 1 } });
  });

  it("is not told where it brought a breach of before it", async () => {
    const log = opened().at("2026-06-01").onLedger("RecordingStarted", load);
    log.onPromise("PromiseMade", promised({ recording }), { occurredAt: "2026-01-02T00:00:00.000Z" });
    const { exitCode, note } = await outcomeOf(settled(completed(log.goesOnTo("2026-07-01"))));
    expect({ exitCode, held: note("load-held") }).toEqual({ exitCode: 0, held: undefined });
  });

  it("is not told where it took a week", async () => {
    const { exitCode, note } = await outcomeOf(settled(completed(loading().goesOnTo("2026-02-05").at("2026-02-09"))));
    expect({ exitCode, held: note("load-held") }).toEqual({ exitCode: 0, held: undefined });
  });
});

it("a promise said to be made after its load began, and recorded after it was due, is told as such", async () => {
  const log = opened().at("2026-01-02").onLedger("RecordingStarted", load).at("2026-06-01");
  log.onPromise("PromiseMade", promised({ recording }), { occurredAt: "2026-01-02T00:00:00.000Z" });
  const { note } = await outcomeOf(completed(log.at("2026-06-02")));
  expect(note("told-afterwards")).toMatchObject({ counts: { promises: 1 } });
  expect(note("history-loaded")).toBeUndefined();
});

describe("a breach that nobody could see for nine months", () => {
  const waited = Date.parse("2026-11-01") - Date.parse("2026-02-02");
  const unseen = () => withPromise().goesOnTo("2026-11-01");
  const words: [what: string, log: () => ToldLog][] = [
    [
      "a change that its promisor alone proposed",
      () => unseen().onPromise("ChangeProposed", { change: 1, by: promisor, asserted: true, proposal: { type: "suspend" } }),
    ],
    [
      "a suspension and its end",
      () =>
        unseen()
          .onPromise("PromiseSuspended", { by: promisee, asserted: true })
          .onPromise("PromiseResumed", { by: promisee, asserted: true }),
    ],
    [
      "a visit that comes too late to count",
      () => {
        const log = unseen();
        visited(log, early);
        return log;
      },
    ],
    [
      "visits that come too late to count, one within the lag of the other",
      () => {
        const log = withPromise().goesOnTo("2026-10-31T23:10");
        visited(log, early);
        visited(log.at("2026-10-31T23:50"), early);
        return log.at("2026-11-01");
      },
    ],
    [
      "words that go on for months, each within the lag of the one before it",
      () => {
        const log = withPromise();
        const times = ["2026-02-02T00:40", "2026-02-02T01:20", "2026-02-02T02:00", "2026-11-01"];
        for (const [index, time] of times.entries()) {
          const word = { change: 1 + Math.floor(index / 2), by: promisor, asserted: true };
          if (index % 2 === 1) log.at(time).onPromise("ChangeWithdrawn", word);
          else log.at(time).onPromise("ChangeProposed", { ...word, proposal: { type: "suspend" } });
        }
        return log;
      },
    ],
    [
      "the correction of some other visit",
      () => {
        const log = withPromise().at("2026-01-05");
        const call = visited(log, log.now, "call");
        const facts = {
          direction: "outbound",
          kind: "call",
          startedAt: log.now,
          participants: [promisor, promisee],
          tags: ["a"],
        };
        return log
          .goesOnTo("2026-11-01")
          .add("InteractionCorrected", `interaction-${call}`, { ...facts, purpose: "relationship" });
      },
    ],
  ];
  it.each(words)("is told as late, though just before it came %s", async (_, logOf) => {
    const { exitCode, messages, note } = await outcomeOf(settled(logOf()).goesOnTo("2026-12-01"));
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
    expect(note("late-verdicts")).toMatchObject({ counts: { unrecorded: 0, longestMs: waited } });
  });

  it("is told as late where evidence came just before that keeps it", async () => {
    const withinLimit = "2026-02-12";
    const log = withPromise().goesOnTo(withinLimit);
    const { note } = await outcomeOf(kept(log, "evidence", [visited(log, early)]).goesOnTo("2026-12-01"));
    const longestMs = Date.parse(withinLimit) - Date.parse("2026-02-02");
    expect(note("late-verdicts")).toMatchObject({ counts: { verdicts: 1, unrecorded: 0, longestMs } });
  });

  it("is told where it was taken back before it was ever put on record", async () => {
    const log = unseen().onPromise("PromiseReleased", { by: promisee, asserted: true }, { occurredAt: early });
    const basis = basisOf(log);
    log.onPromise("PromiseConcluded", { counts: { released: 1 }, basis }, { ...byRule, occurredAt: early });
    const { exitCode, messages, note } = await outcomeOf(log.goesOnTo("2026-12-01"));
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
    expect(note("late-verdicts")).toMatchObject({
      leaf: { index: log.size - 3 },
      counts: { verdicts: 0, unrecorded: 1, longestMs: waited },
    });
  });

  it("is told where the call that broke an abstention was retracted before that", async () => {
    const log = abstaining();
    const call = visited(log, log.now, "call");
    log.goesOnTo("2026-01-25").add("InteractionRetracted", `interaction-${call}`, {});
    kept(log.goesOnTo("2026-02-02T00:00:01"), "abstained", [], due);
    const { exitCode, messages, note } = await outcomeOf(log);
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
    const longestMs = Date.parse("2026-02-02T00:00:01Z") - Date.parse("2026-01-10");
    expect(note("late-verdicts")).toMatchObject({ counts: { verdicts: 1, unrecorded: 0, longestMs } });
  });
});

describe("a verdict that was put on record in time", () => {
  const answered = () => settled(withPromise().goesOnTo("2026-02-02T00:30"));
  const later: [what: string, log: () => ToldLog][] = [
    [
      "and is spoken of later",
      () =>
        answered()
          .at("2026-03-01")
          .onPromise("ChangeProposed", { change: 1, by: promisor, asserted: true, proposal: { type: "suspend" } }),
    ],
    [
      "and gives way to a visit that is told later",
      () => {
        const log = answered().at("2026-02-12");
        return kept(log, "evidence", [visited(log, early)]);
      },
    ],
    [
      "and to the retraction of that visit",
      () => {
        const log = answered().at("2026-02-12");
        const visit = visited(log, early);
        kept(log, "evidence", [visit]).at("2026-02-20").add("InteractionRetracted", `interaction-${visit}`, {});
        return settled(log);
      },
    ],
  ];
  it.each(later)("is never told as late: %s", async (_, logOf) => {
    const { exitCode, messages, note } = await outcomeOf(logOf().goesOnTo("2026-12-01"));
    expect({ exitCode, messages, late: note("late-verdicts") }).toEqual({ exitCode: 0, messages: "", late: undefined });
  });
});

describe("promises that bind nobody yet", () => {
  it("are told, an offer that is never answered among them", async () => {
    const { exitCode, note } = await outcomeOf(withPromise({ needsAcceptance: true }).goesOnTo("2026-12-01"));
    expect(exitCode).toBe(0);
    expect(note("not-binding")).toMatchObject({ counts: { forAgreements: 0, forConditions: 0, forAnswers: 1 } });
  });

  it("are not told where the offer ends by itself", async () => {
    const log = withPromise({ needsAcceptance: true, offerExpiresAt: "2026-03-01T00:00:00.000Z" });
    expect((await outcomeOf(log)).note("not-binding")).toBeUndefined();
  });
});
