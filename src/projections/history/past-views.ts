/**
 * The past as views: the tables of today under their own names, as they were at a vantage. Every query runs on them unchanged. What
 * takes more room than time is not stored: the facts of a promise are folded from the log, dormancy from contacts, when it is asked.
 */
import { DatabaseSync } from "node:sqlite";
import type { Recorded } from "../../domain/decider.ts";
import type { PromiseEvent } from "../../domain/promise/events.ts";
import { promise } from "../../domain/promise/promise.ts";
import type { Log } from "../../event-store/log.ts";
import { decodeAll } from "../../ledger/envelope.ts";
import { thresholdColumns, type Thresholds, thresholdsOf } from "../dormancy.ts";
import type { Vantage } from "../vantage.ts";
import { type Views, viewsOf } from "../views.ts";
import { pastColumns } from "./past-tables.ts";

export type PastReader = {
  /** Views that stand at a vantage. Its size must have been reached. */
  at(vantage: Vantage): Views;
  /** What the file has been carried on to. */
  position(): number;
  close(): void;
};

const size = "(SELECT size FROM temp.vantage)";
const asOf = "(SELECT as_of FROM temp.vantage)";
const isThere = `known_from <= ${size} AND known_to > ${size} AND holds_from <= ${asOf} AND holds_to > ${asOf}`;

const factsColumn = "facts_at(id) AS facts";
const revisionColumn = `(SELECT max(revision) FROM promise_events WHERE promise = id AND position <= ${size} AND counts_from <= ${asOf}) AS revision`;

function viewOf(table: string): string {
  const columns = pastColumns.get(table)!.map(({ name }) => name);
  if (table === "promises") columns.push(factsColumn, revisionColumn);
  return `CREATE TEMP VIEW ${table} AS SELECT ${columns.join(", ")} FROM past_${table} WHERE ${isThere}`;
}

const dormancyView = `CREATE TEMP VIEW dormancy AS SELECT id AS account, ${thresholdColumns
  .map((column) => `dormancy_at(id, '${column}') AS ${column}`)
  .join(", ")} FROM past_accounts WHERE ${isThere}`;

/** Accounts whose dormancy is remembered while nobody asks from elsewhere: a page of a list asks for all of them. */
const dormancyCountMax = 200_000;

export function openPastViews(path: string, log: Log): PastReader {
  const database = new DatabaseSync(path, { readOnly: true });
  database.exec(`PRAGMA busy_timeout = 5000; PRAGMA cache_size = -32768`);
  return pastViewsOn(database, log);
}

/**
 * @param database has the tables of the past; closed with the views.
 * @param log of the same ledger, for what promises say.
 */
export function pastViewsOn(database: DatabaseSync, log: Log): PastReader {
  database.exec(`CREATE TEMP TABLE vantage (size INTEGER NOT NULL, as_of TEXT NOT NULL)`);
  database.exec(`INSERT INTO temp.vantage VALUES (0, '')`);
  for (const table of pastColumns.keys()) database.exec(viewOf(table));
  database.exec(dormancyView);
  const views = viewsOf(database);
  database.function("facts_at", (id) => factsOf(views, log, id as string));
  const dormancy = new DormancyThere(views);
  database.function("dormancy_at", (account, column) => dormancy.of(account as string)[column as keyof Thresholds]);
  const move = database.prepare(`UPDATE temp.vantage SET size = ?, as_of = ?`);
  let at: Vantage | undefined;
  const stand = (vantage: Vantage): Views => {
    if (at === undefined || at.size !== vantage.size || at.asOf !== vantage.asOf) {
      move.run(vantage.size, vantage.asOf);
      dormancy.forget();
      at = vantage;
    }
    return views;
  };
  return {
    at: (vantage) => standingAt(vantage, () => stand(vantage)),
    position: () => views.position(),
    close: () => database.close(),
  };
}

/** Whoever reads from elsewhere in between does not matter: each read stands where it belongs. */
const standingAt = (vantage: Vantage, stand: () => Views): Views => ({
  all: (sql, parameters) => stand().all(sql, parameters),
  get: (sql, parameters) => stand().get(sql, parameters),
  // To be read to its end before anything is asked from elsewhere.
  iterate: (sql, parameters) => stand().iterate(sql, parameters),
  // What was known at a size never changes, so there is nothing to keep apart.
  snapshot: (read) => read(),
  position: () => vantage.size,
});

/** What had been said of a promise by then, as the table of today has it. */
function factsOf(views: Pick<Views, "all">, log: Log, id: string): string {
  const rows = views.all<{ position: number }>(
    `SELECT position FROM promise_events WHERE promise = ? AND is_word = 1 AND position <= ${size} AND counts_from <= ${asOf}`,
    [id],
  );
  const words = decodeAll(log.readPositions(rows.map(({ position }) => position)));
  return JSON.stringify(
    words.reduce((facts, word) => promise.evolve(facts, word as Recorded<PromiseEvent>), promise.initialState),
  );
}

/** The dormancy of accounts at one vantage, as the table of today has it. */
class DormancyThere {
  readonly #views: Views;
  readonly #known = new Map<string, Thresholds>();
  #judge: ((account: string) => Thresholds) | undefined;

  constructor(views: Views) {
    this.#views = views;
  }

  of(account: string): Thresholds {
    const known = this.#known.get(account);
    if (known !== undefined) return known;
    this.#judge ??= thresholdsOf(this.#views);
    const found = this.#judge(account);
    if (this.#known.size >= dormancyCountMax) this.#known.clear();
    this.#known.set(account, found);
    return found;
  }

  forget(): void {
    this.#known.clear();
    this.#judge = undefined;
  }
}
