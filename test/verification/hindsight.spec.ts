/** What the ledger's rules permit, and an auditor must be told: history that was changed, told or judged long afterwards. */
import { describe, expect, it } from "vitest";
import { policyDocument } from "../../src/domain/policy.ts";
import { bundleOf, policyOf, told, verified } from "./support/forgery.ts";
import {
  account,
  byRule,
  due,
  interaction,
  logKey,
  opened,
  own,
  promised,
  promisee,
  promisor,
  promisorsKey,
  type ToldLog,
  withPromise,
} from "./support/told-log.ts";

const outcomeOf = async (log: ToldLog) => {
  const report = await verified(await bundleOf(log.leaves, logKey), { policy: policyOf(logKey) });
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
/** The breach stands on record since 2 February; whatever comes is recorded on 1 November. */
const brokenBefore = () => settled(withPromise().goesOnTo("2026-02-02T00:30")).at("2026-11-01");

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
        const from = "2026-01-03T00:00:00.000Z";
        const offer = {
          ...{ matcher: { kinds: ["call"] }, proof: "evidence", schedule: { occurrences: [{ opensAt: from, dueAt: due }] } },
          terms: { type: "abstain", from, until: due },
        };
        const log = withPromise({ offer }).at("2026-01-10");
        const call = { account, direction: "outbound", kind: "call", startedAt: log.now, participants: [promisor, promisee] };
        log.add("InteractionRecorded", `interaction-${interaction}`, { ...call, tags: [], purpose: "relationship" });
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
    const visit = { account, direction: "outbound", kind: "visit", startedAt: log.now, participants: [promisor, promisee] };
    log.add("InteractionRecorded", `interaction-${interaction}`, { ...visit, tags: [], purpose: "relationship" });
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
    const visit = { account, direction: "outbound", kind: "visit", startedAt: early, participants: [promisor, promisee] };
    const data = { ...visit, tags: [], purpose: "relationship" };
    log.add("InteractionRecorded", `interaction-${interaction}`, data, { occurredAt: early });
    kept(log, "evidence", [interaction]);
    const { exitCode, messages, note } = await outcomeOf(log.goesOnTo("2026-06-10"));
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
    expect(note("told-afterwards")).toMatchObject({
      counts: { promises: 1, kept: 1, withLoad: 0 },
      message: expect.stringContaining("this one by 120 days"),
    });
  });

  it("is not told of one that was promised before", async () => {
    const log = settled(withPromise().goesOnTo("2026-02-02T00:30"));
    expect((await outcomeOf(log)).note("told-afterwards")).toBeUndefined();
  });
});
