/** One valid `data` of every event type, for the golden file of its current version. A new version takes a new sample. */
import type { EventType, TrothEvent } from "../../src/domain/catalogue.ts";
import { policyDocument } from "../../src/domain/policy.ts";
import type { Offer } from "../../src/domain/promise/events.ts";
import type { LocalDate } from "../../src/domain/values.ts";
import {
  account,
  agreementId,
  customer,
  interactionId,
  promiseId,
  recordingId,
  salesman,
  slug,
  slugs,
} from "./parties.examples.ts";
import * as p from "./promise.examples.ts";
import { on } from "../support/spec.ts";
import { anchored, keyRotation } from "./tree-heads.examples.ts";

type DataOf<Type extends EventType> = Extract<TrothEvent, { type: Type }>["data"];

const said = { by: customer, asserted: false };
const basis = { size: 4711, asOf: on("2026-07-03"), rule: 1, policy: 2 };
const evidence = [interactionId(13)];
const interaction = {
  kind: slug("visit"),
  purpose: slug("relationship"),
  direction: "mutual" as const,
  channel: slug("in-person"),
  startedAt: on("2026-06-26 10:00"),
  minutes: 60,
  participants: [salesman, customer],
  tags: slugs("on-site"),
  recordedFor: customer,
};
const offer: Offer = {
  terms: {
    type: "recurring",
    rrule: "FREQ=WEEKLY;INTERVAL=2",
    from: "2026-01-09" as LocalDate,
    until: "2026-12-31" as LocalDate,
    timeZone: "Europe/Berlin",
    windowDays: 1,
    graceMinutes: 2880,
  },
  matcher: {
    kinds: slugs("visit"),
    purposes: slugs("relationship"),
    channels: slugs("in-person"),
    directions: ["mutual"],
    minMinutes: 60,
    participants: [salesman, customer],
    tagsWith: slugs("on-site"),
    tagsWithout: slugs("sales-material"),
  },
  proof: "evidence",
  schedule: {
    occurrences: [{ date: "2026-01-09" as LocalDate, opensAt: on("2026-01-08 23:00"), dueAt: on("2026-01-09 23:00") }],
    timeZone: "Europe/Berlin",
    timeZoneData: "2026a",
  },
};
const policy = policyDocument.parse({
  rapport: { weightByKind: { visit: 3 }, weightByPurpose: { relationship: 2 } },
  dormancy: { kinds: ["visit"] },
  balance: { sellingShareMax: 0.4 },
  vocabulary: { kinds: ["visit"], purposes: ["relationship"], tags: ["on-site"], channels: ["in-person"] },
});
const fit = { cutOff: on("2026-06-30"), inputSize: 4711 };

export const samples: { [Type in EventType]: DataOf<Type> } = {
  AccountOpened: { timeZone: "Europe/Berlin", owner: salesman, source: slug("crm"), tags: slugs("fleet") },
  AccountChanged: { timeZone: "Europe/Vienna", tags: slugs("fleet", "key") },
  AccountAssigned: { owner: null },
  AccountClosed: {},
  AccountReopened: {},
  PersonAdded: { account, team: slug("purchasing"), source: slug("crm") },
  PersonChanged: {},
  PersonMoved: { account, team: slug("purchasing") },
  PersonLeft: {},
  InteractionRecorded: { account, ...interaction, source: slug("calendar") },
  InteractionCorrected: { ...interaction, minutes: 75 },
  InteractionRetracted: {},
  AgreementMade: { account, promises: [promiseId] },
  PromiseMade: {
    account,
    promisor: salesman,
    promisee: customer,
    direction: "given",
    kind: slug("visit"),
    weight: 1.5,
    offer,
    needsAcceptance: true,
    offerExpiresAt: on("2026-02-01"),
    condition: { expiresAt: on("2026-03-01") },
    agreement: agreementId,
    recording: recordingId,
    source: slug("crm-export"),
    by: salesman,
    asserted: true,
  },
  PromiseAccepted: said,
  PromiseDeclined: said,
  PromiseCountered: { offer: p.once("2026-03-01", { proof: "confirmation" }), ...said },
  PromiseWithdrawn: { by: "house", asserted: false },
  PromiseConditionMet: { interaction: interactionId(1), ...said },
  ChangeProposed: {
    change: 1,
    proposal: { type: "reschedule", occurrence: 13, opensAt: on("2026-06-30"), dueAt: on("2026-07-01") },
    ...said,
  },
  ChangeAccepted: { change: 1, ...said },
  ChangeDeclined: { change: 1, ...said },
  ChangeWithdrawn: { change: 1, ...said },
  PromiseSuspended: { until: on("2026-09-01"), ...said },
  PromiseResumed: said,
  PromiseReleased: said,
  OccurrenceWaived: { occurrence: 7, ...said },
  KeepingClaimed: {
    occurrence: 13,
    keptAt: on("2026-06-30 10:00"),
    fraction: 0.5,
    interaction: interactionId(13),
    by: salesman,
    asserted: true,
  },
  PromiseConfirmed: { occurrence: 13, keptAt: on("2026-06-30 10:00"), fraction: 1, ...said },
  PromiseReneged: { occurrence: 20, by: salesman, asserted: false },
  VerdictContested: {
    dispute: 1,
    occurrence: 13,
    asserts: { verdict: "partly-kept", keptAt: on("2026-06-30 10:00"), fraction: 0.5 },
    ...said,
  },
  ContestWithdrawn: { dispute: 1, ...said },
  ContestConceded: { dispute: 1, by: salesman, asserted: false },
  DisputeRuled: { dispute: 1, ruling: "upheld" },
  PromiseKept: {
    occurrence: 13,
    verdict: "kept-late",
    keptAt: on("2026-07-02"),
    latenessMs: 86_400_000,
    credit: 0.99,
    reason: slug("evidence"),
    evidence,
    basis,
  },
  PromiseBroken: { occurrence: 13, reason: slug("deadline"), brokenAt: on("2026-07-01"), evidence: [], basis },
  PromiseConditionLapsed: { lapsedAt: on("2026-03-01"), basis },
  VerdictWithdrawn: { occurrence: 13, reason: slug("evidence"), basis },
  PromiseConcluded: { counts: { kept: 25, "kept-late": 1 } as never, basis },
  OutcomeRecorded: { account, kind: "renewed", amount: { value: "1200000.00", currency: "EUR" }, source: slug("crm") },
  OutcomeRetracted: {},
  PolicyAdopted: { version: 1, policy },
  KeyIssued: { label: slug("crm"), scopes: ["record", "read"], party: customer, secretHash: "0123456789abcdef".repeat(4) },
  KeyRevoked: {},
  LedgerOpened: { ledger: slug("main"), format: 1 },
  RecordingStarted: { recording: recordingId, source: slug("crm-export") },
  RecordingCompleted: { recording: recordingId, source: slug("crm-export"), upTo: on("2026-06-30") },
  ClockCorrected: { logTime: on("2026-06-30") },
  LogResumed: { lastKnownHead: { size: 4711, root: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" } },
  LogKeyRotated: keyRotation,
  CensusTaken: { treeSize: 4711, accounts: 128, root: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
  PriorFitted: { mean: 0.8, alpha: 4, beta: 1, parties: 30, outcomes: 90, ...fit },
  DormancyModelFitted: {
    model: "mbg-nbd",
    r: 0.525,
    alpha: 6.183,
    a: 0.891,
    b: 1.614,
    unitMs: 604_800_000,
    logLikelihood: -9582.1327,
    accounts: 2357,
    regularity: null,
    ...fit,
  },
  TreeHeadAnchored: anchored,
};
