/** Did those renew whom we had kept our word to? Business outcomes against the trust just before each. */
import { z } from "zod";
import { wilsonInterval } from "../domain/keeping.ts";
import { priorMeanAt, trustScore } from "../domain/trust.ts";
import { type Instant, instant } from "../domain/values.ts";
import { policyInForce } from "../projections/parameters.ts";
import type { Views } from "../projections/views.ts";
import { hasEnded } from "./counted-outcomes.ts";
import { proportion, proportionOf } from "./keeping-rates.ts";
import { basis, defineQuery, inOrder, type Reading } from "./query.ts";
import { basisOf, score } from "./reading.ts";
import { trustOptions } from "./trust.ts";
import { decayIn, halfLifeSeconds } from "./trust-report.ts";

const compared = { renewals: ["renewed", "churned"], deals: ["won", "lost"] } as const;

/** Where bands of trust part; below the first an account has seen more broken than kept. */
const edges = [0, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

const warning =
  "This shows what went together, not what caused what: accounts that were going to stay may be easier to keep one's word to, and whoever is neglected is often lost for other reasons too.";

const tally = z.strictObject({
  favourable: z.int().describe("Renewed, or won."),
  unfavourable: z.int().describe("Churned, or lost."),
  rate: proportion.describe("Favourable ones of all, with Wilson's 95 % interval; null where there are none."),
});

export const renewalsReport = defineQuery({
  name: "renewals-report",
  path: "/reports/renewals",
  tag: "Reports",
  summary: "Renewals and losses by the trust that stood just before each",
  description:
    "For each business outcome the account's trust in us at that moment, from the promises whose outcomes lie before it, as known at the instant asked for. Rates by band of trust, with intervals. It is no proof of cause, and the answer says so.",
  scope: "read",
  isHeavy: true,
  params: z.strictObject({}),
  query: inOrder(
    z.strictObject({
      of: z.enum(["renewals", "deals"]).default("renewals").describe("Renewed against churned, or won against lost."),
      from: instant.optional().describe("Outcomes from this instant on."),
      until: instant.optional().describe("Outcomes before this instant."),
    }),
  ),
  answer: z.strictObject({
    of: z.enum(["renewals", "deals"]),
    bands: z.array(z.strictObject({ from: score, to: score.describe("Not part of the band, but for 1."), ...tally.shape })),
    withoutPromises: tally.describe("Accounts of which no promise had come out by then."),
    total: tally,
    warning: z.string(),
    basis,
  }),
  refusals: [],
  run(reading, { query }) {
    return reading.views.snapshot(() => {
      const found = outcomesWithTrust(reading.views, reading, query);
      const inBand = (from: number, to: number) =>
        found.filter(({ trust }) => trust !== null && trust >= from && (trust < to || (to === 1 && trust === 1)));
      return {
        of: query.of,
        bands: edges.slice(1).map((to, index) => ({ from: edges[index]!, to, ...tallyOf(inBand(edges[index]!, to)) })),
        withoutPromises: tallyOf(found.filter(({ trust }) => trust === null)),
        total: tallyOf(found),
        warning,
        basis: basisOf(reading),
      };
    });
  },
});

type Found = { isFavourable: boolean; trust: number | null };
type Asked = { of: keyof typeof compared; from?: string | undefined; until?: string | undefined };
type Row = { kind: string; occurred_at: Instant; positive: number; negative: number; outcomes: number };

/** Sums of what came out before each outcome, made in one pass over the accounts concerned. */
const rowsBefore = `
  SELECT b.kind, b.occurred_at, count(o.promise) AS outcomes,
    coalesce(sum(o.weight * o.credit * ${decayIn("o.at", "b.occurred_at")}), 0) AS positive,
    coalesce(sum(o.weight * (1 - o.credit) * ${decayIn("o.at", "b.occurred_at")}), 0) AS negative
  FROM business_outcomes b
  LEFT JOIN occurrences o ON o.account = b.account AND o.direction = 'given' AND o.credit IS NOT NULL AND o.at < b.occurred_at AND ${hasEnded}
  WHERE b.is_retracted = 0 AND b.kind IN (?4, ?5) AND b.occurred_at <= ?1 AND b.occurred_at >= ?6 AND b.occurred_at < ?7
  GROUP BY b.id`;

function outcomesWithTrust(views: Views, { asOf, knownAt }: Reading, { of, from = "", until = "9" }: Asked): Found[] {
  const options = trustOptions(views, policyInForce(views));
  const [favourable, unfavourable] = compared[of];
  const rows = views.all<Row>(rowsBefore, [asOf, knownAt, halfLifeSeconds(options), favourable, unfavourable, from, until]);
  return rows.map(({ kind, occurred_at, outcomes, ...sums }) => ({
    isFavourable: kind === favourable,
    trust: outcomes === 0 ? null : trustScore({ ...sums, prior: priorMeanAt(options, occurred_at) }),
  }));
}

function tallyOf(found: readonly Found[]): z.output<typeof tally> {
  const favourable = found.filter(({ isFavourable }) => isFavourable).length;
  const interval = wilsonInterval(favourable, found.length);
  return {
    favourable,
    unfavourable: found.length - favourable,
    rate: proportionOf(
      interval === null ? null : { kept: favourable, of: found.length, rate: favourable / found.length, interval },
    ),
  };
}
