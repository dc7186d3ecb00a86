/** The parameters that judgement rests on: versioned, recorded, replaceable. Stream: `policy-default`. */
import { z } from "zod";
import type { At, Decider, Draft, EventOf } from "./decider.ts";
import { DomainError } from "./errors.ts";
import { slug } from "./values.ts";

const weights = z.record(slug, z.number().min(0).max(1000));

export const policyDocument = z.strictObject({
  trust: z
    .strictObject({
      halfLifeDays: z.number().gt(0).lte(36_500).default(365).describe("After so many days an outcome counts half."),
      priorMean: z
        .number()
        .gt(0)
        .lt(1)
        .default(0.5)
        .describe("Where trust starts, and where silence takes it, until a prior is fitted."),
      interactionEvidenceWeight: z
        .number()
        .min(0)
        .max(1)
        .default(0)
        .describe("How much an interaction by itself adds to positive evidence; 0 is none."),
    })
    .prefault({}),
  rapport: z
    .strictObject({
      halfLifeDays: z.number().gt(0).lte(36_500).default(90),
      weightByKind: weights.default({}),
      weightByPurpose: weights.default({}),
    })
    .prefault({}),
  promises: z
    .strictObject({
      recordingAllowanceMinutes: z
        .int()
        .min(0)
        .max(525_600)
        .default(1_440)
        .describe("How long after deadline and grace the clock waits for what is still being recorded."),
      evidenceLimitDays: z
        .number()
        .min(0)
        .max(3_650)
        .default(30)
        .describe("What the promisor's side records later than this after a breach settled needs the promisee's confirmation."),
    })
    .prefault({}),
  dormancy: z
    .strictObject({
      kinds: z.array(slug).max(100).optional().describe("Interactions that count as contact; all kinds where absent."),
      twoWayOnly: z.boolean().default(false).describe("Only inbound and mutual interactions count as contact."),
      contactCountMin: z.int().min(2).max(1000).default(4),
      coolingPercentile: z.number().gt(0).lt(1).default(0.8),
      dormantPercentile: z.number().gt(0).lte(1).default(0.95),
      aliveCooling: z.number().gt(0).lt(1).default(0.5).describe("P(alive) under which an account is cooling."),
      aliveDormant: z.number().gt(0).lt(1).default(0.2).describe("P(alive) under which an account is dormant."),
      coolingMediansMin: z
        .number()
        .min(0)
        .max(100)
        .default(1.5)
        .describe("Cooling not before so many of its median gaps: the percentiles of clockwork lie at its median."),
      dormantMediansMin: z.number().min(0).max(100).default(3).describe("Dormant not before so many of its median gaps."),
      occasionHours: z
        .number()
        .min(0)
        .max(720)
        .default(12)
        .describe("What follows a contact within these hours is part of it, no rhythm of its own."),
      overdueDormantDays: z
        .number()
        .min(0)
        .max(3_650)
        .default(30)
        .describe("A promised contact overdue this long makes the account dormant; until then it is cooling."),
      order: z
        .array(z.enum(["cadence", "rhythm", "alive"]))
        .min(1)
        .max(3)
        .default(["cadence", "alive", "rhythm"])
        .describe("The first of these that has an answer decides."),
      regularityMin: z
        .number()
        .gt(0)
        .max(1000)
        .default(1.5)
        .describe("From this Wheat-Morrison k on, the own rhythm leads P(alive)."),
      modelAccountCountMin: z.int().min(10).max(1_000_000).default(100),
    })
    .prefault({}),
  balance: z
    .strictObject({
      sellingPurposes: z
        .array(slug)
        .min(1)
        .max(100)
        .default(["sales" as z.infer<typeof slug>]),
      sellingShareMax: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .describe("The planned upper bound of selling time as a share of all contact time."),
    })
    .prefault({}),
  vocabulary: z
    .strictObject({
      kinds: z.array(slug).max(1000).optional(),
      purposes: z.array(slug).max(1000).optional(),
      tags: z.array(slug).max(1000).optional(),
      channels: z.array(slug).max(1000).optional(),
    })
    .prefault({})
    .describe("Where a list is given, only its words are taken."),
});
export type PolicyDocument = z.infer<typeof policyDocument>;

export type Policy = PolicyDocument & {
  /** 0 is the built-in policy, in force until one is adopted. */
  version: number;
};

export const builtInPolicy: Policy = { ...policyDocument.parse({}), version: 0 };

export const policyEvents = { PolicyAdopted: z.strictObject({ version: z.int().min(1), policy: policyDocument }) };
export type PolicyEvent = EventOf<typeof policyEvents>;
export type AdoptPolicy = { type: "AdoptPolicy"; policy: PolicyDocument } & At;

export const policy: Decider<AdoptPolicy, PolicyEvent, Policy> = { initialState: builtInPolicy, decide: adopt, evolve };

function adopt(command: AdoptPolicy, state: Policy): Draft<PolicyEvent>[] {
  const { version, ...current } = state;
  checkPolicy(command.policy);
  if (version > 0 && JSON.stringify(current) === JSON.stringify(command.policy)) return [];
  return [{ type: "PolicyAdopted", data: { version: version + 1, policy: command.policy } }];
}

/** A quarter of an hour. The schema, which stored policies have to fit for ever, asks for more than nothing. */
const halfLifeDaysMin = 0.01;

/**
 * Checks what a schema alone can't.
 * @param base a JSON pointer to what holds the policy in the request.
 * @throws DomainError `terms-invalid` naming the field: an account would be dormant before it is cooling, a half-life is so short that
 *   everything is forgotten at once, an answer can never have its turn.
 */
export function checkPolicy({ trust, rapport, dormancy }: PolicyDocument, base = ""): void {
  for (const [part, { halfLifeDays }] of Object.entries({ trust, rapport }))
    if (halfLifeDays < halfLifeDaysMin)
      throw new DomainError("terms-invalid", `must be at least ${halfLifeDaysMin}`, `${base}/${part}/halfLifeDays`);
  if (new Set(dormancy.order).size < dormancy.order.length)
    throw new DomainError("terms-invalid", "names one answer twice", `${base}/dormancy/order`);
  if (dormancy.dormantPercentile < dormancy.coolingPercentile)
    throw new DomainError(
      "terms-invalid",
      "`dormantPercentile` lies below `coolingPercentile`",
      `${base}/dormancy/dormantPercentile`,
    );
  if (dormancy.aliveDormant > dormancy.aliveCooling)
    throw new DomainError("terms-invalid", "`aliveDormant` lies above `aliveCooling`", `${base}/dormancy/aliveDormant`);
}

function evolve(_state: Policy, event: PolicyEvent): Policy {
  return { ...event.data.policy, version: event.data.version };
}
