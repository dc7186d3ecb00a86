/** Accounts by when they were first promised something, and what became of them since. */
import { z } from "zod";
import { keepingRate, type KeepingVerdict } from "../domain/keeping.ts";
import { priorMeanAt } from "../domain/trust.ts";
import { promiseDirection } from "../domain/values.ts";
import { policyInForce } from "../projections/parameters.ts";
import type { Views } from "../projections/views.ts";
import { hasEnded, periodOf } from "./counted-outcomes.ts";
import { proportion, proportionOf } from "./keeping-rates.ts";
import { basis, defineQuery, type Reading } from "./query.ts";
import { basisOf, rounded, score } from "./reading.ts";
import { trustOptions } from "./trust.ts";
import { decayIn, halfLifeSeconds } from "./trust-report.ts";

const units = z.enum(["month", "quarter"]);
type Unit = z.output<typeof units>;

/** Periods since year 0, as SQL. */
const countOf: Record<Unit, (at: string) => string> = {
  month: (at) => `(CAST(substr(${at}, 1, 4) AS INTEGER) * 12 + CAST(substr(${at}, 6, 2) AS INTEGER))`,
  quarter: (at) => `(CAST(substr(${at}, 1, 4) AS INTEGER) * 4 + (CAST(substr(${at}, 6, 2) AS INTEGER) + 2) / 3)`,
};

/** `?4` is the direction: the first promise that runs so. */
const firsts = (unit: Unit): string =>
  `firsts AS (SELECT account, ${periodOf[unit]("min(made_at)")} AS cohort, ${countOf[unit]("min(made_at)")} AS since
   FROM promises WHERE direction = ?4 GROUP BY account)`;

const states = ["new", "active", "cooling", "dormant", "closed"] as const;
const kinds = ["won", "lost", "renewed", "churned"] as const;

export const cohortsReport = defineQuery({
  name: "cohorts-report",
  path: "/reports/cohorts",
  tag: "Reports",
  summary: "Accounts by the time of their first promise: keeping, trust, dormancy and renewals as they age",
  description:
    "A cohort is the accounts that were first promised something in the same month or quarter (UTC). Its ages count such periods since then: at age 0 lies what came out in the very period of the first promise. Younger cohorts have had less time; compare like ages. Trust and states are those at the instant asked for: `asOf` shows them at an earlier age.",
  scope: "read",
  isHeavy: true,
  params: z.strictObject({}),
  query: z.strictObject({
    by: units.default("quarter"),
    direction: promiseDirection
      .default("given")
      .describe("`given`: first promised something by us. `received`: first promised us something."),
  }),
  answer: z.strictObject({
    by: units,
    direction: promiseDirection,
    cohorts: z.array(
      z.strictObject({
        cohort: z.string().describe("`2026-01` or `2026-Q1`."),
        accounts: z.int(),
        meanTrust: score.describe("Mean of the accounts' scores at the instant asked for."),
        states: z.strictObject({ new: z.int(), active: z.int(), cooling: z.int(), dormant: z.int(), closed: z.int() }),
        ages: z.array(
          z.strictObject({
            age: z.int().min(0),
            keeping: proportion.describe("Late keepings counted as kept; null where nothing was to be kept."),
            meanCredit: z.number().nullable(),
            outcomes: z.strictObject({ won: z.int(), lost: z.int(), renewed: z.int(), churned: z.int() }),
          }),
        ),
      }),
    ),
    basis,
  }),
  refusals: [],
  run(reading, { query }) {
    const { views } = reading;
    return views.snapshot(() => {
      const ages = agesIn(views, reading, query);
      const standing = statesIn(views, reading, query);
      const cohorts = trustIn(views, reading, query).map(({ cohort, accounts, trust }) => ({
        cohort,
        accounts,
        meanTrust: rounded(trust),
        states: Object.fromEntries(states.map((state) => [state, standing.get(`${cohort} ${state}`) ?? 0])),
        ages: ages.get(cohort) ?? [],
      }));
      return { by: query.by, direction: query.direction, cohorts, basis: basisOf(reading) } as never;
    });
  },
});

type Asked = { by: Unit; direction: string };

function trustIn(views: Views, { asOf, knownAt }: Reading, { by, direction }: Asked) {
  const options = trustOptions(views, policyInForce(views));
  const prior = priorMeanAt(options, asOf);
  const decay = decayIn("at", "?1");
  return views.all<{ cohort: string; accounts: number; trust: number }>(
    `WITH ${firsts(by)}, sums AS (
       SELECT account, sum(weight * credit * ${decay}) AS positive, sum(weight * (1 - credit) * ${decay}) AS negative
       FROM occurrences WHERE direction = ?4 AND credit IS NOT NULL AND ${hasEnded} GROUP BY account)
     SELECT cohort, count(*) AS accounts,
       avg((2 * ?5 + coalesce(positive, 0)) / (2 + coalesce(positive, 0) + coalesce(negative, 0))) AS trust
     FROM firsts LEFT JOIN sums USING (account) GROUP BY cohort ORDER BY cohort`,
    [asOf, knownAt, halfLifeSeconds(options), direction, prior],
  );
}

/** Counts by cohort and state: what the stored thresholds mean as of the instant. */
function statesIn(views: Views, { asOf }: Reading, { by, direction }: Asked): Map<string, number> {
  const rows = views.all<{ cohort: string; state: string; accounts: number }>(
    `WITH ${firsts(by)}
     SELECT cohort, CASE WHEN a.status = 'closed' THEN 'closed' WHEN coalesce(d.decided_by, 'history') = 'history' THEN 'new'
       WHEN d.dormant_at <= ?1 THEN 'dormant' WHEN d.cooling_at <= ?1 THEN 'cooling' ELSE 'active' END AS state, count(*) AS accounts
     FROM firsts JOIN accounts a ON a.id = firsts.account LEFT JOIN dormancy d ON d.account = firsts.account GROUP BY 1, 2`,
    [asOf, null, null, direction],
  );
  return new Map(rows.map(({ cohort, state, accounts }) => [`${cohort} ${state}`, accounts]));
}

type Cell = { cohort: string; age: number };
type Age = { age: number; keeping: z.output<typeof proportion>; meanCredit: number | null; outcomes: Record<string, number> };

function agesIn(views: Views, { asOf, knownAt }: Reading, { by, direction }: Asked): Map<string, Age[]> {
  const age = (at: string) => `${countOf[by](at)} - since AS age`;
  const judged = views.all<Cell & { verdict: KeepingVerdict; credit: number; times: number }>(
    `WITH ${firsts(by)}
     SELECT cohort, ${age("at")}, verdict, credit, count(*) AS times FROM occurrences JOIN firsts USING (account)
     WHERE direction = ?4 AND credit IS NOT NULL AND ${hasEnded} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4`,
    [asOf, knownAt, null, direction],
  );
  const business = views.all<Cell & { kind: string; times: number }>(
    `WITH ${firsts(by)}
     SELECT cohort, ${age("occurred_at")}, kind, count(*) AS times FROM business_outcomes JOIN firsts USING (account)
     WHERE is_retracted = 0 AND occurred_at <= ?1 GROUP BY 1, 2, 3`,
    [asOf, null, null, direction],
  );
  // What came out before the first promise belongs to no age.
  const cells = Map.groupBy(
    [...judged, ...business].filter((cell) => cell.age >= 0),
    ({ cohort }) => cohort,
  );
  return new Map([...cells].map(([cohort, some]) => [cohort, agesOf(some)]));
}

type Judged = { verdict: KeepingVerdict; credit: number; times: number };
type Counted = Cell & (Judged | { kind: string; times: number });

function agesOf(cells: readonly Counted[]): Age[] {
  const byAge = [...Map.groupBy(cells, ({ age }) => age)].sort(([a], [b]) => a - b);
  return byAge.map(([age, some]) => {
    const { lateAsKept, meanCredit } = keepingRate(some.filter((cell) => "verdict" in cell));
    const timesOf = (kind: string) =>
      some.reduce((sum, cell) => ("kind" in cell && cell.kind === kind ? sum + cell.times : sum), 0);
    return {
      age,
      keeping: proportionOf(lateAsKept),
      meanCredit: meanCredit === null ? null : rounded(meanCredit),
      outcomes: Object.fromEntries(kinds.map((kind) => [kind, timesOf(kind)])),
    };
  });
}
