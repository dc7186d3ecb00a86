/** What is stored of the past says what the definition says: at every size of the log, of every instant. */
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Instant } from "../../../src/domain/values.ts";
import type { StoredEvent } from "../../../src/event-store/event-store.ts";
import type { Log } from "../../../src/event-store/log.ts";
import { HistoryRunner } from "../../../src/projections/history/history-runner.ts";
import { createPastTables, pastColumns } from "../../../src/projections/history/past-tables.ts";
import { pastViewsOn } from "../../../src/projections/history/past-views.ts";
import { type Vantage, viewsAt } from "../../../src/projections/vantage.ts";
import type { Views } from "../../../src/projections/views.ts";
import { testLedger, type TestLedger } from "../../support/ledger.ts";
import { dayAt, ledgerSteps, play } from "../../support/portfolio.ts";

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

/** The log, had the event at a position happened at another instant. */
function happening(log: Log, position: number, occurredAt: string): Log {
  const told = (events: StoredEvent[]) =>
    events.map((event) =>
      event.position === position
        ? { ...event, leaf: Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(event.leaf).toString()), occurredAt })) }
        : event,
    );
  return {
    ...log,
    readAll: (after, maxCount) => told(log.readAll(after, maxCount)),
    readStream: (stream, from) => told(log.readStream(stream, from)),
    readPositions: (positions) => told(log.readPositions(positions)),
  };
}

/** At every size. */
async function expectDefinition(log: Log, asOf: Instant): Promise<void> {
  const past = pastViewsOn(await stored(log, [log.head()]), log);
  for (let size = 1; size <= log.head(); size += 1) {
    const vantage = { size, asOf, knownAt: asOf };
    expect({ vantage, rows: rowsIn(past.at(vantage)) }).toEqual({ vantage, rows: atOracle(log, vantage) });
  }
  past.close();
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

  it("follows a visit that was retracted, and an agreement that was completed later than its promises were made", async () => {
    const ledger = testLedger(dayAt(40));
    const { id: account } = await ledger.run("open-account", { name: "Harbour Logistics", at: dayAt(0) });
    const terms = { type: "once", dueAt: dayAt(20) };
    const visits = { promisor: "house", promisee: account, terms, matcher: { kinds: ["visit"] } };
    await ledger.run("make-promise", { ...visits, account, at: dayAt(1) });
    const visit = { account, kind: "visit", purpose: "service", direction: "outbound", startedAt: dayAt(10) };
    const { id: interaction } = await ledger.run("record-interaction", visit);
    await ledger.run("retract-interaction", {}, { interaction });
    await ledger.run("make-agreement", { account, promises: [visits], at: dayAt(2) });
    // Everything is settled anew, from the beginning of time.
    await ledger.run("adopt-policy", { promises: { recordingAllowanceMinutes: 60 } });
    const { log } = ledger.store;
    const made = ledger.events().find(({ type }) => type === "AgreementMade")!;
    // As a request leaves it that broke off before the agreement, and came again without saying when.
    const late = happening(log, made.position, dayAt(15));
    for (const day of [2, 9, 10, 14, 15, 16]) await expectDefinition(late, dayAt(day) as Instant);
  });
});
