/** How often promises are kept: by promisor, account, team, kind, direction or period, one way or two, with intervals and everything that was left out. */
import { z } from "zod";
import {
  fitPeerPrior,
  keepingRate,
  type KeepingFigures,
  type KeepingRate,
  type PeerPrior,
  shrunkRate,
} from "../domain/keeping.ts";
import { accountId, type Instant, instant, partyId, promiseDirection, slug } from "../domain/values.ts";
import type { Views } from "../projections/views.ts";
import { type CountedOutcome, countedOutcomes, type OutcomeGrouping, outcomeGroupings } from "./counted-outcomes.ts";
import { basis, defineQuery, inOrder } from "./query.ts";
import { basisOf, rounded } from "./reading.ts";
import { teamsIn } from "./teams.ts";

export const proportion = z
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

export const proportionOf = (of: KeepingFigures["lateAsKept"]): z.output<typeof proportion> =>
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

const groupings = z.enum(outcomeGroupings);

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
      by: groupings.default("none").describe("Months, quarters and years are those of UTC."),
      and: groupings.optional().describe("A second grouping within the first, such as `kind` within `promisor`."),
      direction: promiseDirection.optional(),
      promisor: partyId.optional(),
      account: accountId.optional(),
      kind: slug.optional(),
      from: instant.optional().describe("Outcomes from this instant on."),
      until: instant.optional().describe("Outcomes before this instant."),
    }),
  ).refine(({ by, and }) => and === undefined || and === "none" || and !== by, {
    path: ["and"],
    error: "must be another grouping than `by`",
  }),
  answer: z.strictObject({
    by: groupings,
    and: groupings.nullable(),
    groups: z.array(
      z.strictObject({
        group: z.string().nullable().describe("Null where there is one group, or for outcomes without a team."),
        and: z.string().nullable().describe("Of the second grouping; null where there is none."),
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
      const groups = [...grouped(views, outcomes, query)].map(({ some, ...names }) => ({
        ...names,
        keeping: keepingOf(keepingRate(some)),
      }));
      return { by: query.by, and: query.and ?? null, groups: ranked(groups), basis: basisOf(reading) };
    });
  },
});

type Names = { group: string | null; and: string | null };

function grouped(
  views: Views,
  outcomes: readonly CountedOutcome[],
  { by, and }: { by: OutcomeGrouping; and?: OutcomeGrouping | undefined },
): (Names & { some: CountedOutcome[] })[] {
  const isByTeam = by === "team" || and === "team";
  const teams = isByTeam ? teamsIn(views) : undefined;
  const nameIn = (grouping: OutcomeGrouping | undefined, name: string | null, dueAt: Instant | null) =>
    grouping === "team" ? teams!.teamOf(name, dueAt) : name;
  const named = outcomes.map((outcome) => ({
    outcome,
    group: nameIn(by, outcome.group, outcome.dueAt),
    and: nameIn(and, outcome.and, outcome.dueAt),
  }));
  return [...Map.groupBy(named, ({ group, and }) => JSON.stringify([group, and])).values()].map((some) => ({
    group: some[0]!.group,
    and: some[0]!.and,
    some: some.map(({ outcome }) => outcome),
  }));
}

type Group = { group: string | null; and?: string | null; keeping: { lateAsKept: { kept: number; of: number } | null } };

/** By the empirical-Bayes estimate, best first: a short record stays near the others' mean. */
export function ranked<Ranked extends Group>(groups: readonly Ranked[]) {
  const prior = fitPeerPrior(
    groups.map(({ keeping }) => ({ kept: keeping.lateAsKept?.kept ?? 0, of: keeping.lateAsKept?.of ?? 0 })),
  );
  const estimated = groups.map((group) => ({ group, estimate: estimateOf(group, prior) }));
  const order = estimated.toSorted((a, b) => b.estimate - a.estimate || compare(nameOf(a.group), nameOf(b.group)));
  return order.map(({ group, estimate }, index) => ({
    ...group,
    ranking: estimate < 0 ? null : { estimate: rounded(estimate), rank: index + 1 },
  }));
}

const estimateOf = ({ keeping: { lateAsKept } }: Group, prior: PeerPrior | null): number =>
  prior === null || lateAsKept === null ? -1 : shrunkRate(lateAsKept, prior);

const nameOf = ({ group, and }: Group): string => `${group ?? ""} ${and ?? ""}`;
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
