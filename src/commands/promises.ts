/** Commands on promises: one for each thing that can be said. */
import { z } from "zod";
import { DomainError, type DomainErrorCode } from "../domain/errors.ts";
import type { PromiseCommand, PromiseCommandOf } from "../domain/promise/commands.ts";
import { type ChangeProposal, fraction, occurrenceNumber, type Offer } from "../domain/promise/events.ts";
import { isMade } from "../domain/assess/assess.ts";
import type { MadePromise } from "../domain/promise/facts.ts";
import { promise } from "../domain/promise/promise.ts";
import { type Matcher, matcher, proof, type Proof, type Terms, toldTerms } from "../domain/terms.ts";
import {
  type AccountId,
  accountId,
  agreementId,
  type Instant,
  interactionId,
  type PartyId,
  partyId,
  type PromiseId,
  promiseId,
  recordingId,
  slug,
  type SubjectId,
  toldInstant,
} from "../domain/values.ts";
import { interaction } from "../domain/interaction.ts";
import { resolveSchedule } from "../schedule/resolve.ts";
import {
  at,
  by,
  type CommandDefinition,
  defineCommand,
  type Desk,
  handleRequest,
  momentOf,
  newIdOf,
  noParams,
  origin,
  type PersonalText,
  personalText,
  speakerOf,
  toSubjectText,
  within,
} from "./command.ts";
import { directionOf, requireAccount, requirePerson, requireRecording, sideOf, subjectAmong, subjectText } from "./references.ts";

/** What is promised, as callers send it. */
export const offerBody = {
  terms: toldTerms,
  matcher: matcher.optional().describe("Which interactions keep it, or, for an abstention, break it."),
  proof: proof.optional().describe("`evidence` where there is a matcher, else `claim`."),
};
type OfferBody = { terms: Terms; matcher?: Matcher | undefined; proof?: Proof | undefined };

const reason = { reason: personalText.optional() };
const occurrence = {
  occurrence: occurrenceNumber.optional().describe("Which one, counted from 1. Needed where there are several."),
};
const onPromise = z.strictObject({ promise: promiseId });

/** Terms with their proof settled and their dates resolved. @throws DomainError `terms-invalid` naming the field. */
export async function offerOf(desk: Desk, account: AccountId, { terms, matcher, proof }: OfferBody): Promise<Offer> {
  const { timeZone } = await requireAccount(desk, account);
  const settled = proof ?? (matcher === undefined ? "claim" : "evidence");
  if (settled === "evidence" && matcher === undefined && terms.type !== "abstain")
    throw new DomainError("terms-invalid", "proof by evidence needs a matcher", "/matcher");
  if (terms.type === "abstain" && settled !== "evidence" && proof !== undefined)
    throw new DomainError("terms-invalid", "an abstention is proved by the absence of evidence", "/proof");
  for (const [index, participant] of (matcher?.participants ?? []).entries())
    await requirePerson(desk, participant, `/matcher/participants/${index}`);
  return {
    terms,
    matcher,
    proof: terms.type === "abstain" ? "evidence" : settled,
    schedule: resolveSchedule(terms, timeZone, desk.timeZoneData),
  };
}

export const promiseBody = {
  promisor: partyId.describe("Who promises: a person, the account, or `house`."),
  promisee: partyId.describe("To whom."),
  kind: slug
    .default("promise" as z.infer<typeof slug>)
    .describe("What sort of promise it is, for rates by kind: `visit`, `abstention`, `delivery` …"),
  weight: z.number().gt(0).lte(1000).default(1),
  text: personalText.optional().describe("The promise in words, for people. Sealed."),
  ...offerBody,
  needsAcceptance: z.boolean().default(false).describe("It binds only once the promisee has accepted."),
  offerExpiresAt: toldInstant.optional(),
  condition: z
    .strictObject({ text: personalText.optional(), expiresAt: toldInstant.optional() })
    .optional()
    .describe("It binds only once this is met."),
  recording: recordingId
    .optional()
    .describe("The load of history that it comes with; until that is complete the clock breaks nothing."),
};
type PromiseBody = z.output<z.ZodObject<typeof promiseBody>>;

type MoreOfPromise = Pick<PromiseCommandOf<"MakePromise">, "agreement" | "at" | "speaker" | "source"> & {
  externalId?: string | undefined;
};

/** The command that makes one promise. Used by `make-promise`, and by `make-agreement` for each of its promises. */
export async function promiseToMake(
  desk: Desk,
  account: AccountId,
  body: PromiseBody,
  { externalId, ...more }: MoreOfPromise,
): Promise<PromiseCommandOf<"MakePromise">> {
  const { promisor, promisee, kind, weight, text, needsAcceptance, offerExpiresAt, condition, recording } = body;
  await requireAccount(desk, account);
  if (recording !== undefined) await requireRecording(desk, recording);
  const direction = await directionOf(desk, account, promisor, promisee);
  const subject = await subjectAmong(desk, account, [promisor, promisee]);
  return {
    type: "MakePromise" as const,
    account,
    promisor,
    promisee,
    direction,
    kind,
    weight,
    offer: await offerOf(desk, account, body),
    needsAcceptance,
    offerExpiresAt,
    condition:
      condition === undefined
        ? undefined
        : { expiresAt: condition.expiresAt, text: await subjectText(desk, condition.text, subject, "/condition/text") },
    recording,
    text: await subjectText(desk, text, subject, "/text"),
    externalId: toSubjectText(externalId, subject),
    ...more,
  };
}

export const makePromise = defineCommand({
  name: "make-promise",
  method: "POST",
  path: "/promises",
  tag: "Promises",
  summary: "Make a promise",
  description:
    "In words for people and in terms for the machine. The dates of a recurring promise are resolved now and kept for ever.",
  scope: "record",
  creates: true,
  params: noParams,
  body: z.strictObject({
    id: promiseId.optional().describe("Your own opaque id; made here where absent."),
    account: accountId,
    ...promiseBody,
    agreement: agreementId.optional(),
    ...origin,
    ...by,
    ...at,
  }),
  example: {
    account: "acc_0000000000000001",
    promisor: "per_0000000000000001",
    promisee: "per_0000000000000002",
    kind: "visit",
    text: "I will stop by every two weeks, for an hour, without a briefcase.",
    terms: { type: "recurring", rrule: "FREQ=WEEKLY;INTERVAL=2", from: "2026-01-09", until: "2026-12-31", graceMinutes: 2880 },
    matcher: { kinds: ["visit"], minMinutes: 60, tagsWithout: ["sales-material"] },
  },
  refusals: [
    "account-not-found",
    "person-not-found",
    "recording-not-found",
    "promise-exists",
    "parties-unfit",
    "terms-invalid",
    "too-many-occurrences",
    "not-your-part",
    "in-the-future",
  ],
  async run(desk, request) {
    const { account, agreement, by, source, externalId, ...body } = request.body;
    const { id } = newIdOf<PromiseId>("prm", "make-promise", desk, request);
    const command = await promiseToMake(desk, account, body, {
      agreement,
      source,
      externalId,
      at: momentOf(desk, request.body),
      speaker: speakerOf(request.caller, by),
    });
    return handleRequest(desk, "make-promise", request, { decider: promise, category: "promise", id }, command);
  },
});

/** The facts of the promise that a command is about. @throws DomainError `promise-not-found`. */
async function requirePromise(desk: Desk, id: PromiseId): Promise<MadePromise> {
  const { state } = await desk.ledger.load(promise, `promise-${id}`);
  if (!isMade(state)) throw new DomainError("promise-not-found", `there is no promise ${id}`);
  return state;
}

const subjectOf = (desk: Desk, { account, promisor, promisee }: MadePromise): Promise<SubjectId> =>
  subjectAmong(desk, account, [promisor, promisee]);

type Verb<Body extends z.ZodRawShape> = {
  name: string;
  verb: string;
  summary: string;
  description?: string;
  scope?: "record" | "arbitrate";
  body: Body;
  example: z.input<z.ZodObject<Body>>;
  refusals: DomainErrorCode[];
  /** The command, but for who says it and when. */
  command(
    body: z.output<z.ZodObject<Body>> & { at?: Instant | undefined },
    tools: {
      desk: Desk;
      facts(): Promise<MadePromise>;
      /** `field` is where the text stands; `/reason` where absent. */
      sealed(text: PersonalText | undefined, field?: string): Promise<{ subject: SubjectId; value: string } | undefined>;
    },
  ): Promise<object> | object;
};

/** Any command on a promise that exists: they differ in what they carry and in who may say it, which the decider knows. */
function promiseVerb<Body extends z.ZodRawShape>(
  type: PromiseCommand["type"],
  { name, verb, summary, description, scope = "record", body, example, refusals, command }: Verb<Body>,
): CommandDefinition {
  return defineCommand({
    name,
    method: "POST",
    path: `/promises/:promise/${verb}`,
    tag: "Promises",
    summary,
    description,
    scope,
    params: onPromise,
    body: z.strictObject({ ...body, ...by, ...at }),
    example: example as never,
    refusals: ["promise-not-found", "not-your-part", "before-promise", "in-the-future", ...refusals],
    async run(desk, request) {
      const id = request.params.promise;
      const sent = request.body as { by?: PartyId; at?: Instant };
      const facts = () => requirePromise(desk, id);
      const sealed = async (text: PersonalText | undefined, field = "/reason") =>
        text === undefined ? undefined : subjectText(desk, text, await subjectOf(desk, await facts()), field);
      const whole = {
        type,
        ...(await command(request.body as never, { desk, facts, sealed })),
        at: momentOf(desk, sent),
        speaker: speakerOf(request.caller, sent.by),
      };
      return handleRequest(desk, name, request, { decider: promise, category: "promise", id }, whole as PromiseCommand);
    },
  });
}

const notOffered: DomainErrorCode[] = [
  "promise-declined",
  "promise-withdrawn",
  "promise-conditional",
  "promise-in-force",
  "promise-suspended",
  "promise-released",
  "offer-lapsed",
  "condition-lapsed",
];
const notBinding: DomainErrorCode[] = [
  "promise-offered",
  "promise-countered",
  "promise-declined",
  "promise-withdrawn",
  "promise-conditional",
  "offer-lapsed",
  "condition-lapsed",
];

export const acceptPromise = promiseVerb("AcceptPromise", {
  name: "accept-promise",
  verb: "accept",
  summary: "Accept the offer on the table",
  body: {},
  example: {},
  refusals: ["promise-declined", "promise-withdrawn", "promise-released", "offer-lapsed", "condition-lapsed"],
  command: () => ({}),
});

export const declinePromise = promiseVerb("DeclinePromise", {
  name: "decline-promise",
  verb: "decline",
  summary: "Decline the offer on the table",
  body: reason,
  example: { reason: "We have a supplier." },
  refusals: notOffered,
  command: async ({ reason }, { sealed }) => ({ reason: await sealed(reason) }),
});

export const counterPromise = promiseVerb("CounterPromise", {
  name: "counter-promise",
  verb: "counter",
  summary: "Answer an offer with other terms",
  description: "The other party is then asked: it accepts, declines or counters in turn.",
  body: { ...offerBody, text: personalText.optional() },
  example: {
    terms: { type: "recurring", rrule: "FREQ=MONTHLY", from: "2026-01-09", until: "2026-12-31" },
    matcher: { kinds: ["visit"] },
  },
  refusals: [...notOffered, "terms-invalid", "too-many-occurrences"],
  command: async ({ text, ...body }, { desk, facts, sealed }) => ({
    offer: await offerOf(desk, (await facts()).account, body),
    text: await sealed(text, "/text"),
  }),
});

export const withdrawPromise = promiseVerb("WithdrawPromise", {
  name: "withdraw-promise",
  verb: "withdraw",
  summary: "Withdraw a promise before it was accepted",
  body: reason,
  example: {},
  refusals: notOffered,
  command: async ({ reason }, { sealed }) => ({ reason: await sealed(reason) }),
});

export const meetCondition = promiseVerb("MeetCondition", {
  name: "meet-condition",
  verb: "meet-condition",
  summary: "Say that the condition is met",
  body: { interaction: interactionId.optional().describe("The interaction that shows it.") },
  example: {},
  refusals: [...notBinding, "promise-in-force", "promise-suspended", "promise-released", "interaction-not-found"],
  command: async ({ interaction }, { desk, facts }) => ({ interaction: await requireInteraction(desk, interaction, facts) }),
});

/** @throws DomainError `interaction-not-found`, or `evidence-unfit` for one of another account. */
async function requireInteraction<Id extends string>(
  desk: Desk,
  id: Id | undefined,
  facts: () => Promise<MadePromise>,
): Promise<Id | undefined> {
  if (id === undefined) return undefined;
  const { state } = await desk.ledger.load(interaction, `interaction-${id}`);
  if (state.status === "none") throw new DomainError("interaction-not-found", `there is no interaction ${id}`, "/interaction");
  if (state.account !== (await facts()).account)
    throw new DomainError("evidence-unfit", "the interaction concerns another account", "/interaction");
  return id;
}

export const suspendPromise = promiseVerb("SuspendPromise", {
  name: "suspend-promise",
  verb: "suspend",
  summary: "Suspend a promise, as its promisee",
  description: "While suspended it can't be broken; what falls due counts as waived.",
  body: { until: toldInstant.optional().describe("When it comes back into force by itself."), ...reason },
  example: { until: "2026-09-01T00:00:00.000Z" },
  refusals: [...notBinding, "promise-released", "terms-invalid"],
  command: async ({ until, reason }, { sealed }) => ({ until, reason: await sealed(reason) }),
});

export const resumePromise = promiseVerb("ResumePromise", {
  name: "resume-promise",
  verb: "resume",
  summary: "Bring a suspended promise back into force",
  body: {},
  example: {},
  refusals: [...notBinding, "promise-in-force", "promise-released"],
  command: () => ({}),
});

export const releasePromise = promiseVerb("ReleasePromise", {
  name: "release-promise",
  verb: "release",
  summary: "Release the promisor from what is still to come",
  body: reason,
  example: { reason: "The plant is closing." },
  refusals: ["promise-offered", "promise-countered", "promise-declined", "promise-withdrawn", "offer-lapsed", "condition-lapsed"],
  command: async ({ reason }, { sealed }) => ({ reason: await sealed(reason) }),
});

export const waiveOccurrence = promiseVerb("WaiveOccurrence", {
  name: "waive-occurrence",
  verb: "waive",
  summary: "Waive one occurrence",
  body: { ...occurrence, ...reason },
  example: { occurrence: 7 },
  refusals: [...notBinding, "occurrence-required", "occurrence-unknown"],
  command: async ({ occurrence, reason }, { sealed }) => ({ occurrence, reason: await sealed(reason) }),
});

const changeBody = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("amend"), ...offerBody }),
  z.strictObject({ type: z.literal("reassign"), promisor: partyId }),
  z.strictObject({ type: z.literal("suspend"), until: toldInstant.optional() }),
  z.strictObject({
    type: z.literal("reschedule"),
    occurrence: occurrenceNumber,
    opensAt: toldInstant.optional(),
    dueAt: toldInstant,
  }),
]);

export const proposeChange = promiseVerb("ProposeChange", {
  name: "propose-change",
  verb: "propose-change",
  summary: "Propose a change: amend, reassign, suspend or reschedule",
  description: "It holds once the other party accepts, for occurrences due after that.",
  body: { change: changeBody, ...reason },
  example: {
    change: { type: "reschedule", occurrence: 7, opensAt: "2026-04-06T00:00:00.000Z", dueAt: "2026-04-07T00:00:00.000Z" },
  },
  refusals: [
    ...notBinding,
    "promise-released",
    "change-pending",
    "change-unfit",
    "terms-invalid",
    "too-many-occurrences",
    "occurrence-unknown",
    "person-not-found",
    "parties-unfit",
  ],
  command: async ({ change, reason }, { desk, facts, sealed }) => ({
    proposal: await proposalOf(desk, await facts(), change),
    reason: await sealed(reason),
  }),
});

async function proposalOf(desk: Desk, facts: MadePromise, change: z.output<typeof changeBody>): Promise<ChangeProposal> {
  if (change.type === "reassign") {
    const side = await sideOf(desk, change.promisor, facts.account, "/change/promisor");
    if ((side === "ours") !== (facts.direction === "given"))
      throw new DomainError("parties-unfit", "the new promisor must stand on the same side", "/change/promisor");
  }
  if (change.type !== "amend") return change;
  const { type, ...offer } = change;
  return { type, offer: await within("/change", () => offerOf(desk, facts.account, offer)) };
}

export const acceptChange = promiseVerb("AcceptChange", {
  name: "accept-change",
  verb: "accept-change",
  summary: "Accept the change that the other party proposed",
  body: {},
  example: {},
  refusals: [...notBinding, "promise-released", "no-change-pending", "change-unfit", "terms-invalid"],
  command: () => ({}),
});

export const declineChange = promiseVerb("DeclineChange", {
  name: "decline-change",
  verb: "decline-change",
  summary: "Decline the change that the other party proposed",
  body: reason,
  example: {},
  refusals: ["no-change-pending"],
  command: async ({ reason }, { sealed }) => ({ reason: await sealed(reason) }),
});

export const withdrawChange = promiseVerb("WithdrawChange", {
  name: "withdraw-change",
  verb: "withdraw-change",
  summary: "Withdraw a change that one proposed",
  body: {},
  example: {},
  refusals: ["no-change-pending"],
  command: () => ({}),
});

const keptAt = {
  keptAt: toldInstant.optional().describe("When it was kept. `at`, where absent."),
  fraction: fraction.default(1),
};
const claimBody = {
  ...keptAt,
  interaction: interactionId.optional().describe("The interaction that kept it; needed where the proof is evidence."),
};
const claimRefusals: DomainErrorCode[] = [
  ...notBinding,
  "occurrence-required",
  "occurrence-unknown",
  "abstention-not-claimable",
  "evidence-required",
  "evidence-unfit",
  "already-claimed",
  "interaction-not-found",
];

export const claimKeeping = promiseVerb("ClaimKeeping", {
  name: "claim-keeping",
  verb: "claim",
  summary: "Claim that it was kept, as its promisor",
  description:
    "Settles a promise whose proof is the promisor's word. Where it is evidence, the claim says which occurrence an interaction made good.",
  body: { ...occurrence, ...claimBody },
  example: { keptAt: "2026-02-03T16:00:00.000Z" },
  refusals: claimRefusals,
  command: async ({ occurrence, keptAt, fraction, interaction, at }, { desk, facts }) => ({
    occurrence,
    keptAt: keptAt ?? at ?? desk.ledger.now(),
    fraction,
    interaction: await requireInteraction(desk, interaction, facts),
  }),
});

export const confirmKeeping = promiseVerb("ConfirmKeeping", {
  name: "confirm-keeping",
  verb: "confirm",
  summary: "Confirm that it was kept, as its promisee",
  body: {
    ...occurrence,
    ...keptAt,
    keptAt: toldInstant.optional().describe("When it was kept. As claimed, else `at`, where absent."),
  },
  example: {},
  refusals: [...notBinding, "occurrence-required", "occurrence-unknown", "abstention-not-claimable", "already-confirmed"],
  command: ({ occurrence, keptAt, fraction }) => ({ occurrence, keptAt, fraction }),
});

export const renegePromise = promiseVerb("RenegePromise", {
  name: "renege-promise",
  verb: "renege",
  summary: "Say that it will not be kept, as its promisor",
  description: "One occurrence, or without one all that are still to come.",
  body: { ...occurrence, ...reason },
  example: { occurrence: 8 },
  refusals: [
    "promise-offered",
    "promise-countered",
    "promise-declined",
    "promise-withdrawn",
    "promise-released",
    "offer-lapsed",
    "condition-lapsed",
    "occurrence-unknown",
  ],
  command: async ({ occurrence, reason }, { sealed }) => ({ occurrence, reason: await sealed(reason) }),
});

/** What is said to be so. An abstention is kept to the end of its window or not at all, so nothing says when. */
const told = z.discriminatedUnion("verdict", [
  z.strictObject({
    verdict: z.literal("kept"),
    keptAt: toldInstant.optional().describe("When it was kept. Needed, but for an abstention, which names none."),
  }),
  z.strictObject({ verdict: z.literal("partly-kept"), keptAt: toldInstant, fraction: z.number().gt(0).lt(1) }),
  z.strictObject({ verdict: z.literal("broken") }),
]);

export const contestVerdict = promiseVerb("ContestVerdict", {
  name: "contest-verdict",
  verb: "contest",
  summary: "Contest a verdict, as either party",
  description: "The verdict stands and is shown as disputed, with what it would be if the contest were upheld.",
  body: { ...occurrence, asserts: told, ...reason },
  example: { occurrence: 3, asserts: { verdict: "kept", keptAt: "2026-02-06T09:00:00.000Z" }, reason: "He was here; I was out." },
  refusals: [...notBinding, "occurrence-required", "occurrence-unknown", "nothing-to-contest", "dispute-open", "terms-invalid"],
  command: async ({ occurrence, asserts, reason }, { sealed }) => ({ occurrence, asserts, reason: await sealed(reason) }),
});

const disputeRefusals: DomainErrorCode[] = ["no-dispute-open", "occurrence-required"];

export const withdrawContest = promiseVerb("WithdrawContest", {
  name: "withdraw-contest",
  verb: "withdraw-contest",
  summary: "Withdraw one's own contest",
  body: occurrence,
  example: {},
  refusals: disputeRefusals,
  command: ({ occurrence }) => ({ occurrence }),
});

export const concedeContest = promiseVerb("ConcedeContest", {
  name: "concede-contest",
  verb: "concede",
  summary: "Concede the other party's contest",
  body: occurrence,
  example: {},
  refusals: disputeRefusals,
  command: ({ occurrence }) => ({ occurrence }),
});

export const ruleDispute = promiseVerb("RuleDispute", {
  name: "rule-dispute",
  verb: "rule",
  summary: "Rule on a dispute, as an arbiter",
  scope: "arbitrate",
  body: { ...occurrence, ruling: z.enum(["upheld", "dismissed"]), ...reason },
  example: { occurrence: 3, ruling: "upheld" },
  refusals: disputeRefusals,
  command: async ({ occurrence, ruling, reason }, { sealed }) => ({ occurrence, ruling, reason: await sealed(reason) }),
});
