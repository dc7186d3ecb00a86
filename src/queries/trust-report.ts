/** Trust of a whole portfolio, ranked: by account, promisor or team, its sums made where the outcomes lie. */
import { z } from "zod";
import { priorMeanAt, type TrustOptions, trustOfSums, trustScore, type TrustSums } from "../domain/trust.ts";
import { dayMs, promiseDirection } from "../domain/values.ts";
import { policyInForce } from "../projections/parameters.ts";
import type { Views } from "../projections/views.ts";
import { hasEnded, isPending } from "./counted-outcomes.ts";
import { basis, defineQuery, encodeCursor, type Instants, page, placeAfter } from "./query.ts";
import { band, basisOf, rounded, score } from "./reading.ts";
import { isWithin, teamsIn, type Within } from "./teams.ts";
import { trustOptions } from "./trust.ts";

const groupings = z.enum(["account", "promisor", "team"]);

/** What is left of a weight of 1 from one instant to a later one, as SQL: `?3` is the half-life in seconds. */
export const decayIn = (from: string, to: string): string =>
  `pow(2, (unixepoch(${from}, 'subsec') - unixepoch(${to}, 'subsec')) / ?3)`;
export const halfLifeSeconds = ({ halfLifeDays }: TrustOptions): number => (halfLifeDays * dayMs) / 1_000;

const ended = `(credit IS NOT NULL AND ${hasEnded})`;
const decay = decayIn("at", "?1");

export type GroupSums = { group: string | null; positive: number; negative: number; outcomes: number; pending: number };

/** Decayed sums of outcomes, by group. `?1` and `?2` are the instants, `?4` the direction, `?5` those whose team depends on the instant, `?6` whose are meant. */
const sumsBy = (group: string, at: string, within: string): string =>
  `SELECT ${group} AS "group", ${at} AS at,
     coalesce(sum(CASE WHEN ${ended} THEN weight * credit * ${decay} END), 0) AS positive,
     coalesce(sum(CASE WHEN ${ended} THEN weight * (1 - credit) * ${decay} END), 0) AS negative,
     count(CASE WHEN ${ended} THEN 1 END) AS outcomes,
     count(CASE WHEN NOT (${hasEnded}) THEN 1 END) AS pending
   FROM occurrences WHERE (?4 IS NULL OR direction = ?4) AND verdict IS NOT NULL AND (${ended} OR (${isPending} AND NOT (${hasEnded}))) AND ?5 IS NOT NULL${within}
   GROUP BY 1, 2`;

type Asked = { by: z.output<typeof groupings>; direction?: string; within?: Within };

export function trustSums(
  views: Views,
  { by, direction, within }: Asked,
  options: TrustOptions,
  { asOf, knownAt }: Instants,
): GroupSums[] {
  const teams = by === "team" ? teamsIn(views) : undefined;
  const column = by === "account" ? "account" : "promisor";
  const at =
    teams === undefined ? "NULL" : "CASE WHEN promisor IN (SELECT value FROM json_each(?5)) THEN coalesce(due_at, at) END";
  const movers = JSON.stringify(teams?.movers ?? []);
  const rows = views.all<GroupSums & { at: string | null }>(
    sumsBy(column, at, within === undefined ? "" : ` AND ${isWithin("?6")}`),
    [asOf, knownAt, halfLifeSeconds(options), direction ?? null, movers, ...(within === undefined ? [] : [within])],
  );
  if (teams === undefined) return rows;
  const byTeam = Map.groupBy(rows, ({ group, at }) => teams.teamOf(group, at as Instants["asOf"] | null));
  return [...byTeam].map(([group, some]) => ({ group, ...summed(some) }));
}

export function summed(some: readonly Omit<GroupSums, "group">[]): Omit<GroupSums, "group"> {
  const sum = { positive: 0, negative: 0, outcomes: 0, pending: 0 };
  for (const each of some) for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += each[name];
  return sum;
}

export const trustReport = defineQuery({
  name: "trust-report",
  path: "/reports/trust",
  tag: "Reports",
  summary: "Trust by account, promisor or team, ranked",
  description:
    "The score of each group over all its outcomes, as the trust of one account has it, with the band in which it lies; the highest first unless the lowest are asked for. A group with few outcomes has a wide band: a rank says little where bands overlap. What contact itself adds under some policies is left out.",
  scope: "read",
  isHeavy: true,
  params: z.strictObject({}),
  query: z.strictObject({
    ...page,
    by: groupings.default("account"),
    direction: promiseDirection.default("given").describe("`given`: trust in us. `received`: ours in them."),
    first: z.enum(["highest", "lowest"]).default("highest"),
  }),
  answer: z.strictObject({
    by: groupings,
    direction: promiseDirection,
    groups: z.int().describe("How many there are in all."),
    items: z.array(
      z.strictObject({
        group: z.string().nullable().describe("Null for promisors without a team."),
        rank: z.int().describe("1 for the highest score, whatever comes first."),
        score,
        band,
        outcomes: z.int(),
        pending: z.int().describe("Past their deadline and not settled; no part of the score."),
      }),
    ),
    next: z.string().nullable(),
    basis,
  }),
  refusals: [],
  run(reading, { query }) {
    const { views, asOf } = reading;
    return views.snapshot(() => {
      const options = trustOptions(views, policyInForce(views));
      const prior = priorMeanAt(options, asOf);
      const sums = trustSums(views, query, options, reading);
      const ordered = inRank(sums.map((each) => ({ ...each, prior })));
      const wanted = query.first === "highest" ? ordered : ordered.toReversed();
      const from = placeAfter(query.after);
      const shown = wanted.slice(from, from + query.limit);
      return {
        by: query.by,
        direction: query.direction,
        groups: ordered.length,
        items: shown.map(({ rank, ...each }) => itemOf(each, rank, asOf)),
        next: from + query.limit < wanted.length ? encodeCursor([from + query.limit]) : null,
        basis: basisOf(reading),
      };
    });
  },
});

type Ranked = GroupSums & TrustSums;

const inRank = (groups: readonly Ranked[]): (Ranked & { rank: number })[] =>
  groups
    .map((each) => ({ each, score: rounded(trustScore(each)) }))
    .sort(
      (a, b) => b.score - a.score || b.each.outcomes - a.each.outcomes || ((a.each.group ?? "") < (b.each.group ?? "") ? -1 : 1),
    )
    .map(({ each }, index) => ({ ...each, rank: index + 1 }));

function itemOf({ group, pending, positive, negative, prior, outcomes }: Ranked, rank: number, asOf: Instants["asOf"]) {
  const trust = trustOfSums({ positive, negative, prior, outcomes }, asOf);
  return {
    group,
    rank,
    score: rounded(trust.score),
    band: { low: rounded(trust.band.low), high: rounded(trust.band.high) },
    outcomes,
    pending,
  };
}
