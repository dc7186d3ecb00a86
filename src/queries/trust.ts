/** How far an account can rely on us, or we on it: a score with its band, and what moved it, step by step. */
import { z } from "zod";
import { rapportAt } from "../domain/rapport.ts";
import type { Policy } from "../domain/policy.ts";
import { type Trust, trustAt, trustTimeline, type TrustOptions, type TrustOutcome } from "../domain/trust.ts";
import {
  accountId,
  type AccountId,
  type Instant,
  instant,
  partyId,
  promiseDirection,
  type PromiseDirection,
} from "../domain/values.ts";
import { interactionsOf } from "../projections/interactions.ts";
import { policyInForce, priorsOf } from "../projections/parameters.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import type { Views } from "../projections/views.ts";
import { basis, defineQuery, type Instants } from "./query.ts";
import { band, basisOf, isPendingRow, onOwnAccount, requireAccountRow, rounded, score, trustOutcomes } from "./reading.ts";

const change = z.strictObject({
  total: z.number(),
  decay: z.number().describe("What forgetting since the point before took or gave."),
  event: z.number().describe("What this outcome added."),
  prior: z.number().describe("What a newly fitted prior changed."),
});

const point = z.strictObject({
  at: instant,
  score,
  band,
  change,
  outcome: z
    .strictObject({
      promise: z.string(),
      occurrence: z.int(),
      verdict: z.string(),
      credit: z.number(),
      weight: z.number(),
      evidence: z.array(z.string()),
    })
    .nullable()
    .describe("The outcome that made this point; null for the last one, which is the instant asked for."),
});

export const trustAnswer = z.strictObject({
  score,
  band: band.describe("The middle 95 % of the posterior."),
  opinion: z.strictObject({ belief: score, disbelief: score, uncertainty: score }),
  positive: z.number(),
  negative: z.number(),
  prior: score,
  outcomes: z.int(),
  pending: z.int().describe("Past their deadline and not settled; no part of the score."),
});

/** Trust over stored occurrences. */
export function trustOver(
  rows: readonly OccurrenceRow[],
  options: TrustOptions,
  instants: Instants,
  more: readonly TrustOutcome[] = [],
): z.output<typeof trustAnswer> {
  const trust = trustAt([...trustOutcomes(rows, instants), ...more], options, instants.asOf);
  return trustAnswerOf(trust, rows.filter((row) => isPendingRow(row, instants)).length);
}

export const trustAnswerOf = (trust: Trust, pending: number): z.output<typeof trustAnswer> => ({
  score: rounded(trust.score),
  band: roundedBand(trust.band),
  opinion: {
    belief: rounded(trust.opinion.belief),
    disbelief: rounded(trust.opinion.disbelief),
    uncertainty: rounded(trust.opinion.uncertainty),
  },
  positive: rounded(trust.positive),
  negative: rounded(trust.negative),
  prior: trust.prior,
  outcomes: trust.outcomes,
  pending,
});

const roundedBand = ({ low, high }: { low: number; high: number }) => ({ low: rounded(low), high: rounded(high) });

export const trustOptions = (views: Views, policy: Policy): TrustOptions => ({
  halfLifeDays: policy.trust.halfLifeDays,
  priorMean: policy.trust.priorMean,
  priors: priorsOf(views),
});

/** A policy may let contact itself count a little; by default it does not. */
export function contactEvidence(
  views: Views,
  account: AccountId,
  direction: PromiseDirection,
  { trust }: Policy,
): TrustOutcome[] {
  if (trust.interactionEvidenceWeight === 0) return [];
  const from = direction === "given" ? "outbound" : "inbound";
  return interactionsOf(views, account)
    .filter(({ isRetracted, direction: sought }) => !isRetracted && (sought === from || sought === "mutual"))
    .map(({ startedAt, id, position }) => ({
      at: startedAt,
      weight: trust.interactionEvidenceWeight,
      credit: 1,
      promise: "",
      occurrence: 0,
      verdict: "contact",
      evidence: [id],
      position,
    }));
}

export const accountTrust = defineQuery({
  name: "account-trust",
  path: "/accounts/:account/trust",
  tag: "Trust",
  summary: "The trust timeline of an account",
  description:
    "Each point explains itself: the change since the point before is the sum of forgetting and of the outcome named. Rapport and self-orientation stand beside the score and are no part of it.",
  scope: "read",
  boundTo: onOwnAccount,
  params: z.strictObject({ account: accountId }),
  query: z.strictObject({
    direction: promiseDirection.default("given").describe("`given`: the account's trust in us. `received`: ours in it."),
    promisor: partyId.optional().describe("One promisor alone, such as the salesperson; all of that side where absent."),
  }),
  answer: z.strictObject({
    account: accountId,
    direction: promiseDirection,
    promisor: partyId.nullable(),
    ...trustAnswer.shape,
    rapport: z.strictObject({
      score: z.number(),
      twoWayShare: z.number().nullable(),
      selfOrientation: z.number().nullable(),
      interactions: z.int(),
    }),
    timeline: z.array(point),
    basis,
  }),
  refusals: ["account-not-found"],
  run(reading, { params: { account }, query: { direction, promisor } }) {
    const { views, asOf } = reading;
    return views.snapshot(() => {
      requireAccountRow(views, account);
      const policy = policyInForce(views);
      const options = trustOptions(views, policy);
      const rows = views.all<OccurrenceRow>(
        `SELECT * FROM occurrences WHERE account = ? AND direction = ? AND (? IS NULL OR promisor = ?) ORDER BY at, position, occurrence`,
        [account, direction, promisor ?? null, promisor ?? null],
      );
      const contacts = contactEvidence(views, account, direction, policy);
      const timeline = trustTimeline([...trustOutcomes(rows, reading), ...contacts], options, asOf).map(
        ({ at, score, band, change, outcome }) => ({
          at,
          score: rounded(score),
          band: roundedBand(band),
          change: {
            total: rounded(change.total),
            decay: rounded(change.decay),
            event: rounded(change.event),
            prior: rounded(change.prior),
          },
          outcome:
            outcome === null
              ? null
              : {
                  promise: outcome.promise,
                  occurrence: outcome.occurrence,
                  verdict: outcome.verdict,
                  credit: outcome.credit,
                  weight: outcome.weight,
                  evidence: [...outcome.evidence],
                },
        }),
      );
      return {
        account,
        direction,
        promisor: promisor ?? null,
        ...trustOver(rows, options, reading, contacts),
        rapport: rapportOf(views, account, policy, asOf),
        timeline,
        basis: basisOf(reading),
      };
    });
  },
});

export function rapportOf(views: Views, account: AccountId, policy: Policy, asOf: Instant) {
  const { halfLifeDays, weightByKind, weightByPurpose } = policy.rapport;
  const { sellingPurposes } = policy.balance;
  const interactions = interactionsOf(views, account)
    .filter(({ isRetracted }) => !isRetracted)
    .map(({ startedAt, kind, purpose, direction, minutes, position }) => ({
      at: startedAt,
      kind,
      purpose,
      direction,
      minutes,
      position,
    }));
  const rapport = rapportAt(
    interactions,
    { halfLifeDays, weightByKind, weightByPurpose, sellingPurposes: new Set<string>(sellingPurposes) },
    asOf,
  );
  return {
    score: rounded(rapport.rapport),
    twoWayShare: rapport.twoWayShare === null ? null : rounded(rapport.twoWayShare),
    selfOrientation: rapport.selfOrientation === null ? null : rounded(rapport.selfOrientation),
    interactions: rapport.interactions,
  };
}
