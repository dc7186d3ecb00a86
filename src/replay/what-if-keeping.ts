/** Keeping rates of both sides, group by group. Counted in the scratch file: a group costs a row a verdict, however many outcomes it has. */
import { keepingRate, type KeepingOutcome, type KeepingVerdict } from "../domain/keeping.ts";
import { isEqual } from "../domain/promise/facts.ts";
import { type PersonPlace, teamAt } from "../domain/person.ts";
import type { Instant } from "../domain/values.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import type { Tables } from "../projections/projection.ts";
import type { Views } from "../projections/views.ts";
import { ranked } from "../queries/keeping-rates.ts";
import { keepingOutcomes, rounded } from "../queries/reading.ts";
import type { DifferenceOf, KeepingSide, Reading, WhatIfSlice } from "./what-if.ts";

type KeepingDifference = DifferenceOf<"keeping">;
type Side = "before" | "after";
type Grouping = Exclude<KeepingDifference["by"], "account">;

/** Groups that are few; accounts are compared one by one and never counted here. */
const groupings: readonly Grouping[] = ["all", "promisor", "team", "kind"];

/** The outcomes of rows within a slice of time, as keeping rates take them. */
export function outcomesWithin(
  rows: readonly OccurrenceRow[],
  { from = "" as Instant, until = "9" as Instant }: Pick<WhatIfSlice, "from" | "until">,
  reading: Reading,
): { row: OccurrenceRow; outcome: KeepingOutcome }[] {
  return rows
    .filter(({ at }) => at !== null && at >= from && at < until)
    .flatMap((row) => keepingOutcomes([row], reading).map((outcome) => ({ row, outcome })));
}

export function keepingSide(outcomes: readonly KeepingOutcome[], ranking: KeepingSide["ranking"] = null): KeepingSide {
  const { counts, excluded, pending, lateAsKept, meanCredit } = keepingRate(outcomes);
  return {
    ...counts,
    pending,
    excluded: Object.values(excluded).reduce((sum, count) => sum + count, 0),
    rate: lateAsKept === null ? null : rounded(lateAsKept.rate),
    meanCredit: meanCredit === null ? null : rounded(meanCredit),
    ranking,
  };
}

export const isSameKeeping = (a: KeepingSide, b: KeepingSide): boolean => isEqual(a, b);

/** By how much the rate moves; a group that has a rate on one side alone moves by all of it. */
export function sizeOfKeeping({ before, after }: KeepingDifference): number {
  if (before.rate === after.rate) return 0;
  return before.rate === null || after.rate === null ? 1 : Math.abs(after.rate - before.rate);
}

const placesKept = 1_000;

export class KeepingTally {
  readonly #tables: Tables;
  readonly #views: Views;
  #counted = new Map<string, { times: number; credits: number }>();
  readonly #places = new Map<string, (PersonPlace & { from: Instant })[]>();

  /** @param tables of the scratch file. @param views where people are looked up. */
  constructor(tables: Tables, views: Views) {
    this.#tables = tables;
    this.#views = views;
    tables.run(
      `CREATE TABLE tally (grouping TEXT NOT NULL, member TEXT NOT NULL, side TEXT NOT NULL, verdict TEXT NOT NULL, times INTEGER NOT NULL, credits REAL NOT NULL, PRIMARY KEY (grouping, member, side, verdict)) STRICT, WITHOUT ROWID`,
      [],
    );
  }

  add(side: Side, outcomes: readonly { row: OccurrenceRow; outcome: KeepingOutcome }[]): void {
    for (const { row, outcome } of outcomes) {
      for (const by of groupings) {
        const key = JSON.stringify([by, this.#groupOf(by, row), side, outcome.verdict]);
        const counted = this.#counted.get(key) ?? { times: 0, credits: 0 };
        counted.times += 1;
        counted.credits += outcome.credit ?? 0;
        this.#counted.set(key, counted);
      }
    }
  }

  #groupOf(by: Grouping, { promisor, kind, due_at, at }: OccurrenceRow): string {
    switch (by) {
      case "all":
        return "";
      case "promisor":
        return promisor;
      case "kind":
        return kind;
      case "team":
        return teamAt(this.#placesOf(promisor), (due_at ?? at) as Instant) ?? "";
    }
  }

  #placesOf(party: string): (PersonPlace & { from: Instant })[] {
    const known = this.#places.get(party);
    if (known !== undefined) return known;
    if (this.#places.size >= placesKept) this.#places.clear();
    const row = this.#views.get<{ places: string }>(`SELECT places FROM people WHERE id = ?`, [party]);
    const places = row === undefined ? [] : (JSON.parse(row.places) as (PersonPlace & { from: Instant })[]);
    this.#places.set(party, places);
    return places;
  }

  /** Writes down what was counted since. To be called now and then, and at the end. */
  flush(): void {
    for (const [key, { times, credits }] of this.#counted)
      this.#tables.run(
        `INSERT INTO tally VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET times = times + excluded.times, credits = credits + excluded.credits`,
        [...(JSON.parse(key) as string[]), times, credits],
      );
    this.#counted.clear();
  }

  all(): { before: KeepingSide; after: KeepingSide } {
    const of = (side: Side) => keepingSide(this.#outcomes("all", "", side));
    return { before: of("before"), after: of("after") };
  }

  *differences(): Generator<KeepingDifference> {
    for (const by of groupings) {
      const before = new Map(this.#sides(by, "before").map((one) => [one.group, one.side]));
      const after = new Map(this.#sides(by, "after").map((one) => [one.group, one.side]));
      for (const group of new Set([...before.keys(), ...after.keys()])) {
        const [was, would] = [before.get(group) ?? keepingSide([]), after.get(group) ?? keepingSide([])];
        if (!isSameKeeping(was, would))
          yield { kind: "keeping", by, group: group === "" ? null : group, before: was, after: would };
      }
    }
  }

  /** Ranked as the report on keeping rates ranks them. */
  #sides(by: Grouping, side: Side): { group: string; side: KeepingSide }[] {
    const members = this.#tables
      .all<{ member: string }>(`SELECT DISTINCT member FROM tally WHERE grouping = ? AND side = ? ORDER BY member`, [by, side])
      .map(({ member }) => {
        const outcomes = this.#outcomes(by, member, side);
        const { lateAsKept } = keepingRate(outcomes);
        return { group: member, keeping: { lateAsKept }, outcomes };
      });
    return ranked(members).map(({ group, outcomes, ranking }) => ({ group: group!, side: keepingSide(outcomes, ranking) }));
  }

  #outcomes(by: Grouping, member: string, side: Side): KeepingOutcome[] {
    return this.#tables
      .all<{ verdict: KeepingVerdict; times: number; credits: number }>(
        `SELECT verdict, times, credits FROM tally WHERE grouping = ? AND member = ? AND side = ? ORDER BY verdict`,
        [by, member, side],
      )
      .map(({ verdict, times, credits }) => ({ verdict, times, credit: Math.min(1, credits / times) }));
  }
}
