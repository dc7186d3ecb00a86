/**
 * Outcomes of a whole portfolio, counted where they lie: a report over a million of them must not carry each into a JavaScript object.
 * Says what `keepingOutcomes` says of the same rows; those under dispute, which are few, are read by it.
 */
import type { KeepingOutcome, KeepingVerdict } from "../domain/keeping.ts";
import type { Instant } from "../domain/values.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import type { Views } from "../projections/views.ts";
import type { Instants } from "./query.ts";
import { keepingOutcomes } from "./reading.ts";
import { isWithin, type Within } from "./teams.ts";

export type OutcomeFilter = {
  direction?: string | undefined;
  promisor?: string | undefined;
  account?: string | undefined;
  kind?: string | undefined;
  /** Outcomes from this instant on, and before that one. */
  from?: string | undefined;
  until?: string | undefined;
  within?: Within | undefined;
};

export const outcomeGroupings = ["none", "promisor", "account", "team", "kind", "direction", "month", "quarter", "year"] as const;
export type OutcomeGrouping = (typeof outcomeGroupings)[number];
type Groupings = { by: OutcomeGrouping; and?: OutcomeGrouping | undefined };

/** `group` and `and` are the promisor where teams are asked for: which team that is depends on `dueAt`. */
export type CountedOutcome = KeepingOutcome & { group: string | null; and: string | null; dueAt: Instant | null };

/** The period of an instant in UTC, as SQL. */
export const periodOf = {
  month: (at: string) => `substr(${at}, 1, 7)`,
  quarter: (at: string) => `substr(${at}, 1, 4) || '-Q' || ((CAST(substr(${at}, 6, 2) AS INTEGER) + 2) / 3)`,
  year: (at: string) => `substr(${at}, 1, 4)`,
};

const groupColumns: Record<OutcomeGrouping, string> = {
  none: "NULL",
  promisor: "promisor",
  account: "account",
  team: "promisor",
  kind: "kind",
  direction: "direction",
  month: periodOf.month("at"),
  quarter: periodOf.quarter("at"),
  year: periodOf.year("at"),
};

/** As `outcomeAt` has it: ?1 is the instant as of which, ?2 that at which it was known. */
export const hasEnded = `CASE WHEN by_clock = 0 THEN at <= ?1 ELSE deadline_at < ?1 AND settles_at IS NOT NULL AND settles_at <= ?2 END`;
export const isPending = `by_clock = 1 AND deadline_at < ?1 AND occurrence > 0`;

export function countedOutcomes(views: Views, filter: OutcomeFilter & Groupings, instants: Instants): CountedOutcome[] {
  const group = `${groupColumns[filter.by]} AS "group", ${groupColumns[filter.and ?? "none"]} AS "and"`;
  const dueAt = filter.by === "team" || filter.and === "team" ? "coalesce(due_at, at)" : "NULL";
  const columns = (["direction", "promisor", "account", "kind"] as const).filter((column) => filter[column] !== undefined);
  const where = [
    "verdict IS NOT NULL AND at >= ?3 AND at < ?4",
    ...columns.map((column, index) => `${column} = ?${index + 5}`),
    ...(filter.within === undefined ? [] : [isWithin(`?${columns.length + 5}`)]),
  ].join(" AND ");
  const parameters = [
    instants.asOf,
    instants.knownAt,
    filter.from ?? "",
    filter.until ?? "9",
    ...columns.map((column) => filter[column]!),
    ...(filter.within === undefined ? [] : [filter.within]),
  ];
  const undisputed = views.all<CountedOutcome & { verdict: KeepingVerdict }>(
    `SELECT ${group}, ${dueAt} AS dueAt, CASE WHEN ${hasEnded} THEN verdict ELSE 'pending' END AS verdict, credit, count(*) AS times
     FROM occurrences WHERE ${where} AND if_upheld IS NULL AND (${hasEnded} OR ${isPending})
     GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5`,
    parameters,
  );
  const disputed = views.all<OccurrenceRow & Pick<CountedOutcome, "group" | "and" | "dueAt">>(
    `SELECT *, ${group}, ${dueAt} AS dueAt FROM occurrences WHERE ${where} AND if_upheld IS NOT NULL ORDER BY at, position, occurrence`,
    parameters,
  );
  return [
    ...undisputed,
    ...disputed.flatMap((row) =>
      keepingOutcomes([row], instants).map((outcome) => ({ ...outcome, group: row.group, and: row.and, dueAt: row.dueAt })),
    ),
  ];
}
