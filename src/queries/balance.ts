/** How contact time divides between selling and everything else: hustle and relationship. */
import { z } from "zod";
import type { Policy } from "../domain/policy.ts";
import { accountId, type Instant, instant, personId, slug } from "../domain/values.ts";
import { policyInForce } from "../projections/parameters.ts";
import type { Views } from "../projections/views.ts";
import { basis, defineQuery, encodeCursor, inOrder, page, placeAfter } from "./query.ts";
import { basisOf, rounded } from "./reading.ts";
import { teamsIn } from "./teams.ts";

export const contactTimeAnswer = z.strictObject({
  interactions: z.int(),
  minutes: z.int(),
  sellingMinutes: z.int(),
  sellingShare: z.number().nullable().describe("Of all minutes; null where there are none."),
  sellingShareMax: z.number().nullable().describe("The policy's plan, where it has one."),
  minutesOverPlan: z.number().nullable().describe("Selling time beyond that plan, 0 within it; null where there is no plan."),
  byPurpose: z.array(z.strictObject({ purpose: slug, interactions: z.int(), minutes: z.int() })),
});

type Slice = { account?: string | undefined; person?: string | undefined; from?: string | undefined; until?: string | undefined };

export function contactTime(
  views: Views,
  policy: Policy,
  { account, person, from = "", until = "9" }: Slice,
): z.output<typeof contactTimeAnswer> {
  const who = [
    ...(account === undefined ? [] : [`account = ?`]),
    ...(person === undefined ? [] : [`id IN (SELECT interaction FROM participations WHERE person = ?)`]),
  ];
  const rows = views.all<PurposeRow>(
    `SELECT purpose, count(*) AS interactions, coalesce(sum(minutes), 0) AS minutes FROM interactions
     WHERE is_retracted = 0 AND started_at >= ? AND started_at < ? ${who.map((clause) => `AND ${clause}`).join(" ")} GROUP BY purpose ORDER BY purpose`,
    [from, until, ...[account, person].filter((one) => one !== undefined)],
  );
  return dividedBy(rows, policy);
}

type PurposeRow = { purpose: z.output<typeof slug>; interactions: number; minutes: number };

function dividedBy(rows: readonly PurposeRow[], policy: Policy): z.output<typeof contactTimeAnswer> {
  const { sellingPurposes, sellingShareMax = null } = policy.balance;
  const selling = new Set<string>(sellingPurposes);
  const minutes = rows.reduce((sum, row) => sum + row.minutes, 0);
  const sellingMinutes = rows.reduce((sum, row) => sum + (selling.has(row.purpose) ? row.minutes : 0), 0);
  return {
    interactions: rows.reduce((sum, row) => sum + row.interactions, 0),
    minutes,
    sellingMinutes,
    sellingShare: minutes === 0 ? null : rounded(sellingMinutes / minutes),
    sellingShareMax,
    minutesOverPlan: sellingShareMax === null ? null : rounded(Math.max(0, sellingMinutes - sellingShareMax * minutes)),
    byPurpose: rows.map(({ purpose, interactions, minutes }) => ({ purpose, interactions, minutes })),
  };
}

const groupings = z.enum(["none", "account", "person", "team", "month"]);
type Grouping = z.output<typeof groupings>;
type GroupRow = PurposeRow & { group: string | null; at: Instant | null };

/** Where a report looks: interactions by themselves, or the part that each of ours took in them. Their own lists are read in one go. */
const ofOurs = `interactions, json_each(interactions.participants) AS part`;
const sources: Record<Exclude<Grouping, "none">, { from: string; group: string; where: string }> = {
  account: { from: "interactions", group: "account", where: "TRUE" },
  month: { from: "interactions", group: "substr(started_at, 1, 7)", where: "TRUE" },
  person: { from: ofOurs, group: "part.value", where: "part.value IN (SELECT id FROM people WHERE account IS NULL)" },
  team: { from: ofOurs, group: "part.value", where: "part.value IN (SELECT id FROM people WHERE account IS NULL)" },
};

function groupedTime(views: Views, policy: Policy, by: Exclude<Grouping, "none">, slice: Slice) {
  const { from, group, where } = sources[by];
  const teams = by === "team" ? teamsIn(views) : undefined;
  const at = teams === undefined ? "NULL" : "CASE WHEN part.value IN (SELECT value FROM json_each(?3)) THEN started_at END";
  const rows = views.all<GroupRow>(
    `SELECT ${group} AS "group", ${at} AS at, purpose, count(*) AS interactions, coalesce(sum(minutes), 0) AS minutes
     FROM ${from} WHERE ${where} AND is_retracted = 0 AND started_at >= ?1 AND started_at < ?2 AND ?3 IS NOT NULL
       AND (?4 IS NULL OR account = ?4) AND (?5 IS NULL OR interactions.id IN (SELECT interaction FROM participations WHERE person = ?5))
     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
    [slice.from ?? "", slice.until ?? "9", JSON.stringify(teams?.movers ?? []), slice.account ?? null, slice.person ?? null],
  );
  const groups = Map.groupBy(rows, ({ group, at }) => (teams === undefined ? group : teams.teamOf(group, at)));
  return [...groups].map(([group, some]) => ({ group, ...dividedBy(addedUp(some), policy) }));
}

/** One row a purpose, in order of purposes. */
const addedUp = (rows: readonly PurposeRow[]): PurposeRow[] =>
  [...Map.groupBy(rows, ({ purpose }) => purpose)]
    .map(([purpose, some]) => ({
      purpose,
      interactions: some.reduce((sum, row) => sum + row.interactions, 0),
      minutes: some.reduce((sum, row) => sum + row.minutes, 0),
    }))
    .sort((a, b) => (a.purpose < b.purpose ? -1 : 1));

export const balance = defineQuery({
  name: "balance",
  path: "/reports/balance",
  tag: "Reports",
  summary: "How contact time divides between selling and the relationship, against the policy's plan",
  description:
    "As a whole, and by account, person, team or month, whoever is furthest over the plan first. By person and team it is the time of our people: a visit of two of them counts for each, to the team in which each was then.",
  scope: "read",
  isHeavy: true,
  params: z.strictObject({}),
  query: inOrder(
    z.strictObject({
      ...page,
      by: groupings.default("none"),
      account: accountId.optional(),
      person: personId.optional(),
      from: instant.optional(),
      until: instant.optional(),
    }),
  ),
  answer: z.strictObject({
    ...contactTimeAnswer.shape,
    groups: z
      .array(
        z.strictObject({
          group: z.string().nullable().describe("Null for people without a team."),
          ...contactTimeAnswer.shape,
        }),
      )
      .describe("Empty without `by`."),
    next: z.string().nullable(),
    basis,
  }),
  refusals: [],
  run(reading, { query }) {
    const { views } = reading;
    const { by, limit, ...slice } = query;
    const first = placeAfter(query.after);
    return views.snapshot(() => {
      const policy = policyInForce(views);
      const groups = by === "none" ? [] : furthestFirst(groupedTime(views, policy, by, slice));
      const next = first + limit < groups.length ? encodeCursor([first + limit]) : null;
      return {
        ...contactTime(views, policy, slice),
        groups: groups.slice(first, first + limit),
        next,
        basis: basisOf(reading),
      };
    });
  },
});

type Group = { group: string | null } & z.output<typeof contactTimeAnswer>;

/** Over the plan by most minutes; where there is no plan, or all keep to it, by selling time. */
const furthestFirst = (groups: readonly Group[]): Group[] =>
  groups.toSorted(
    (a, b) =>
      (b.minutesOverPlan ?? 0) - (a.minutesOverPlan ?? 0) ||
      b.sellingMinutes - a.sellingMinutes ||
      ((a.group ?? "") < (b.group ?? "") ? -1 : 1),
  );
