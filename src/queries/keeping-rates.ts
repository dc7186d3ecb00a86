/** How often promises are kept: by promisor, account, team, kind, direction or month, with intervals and everything that was left out. */
import { z } from "zod";
import {
  fitPeerPrior,
  keepingRate,
  type KeepingFigures,
  type KeepingRate,
  type PeerPrior,
  shrunkRate,
} from "../domain/keeping.ts";
import { type PersonPlace, teamAt } from "../domain/person.ts";
import { accountId, type Instant, instant, partyId, promiseDirection, slug } from "../domain/values.ts";
import type { Views } from "../projections/views.ts";
import { type CountedOutcome, countedOutcomes } from "./counted-outcomes.ts";
import { basis, defineQuery, inOrder } from "./query.ts";
import { basisOf, rounded } from "./reading.ts";

const proportion = z
  .strictObject({ kept: z.int(), of: z.int(), rate: z.number(), interval: z.strictObject({ low: z.number(), high: z.number() }) })
  .nullable();

const figures = {
  counts: z.strictObject({ kept: z.int(), keptLate: z.int(), partlyKept: z.int(), broken: z.int() }),
  excluded: z.record(z.string(), z.int()).describe("Outcomes that count in no rate, by reason."),
  pending: z.int().describe("Past their deadline and not settled."),
  lateAsKept: proportion.describe("The rate with late keepings counted as kept; null where there is nothing to count."),
  lateAsNotKept: proportion,
  meanCredit: z.number().nullable().describe("Mean of the lateness credits."),
};
export const keepingAnswer = z.strictObject({
  ...figures,
  disputes: z
    .strictObject({ open: z.int(), allUpheld: z.strictObject(figures), allDismissed: z.strictObject(figures) })
    .nullable()
    .describe("The figures if every open dispute went one way; null where none is open."),
});

const figuresOf = ({
  counts,
  excluded,
  pending,
  lateAsKept,
  lateAsNotKept,
  meanCredit,
}: KeepingFigures): z.output<z.ZodObject<typeof figures>> => ({
  counts,
  excluded,
  pending,
  lateAsKept: proportionOf(lateAsKept),
  lateAsNotKept: proportionOf(lateAsNotKept),
  meanCredit: meanCredit === null ? null : rounded(meanCredit),
});

const proportionOf = (of: KeepingFigures["lateAsKept"]): z.output<typeof proportion> =>
  of === null
    ? null
    : {
        kept: of.kept,
        of: of.of,
        rate: rounded(of.rate),
        interval: { low: rounded(of.interval.low), high: rounded(of.interval.high) },
      };

export const keepingOf = (rate: KeepingRate): z.output<typeof keepingAnswer> => ({
  ...figuresOf(rate),
  disputes:
    rate.disputes.open === 0
      ? null
      : {
          open: rate.disputes.open,
          allUpheld: figuresOf(rate.disputes.allUpheld),
          allDismissed: figuresOf(rate.disputes.allDismissed),
        },
});

const groupings = z.enum(["none", "promisor", "account", "team", "kind", "direction", "month"]);

export const keepingRates = defineQuery({
  name: "keeping-rates",
  path: "/reports/keeping-rates",
  tag: "Reports",
  summary: "Commitment-keeping rates",
  description:
    "k of n with Wilson's 95 % interval, the mean credit beside it, and for ranking the empirical-Bayes estimate over the groups compared. An outcome counts to whoever was promisor when it was due, and to that person's team of that time.",
  scope: "read",
  isHeavy: true,
  params: z.strictObject({}),
  query: inOrder(
    z.strictObject({
      by: groupings.default("none"),
      direction: promiseDirection.optional(),
      promisor: partyId.optional(),
      account: accountId.optional(),
      kind: slug.optional(),
      from: instant.optional().describe("Outcomes from this instant on."),
      until: instant.optional().describe("Outcomes before this instant."),
    }),
  ),
  answer: z.strictObject({
    by: groupings,
    groups: z.array(
      z.strictObject({
        group: z.string().nullable().describe("Null where there is one group, or for outcomes without a team."),
        keeping: keepingAnswer,
        ranking: z
          .strictObject({ estimate: z.number(), rank: z.int() })
          .nullable()
          .describe("Empirical Bayes over the groups, late keepings counted as kept; null where it can't be fitted."),
      }),
    ),
    basis,
  }),
  refusals: [],
  run(reading, { query }) {
    const { views } = reading;
    return views.snapshot(() => {
      const outcomes = countedOutcomes(views, query, reading);
      const groups = [...Map.groupBy(outcomes, grouping(views, query.by))].map(([group, some]) => ({
        group,
        keeping: keepingOf(keepingRate(some)),
      }));
      return { by: query.by, groups: ranked(groups), basis: basisOf(reading) };
    });
  },
});

function grouping(views: Views, by: z.output<typeof groupings>): (outcome: CountedOutcome) => string | null {
  if (by !== "team") return ({ group }) => group;
  const places = new Map(
    views
      .all<{ id: string; places: string }>(`SELECT id, places FROM people`)
      .map(({ id, places }) => [id, JSON.parse(places) as (PersonPlace & { from: Instant })[]]),
  );
  return ({ group, dueAt }) => teamAt(places.get(group!) ?? [], dueAt!) ?? null;
}

type Group = { group: string | null; keeping: { lateAsKept: { kept: number; of: number } | null } };

/** By the empirical-Bayes estimate, best first: a short record stays near the others' mean. */
export function ranked<Ranked extends Group>(groups: readonly Ranked[]) {
  const prior = fitPeerPrior(
    groups.map(({ keeping }) => ({ kept: keeping.lateAsKept?.kept ?? 0, of: keeping.lateAsKept?.of ?? 0 })),
  );
  const estimated = groups.map((group) => ({ group, estimate: estimateOf(group, prior) }));
  const order = estimated.toSorted((a, b) => b.estimate - a.estimate || compare(a.group.group ?? "", b.group.group ?? ""));
  return order.map(({ group, estimate }, index) => ({
    ...group,
    ranking: estimate < 0 ? null : { estimate: rounded(estimate), rank: index + 1 },
  }));
}

const estimateOf = ({ keeping: { lateAsKept } }: Group, prior: PeerPrior | null): number =>
  prior === null || lateAsKept === null ? -1 : shrunkRate(lateAsKept, prior);

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
