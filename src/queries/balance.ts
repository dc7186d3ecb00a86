/** How contact time divides between selling and everything else: hustle and relationship. */
import { z } from "zod";
import type { Policy } from "../domain/policy.ts";
import { accountId, instant, personId, slug } from "../domain/values.ts";
import { policyInForce } from "../projections/parameters.ts";
import type { Views } from "../projections/views.ts";
import { basis, defineQuery, inOrder } from "./query.ts";
import { basisOf, rounded } from "./reading.ts";

export const contactTimeAnswer = z.strictObject({
  interactions: z.int(),
  minutes: z.int(),
  sellingMinutes: z.int(),
  sellingShare: z.number().nullable().describe("Of all minutes; null where there are none."),
  sellingShareMax: z.number().nullable().describe("The policy's plan, where it has one."),
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
  const rows = views.all<{ purpose: z.output<typeof slug>; interactions: number; minutes: number }>(
    `SELECT purpose, count(*) AS interactions, coalesce(sum(minutes), 0) AS minutes FROM interactions
     WHERE is_retracted = 0 AND started_at >= ? AND started_at < ? ${who.map((clause) => `AND ${clause}`).join(" ")} GROUP BY purpose ORDER BY purpose`,
    [from, until, ...[account, person].filter((one) => one !== undefined)],
  );
  const selling = new Set<string>(policy.balance.sellingPurposes);
  const minutes = rows.reduce((sum, row) => sum + row.minutes, 0);
  const sellingMinutes = rows.reduce((sum, row) => sum + (selling.has(row.purpose) ? row.minutes : 0), 0);
  return {
    interactions: rows.reduce((sum, row) => sum + row.interactions, 0),
    minutes,
    sellingMinutes,
    sellingShare: minutes === 0 ? null : rounded(sellingMinutes / minutes),
    sellingShareMax: policy.balance.sellingShareMax ?? null,
    byPurpose: rows.map(({ purpose, interactions, minutes }) => ({ purpose, interactions, minutes })),
  };
}

export const balance = defineQuery({
  name: "balance",
  path: "/reports/balance",
  tag: "Reports",
  summary: "How contact time divides between selling and the relationship",
  scope: "read",
  isHeavy: true,
  params: z.strictObject({}),
  query: inOrder(
    z.strictObject({
      account: accountId.optional(),
      person: personId.optional(),
      from: instant.optional(),
      until: instant.optional(),
    }),
  ),
  answer: z.strictObject({ ...contactTimeAnswer.shape, basis }),
  refusals: [],
  run(reading, { query }) {
    const { views } = reading;
    return views.snapshot(() => ({ ...contactTime(views, policyInForce(views), query), basis: basisOf(reading) }));
  },
});
