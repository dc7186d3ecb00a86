/** Applies the log to the tables. Rows and progress commit together, so a batch is applied once or not at all. */
import type { DatabaseSync } from "node:sqlite";
import { decode, type LedgerEvent } from "../ledger/envelope.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import { type Handlers, type Projection, type Tables, tablesOf, Touched } from "./projection.ts";

type Handler = (tables: Tables, event: LedgerEvent, touched: Touched) => void;

export class ProjectionRunner {
  readonly #database: DatabaseSync;
  readonly #tables: Tables;
  readonly #projections: readonly Projection[];
  readonly #handlers = new Map<string, Handler[]>();
  readonly #touched = new Touched();
  #position: number;

  /** @param database has the tables of `createTables`. */
  constructor(database: DatabaseSync, projections: readonly Projection[]) {
    this.#database = database;
    this.#tables = tablesOf(database);
    this.#projections = projections;
    for (const { on } of projections) this.#register(on);
    this.#position = this.#tables.get<{ position: number }>(`SELECT position FROM progress`)!.position;
  }

  #register(on: Handlers): void {
    for (const [type, handler] of Object.entries(on)) {
      const known = this.#handlers.get(type) ?? [];
      known.push(handler as Handler);
      this.#handlers.set(type, known);
    }
  }

  /** The last position applied. */
  get position(): number {
    return this.#position;
  }

  /** Applies a batch and settles what it touched, in one transaction. */
  apply(batch: readonly StoredEvent[]): void {
    this.#inTransaction(() => {
      this.#applyEvents(batch);
      this.#settle();
    });
  }

  /**
   * Applies a batch and leaves settling for later: a rebuild settles each promise once, at the end, instead of once a batch.
   * Until `settle` the tables are not to be read.
   */
  applyUnsettled(batch: readonly StoredEvent[]): void {
    this.#touched.everyPromise = true;
    this.#touched.everyAccount = true;
    this.#inTransaction(() => this.#applyEvents(batch));
  }

  /** Settles all of it, and makes the indexes of a file that was begun without: each once its table is full, at a fraction of the cost. */
  settle(): void {
    const make = (index: Index) => this.#database.exec(index.sql);
    const isFilled = ({ table }: Index) => this.#tables.get(`SELECT 1 FROM ${table} LIMIT 1`) !== undefined;
    this.#inTransaction(() => {
      for (const projection of this.#projections) {
        const indexes = indexesIn(projection);
        indexes.filter(isFilled).forEach(make);
        projection.settle?.(this.#tables, this.#touched);
        indexes.forEach(make);
      }
      this.#touched.clear();
    });
  }

  #applyEvents(batch: readonly StoredEvent[]): void {
    for (const stored of batch) {
      if (stored.position <= this.#position) continue;
      const event = decode(stored);
      if (event !== null) for (const handler of this.#handlers.get(event.type) ?? []) handler(this.#tables, event, this.#touched);
      this.#position = stored.position;
    }
    this.#tables.run(`UPDATE progress SET position = ?`, [this.#position]);
  }

  #settle(): void {
    for (const { settle } of this.#projections) settle?.(this.#tables, this.#touched);
    this.#touched.clear();
  }

  #inTransaction(work: () => void): void {
    const before = this.#position;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      work();
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      this.#position = before;
      throw error;
    }
  }
}

/** @param withIndexes false for a file to build in, where `settle` makes them. */
export function createTables(
  database: DatabaseSync,
  projections: readonly Projection[],
  fingerprint: string,
  { withIndexes = true }: { withIndexes?: boolean } = {},
): void {
  database.exec(`CREATE TABLE progress (position INTEGER NOT NULL, fingerprint TEXT NOT NULL) STRICT`);
  database.prepare(`INSERT INTO progress VALUES (0, ?)`).run(fingerprint);
  for (const { schema } of projections) database.exec(withIndexes ? schema : schema.replaceAll(indexForm, ""));
}

type Index = { table: string; sql: string };
const indexForm = /CREATE INDEX (\w+ ON (\w+) [^;]+);/g;

const indexesIn = ({ schema }: Projection): Index[] =>
  [...schema.matchAll(indexForm)].map(([, rest, table]) => ({ table: table!, sql: `CREATE INDEX IF NOT EXISTS ${rest}` }));
