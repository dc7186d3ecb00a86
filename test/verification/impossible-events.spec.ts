/** Events that no ledger records, in logs that are signed by the right key and agree with themselves in all else. */
import { describe, expect, it } from "vitest";
import { builtInPolicy } from "../../src/domain/policy.ts";
import {
  account,
  broken,
  concluded,
  interaction,
  once,
  opened,
  otherAccount,
  own,
  promise,
  promised,
  promisee,
  promiseesKey,
  promisor,
  promisorsKey,
  recording,
  stranger,
  type ToldLog,
  withPromise,
} from "./support/told-log.ts";

const own_ = { asserted: false };
const brokenByMarch = () => concluded(broken(withPromise().goesOnTo("2026-03-01")), { broken: 1 });
const visit = {
  ...{ account, direction: "outbound", kind: "visit", startedAt: "2026-01-20T10:00:00.000Z", purpose: "relationship" },
  ...{ participants: [promisor, promisee], tags: [] },
};
const visited = (log: ToldLog, data: object = {}, more: object = {}) =>
  log.at("2026-01-20T10:00").add("InteractionRecorded", `interaction-${interaction}`, { ...visit, ...data }, more);

describe("what a ledger records", () => {
  const honest: [string, () => ToldLog][] = [
    ["a promise that was broken", () => brokenByMarch().goesOnTo("2026-03-05")],
    [
      "a release by the promisee's own key",
      () =>
        withPromise()
          .at("2026-01-20")
          .onPromise("PromiseReleased", { by: promisee, ...own_ }, own(promisee!, promiseesKey!)),
    ],
    ["a visit that the house records", () => visited(opened())],
    [
      "a visit that the promisor's key records",
      () => visited(opened(), { recordedFor: promisor }, own(promisor!, promisorsKey!)),
    ],
    [
      "a contest and a ruling",
      () =>
        brokenByMarch()
          .at("2026-03-06")
          .onPromise("VerdictContested", {
            dispute: 1,
            occurrence: 1,
            asserts: { verdict: "broken" },
            by: promisee,
            asserted: true,
          })
          .onPromise("DisputeRuled", { dispute: 1, ruling: "dismissed" }),
    ],
    [
      "a word by a key that was revoked a few seconds ago on another node",
      () =>
        withPromise()
          .at("2026-01-20")
          .add("KeyRevoked", `key-${promiseesKey}`, {})
          .at("2026-01-20T00:00:03")
          .onPromise("PromiseReleased", { by: promisee, ...own_ }, own(promisee!, promiseesKey!)),
    ],
  ];

  it.each(honest)("verifies: %s", async (_, log) => {
    const { exitCode, messages } = await log().outcome();
    // A verdict on what was released or ruled on is not on record yet; it is young.
    expect({ exitCode, messages }).toEqual({ exitCode: 0, messages: "" });
  });
});

type Forgery = [what: string, log: () => ToldLog, message: RegExp, fromEnd?: number];

const words: Forgery[] = [
  [
    "a second acceptance, by which a breach would lie before the promise bound",
    () => {
      const log = brokenByMarch().at("2026-03-06").onPromise("PromiseAccepted", { by: promisor, asserted: true });
      return log;
    },
    /not-your-part/,
  ],
  [
    "a release that the promisor gives himself",
    () =>
      withPromise()
        .at("2026-01-20")
        .onPromise("PromiseReleased", { by: promisor, ...own_ }, own(promisor!, promisorsKey!)),
    /not-your-part/,
  ],
  [
    "a release by somebody who is no party",
    () => withPromise().at("2026-01-20").onPromise("PromiseReleased", { by: stranger, asserted: true }),
    /not-your-part/,
  ],
  [
    "a waiver by the promisor, dated back",
    () =>
      withPromise()
        .at("2026-01-25")
        .onPromise(
          "OccurrenceWaived",
          { occurrence: 1, by: promisor, asserted: true },
          { occurredAt: "2026-01-20T00:00:00.000Z" },
        ),
    /not-your-part/,
  ],
  [
    "a confirmation by the promisor",
    () =>
      withPromise()
        .at("2026-01-21")
        .onPromise("PromiseConfirmed", {
          ...{ occurrence: 1, keptAt: "2026-01-20T00:00:00.000Z", fraction: 1 },
          ...{ by: promisor, asserted: true },
        }),
    /not-your-part/,
  ],
  [
    "a ruling where nothing is contested",
    () => brokenByMarch().at("2026-03-06").onPromise("DisputeRuled", { dispute: 7, ruling: "upheld" }),
    /no-dispute-open/,
  ],
  [
    "a claim that names a visit that never was",
    () =>
      withPromise()
        .at("2026-01-21")
        .onPromise("KeepingClaimed", {
          ...{ occurrence: 1, keptAt: "2026-01-20T00:00:00.000Z", fraction: 1, interaction },
          ...{ by: promisor, asserted: true },
        }),
    /the account has not had/,
  ],
  [
    "an agreement over a promise that was never made",
    () => opened().add("AgreementMade", "agreement-agr_0000000000000001", { account, promises: [promise] }),
    /has not been promised/,
  ],
];

const keys: Forgery[] = [
  [
    "the promisee's own word under a key that speaks for nobody",
    () =>
      withPromise()
        .at("2026-01-20")
        .onPromise("PromiseReleased", { by: promisee, ...own_ }),
    /own word, and its key speaks for nobody/,
  ],
  [
    "an asserted word under the key of the party itself",
    () =>
      withPromise()
        .at("2026-01-20")
        .onPromise("PromiseReleased", { by: promisee, asserted: true }, own(promisee!, promiseesKey!)),
    /said to be asserted/,
  ],
  [
    "the promisee's word under the promisor's key",
    () =>
      withPromise()
        .at("2026-01-20")
        .onPromise("PromiseReleased", { by: promisee, ...own_ }, own(promisee!, promisorsKey!)),
    /speaks for per_0000000000000001 alone/,
  ],
  [
    "a word under a key that was never issued",
    () =>
      withPromise()
        .at("2026-01-20")
        .onPromise("PromiseReleased", { by: promisee, asserted: true }, { actor: { kind: "key", id: "key_9999999999999999" } }),
    /had not been issued/,
  ],
  [
    "a word under a key that was revoked",
    () =>
      withPromise()
        .at("2026-01-20")
        .add("KeyRevoked", `key-${promiseesKey}`, {})
        .at("2026-01-20T00:02")
        .onPromise("PromiseReleased", { by: promisee, ...own_ }, own(promisee!, promiseesKey!)),
    /had been revoked/,
  ],
  [
    "a word by the system",
    () =>
      withPromise()
        .at("2026-01-20")
        .onPromise("PromiseReleased", { by: promisee, asserted: true }, { actor: { kind: "system", id: "init" } }),
    /records nothing of the kind/,
  ],
  [
    "a ruling under a key that may not arbitrate",
    () =>
      brokenByMarch()
        .at("2026-03-06")
        .add("KeyIssued", "key-key_0000000000000009", { label: "key", scopes: ["record"], secretHash: "0".repeat(64) })
        .onPromise("VerdictContested", {
          dispute: 1,
          occurrence: 1,
          asserts: { verdict: "broken" },
          by: promisee,
          asserted: true,
        })
        .onPromise("DisputeRuled", { dispute: 1, ruling: "dismissed" }, { actor: { kind: "key", id: "key_0000000000000009" } }),
    /takes the scope arbitrate/,
  ],
  [
    "a visit of the promisor's under a key that speaks for nobody",
    () => visited(opened(), { recordedFor: promisor }),
    /recorded for per_0000000000000001/,
  ],
  [
    "an account opened by the key of a party",
    () =>
      opened().add(
        "AccountOpened",
        `account-${otherAccount}`,
        { tags: [], timeZone: "UTC" },
        { account: otherAccount, ...own(promisor!, promisorsKey!) },
      ),
    /this is for the house/,
  ],
];

const weekly = (more: object = {}, occurrences?: object[]) => ({
  ...{ matcher: { kinds: ["visit"] }, proof: "evidence" },
  terms: { type: "recurring", rrule: "FREQ=WEEKLY", from: "2026-02-02", until: "2026-02-16", windowDays: 1, graceMinutes: 0 },
  schedule: {
    timeZone: "Europe/Berlin",
    occurrences: occurrences ?? ["02", "09", "16"].map(day),
  },
  ...more,
});
const day = (date: string) => ({
  date: `2026-02-${date}`,
  opensAt: `2026-02-${String(Number(date) - 1).padStart(2, "0")}T23:00:00.000Z`,
  dueAt: `2026-02-${date}T23:00:00.000Z`,
});
const offering = (offer: object) => () => opened().at("2026-01-02").onPromise("PromiseMade", promised({ offer }));
const far = "2099-02-01T00:00:00.000Z";

const issued = { label: "x", secretHash: "1".repeat(64), scopes: ["record"] };
const issuedBy = (actor: object) => () => opened().add("KeyIssued", "key-key_0000000000000009", issued, { actor });
const actors: Forgery[] = [
  ["a key that a person issues", issuedBy({ kind: "person", id: "bob" }), /person bob records nothing of the kind/],
  ["a key that some other part of the ledger issues", issuedBy({ kind: "system", id: "witness" }), /records nothing of the kind/],
  ["a key that the clock issues", issuedBy({ kind: "clock", id: "daily" }), /records nothing of the kind/],
  ["a key that is issued by what no name is", issuedBy({ kind: "system", id: "toString" }), /records nothing of the kind/],
  [
    "a key that the command line issues on behalf of somebody",
    issuedBy({ kind: "system", id: "command-line", onBehalfOf: promisor }),
    /speaks for nobody/,
  ],
  [
    "a clock that the rule turns back",
    () => {
      const log = opened().at("2026-01-02");
      return log.onLedger("ClockCorrected", { logTime: log.now }, { actor: { kind: "rule", id: "assess-1" } });
    },
    /rule assess-1 records nothing of the kind/,
  ],
];

const schedules: Forgery[] = [
  [
    "a date that its terms do not name",
    offering({ ...once, schedule: { occurrences: [{ dueAt: far }] } }),
    /not what its terms say/,
  ],
  [
    "an abstention that ends before its terms do",
    offering({
      ...once,
      terms: { type: "abstain", from: "2026-01-02T00:00:00.000Z", until: far },
      schedule: { occurrences: [{ opensAt: "2026-01-02T00:00:00.000Z", dueAt: "2026-02-01T00:00:00.000Z" }] },
    }),
    /not what its terms say/,
  ],
  ["one visit where its rule gives three", offering(weekly({}, [day("02")])), /has 1 occurrences, and its rule gives 3/],
  [
    "a visit on another day",
    offering(weekly({}, [day("02"), day("10"), day("16")])),
    /2026-02-10, and by its rule on 2026-02-09/,
  ],
  [
    "a window that opens a day late",
    offering(weekly({}, [day("02"), { ...day("09"), dueAt: "2026-02-11T00:00:00.000Z" }, day("16")])),
    /in any time zone/,
  ],
  [
    "a counter-offer with another date than its terms",
    () =>
      opened()
        .at("2026-01-02")
        .onPromise("PromiseMade", promised({ needsAcceptance: true }))
        .onPromise("PromiseCountered", {
          ...{ by: promisee, asserted: true },
          offer: { ...once, schedule: { occurrences: [{ dueAt: far }] } },
        }),
    /not what its terms say/,
  ],
  [
    "an amendment with another date than its terms",
    () =>
      withPromise().onPromise("ChangeProposed", {
        ...{ change: 1, by: promisor, asserted: true },
        proposal: { type: "amend", offer: { ...once, schedule: { occurrences: [{ dueAt: far }] } } },
      }),
    /not what its terms say/,
  ],
  ["a promise to oneself", offeringTo({ promisee: promisor }), /parties-unfit/],
  ["a promise by somebody unheard of", offeringTo({ promisor: stranger, by: stranger }), /nobody whom the log has told of/],
  ["a promise said to run the other way", offeringTo({ direction: "received" }), /stands on the other side/],
];
function offeringTo(more: object) {
  return () => withPromise(more);
}

const streams: Forgery[] = [
  [
    "a person of the account whose event names no account",
    () => opened().add("PersonAdded", `person-${stranger}`, { account }),
    /concerns acc_0000000000000001, and says that it concerns none/,
  ],
  [
    "a person of the account whose event names another",
    () => opened().add("PersonAdded", `person-${stranger}`, { account }, { account: otherAccount }),
    /concerns acc_0000000000000001, and says that it concerns acc_0000000000000002/,
  ],
  [
    "a person that leaves, by an event that names no account",
    () => opened().add("PersonLeft", `person-${promisee}`, {}),
    /concerns acc_0000000000000001, and says that it concerns none/,
  ],
  [
    "an event of the ledger that names an account",
    () => opened().onLedger("RecordingStarted", { recording, source: "crm" }, { account }),
    /concerns no account/,
  ],
  [
    "a key that names an account",
    () => opened().add("KeyRevoked", `key-${promisorsKey}`, {}, { account }),
    /concerns no account/,
  ],
  ["a visit recorded twice in one stream", () => visited(visited(opened())), /first event of its stream, and of no other/],
  [
    "a visit at an account that was never opened",
    () =>
      opened().add(
        "InteractionRecorded",
        `interaction-${interaction}`,
        { ...visit, account: otherAccount },
        { account: otherAccount },
      ),
    /had not been opened/,
  ],
  ["a person who leaves twice", () => twice((log) => log.add("PersonLeft", `person-${promisor}`, {})), /changes nothing/],
  ["a key revoked twice", () => twice((log) => log.add("KeyRevoked", `key-${promisorsKey}`, {})), /revoked before/],
];
function twice(tell: (log: ToldLog) => ToldLog): ToldLog {
  return tell(tell(opened()));
}

const lenient = { ...policyDocument(), promises: { ...policyDocument().promises, recordingAllowanceMinutes: 525_600 } };
function policyDocument() {
  const { version: _, ...policy } = builtInPolicy;
  return policy;
}
const adopted = { version: 1, policy: lenient };

const loads: Forgery[] = [
  ["a promise of a load that was never started", () => withPromise({ recording }), /had not been started/],
  ["a load that was started twice", () => twice(started), /had been started before/],
  ["a load that was completed and started again", () => started(completed(started(opened()))), /had been started before/],
  ["a load that was completed twice", () => completed(completed(started(opened()))), /had been completed before/],
  ["a load that was completed and never started", () => completed(opened()), /had not been started/],
  [
    "a policy in a stream that nobody reads",
    () => withPromise().goesOnTo("2026-02-01T12:00").add("PolicyAdopted", "policy-other", adopted),
    /no PolicyAdopted belongs into the stream/,
  ],
];
function started(log: ToldLog): ToldLog {
  return log.onLedger("RecordingStarted", { recording, source: "crm" });
}
function completed(log: ToldLog): ToldLog {
  return log.onLedger("RecordingCompleted", { recording, source: "crm", upTo: log.now });
}

describe.each([
  ["words on a promise", words],
  ["keys", keys],
  ["actors", actors],
  ["terms and parties", schedules],
  ["streams and accounts", streams],
  ["loads and policies", loads],
])("%s: what no ledger records is a contradiction", (_, forgeries) => {
  it.each(forgeries)("%s", async (_, log, message) => {
    const forged = log();
    const { exitCode, checks, leaf, messages } = await forged.outcome();
    expect(messages).toMatch(message);
    expect({ exitCode, checks, leaf }).toEqual({ exitCode: 1, checks: ["record"], leaf: forged.size - 1 });
  });
});

describe("a load of history that is left open", () => {
  const open = () => started(opened()).at("2026-01-02").onPromise("PromiseMade", promised({ recording }));

  it("is told, with how much it holds back", async () => {
    const { exitCode, notes } = await open().goesOnTo("2026-01-03").outcome();
    expect(exitCode).toBe(0);
    expect(notes).toContain(`load-open: the load of history ${recording}`);
    expect(notes).toContain("1 promises came with it, and 0 verdicts");
  });

  it("is incomplete evidence where it hides for longer than a week what is due", async () => {
    const { exitCode, messages } = await open().goesOnTo("2026-12-01").outcome();
    expect(exitCode).toBe(3);
    expect(messages).toContain("1 verdicts on them are held back");
  });

  it("hides nothing once it is completed", async () => {
    const { exitCode, messages } = await completed(open().goesOnTo("2026-12-01")).goesOnTo("2026-12-03").outcome();
    expect(exitCode).toBe(1);
    expect(messages).toContain("PromiseBroken of occurrence 1 should stand on record");
  });
});

describe("a policy", () => {
  const adopting = (log: ToldLog) => log.add("PolicyAdopted", "policy-default", adopted);

  it("that changes how something is judged that was due before is told", async () => {
    const { exitCode, notes } = await adopting(withPromise().goesOnTo("2026-02-01T12:00")).outcome();
    expect(exitCode).toBe(0);
    expect(notes).toContain("recordingAllowanceMinutes from 1440 to 525600, and 1 promise of which something was due before");
  });

  it("that is adopted while a promise waits for its deadline is told", async () => {
    const { exitCode, notes } = await adopting(withPromise()).outcome();
    expect(exitCode).toBe(0);
    expect(notes).toContain("policy-adopted");
  });
});

it("a rule that is not expanded here is told, and its times are held to its days all the same", async () => {
  const terms = { ...weekly().terms, rrule: "FREQ=YEARLY;BYWEEKNO=6,7,8;BYDAY=MO" };
  const { exitCode, notes } = await offering(weekly({ terms }))().outcome();
  expect(exitCode).toBe(0);
  expect(notes).toContain("not-covered: its rule is none that is expanded here");
});
