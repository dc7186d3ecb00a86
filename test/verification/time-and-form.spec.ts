/** What an operator who has the log's key may do with clocks, counts, types and names, and what each attempt comes to. */
import { describe, expect, it } from "vitest";
import { key as keyRecord } from "../../src/domain/key.ts";
import { ledgerRecord } from "../../src/domain/ledger-record.ts";
import { type Slug } from "../../src/domain/values.ts";
import { Lag } from "../../src/verification/lag.ts";
import { callerFor, type TestLedger, testLedger } from "../support/ledger.ts";
import { bundleOf, changed, headOf, type Leaf, policyOf, told, toldIn, verified } from "./support/forgery.ts";
import { account, logKey, MadeLog, outcomeOf, promise, promisedVisit, rep } from "./support/made-log.ts";

const verdictMissing = {
  exitCode: 1,
  checks: ["verdicts"],
  messages: expect.stringContaining("should stand on record") as string,
};
const verdictNotShown = { ...verdictMissing, exitCode: 3 };
const nothing = { exitCode: 0, messages: "" };
const misplaced = (messages: RegExp, leaf: number) => ({
  exitCode: 1,
  checks: ["record"],
  messages: expect.stringMatching(messages) as string,
  leaf,
});

describe("the log that the forgeries are made from", () => {
  it("verifies while its promise is not due, and once the breach is on record", async () => {
    expect(await outcomeOf(promisedVisit().tick("2026-01-20T00:00"))).toMatchObject(nothing);
    expect(await outcomeOf(promisedVisit().tick("2026-03-01T00:00").broken().tick("2026-03-05T00:00"))).toMatchObject(nothing);
  });

  it("is refused while the breach is not on record", async () => {
    expect(await outcomeOf(promisedVisit().tick("2026-03-01T00:00"))).toMatchObject(verdictMissing);
  });
});

describe("a clock that is turned back", () => {
  const busyNight = () =>
    [0, 1, 2, 3, 4].reduce((log, hour) => log.tick(`2026-03-01T0${hour}:00`), promisedVisit()).corrected("2026-03-01T03:50");

  /** A breach on record; then it is January again, and nothing was due yet. */
  function takenBack(): MadeLog {
    const log = promisedVisit().tick("2026-03-01T00:00").broken().corrected("2026-01-15T00:00");
    const basis = { size: log.leaves.length, asOf: log.at, rule: 1, policy: 0 };
    const what = { occurrence: 1, reason: "reopened", basis };
    return log.add("VerdictWithdrawn", `promise-${promise}`, what, { actor: { kind: "rule", id: "assess-1" } });
  }

  it("by ten minutes does not end the search for what is not on record", async () => {
    expect(await outcomeOf(busyNight())).toMatchObject({ exitCode: 1, checks: ["verdicts"] });
    const goesOn = [3, 4, 5, 6].reduce((log, minute) => log.tick(`2026-03-01T03:5${minute}`), busyNight());
    expect(await outcomeOf(goesOn)).toMatchObject({ exitCode: 1, checks: ["verdicts"] });
  });

  it("does not either, however many seconds there were before", () => {
    const [january, march] = [Date.parse("2026-01-02T00:00:00Z"), Date.parse("2026-03-01T00:00:00Z")];
    const lag = new Lag(3_600_000);
    lag.append(6, january);
    for (let second = 0; second < 13_000; second += 1) lag.append(7 + second, march + second * 1_000);
    lag.append(13_007, march + 1_800_000);
    expect(lag.then.at).toBe("2026-02-28T23:30:00.000Z");
    expect(lag.then.position).toBeGreaterThanOrEqual(6);
  });

  it("to before a breach does not hide that it was due", async () => {
    const log = promisedVisit().tick("2026-03-01T00:00").corrected("2026-01-15T00:00");
    expect(await outcomeOf(log)).toMatchObject({ ...verdictNotShown, notes: ["clock-corrected", "witnessed-times"] });
  });

  it("to before a breach, by an operator who takes the verdict back, does not hide it either", async () => {
    const { exitCode, messages } = await outcomeOf(takenBack());
    expect(exitCode, messages).toBe(3);
    expect(messages).toContain("to where the log had come before its clock was turned back");
  });

  it("does not excuse a verdict that never held", async () => {
    const log = promisedVisit().visited("2026-01-10T00:00", { at: "2026-01-10T00:00" });
    log.kept("int_0000000000000006", "2026-01-10T00:00:00.000Z");
    const retracted = log.add("InteractionRetracted", "interaction-int_0000000000000006", {}, { at: "2026-01-11T00:00" });
    const { exitCode, messages } = await outcomeOf(retracted.tick("2026-01-20T00:00").corrected("2026-01-19T00:00"));
    expect({ exitCode, messages }).toEqual({ exitCode: 1, messages: expect.stringContaining("VerdictWithdrawn of") as string });
  });

  it("more often than any clock errs is not passed over", async () => {
    const log = promisedVisit().tick("2026-01-10T00:00");
    for (let count = 0; count < 101; count += 1) log.corrected("2026-01-09T23:50").tick("2026-01-10T00:00");
    const { exitCode, messages } = await outcomeOf(log);
    expect(exitCode).toBe(3);
    expect(messages).toContain("turned back more than 100 times");
  });

  it("with nothing due in between is a note, and no more", async () => {
    const log = promisedVisit().tick("2026-01-20T00:00").corrected("2026-01-19T00:00").tick("2026-01-19T01:00");
    expect(await outcomeOf(log)).toMatchObject({ ...nothing, notes: ["clock-corrected", "witnessed-times"] });
  });

  it("rightly is shown by a witness who saw the log before the time that the clock had told, and by no other", async () => {
    const policy = policyOf(logKey, "w");
    const unjudged = () => promisedVisit().tick("2026-03-01T00:00").corrected("2026-01-15T00:00");
    for (const log of [takenBack(), unjudged()]) {
      expect(await outcomeOf(log, { policy, cosignedAt: "2026-01-15T00:01" })).toMatchObject(nothing);
      expect(await outcomeOf(log, { policy, cosignedAt: "2026-03-01T00:01" })).toMatchObject({
        exitCode: 3,
        checks: ["verdicts"],
      });
    }
  });

  it("names the time that it counts from", async () => {
    const log = promisedVisit().tick("2026-01-20T00:00").corrected("2026-01-19T00:00", { logTime: "2030-01-01T00:00:00.000Z" });
    expect(await outcomeOf(log)).toMatchObject(misplaced(/sets the clock to 2030/, 7));
  });
});

describe("what is recorded before it happened", () => {
  it("is refused: a visit", async () => {
    expect(await outcomeOf(promisedVisit().visited("2026-01-31T10:00", { at: "2026-01-03T00:00" }))).toMatchObject(
      misplaced(/tells of what happened at 2026-01-31/, 6),
    );
  });

  it("is refused where the envelope alone hides it", async () => {
    const visit = promisedVisit().visited("2026-01-31T10:00", { at: "2026-01-03T00:00", occurredAt: "2026-01-03T00:00:00.000Z" });
    expect(await outcomeOf(visit)).toMatchObject(misplaced(/tells of what happened at 2026-01-31/, 6));
  });

  it("is refused: a claim that a promise was kept", async () => {
    const data = { occurrence: 1, keptAt: "2026-01-31T10:00:00.000Z", fraction: 1, by: rep, asserted: true };
    const { exitCode, messages } = await outcomeOf(
      promisedVisit().add("KeepingClaimed", `promise-${promise}`, data, { at: "2026-01-03T00:00" }),
    );
    expect(exitCode).toBe(1);
    expect(messages).toMatch(/tells of what happened at 2026-01-31/);
  });

  it("may be recorded by a clock that is as far behind as clocks may be", async () => {
    const visit = promisedVisit().visited("2026-01-03T00:00:04", { at: "2026-01-03T00:00" });
    expect((await outcomeOf(visit)).messages).not.toContain("tells of what happened");
  });
});

describe("an instant that no calendar has", () => {
  it.each(["2026-02-31T10:00:00.000Z", "2026-01-31T24:00:00.000Z", "2026-13-01T00:00:00.000Z"])("is refused: %s", async (at) => {
    for (const member of ["occurredAt", "recordedAt"]) {
      const log = promisedVisit().tick("2026-03-05T00:00");
      const leaves = changed(log.leaves, 6, (envelope) => (envelope[member] = at));
      const { exitCode, messages } = await outcomeOf(Object.assign(new MadeLog(), { leaves }));
      expect({ exitCode, messages }).toEqual({ exitCode: 1, messages: expect.stringContaining("no envelope") as string });
    }
  });
});

describe("events in places that are not theirs", () => {
  it("are refused: a ledger that is opened twice", async () => {
    const again = promisedVisit().add("LedgerOpened", "ledger", { ledger: "main", format: 1 }, { account: undefined });
    expect(await outcomeOf(again)).toMatchObject(misplaced(/by its first event/, 6));
  });

  it("are refused: a ledger of another name than the log", async () => {
    const { leaves } = promisedVisit();
    const log = Object.assign(new MadeLog(), { leaves: changed(leaves, 0, (opened) => (opened.data.ledger = "other")) });
    expect(await outcomeOf(log)).toMatchObject(misplaced(/the log is called troth\/main/, 0));
  });

  it("are refused: a log that begins with something else", async () => {
    const log = Object.assign(new MadeLog(), { leaves: promisedVisit().leaves.slice(1) });
    expect(await outcomeOf(log)).toMatchObject(misplaced(/does not begin with the opening/, 0));
  });

  it("are not known: a ledger of a later format", async () => {
    const { leaves } = promisedVisit();
    const log = Object.assign(new MadeLog(), { leaves: changed(leaves, 0, (opened) => (opened.data.format = 2)) });
    expect(await outcomeOf(log)).toMatchObject({ exitCode: 3, checks: ["record"] });
  });

  it.each(["interaction-", "interaction-9", "interaction-acc_0000000000000001", "interaction-int_\u001b[2J", "ledger"])(
    "are refused: a visit in the stream %j",
    async (stream) => {
      const visit = promisedVisit().visited("2026-01-03T00:00", { at: "2026-01-03T00:00", stream, revision: 0 });
      expect(await outcomeOf(visit)).toMatchObject({ exitCode: 1, leaf: 6 });
    },
  );

  it.each([
    ["id", "evt_short"],
    ["account", "acc_\u202e000000000000001"],
    ["type", "Account\u001b[2J"],
  ])("are refused: a leaf with a strange %s", async (member, value) => {
    const leaves = changed(promisedVisit().leaves, 2, (envelope) => (envelope[member] = value));
    const { exitCode, leaf } = await outcomeOf(Object.assign(new MadeLog(), { leaves }));
    expect({ exitCode, leaf }).toEqual({ exitCode: 1, leaf: 2 });
  });
});

describe("members of an envelope", () => {
  const commitment = { subject: account, field: "note", commitment: `${"A".repeat(43)}=` };
  const withMember = async (name: string, value: unknown) => {
    const leaves = changed(promisedVisit().leaves, 2, (envelope) => (envelope[name] = value));
    return outcomeOf(Object.assign(new MadeLog(), { leaves }));
  };

  it.each([
    ["correlation", "she said that he would not pay"],
    ["causation", 7],
    ["request", { name: "a name" }],
    ["actor", { kind: "key", id: "key_0000000000000001", note: "a name" }],
    ["sealed", [{ ...commitment, plain: "a name" }]],
    ["sealed", [{ ...commitment, commitment: "a name" }]],
    ["sealed", [{ ...commitment, subject: "a name" }]],
    ["remark", "a name"],
  ])("leave no room for clear text: %s", async (name, value) => {
    const { exitCode, messages } = await withMember(name, value);
    expect({ exitCode, messages }).toEqual({ exitCode: 1, messages: expect.stringContaining("no envelope") as string });
  });

  it("are those that ledgers write", async () => {
    for (const request of ["0".repeat(64), commitment.commitment, "2026-01-31T00:00:00.000Z"])
      expect(await withMember("request", request)).toMatchObject({ exitCode: 0 });
    expect(await withMember("sealed", [commitment])).toMatchObject({ exitCode: 0 });
  });
});

describe("an event of a type that the verifier does not know", () => {
  const stranger = (log: MadeLog) => log.add("Nonsense", `account-${account}`, {});

  it("is told, with what that may mean", async () => {
    const { exitCode, messages } = await outcomeOf(stranger(promisedVisit()));
    expect(exitCode).toBe(3);
    expect(messages).toMatch(/does not know events of the type Nonsense: either a later release .* or somebody made it up/);
  });

  it("does not excuse what was missing before it", async () => {
    const { exitCode, messages } = await outcomeOf(stranger(promisedVisit().tick("2026-03-01T00:00")));
    expect(exitCode).toBe(1);
    expect(messages).toContain("should stand on record");
  });

  it("leaves open what is missing after it, and says so", async () => {
    const { exitCode, messages } = await outcomeOf(stranger(promisedVisit()).tick("2026-03-01T00:00"));
    expect(exitCode).toBe(3);
    expect(messages).toMatch(/should stand on record.*leaf 6, of a type that is not known here, may explain it/);
  });

  it("is counted by a census all the same", async () => {
    const { exitCode, messages } = await outcomeOf(stranger(promisedVisit()).census());
    expect({ exitCode, isCensusFalse: messages.includes("census") }).toEqual({ exitCode: 3, isCensusFalse: false });
    expect((await outcomeOf(stranger(promisedVisit()).census({ accounts: 2 }))).messages).toContain("the census is false");
  });
});

describe("a census", () => {
  it("verifies where it is true, and the next one too", async () => {
    expect(await outcomeOf(promisedVisit().census().tick("2026-01-10T00:00").census())).toMatchObject(nothing);
  });

  it.each([5, 6])("that does not go beyond the last one is refused: of %i leaves after one of 6", async (treeSize) => {
    const log = promisedVisit().census().census({ treeSize });
    const { exitCode, messages, leaf } = await outcomeOf(log);
    expect({ exitCode, leaf }).toEqual({ exitCode: 1, leaf: 7 });
    expect(messages).toContain("a census of 6 stands before it");
  });
});

describe("text that was erased", () => {
  it("is told as erased, and not as withheld", async () => {
    const sealed = [{ subject: rep, field: "name", commitment: Buffer.alloc(32, 1).toString("base64") }];
    const log = promisedVisit()
      .add("PersonChanged", `person-${rep}`, {}, { account: undefined, sealed })
      .add("SubjectErased", "ledger", { subject: rep }, { account: undefined });
    const report = await verified(await bundleOf(log.leaves, logKey), { policy: policyOf(logKey) });
    expect(report).toMatchObject({ exitCode: 0, text: { opened: 0, erased: 1, withheld: 0 } });
    expect(report.notes.map(({ kind }) => kind)).toEqual(["subject-erased", "witnessed-times"]);
  });
});

describe("a break that the operator declared", () => {
  it("is told, however many notes come before it", async () => {
    const log = promisedVisit();
    for (let count = 0; count < 205; count += 1) log.corrected("2026-01-02T00:00");
    const lastKnownHead = { size: 900, root: Buffer.alloc(32, 3).toString("base64") };
    const { notes } = await outcomeOf(log.add("LogResumed", "ledger", { lastKnownHead }, { account: undefined }));
    expect(notes.length).toBeGreaterThanOrEqual(200);
    expect(notes).toContain("log-resumed");
  });
});

type Step = (ledger: TestLedger) => Promise<unknown>;
const visit =
  (startedAt: string): Step =>
  ({ run }) =>
    run("record-interaction", {
      ...{ account, kind: "visit", purpose: "relationship", direction: "outbound", participants: [rep], startedAt },
    });
const at =
  (now: string): Step =>
  async ({ setNow }) =>
    setNow(now);
const judged: Step = ({ keeper }) => keeper.settle();

/** By the very code that records: two visits are promised, one is made, and of a load of history there is one too. */
async function honestLedger(...steps: Step[]): Promise<Leaf[]> {
  const ledger = testLedger("2026-01-01T00:00:00.000Z");
  const { desk, run } = ledger;
  const meta = { actor: { kind: "system", id: "init" } as const, correlation: "init" };
  const { key: id, scopes } = callerFor();
  const now = desk.ledger.now();
  await desk.ledger.handle(ledgerRecord, "ledger", { type: "OpenLedger", ledger: "main" as Slug, at: now }, meta);
  const issued = { label: "admin" as Slug, scopes: [...scopes], secretHash: "0".repeat(64) };
  await desk.ledger.handle(keyRecord, `key-${id}`, { type: "IssueKey", ...issued, at: now }, meta);
  await run("add-person", { id: rep });
  await run("open-account", { id: account, timeZone: "Europe/Berlin" });
  const promised = (id: string, dueAt: string) =>
    run("make-promise", {
      ...{ id, account, promisor: rep, promisee: account, kind: "visit", by: rep },
      ...{ terms: { type: "once", dueAt }, matcher: { kinds: ["visit"] }, proof: "evidence" },
    });
  await promised(promise, "2026-02-01T00:00:00.000Z");
  ledger.setNow("2026-01-20T00:00:00.000Z");
  for (const step of [visit("2026-01-19T10:00:00.000Z"), judged]) await step(ledger);
  await promised("prm_0000000000000002", "2026-03-01T12:00:00.000Z");
  for (const step of steps) await step(ledger);
  return ledger.store.log.readAll(0, 1_000).map(({ leaf }) => new Uint8Array(leaf));
}

describe("an honest ledger whose clock ran ahead and was corrected", () => {
  const ahead = [at("2026-03-20T00:00:00.000Z"), visit("2026-01-19T12:00:00.000Z"), judged];
  const corrected: Step[] = [at("2026-03-01T00:00:00.000Z"), ({ run }) => run("correct-clock", {}), judged];
  const later = [at("2026-03-21T00:00:00.000Z"), visit("2026-01-19T14:00:00.000Z"), judged];
  const reportOf = async (leaves: Leaf[], cosignedAt?: string) => {
    const seconds = cosignedAt === undefined ? undefined : Date.parse(cosignedAt) / 1_000;
    const policy = policyOf(logKey, seconds === undefined ? "none" : "w");
    return verified(await bundleOf(leaves, logKey, { head: headOf(leaves, logKey, seconds) }), { policy });
  };

  it("verifies before that, and once log time has come there again", async () => {
    expect(told(await reportOf(await honestLedger(...ahead)))).toMatchObject(nothing);
    const report = await reportOf(await honestLedger(...ahead, ...corrected, ...later));
    expect(told(report)).toMatchObject(nothing);
    // By the clock that ran ahead the keeper had rested for weeks.
    expect(report.notes.map(({ kind }) => kind)).toEqual(["clock-corrected", "witnessed-times", "late-verdicts"]);
  });

  it("verifies in between; a breach that the wrong clock told and nobody recorded is for a witness to clear up", async () => {
    const leaves = await honestLedger(...ahead, ...corrected);
    expect(leaves.map(toldIn).map(({ type }) => type as string)).toContain("PromiseBroken");
    expect(told(await reportOf(leaves))).toMatchObject(nothing);
    const hurried = await honestLedger(...ahead.slice(0, 2), ...corrected);
    expect(told(await reportOf(hurried, "2026-03-01T00:01:00.000Z"))).toMatchObject(nothing);
    expect(told(await reportOf(hurried))).toMatchObject({ exitCode: 3, checks: ["verdicts"] });
  });

  it("verifies at once where nothing was due in between", async () => {
    const ahead = [at("2026-02-02T00:00:00.000Z"), visit("2026-01-19T12:00:00.000Z"), judged];
    const corrected: Step[] = [at("2026-02-01T00:00:00.000Z"), ({ run }) => run("correct-clock", {}), judged];
    expect(told(await reportOf(await honestLedger(...ahead, ...corrected)))).toMatchObject(nothing);
  });
});
