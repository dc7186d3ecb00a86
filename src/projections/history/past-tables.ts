/**
 * The tables of the past. Each has the columns of the table of today whose name it carries, and before them the rectangle in which
 * a row holds: `known_from <= size < known_to` in sizes of the log, `holds_from <= asOf < holds_to` in instants.
 */
import { createHash } from "node:crypto";
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import { accounts } from "../accounts.ts";
import { activity } from "../activity.ts";
import { businessOutcomes } from "../business-outcomes.ts";
import { interactions } from "../interactions.ts";
import { parameters } from "../parameters.ts";
import { printOf } from "../occurrences.ts";
import { people } from "../people.ts";
import { promises } from "../promises.ts";

/** Bump it when the rows change for the same events and the same projections. */
const version = 1;

/** Of a row that still holds by all that is known. */
export const stillKnown = Number.MAX_SAFE_INTEGER;
/** Before every instant, and after every one. */
export const always = "";
export const endless = "~";

const reflected = [parameters, accounts, people, interactions, promises, activity, businessOutcomes];

/** What is told by the log itself when it is asked for, or is of no use in the past. */
const computed = { promises: ["facts", "revision"] } as Record<string, string[] | undefined>;
const left = new Set(["attestations", "unattested"]);

export type Column = { name: string; type: string; isRequired: boolean };

/** The tables of today that have a past, with the columns that are kept of each. */
export const pastColumns: ReadonlyMap<string, readonly Column[]> = new Map(
  reflected
    .flatMap(({ schema }) => [...schema.matchAll(/CREATE TABLE (\w+) \(([^;]+)\) STRICT/g)])
    .filter(([, table]) => !left.has(table!))
    .map(([, table, body]) => [table!, columnsIn(body!).filter(({ name }) => computed[table!]?.includes(name) !== true)]),
);

function columnsIn(body: string): Column[] {
  return [...body.matchAll(/(?:^|,)\s*([a-z_]+) (TEXT|INTEGER|REAL)( PRIMARY KEY)?( NOT NULL)?/g)].map(
    ([, name, type, key, required]) => ({ name: name!, type: type!, isRequired: (key ?? required) !== undefined }),
  );
}

const pastTable = (table: string, columns: readonly Column[]): string =>
  `CREATE TABLE past_${table} (known_from INTEGER NOT NULL, known_to INTEGER NOT NULL, holds_from TEXT NOT NULL, holds_to TEXT NOT NULL, ${columns
    .map(({ name, type, isRequired }) => `${name} ${type}${isRequired ? " NOT NULL" : ""}`)
    .join(", ")}) STRICT`;

/** Every event of a promise: which of them are words, and from when on each counts. What was said is read from the log. */
const promiseEvents = `CREATE TABLE promise_events (
  promise TEXT NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL, counts_from TEXT NOT NULL, is_word INTEGER NOT NULL,
  PRIMARY KEY (promise, revision)) STRICT, WITHOUT ROWID`;

/** Those that are looked into while the file is built, and those that are made when it is full. */
const firstIndexes = [
  `people_by_id ON past_people (id)`,
  `recordings_by_id ON past_recordings (id)`,
  `accounts_by_id ON past_accounts (id)`,
  `business_outcomes_by_id ON past_business_outcomes (id)`,
];
const lastIndexes = [
  `people_by_account ON past_people (account, id)`,
  `accounts_by_owner ON past_accounts (owner, id)`,
  `interactions_by_id ON past_interactions (id)`,
  `interactions_by_account ON past_interactions (account, started_at)`,
  `participations_by_person ON past_participations (person, interaction)`,
  `promises_by_id ON past_promises (id)`,
  `promises_by_account ON past_promises (account, position)`,
  `promises_by_promisor ON past_promises (promisor, position)`,
  `promises_by_promisee ON past_promises (promisee, position)`,
  `promises_by_position ON past_promises (position)`,
  `promises_by_recording ON past_promises (recording) WHERE recording IS NOT NULL`,
  `promises_by_agreement ON past_promises (agreement) WHERE agreement IS NOT NULL`,
  `agreements_by_id ON past_agreements (id)`,
  `occurrences_known ON past_occurrences (promise) WHERE known_to = ${stillKnown}`,
  `occurrences_by_account ON past_occurrences (account, at)`,
  `occurrences_promised ON past_occurrences (account, deadline_at) WHERE by_clock = 1 AND form <> 'abstain' AND direction = 'given'`,
  `occurrences_by_promisor ON past_occurrences (promisor, at)`,
  `activity_by_account ON past_activity (account, occurred_at, position)`,
  `business_outcomes_by_account ON past_business_outcomes (account, occurred_at)`,
];

const schema = [
  `CREATE TABLE progress (position INTEGER NOT NULL, fingerprint TEXT NOT NULL) STRICT`,
  ...[...pastColumns].map(([table, columns]) => pastTable(table, columns)),
  promiseEvents,
  ...firstIndexes.map((index) => `CREATE INDEX ${index}`),
];

/** Changes with what the rows say, and with the projections that say the same of the present. */
export const historyFingerprint: string = createHash("sha256")
  .update(JSON.stringify([version, schema, lastIndexes, reflected.map((one) => [one.name, one.version])]))
  .digest("hex")
  .slice(0, 16);

/** Reports go through whole tables, which are read in fewer and larger steps. */
export const pageBytes = 16_384;

/** @param database new, and empty. */
export function createPastTables(database: DatabaseSync): void {
  for (const statement of schema) database.exec(statement);
  database.prepare(`INSERT INTO progress VALUES (0, ?)`).run(historyFingerprint);
}

/** Each once its table is full, at a fraction of the cost. */
export function createPastIndexes(database: DatabaseSync): void {
  for (const index of lastIndexes) database.exec(`CREATE INDEX IF NOT EXISTS ${index}`);
}

/** From its first instant up to, not including, its end. */
export type Span = { from: string; to: string };
/** What a row says, in a text of its own or in the 53 bits that are kept of one: what says the same need not be written again. */
export type Print = string | number;
/** A row that holds by what is known now. */
export type Standing = Span & { rowid: number; print: Print };

/** Writing one table. */
export class PastTable {
  readonly #database: DatabaseSync;
  readonly #table: string;
  readonly #columns: readonly string[];
  readonly #insert: StatementSync;
  readonly #copy: StatementSync;
  readonly #close: StatementSync;
  readonly #found = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, of: string) {
    const columns = pastColumns.get(of)!.map(({ name }) => name);
    const table = `past_${of}`;
    this.#database = database;
    this.#table = table;
    this.#columns = columns;
    this.#insert = database.prepare(`INSERT INTO ${table} VALUES (?, ${stillKnown}, ?, ?, ${columns.map(() => "?").join(", ")})`);
    this.#copy = database.prepare(
      `INSERT INTO ${table} SELECT ?, ${stillKnown}, ?, ?, ${columns.join(", ")} FROM ${table} WHERE rowid = ?`,
    );
    this.#close = database.prepare(`UPDATE ${table} SET known_to = ? WHERE rowid = ?`);
  }

  /** @returns the new row's id. */
  insert(knownFrom: number, { from, to }: Span, values: readonly SQLInputValue[]): number {
    return this.#insert.run(knownFrom, from, to, ...values).lastInsertRowid as number;
  }

  /** The same row over another span. @returns its id. */
  copy(rowid: number, knownFrom: number, { from, to }: Span): number {
    return this.#copy.run(knownFrom, from, to, rowid).lastInsertRowid as number;
  }

  close(rowid: number, knownTo: number): void {
    this.#close.run(knownTo, rowid);
  }

  /** Rows that hold by what is known now, each with its row id. */
  standing<Row = Record<string, SQLOutputValue>>(
    where: string,
    parameters: readonly SQLInputValue[],
  ): (Row & { rowid: number; holds_from: string; holds_to: string })[] {
    const known = this.#found.get(where);
    const statement =
      known ?? this.#database.prepare(`SELECT rowid, * FROM ${this.#table} WHERE ${where} AND known_to = ${stillKnown}`);
    if (known === undefined) this.#found.set(where, statement);
    return statement.all(...parameters) as never;
  }

  /** What a row says, in the order of the columns. */
  valuesIn(row: Record<string, unknown>): SQLInputValue[] {
    return this.#columns.map((column) => row[column] as SQLInputValue);
  }
}

/** A part of the axis of what had happened, and what is said of it. */
export type Piece = Span & { print: Print; values(): readonly SQLInputValue[] };

const bitsOf = (print: Print): number => (typeof print === "number" ? print : printOf(print));
export const isSamePrint = (a: Print, b: Print): boolean => a === b || (typeof a !== typeof b && bitsOf(a) === bitsOf(b));

/**
 * Writes what is known anew of one thing from an instant on. Rows that say the same over the same span stay; others are closed at
 * the position and what holds instead is put beside them.
 *
 * @param standing what held by the knowledge before, in order; gaps are allowed.
 * @param pieces what holds from `from` on, in order.
 * @returns what stands now.
 */
export function recut(
  table: PastTable,
  standing: readonly Standing[],
  from: string,
  pieces: readonly Piece[],
  position: number,
): readonly Standing[] {
  if (isLast(standing.at(-1), from, pieces)) return standing;
  const wanted = wantedRows(standing, from, pieces);
  if (standing.length === wanted.length && wanted.every((one, index) => isSame(standing[index]!, one))) return standing;
  const kept = new Set<Standing>();
  const next = wanted.map((one): Standing => {
    const same = standing.find((row) => isSame(row, one));
    if (same !== undefined) {
      kept.add(same);
      return same;
    }
    const rowid = one.values === undefined ? table.copy(one.rowid!, position, one) : table.insert(position, one, one.values());
    return { rowid, from: one.from, to: one.to, print: one.print };
  });
  for (const row of standing) if (!kept.has(row)) table.close(row.rowid, position);
  return next;
}

/** The usual case, told without a look at the rest: the last row says it already. */
function isLast(last: Standing | undefined, from: string, [piece, ...more]: readonly Piece[]): boolean {
  if (last === undefined || piece === undefined || more.length > 0) return false;
  return last.from <= from && piece.from === from && last.to === piece.to && isSamePrint(last.print, piece.print);
}

type Wanted = Span & { print: Print; rowid?: number; values?: Piece["values"] };

/** What stood before `from` stays there; neighbours that say the same are one. */
function wantedRows(standing: readonly Standing[], from: string, pieces: readonly Piece[]): Wanted[] {
  const wanted: Wanted[] = [];
  const put = (one: Wanted): void => {
    const last = wanted.at(-1);
    if (last !== undefined && last.to === one.from && isSamePrint(last.print, one.print)) last.to = one.to;
    else wanted.push(one);
  };
  for (const { rowid, print, ...span } of standing)
    if (span.from < from) put({ from: span.from, to: span.to < from ? span.to : from, print, rowid });
  for (const { from: start, to, print, values } of pieces) put({ from: start, to, print, values });
  return wanted;
}

const isSame = (row: Standing, one: Wanted): boolean =>
  row.from === one.from && row.to === one.to && isSamePrint(row.print, one.print);
