/** What is stored of a promise. Stream: `promise-<promiseId>`. Its text, reasons and condition are sealed segments. */
import { z } from "zod";
import type { EventOf } from "../decider.ts";
import { matcher, proof, schedule, terms } from "../terms.ts";
import {
  accountId,
  agreementId,
  eventId,
  type Instant,
  instant,
  interactionId,
  partyId,
  promiseDirection,
  recordingId,
  slug,
} from "../values.ts";

/** Whose word it is. `asserted`: recorded by a key that does not speak for that party alone, and shown as such. */
const said = { by: partyId, asserted: z.boolean() };

/** 1-based, as people count: the thirteenth visit is 13. */
export const occurrenceNumber = z.int().min(1).max(100_000);
export const fraction = z.number().gt(0).lte(1).describe("How much of it was kept; 1 is all.");

export const offer = z.strictObject({ terms, matcher: matcher.optional(), proof, schedule });
export type Offer = z.infer<typeof offer>;

export const changeProposal = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("amend"), offer }),
  z.strictObject({ type: z.literal("reassign"), promisor: partyId }),
  z.strictObject({ type: z.literal("suspend"), until: instant.optional() }),
  z.strictObject({ type: z.literal("reschedule"), occurrence: occurrenceNumber, opensAt: instant.optional(), dueAt: instant }),
]);
export type ChangeProposal = z.infer<typeof changeProposal>;

/** What the contesting party says is so. */
export const assertion = z.discriminatedUnion("verdict", [
  z.strictObject({ verdict: z.literal("kept"), keptAt: instant }),
  z.strictObject({ verdict: z.literal("partly-kept"), keptAt: instant, fraction: z.number().gt(0).lt(1) }),
  z.strictObject({ verdict: z.literal("broken") }),
]);
export type Assertion = z.infer<typeof assertion>;
/** As it is told: that an abstention was kept needs no instant. */
export type ToldAssertion = Exclude<Assertion, { verdict: "kept" }> | { verdict: "kept"; keptAt?: Instant };

/** On what a verdict stands: the size of the log and the instant at which it was assessed, under which rule and policy. */
export const basis = z.strictObject({ size: z.int().min(0), asOf: instant, rule: z.int().min(1), policy: z.int().min(0) });
export type Basis = z.infer<typeof basis>;

export const promiseEvents = {
  // What people say.
  PromiseMade: z.strictObject({
    account: accountId,
    promisor: partyId,
    promisee: partyId,
    direction: promiseDirection,
    kind: slug,
    weight: z.number().gt(0).lte(1000),
    offer,
    needsAcceptance: z.boolean(),
    offerExpiresAt: instant.optional(),
    condition: z.strictObject({ expiresAt: instant.optional() }).optional(),
    agreement: agreementId.optional(),
    recording: recordingId.optional(),
    source: slug.optional(),
    ...said,
  }),
  PromiseAccepted: z.strictObject(said),
  PromiseDeclined: z.strictObject(said),
  PromiseCountered: z.strictObject({ offer, ...said }),
  PromiseWithdrawn: z.strictObject(said),
  PromiseConditionMet: z.strictObject({ interaction: interactionId.optional(), ...said }),
  ChangeProposed: z.strictObject({ change: z.int().min(1), proposal: changeProposal, ...said }),
  ChangeAccepted: z.strictObject({ change: z.int().min(1), ...said }),
  ChangeDeclined: z.strictObject({ change: z.int().min(1), ...said }),
  ChangeWithdrawn: z.strictObject({ change: z.int().min(1), ...said }),
  PromiseSuspended: z.strictObject({ until: instant.optional(), ...said }),
  PromiseResumed: z.strictObject(said),
  PromiseReleased: z.strictObject(said),
  OccurrenceWaived: z.strictObject({ occurrence: occurrenceNumber, ...said }),
  KeepingClaimed: z.strictObject({
    occurrence: occurrenceNumber,
    keptAt: instant,
    fraction,
    interaction: interactionId.optional(),
    ...said,
  }),
  PromiseConfirmed: z.strictObject({ occurrence: occurrenceNumber, keptAt: instant, fraction, ...said }),
  PromiseReneged: z.strictObject({ occurrence: occurrenceNumber.optional(), ...said }),
  VerdictContested: z.strictObject({ dispute: z.int().min(1), occurrence: occurrenceNumber, asserts: assertion, ...said }),
  ContestWithdrawn: z.strictObject({ dispute: z.int().min(1), ...said }),
  ContestConceded: z.strictObject({ dispute: z.int().min(1), ...said }),
  DisputeRuled: z.strictObject({ dispute: z.int().min(1), ruling: z.enum(["upheld", "dismissed"]) }),
  // What follows: recorded by the keeper, never input to `assess`.
  PromiseKept: z.strictObject({
    occurrence: occurrenceNumber,
    verdict: z.enum(["kept", "kept-late", "partly-kept"]),
    keptAt: instant,
    latenessMs: z.int().min(0),
    credit: z.number().min(0).max(1),
    reason: slug,
    evidence: z.array(z.union([interactionId, eventId])).max(20),
    basis,
  }),
  PromiseBroken: z.strictObject({
    occurrence: occurrenceNumber,
    reason: slug,
    brokenAt: instant,
    evidence: z.array(z.union([interactionId, eventId])).max(20),
    basis,
  }),
  PromiseConditionLapsed: z.strictObject({ lapsedAt: instant, basis }),
  VerdictWithdrawn: z.strictObject({ occurrence: occurrenceNumber, reason: slug, basis }),
  PromiseConcluded: z.strictObject({ counts: z.record(slug, z.int().min(0)), basis }),
};
export type PromiseEvent = EventOf<typeof promiseEvents>;

/** The types that the keeper records. `assess` and the deciders pass over them. */
export const verdictTypes = [
  "PromiseKept",
  "PromiseBroken",
  "PromiseConditionLapsed",
  "VerdictWithdrawn",
  "PromiseConcluded",
] as const;
export type VerdictEvent = Extract<PromiseEvent, { type: (typeof verdictTypes)[number] }>;
