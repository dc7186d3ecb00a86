/** On what a verdict may rest: never on less than the one before it, nor on less than what had been said of its promise. */
import { describe, expect, it } from "vitest";
import { builtInPolicy } from "../../src/domain/policy.ts";
import { told } from "./support/forgery.ts";
import { iso, promised, reportOn, rule, smallLog } from "./support/small-log.ts";

/** Broken and concluded, two days after it fell due. */
function settled() {
  const log = smallLog();
  const early = log.basis();
  log.pass("2026-02-03");
  log.settle();
  return { log, early };
}
const withdrawn = (log: ReturnType<typeof smallLog>, basis: { asOf: string }) =>
  log.add(
    "VerdictWithdrawn",
    `promise-${promised}`,
    { occurrence: 1, reason: "reopened", basis },
    { occurredAt: basis.asOf, actor: rule },
  );

describe("a verdict", () => {
  it("that rests on what went before it is taken", async () => {
    expect(told(await reportOn(settled().log))).toMatchObject({ exitCode: 0, messages: "" });
  });

  it("can't be withdrawn on a basis from before it, and restored when the auditors come", async () => {
    const { log, early } = settled();
    log.pass("2026-03-01");
    const leaf = withdrawn(log, early);
    log.pass("2026-11-01");
    log.settle();
    const outcome = told(await reportOn(log));
    expect(outcome).toMatchObject({ exitCode: 1, checks: ["verdicts"], leaf });
    expect(outcome.messages).toContain("goes back behind the verdict on its promise");
  });

  it("can't rest on the same leaves at an earlier time", async () => {
    const { log } = settled();
    log.pass("2026-03-01");
    const leaf = withdrawn(log, { ...log.basis(), asOf: iso("2026-01-15") });
    const outcome = told(await reportOn(log));
    expect(outcome).toMatchObject({ exitCode: 1, leaf });
    expect(outcome.messages).toContain("the verdict before it as of");
  });

  it("can't pass over what was said of its promise", async () => {
    const log = smallLog();
    log.pass("2026-02-03");
    const basis = log.basis();
    const by = { by: "per_0000000000000002", asserted: true };
    log.add("PromiseReleased", `promise-${promised}`, by, {});
    const leaf = log.broken(basis);
    const outcome = told(await reportOn(log));
    expect(outcome.exitCode).toBe(1);
    expect(outcome.messages).toContain(`though leaf ${leaf - 1} speaks of its promise too`);
  });
});

describe("a verdict that comes late", () => {
  const notesOf = async (log: ReturnType<typeof smallLog>) =>
    (await reportOn(log)).notes.filter(({ kind }) => kind === "late-verdicts");

  it("is told, with how long the breach could not be seen", async () => {
    const log = smallLog();
    log.pass("2026-11-03");
    const leaf = log.size;
    log.settle();
    expect(await notesOf(log)).toEqual([
      {
        kind: "late-verdicts",
        leaf: { index: leaf },
        counts: { verdicts: 2, unrecorded: 0, longestMs: Date.parse("2026-11-03") - Date.parse("2026-02-02") },
        message: expect.stringMatching(/^2 verdicts .* the longest waited for 274 days/) as string,
      },
    ]);
  });

  it("is not told where it came as soon as it could", async () => {
    const log = smallLog();
    log.pass("2026-02-01T12:10");
    log.settle();
    expect(await notesOf(log)).toEqual([]);
  });

  it("that says what stood on record is none", async () => {
    const { log } = settled();
    log.pass("2026-02-04");
    const leaf = log.broken(log.basis());
    const outcome = told(await reportOn(log));
    expect(outcome).toMatchObject({ exitCode: 1, checks: ["verdicts"], leaf });
    expect(outcome.messages).toContain("says again what stood on record");
  });
});

describe("a promise that had come to its end", () => {
  const policy = { recordingAllowanceMinutes: 525_600, evidenceLimitDays: 30 };
  const kept = () => {
    const log = smallLog();
    log.visit("2026-01-20", { at: "2026-01-20T01:00" });
    const basis = log.basis();
    const data = { occurrence: 1, verdict: "kept", reason: "evidence", keptAt: iso("2026-01-20"), latenessMs: 0, credit: 1 };
    const verdict = { ...data, evidence: ["int_0000000000000006"], basis };
    log.add("PromiseKept", `promise-${promised}`, verdict, { occurredAt: data.keptAt, actor: rule });
    log.add("PromiseConcluded", `promise-${promised}`, { counts: { kept: 1 }, basis }, { occurredAt: data.keptAt, actor: rule });
    return log;
  };
  const own = { at: "2026-02-05", occurredAt: iso("2026-02-05") };
  const later: [what: string, log: () => ReturnType<typeof smallLog>, missing: RegExp][] = [
    [
      "the visit that kept it was retracted",
      () => {
        const log = kept();
        log.add("InteractionRetracted", "interaction-int_0000000000000006", {}, own);
        return log;
      },
      /PromiseBroken of occurrence 1/,
    ],
    [
      "a visit came late",
      () => {
        const { log } = settled();
        log.visit("2026-02-04", own);
        return log;
      },
      /PromiseKept of occurrence 1/,
    ],
    [
      "it was waived",
      () => {
        const { log } = settled();
        log.add("OccurrenceWaived", `promise-${promised}`, { occurrence: 1, by: "per_0000000000000002", asserted: true }, own);
        return log;
      },
      /VerdictWithdrawn of occurrence 1/,
    ],
    [
      "a policy gave more time",
      () => {
        const { log } = settled();
        const { version: _, ...builtIn } = builtInPolicy;
        const data = { version: 1, policy: { ...builtIn, promises: { ...builtIn.promises, ...policy } } };
        log.add("PolicyAdopted", "policy-default", data, { ...own, account: undefined });
        return log;
      },
      /VerdictWithdrawn of occurrence 1/,
    ],
  ];
  it.each(later)("is judged again where %s", async (_, logOf, missing) => {
    const log = logOf();
    log.pass("2026-03-01");
    const outcome = told(await reportOn(log));
    expect(outcome.exitCode, outcome.messages).toBe(1);
    expect(outcome.messages).toMatch(missing);
  });

  it("is over where nothing came", async () => {
    const log = kept();
    log.pass("2026-03-01");
    expect(told(await reportOn(log))).toMatchObject({ exitCode: 0, messages: "" });
  });
});
