/** What is stored of the past says what the definition says: at every size of the log, of every instant. */
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Instant } from "../../../src/domain/values.ts";
import type { Log } from "../../../src/event-store/log.ts";
import { HistoryRunner } from "../../../src/projections/history/history-runner.ts";
import { createPastTables, pastColumns } from "../../../src/projections/history/past-tables.ts";
import { pastViewsOn } from "../../../src/projections/history/past-views.ts";
import { type Vantage, viewsAt } from "../../../src/projections/vantage.ts";
import type { Views } from "../../../src/projections/views.ts";
import { testLedger, type TestLedger } from "../../support/ledger.ts";
import { ledgerSteps, play } from "../../support/portfolio.ts";

const tables = [...pastColumns.keys(), "dormancy"];

/** Rows of every table, in an order of their own. What says the same in other bytes is made the same. */
function rowsIn(views: Views): Record<string, unknown[]> {
  const plain = ({ facts, print: _, ...row }: Record<string, unknown>) =>
    facts === undefined ? row : { ...row, facts: JSON.parse(facts as string) as unknown };
  const ordered = (rows: readonly object[]) => rows.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return Object.fromEntries(tables.map((table) => [table, ordered(views.all(`SELECT * FROM ${table}`).map(plain))]));
}

function atOracle(log: Log, vantage: Vantage): Record<string, unknown[]> {
  const { views, close } = viewsAt(log, vantage);
  const rows = rowsIn(views);
  close();
  return rows;
}

/** The past of a log, stored in steps that end at these positions. */
async function stored(log: Log, ends: readonly number[]): Promise<DatabaseSync> {
  const database = new DatabaseSync(":memory:");
  createPastTables(database);
  const runner = new HistoryRunner(database, log);
  for (const end of ends) await runner.advance(end);
  return database;
}

/** Every row of the file. */
function dump(database: DatabaseSync): string[] {
  const rows = [...pastColumns.keys()].flatMap((table) =>
    database
      .prepare(`SELECT * FROM past_${table}`)
      .all()
      .map((row) => `${table} ${JSON.stringify(row)}`),
  );
  return rows.sort();
}

/** Instants at which something begins to count, or a moment before. */
function instantsOf(ledger: TestLedger): Instant[] {
  const text = JSON.stringify(ledger.events());
  const told = [...text.matchAll(/"(\d{4}-\d\d-\d\dT[\d:.]{12}Z)"/g)].map(([, instant]) => instant!);
  const before = told.map((instant) => new Date(Date.parse(instant) - 1).toISOString());
  return [...new Set([...told, ...before])].sort() as Instant[];
}

describe("the stored past", () => {
  it("is what was known at any size of what had happened by any instant, whatever was told and when", async () => {
    const places = fc.array(fc.record({ size: fc.nat(), asOf: fc.nat() }), { minLength: 12, maxLength: 12 });
    const cuts = fc.array(fc.nat(), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(ledgerSteps, places, cuts, async (story, drawn, drawnCuts) => {
        const ledger = testLedger();
        await play(ledger, story);
        const { log } = ledger.store;
        const head = log.head();
        const ends = [...new Set([...drawnCuts.map((cut) => 1 + (cut % head)), head])].sort((a, b) => a - b);
        const database = await stored(log, ends);
        expect(dump(database)).toEqual(dump(await stored(log, [head])));
        const past = pastViewsOn(database, log);
        const instants = instantsOf(ledger);
        for (const { size, asOf } of drawn) {
          const instant = instants[asOf % instants.length]!;
          const vantage = { size: 1 + (size % head), asOf: instant, knownAt: instant };
          expect({ vantage, rows: rowsIn(past.at(vantage)) }).toEqual({ vantage, rows: atOracle(log, vantage) });
        }
        past.close();
      }),
      { numRuns: 20 },
    );
  });
});
