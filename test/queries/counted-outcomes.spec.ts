/** What is counted in SQL is what the one reading of a row says, whatever stands in the row. */
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { keepingRate } from "../../src/domain/keeping.ts";
import type { Instant } from "../../src/domain/values.ts";
import { countedVerdicts, excludedVerdicts } from "../../src/domain/verdict.ts";
import type { OccurrenceRow } from "../../src/projections/occurrences.ts";
import { promises } from "../../src/projections/promises.ts";
import { viewsOf } from "../../src/projections/views.ts";
import { countedOutcomes, type OutcomeFilter, type OutcomeGrouping } from "../../src/queries/counted-outcomes.ts";
import { keepingOutcomes } from "../../src/queries/reading.ts";

const now = "2026-03-05T00:00:00.000Z" as Instant;
const instants = { asOf: now, knownAt: now };
/** Few enough days that instants often meet, and meet now. */
const day = fc.integer({ min: 1, max: 9 }).map((date) => `2026-03-0${date}T00:00:00.000Z`);
const verdict = fc.constantFrom(...countedVerdicts, ...excludedVerdicts);
const creditOf = { kept: 1, "kept-late": 0.75, "partly-kept": 0.5, broken: 0 } as Record<string, number>;

const dispute = fc.record({ finding: verdict, at: day }).map(({ finding, at }) =>
  JSON.stringify({
    contestedAt: at,
    ifUpheld: { finding: { verdict: finding, at, credit: creditOf[finding] ?? null, latenessMs: 0, evidence: [] }, clock: null },
  }),
);

const row = fc
  .record({
    account: fc.constantFrom("acc_1", "acc_2"),
    promisor: fc.constantFrom("per_1", "per_2", "house"),
    direction: fc.constantFrom("given", "received"),
    kind: fc.constantFrom("visit", "call"),
    occurrence: fc.integer({ min: 0, max: 1 }),
    by_clock: fc.constantFrom(0, 1),
    verdict: fc.option(verdict),
    at: day,
    due_at: fc.option(day),
    deadline_at: day,
    settles_at: fc.option(day, { freq: 2 }),
    if_upheld: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: dispute }),
  })
  .map((drawn) => ({
    ...{ promisee: "acc_1", weight: 1, form: "once", date: null, opens_at: null, lateness_ms: 0, reason: null, evidence: "[]" },
    ...{ recording_delay_ms: null, claimed_late: null, flags: "[]" },
    ...drawn,
    credit: drawn.verdict === null ? null : (creditOf[drawn.verdict] ?? null),
  }));

const database = new DatabaseSync(":memory:");
database.exec(promises.schema);
const views = viewsOf(database);
afterAll(() => database.close());

/** The table holds these rows and no others. */
function stored(rows: readonly object[]): OccurrenceRow[] {
  database.exec("DELETE FROM occurrences");
  const made = rows.map((one, index) => ({ ...one, promise: `prm_${index}`, position: index + 1 }) as OccurrenceRow);
  const names = Object.keys(made[0] ?? {});
  if (names.length === 0) return made;
  const insert = database.prepare(
    `INSERT INTO occurrences (${names.join(", ")}, print) VALUES (${names.map(() => "?").join(", ")}, 0)`,
  );
  for (const one of made) insert.run(...names.map((name) => one[name as keyof OccurrenceRow] as SQLInputValue));
  return made;
}

const groupOf: Record<OutcomeGrouping, (row: OccurrenceRow) => string | null> = {
  none: () => null,
  promisor: ({ promisor }) => promisor,
  account: ({ account }) => account,
  team: ({ promisor, due_at, at }) => `${promisor} ${due_at ?? at}`,
  kind: ({ kind }) => kind,
  direction: ({ direction }) => direction,
  month: ({ at }) => at!.slice(0, 7),
  quarter: ({ at }) => `${at!.slice(0, 4)}-Q${Math.ceil(Number(at!.slice(5, 7)) / 3)}`,
  year: ({ at }) => at!.slice(0, 4),
};

const isWanted = (row: OccurrenceRow, { from, until, ...columns }: OutcomeFilter): boolean =>
  row.verdict !== null &&
  (from === undefined || row.at! >= from) &&
  (until === undefined || row.at! < until) &&
  Object.entries(columns).every(([column, value]) => value === undefined || row[column as "kind"] === value);

const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const filter: fc.Arbitrary<OutcomeFilter> = fc.record({
  promisor: optional(fc.constant("per_1")),
  account: optional(fc.constant("acc_2")),
  kind: optional(fc.constant("visit")),
  direction: optional(fc.constant("given")),
  from: optional(day),
  until: optional(day),
});

describe("outcomes counted in SQL", () => {
  it.each(Object.keys(groupOf) as OutcomeGrouping[])("by %s give the figures of the rows read one by one", (by) => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 30 }), filter, (rows, wanted) => {
        const made = stored(rows);
        const counted = countedOutcomes(views, { ...wanted, by }, instants);
        const figures = (groups: Iterable<readonly [string | null, Parameters<typeof keepingRate>[0]]>) =>
          new Map([...groups].filter(([, some]) => some.length > 0).map(([group, some]) => [group, keepingRate(some)] as const));
        const bySql = Map.groupBy(counted, ({ group, dueAt }) => (by === "team" ? `${group} ${dueAt}` : group));
        const byRow = Map.groupBy(
          made.filter((one) => isWanted(one, wanted)),
          groupOf[by],
        );
        expect(figures(bySql)).toEqual(figures([...byRow].map(([group, some]) => [group, keepingOutcomes(some, instants)])));
      }),
      { numRuns: 150 },
    );
  });
});
