/** Trust and keeping rates as functions of SQL, from the models that answer the API. */
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { keepingRate } from "../domain/keeping.ts";
import type { AccountId, PromiseDirection } from "../domain/values.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import { policyInForce } from "../projections/parameters.ts";
import type { Views } from "../projections/views.ts";
import { keepingOf } from "../queries/keeping-rates.ts";
import type { Instants } from "../queries/query.ts";
import { keepingOutcomes, rounded } from "../queries/reading.ts";
import { contactEvidence, trustOptions, trustOver } from "../queries/trust.ts";

type Figures = Record<string, number | null>;

/**
 * Defines `trust_of(account, direction, field)`, `keeping_of(promisor, direction, field)` and `rounded(number)`, to the digits of an answer. All fields of a row are asked for one after
 * the other, so the last answer is kept.
 *
 * @param views where they read, standing at those instants; a connection of its own where `database` is not to be trusted with its statements.
 */
export function defineFigures(database: DatabaseSync, views: Views, instants: Instants): void {
  const policy = policyInForce(views);
  const options = trustOptions(views, policy);
  const rowsBy = (column: "account" | "promisor", of: string, direction: string) =>
    views.all<OccurrenceRow>(
      `SELECT * FROM occurrences WHERE ${column} = ? AND direction = ? ORDER BY at, position, occurrence`,
      [of, direction],
    );
  const trustOf = (account: string, direction: string): Figures => {
    const contacts = contactEvidence(views, account as AccountId, direction as PromiseDirection, policy);
    const { score, band, positive, negative, prior, outcomes, pending } = trustOver(
      rowsBy("account", account, direction),
      options,
      instants,
      contacts,
    );
    return { score, band_low: band.low, band_high: band.high, positive, negative, prior, outcomes, pending };
  };
  const keepingFor = (promisor: string, direction: string): Figures => {
    const { counts, pending, excluded, lateAsKept, meanCredit } = keepingOf(
      keepingRate(keepingOutcomes(rowsBy("promisor", promisor, direction), instants)),
    );
    return {
      ...{ kept: counts.kept, kept_late: counts.keptLate, partly_kept: counts.partlyKept, broken: counts.broken, pending },
      excluded: Object.values(excluded).reduce((sum, count) => sum + count, 0),
      ...{
        rate: lateAsKept?.rate ?? null,
        rate_low: lateAsKept?.interval.low ?? null,
        rate_high: lateAsKept?.interval.high ?? null,
      },
      mean_credit: meanCredit,
    };
  };
  database.function("rounded", (value) => (value === null ? null : rounded(Number(value))));
  database.function("trust_of", lastKept(trustOf));
  database.function("keeping_of", lastKept(keepingFor));
}

function lastKept(figuresOf: (of: string, direction: string) => Figures) {
  let last: { name: string; figures: Figures } | undefined;
  return (of: SQLOutputValue, direction: SQLOutputValue, field: SQLOutputValue): number | null => {
    const name = `${String(of)} ${String(direction)}`;
    if (last?.name !== name) last = { name, figures: figuresOf(String(of), String(direction)) };
    return last.figures[String(field)] ?? null;
  };
}
