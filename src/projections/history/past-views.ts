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

/** What views of the past are filtered by, where the names of all of them begin so. */
function standingIn(prefix: string): { size: string; asOf: string } {
  const table = `temp."${prefix}vantage"`;
  return { size: `(SELECT size FROM ${table})`, asOf: `(SELECT as_of FROM ${table})` };
}

const here = standingIn("");

function* viewsIn(prefix: string): Generator<string> {
  const { size, asOf } = standingIn(prefix);
  const isThere = `known_from <= ${size} AND known_to > ${size} AND holds_from <= ${asOf} AND holds_to > ${asOf}`;
  const revision = `(SELECT max(revision) FROM promise_events WHERE promise = id AND position <= ${size} AND counts_from <= ${asOf}) AS revision`;
  const view = (name: string, columns: readonly string[], table: string) =>
    `CREATE TEMP VIEW "${prefix}${name}" AS SELECT ${columns.join(", ")} FROM past_${table} WHERE ${isThere}`;
  for (const [table, kept] of pastColumns) {
    const columns = kept.map(({ name }) => name);
    yield view(table, table === "promises" ? [...columns, "facts_at(id) AS facts", revision] : columns, table);
  }
  const thresholds = thresholdColumns.map((column) => `dormancy_at(id, '${column}') AS ${column}`);
  yield view("dormancy", ["id AS account", ...thresholds], "accounts");
}

/** Accounts whose dormancy is remembered while nobody asks from elsewhere: a page of a list asks for all of them. */
const dormancyCountMax = 200_000;

/**
 * Lays views of the past over its tables. What they compute is defined on the connection too.
 *
 * @param prefix what their names begin with.
 * @param views where that is read from: of the past, under their own names, standing where these do.
 * @returns moves them to a vantage.
 */
export function layPastViews(
  database: DatabaseSync,
  log: Log,
  views: Pick<Views, "all" | "get">,
  prefix = "",
): (vantage: Pick<Vantage, "size" | "asOf">) => void {
  database.exec(`CREATE TEMP TABLE "${prefix}vantage" (size INTEGER NOT NULL, as_of TEXT NOT NULL)`);
  database.exec(`INSERT INTO temp."${prefix}vantage" VALUES (0, '')`);
  for (const view of viewsIn(prefix)) database.exec(view);
  const facts = new FactsThere(views, log);
  const dormancy = new DormancyThere(views);
  database.function("facts_at", (id) => facts.of(id as string));
  database.function("dormancy_at", (account, column) => dormancy.of(account as string)[column as keyof Thresholds]);
  const move = database.prepare(`UPDATE temp."${prefix}vantage" SET size = ?, as_of = ?`);
  return ({ size, asOf }) => {
    move.run(size, asOf);
    facts.forget();
    dormancy.forget();
  };
}

export function openPastViews(path: string, log: Log): PastReader {
  return pastViewsOn(openPast(path), log);
}

export function openPast(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true });
  database.exec(`PRAGMA busy_timeout = 5000; PRAGMA cache_size = -32768`);
  return database;
}

/**
 * @param database has the tables of the past; closed with the views.
 * @param log of the same ledger, for what promises say.
 */
export function pastViewsOn(database: DatabaseSync, log: Log): PastReader {
  const views = viewsOf(database);
  const move = layPastViews(database, log, views);
  let at: Vantage | undefined;
  const stand = (vantage: Vantage): Views => {
    if (at === undefined || at.size !== vantage.size || at.asOf !== vantage.asOf) {
      move(vantage);
      at = vantage;
    }
    return views;
  };
  return {
    at(vantage) {
      stand(vantage);
      return standingAt(vantage, () => stand(vantage));
    },
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

/** What had been said of promises by then, as the table of today has it. A row asks for it several times, so the last is kept. */
class FactsThere {
  readonly #views: Pick<Views, "all">;
  readonly #log: Log;
  #last: { id: string; facts: string } | undefined;

  constructor(views: Pick<Views, "all">, log: Log) {
    this.#views = views;
    this.#log = log;
  }

  of(id: string): string {
    if (this.#last?.id !== id) this.#last = { id, facts: this.#folded(id) };
    return this.#last.facts;
  }

  forget(): void {
    this.#last = undefined;
  }

  #folded(id: string): string {
    const rows = this.#views.all<{ position: number }>(
      `SELECT position FROM promise_events WHERE promise = ? AND is_word = 1 AND position <= ${here.size} AND counts_from <= ${here.asOf}`,
      [id],
    );
    const words = decodeAll(this.#log.readPositions(rows.map(({ position }) => position)));
    return JSON.stringify(
      words.reduce((facts, word) => promise.evolve(facts, word as Recorded<PromiseEvent>), promise.initialState),
    );
  }
}

/** The dormancy of accounts at one vantage, as the table of today has it. */
class DormancyThere {
  readonly #views: Pick<Views, "all" | "get">;
  readonly #known = new Map<string, Thresholds>();
  #judge: ((account: string) => Thresholds) | undefined;

  constructor(views: Pick<Views, "all" | "get">) {
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
