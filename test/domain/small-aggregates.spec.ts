import { describe, expect, it } from "vitest";
import { agreement } from "../../src/domain/agreement.ts";
import { key, type KeyEvent } from "../../src/domain/key.ts";
import { erasureOf, erasuresOf, type LedgerEvent, ledgerRecord } from "../../src/domain/ledger-record.ts";
import { outcome, type OutcomeCommand, type OutcomeEvent } from "../../src/domain/outcome.ts";
import { builtInPolicy, policy, policyDocument, type PolicyEvent } from "../../src/domain/policy.ts";
import { on, specFor, type Told } from "../support/spec.ts";
import { samples } from "./event-samples.examples.ts";
import { account, customer, promiseId, recordingId, slug } from "./parties.examples.ts";

const at = on("2026-01-05");

describe("an agreement", () => {
  const { given } = specFor(agreement, "agreement-1");
  const make = { type: "MakeAgreement" as const, account, promises: [promiseId], at };
  it("names the promises made together", () =>
    given()
      .when(make)
      .then({ type: "AgreementMade", data: { account, promises: [promiseId] }, account }));
  it("seals its text", () =>
    given()
      .when({ ...make, text: { subject: customer, value: "By hand." } })
      .then({
        type: "AgreementMade",
        data: { account, promises: [promiseId] },
        personal: [{ field: "text", subject: customer, value: "By hand." }],
      }));
  it("is made once", () =>
    given({ type: "AgreementMade", data: { account, promises: [promiseId] }, at })
      .when(make)
      .thenRefused("agreement-exists"));
});

describe("a business outcome", () => {
  const { given } = specFor(outcome, "outcome-1");
  const amount = { value: "1200000.00", currency: "EUR" };
  const record: OutcomeCommand = { type: "RecordOutcome", account, kind: "renewed", amount, at };
  const recorded: Told<OutcomeEvent> = { type: "OutcomeRecorded", data: { account, kind: "renewed", amount }, at };
  const retracted: Told<OutcomeEvent> = { type: "OutcomeRetracted", data: {}, at };
  const retract: OutcomeCommand = { type: "RetractOutcome", at };
  it("is recorded once, its note sealed", () => {
    given()
      .when({
        ...record,
        note: { subject: account, value: "The whole fleet." },
        externalId: { subject: account, value: "SO-17" },
      })
      .then({
        type: "OutcomeRecorded",
        data: { account, kind: "renewed", amount, source: undefined },
        personal: [
          { field: "note", subject: account, value: "The whole fleet." },
          { field: "externalId", subject: account, value: "SO-17" },
        ],
      });
    given(recorded).when(record).thenRefused("outcome-exists");
    given(recorded, retracted).when(record).thenRefused("outcome-exists");
  });
  it("is retracted once", () => {
    given(recorded).when(retract).then({ type: "OutcomeRetracted", data: {}, account });
    given(recorded, retracted).when(retract).thenNothing();
    given().when(retract).thenRefused("outcome-not-found");
  });
});

describe("an API key", () => {
  const { given, stateAfter } = specFor(key, "key-1");
  const issuing = { label: slug("crm"), scopes: ["record" as const], party: customer, secretHash: "0".repeat(64) };
  const issue = { type: "IssueKey" as const, ...issuing, at };
  const issued: Told<KeyEvent> = { type: "KeyIssued", data: issuing, at };
  const revoked: Told<KeyEvent> = { type: "KeyRevoked", data: {}, at };
  const revoke = { type: "RevokeKey" as const, at };
  it("is issued once", () => {
    given().when(issue).then({ type: "KeyIssued", data: issuing });
    given(issued).when(issue).thenRefused("key-exists");
    given(issued, revoked).when(issue).thenRefused("key-exists");
  });
  it("is revoked once, for good", () => {
    given(issued).when(revoke).then({ type: "KeyRevoked", data: {} });
    given(issued, revoked).when(revoke).thenNothing();
    given().when(revoke).thenRefused("key-not-found");
    expect(stateAfter(issued, revoked)).toMatchObject({ status: "revoked", party: customer });
  });
});

describe("a policy", () => {
  const { given, stateAfter } = specFor(policy, "policy-default");
  const document = policyDocument.parse({ promises: { recordingAllowanceMinutes: 60 } });
  const adopted = (version: number): Told<PolicyEvent> => ({ type: "PolicyAdopted", data: { version, policy: document }, at });
  const adopt = (of: object) => ({ type: "AdoptPolicy" as const, policy: policyDocument.parse(of), at });
  it("is the built-in one, version 0, until one is adopted", () => expect(stateAfter()).toEqual(builtInPolicy));
  it("is numbered as it is adopted", () => {
    given()
      .when({ type: "AdoptPolicy", policy: document, at })
      .then({ type: "PolicyAdopted", data: { version: 1, policy: document } });
    given(adopted(1))
      .when(adopt({}))
      .then({ type: "PolicyAdopted", data: { version: 2, policy: policyDocument.parse({}) } });
  });
  it("may be adopted although it is the built-in one, so that a version stands in the log", () =>
    expect(given().when(adopt({})).outcome()).toEqual(["PolicyAdopted"]));
  it("adds nothing when it is in force already", () =>
    given(adopted(1)).when({ type: "AdoptPolicy", policy: document, at }).thenNothing());
  it("forgets nothing at once, and asks no question twice", () => {
    given()
      .when(adopt({ rapport: { halfLifeDays: 0.001 } }))
      .thenRefused("terms-invalid");
    given()
      .when(adopt({ dormancy: { order: ["cadence", "cadence"] } }))
      .thenRefused("terms-invalid");
  });
  it("is refused where its thresholds cross", () => {
    given()
      .when(adopt({ dormancy: { coolingPercentile: 0.9, dormantPercentile: 0.8 } }))
      .thenRefused("terms-invalid");
    given()
      .when(adopt({ dormancy: { aliveCooling: 0.2, aliveDormant: 0.5 } }))
      .thenRefused("terms-invalid");
  });
});

describe("the ledger's own record", () => {
  const { given, stateAfter } = specFor(ledgerRecord, "ledger");
  const source = slug("crm-export");
  const started: Told<LedgerEvent> = { type: "RecordingStarted", data: { recording: recordingId, source }, at: on("2026-01-01") };
  const completed: Told<LedgerEvent> = {
    type: "RecordingCompleted",
    data: { recording: recordingId, source, upTo: on("2026-01-02") },
    at: on("2026-01-03"),
  };
  const complete = (upTo?: string) => ({
    type: "CompleteRecording" as const,
    recording: recordingId,
    at,
    ...(upTo === undefined ? {} : { upTo: on(upTo) }),
  });
  const priorFit = { mean: 0.8, alpha: 4, beta: 1, parties: 30, outcomes: 90, cutOff: on("2026-01-01"), inputSize: 10 };
  const dormancyFit = {
    model: "mbg-nbd" as const,
    r: 0.5,
    alpha: 6,
    a: 0.9,
    b: 1.6,
    unitMs: 604_800_000,
    logLikelihood: -9582,
    accounts: 2357,
    regularity: null,
    cutOff: on("2026-01-01"),
    inputSize: 10,
  };

  it("is opened once", () => {
    const open = { type: "OpenLedger" as const, ledger: slug("main"), at };
    given()
      .when(open)
      .then({ type: "LedgerOpened", data: { ledger: slug("main"), format: 1 } });
    given({ type: "LedgerOpened", data: { ledger: slug("main"), format: 1 }, at })
      .when(open)
      .thenNothing();
  });
  it("is signed by the key that was declared first, until it is rotated", () => {
    const [key, other] = ["troth/main+12345678+AQID", "troth/main+9abcdef0+AQIE"] as const;
    const declare = (one: string) => ({ type: "DeclareLogKey" as const, key: one, at });
    const declared = { type: "LogKeyDeclared" as const, data: { key }, at };
    given().when(declare(key)).then({ type: "LogKeyDeclared", data: { key } });
    given(declared).when(declare(key)).thenNothing();
    given(declared).when(declare(other)).thenRefused("log-key-differs");
    const rotated = { type: "LogKeyRotated" as const, data: { ...samples.LogKeyRotated, oldKey: key, newKey: other }, at };
    given(declared, rotated).when(declare(other)).thenNothing();
    given(declared, rotated).when(declare(key)).thenRefused("log-key-differs");
  });
  it("starts a recording once", () => {
    const start = { type: "StartRecording" as const, recording: recordingId, source, at };
    given()
      .when(start)
      .then({ type: "RecordingStarted", data: { recording: recordingId, source } });
    given(started).when(start).thenNothing();
    given(started, completed).when(start).thenNothing();
  });
  it("completes a recording once, up to now or to an instant before", () => {
    given(started)
      .when(complete())
      .then({ type: "RecordingCompleted", data: { recording: recordingId, source, upTo: at } });
    given(started)
      .when(complete("2026-01-02"))
      .then({ type: "RecordingCompleted", data: { recording: recordingId, source, upTo: on("2026-01-02") } });
    given(started, completed).when(complete()).thenNothing();
    given(started, completed).when(complete("2026-01-02")).thenNothing();
    given(started, completed).when(complete("2026-01-03")).thenRefused("recording-completed");
    given(started).when(complete("2026-01-06")).thenRefused("in-the-future");
    given().when(complete()).thenRefused("recording-not-found");
  });
  it("remembers when each recording was open, and up to when it is complete", () =>
    expect(stateAfter(started, completed).recordings.get(recordingId)).toEqual({
      recording: recordingId,
      source,
      startedAt: on("2026-01-01"),
      completedAt: on("2026-01-03"),
      upTo: on("2026-01-02"),
    }));
  it("records a clock put right and the fits of models", () => {
    given()
      .when({ type: "CorrectClock", at })
      .then({ type: "ClockCorrected", data: { logTime: at } });
    given().when({ type: "RecordPriorFit", fit: priorFit, at }).then({ type: "PriorFitted", data: priorFit });
    given().when({ type: "RecordDormancyFit", fit: dormancyFit, at }).then({ type: "DormancyModelFitted", data: dormancyFit });
    expect(
      stateAfter(
        { type: "PriorFitted", data: priorFit, at },
        { type: "DormancyModelFitted", data: dormancyFit, at },
        { type: "ClockCorrected", data: { logTime: at }, at },
      ),
    ).toMatchObject({
      priors: [{ from: on("2026-01-01"), mean: 0.8 }],
      dormancy: dormancyFit,
    });
  });
});

describe("erasing a data subject", () => {
  const { given, stateAfter } = specFor(ledgerRecord, "ledger");
  const erased: Told<LedgerEvent> = { type: "SubjectErased", data: { subject: customer, reason: slug("asked") }, at };
  const erase = { type: "EraseSubject" as const, subject: customer, at };
  it("is recorded once for each subject, and names no account", () => {
    given()
      .when({ ...erase, reason: slug("asked") })
      .then({ type: "SubjectErased", data: { subject: customer, reason: slug("asked") } });
    given()
      .when(erase)
      .then({ type: "SubjectErased", data: { subject: customer, reason: undefined } });
    given(erased).when(erase).thenNothing();
    given(erased)
      .when({ ...erase, subject: account })
      .then({ type: "SubjectErased", data: { subject: account, reason: undefined } });
  });
  it("keeps when it happened first", () => {
    const later = { ...erased, at: on("2026-12-01") };
    expect([...erasuresOf(stateAfter(erased, { ...later, data: { subject: account } }))].map(({ subject }) => subject)).toEqual([
      account,
      customer,
    ]);
    expect(erasureOf(stateAfter(erased), customer)?.at).toBe(at);
    expect(erasureOf(stateAfter(erased), account)).toBeUndefined();
  });
});
