/** Statements on PostgreSQL, each in time, each in a transaction of its own, and failures that tell no secret. */
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { VaultUnavailableError } from "../vault.ts";

export type DatabaseOptions = {
  /** `postgres://…`, with the TLS options of `pg` (sslmode, sslrootcert, sslcert, sslkey). */
  connectionString: string;
  schema: string;
  connectionsMax: number;
  /** How long a connection or a statement may take. */
  timeoutMs: number;
};

export type Row = Record<string, unknown>;
/** One statement of a transaction. */
export type Run = (text: string, values?: unknown[]) => Promise<Row[]>;

const attemptCountMax = 4;
/** The server gives up first, so that what became of a statement is known; the client, where the server is out of reach or frozen. */
const clientTimeoutShare = 1.25;

export class Database {
  readonly #pool: pg.Pool;

  /** Connects to nobody yet. @throws Error for a connection string of another form. */
  constructor({ connectionString, schema, connectionsMax, timeoutMs }: DatabaseOptions) {
    if (!/^postgres(ql)?:\/\//.test(connectionString))
      throw new Error("the connection string of the vault must begin with postgres://");
    this.#pool = poolFor({
      connectionString,
      max: connectionsMax,
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs * clientTimeoutShare,
      keepAlive: true,
      fallback_application_name: "troth",
      onConnect: (client) => client.query(sessionSettings, [schema, String(timeoutMs)]),
    });
    // An idle connection was lost. The pool makes another for the next statement.
    this.#pool.on("error", () => undefined);
  }

  /**
   * One statement.
   * @throws VaultUnavailableError; it may have been carried out all the same, where the answer was lost.
   */
  async once(text: string, values: unknown[] = []): Promise<Row[]> {
    try {
      return (await this.#pool.query<Row>(text, values)).rows;
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** One statement that changes nothing more when it is repeated: where its answer was lost, it is asked again. */
  async repeatable(text: string, values: unknown[] = []): Promise<Row[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return (await this.#pool.query<Row>(text, values)).rows;
      } catch (error) {
        if (attempt === attemptCountMax || !passes(error)) throw unavailable(error);
      }
      await delay(attempt * (20 + 60 * Math.random()));
    }
  }

  /**
   * Several statements, all of them or none.
   * @param timeoutMs for each of them. @throws what `work` throws; VaultUnavailableError.
   */
  async transaction<Result>(timeoutMs: number, work: (run: Run) => Promise<Result>): Promise<Result> {
    const client = await this.#client();
    const run: Run = async (text, values = []) => {
      const statement = { text, values, query_timeout: timeoutMs * clientTimeoutShare };
      try {
        return (await client.query<Row>(statement)).rows;
      } catch (error) {
        throw unavailable(error);
      }
    };
    let isWhole = false;
    try {
      await run("BEGIN");
      await run("SELECT set_config('statement_timeout', $1, true)", [String(timeoutMs)]);
      const result = await work(run);
      await run("COMMIT");
      isWhole = true;
      return result;
    } finally {
      // A connection that is thrown away rolls back.
      client.release(!isWhole);
    }
  }

  async #client(): Promise<pg.PoolClient> {
    try {
      const client = await this.#pool.connect();
      // The statement under way is told; without a listener the process would end.
      client.on("error", () => undefined);
      return client;
    } catch (error) {
      throw unavailable(error);
    }
  }

  /** Waits for statements under way. */
  async close(): Promise<void> {
    if (!this.#pool.ending) await this.#pool.end();
  }
}

/** @throws Error that quotes nothing of the connection string. */
function poolFor(config: pg.PoolConfig): pg.Pool {
  try {
    // Looks at the string now and not at the first statement: it may be malformed, or name a file that is not there.
    void new pg.Client(config);
    return new pg.Pool(config);
  } catch (error) {
    throw unusable(error);
  }
}

const unusable = (error: unknown): Error => new Error(`the connection string of the vault can't be used: ${reasonOf(error)}`);

/**
 * Whatever the server or the string is set to. `off` would acknowledge what is not on disk; the other settings of
 * synchronous_commit are the operator's choice of how many disks.
 */
const sessionSettings = `
  SELECT set_config('search_path', quote_ident($1), false),
         set_config('default_transaction_isolation', 'read committed', false),
         set_config('synchronous_commit', CASE current_setting('synchronous_commit')
           WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false),
         set_config('statement_timeout', $2, false),
         set_config('idle_in_transaction_session_timeout', $2, false)`;

const passingStates = new Set([
  ...["40001", "40P01"], // lost to another transaction
  ...["57P01", "57P02", "57P03"], // the server is being stopped or started
]);
const lostConnection = /^(08...)$/;

/** Whether asking again at once may help. What took too long has had its time. */
function passes(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return passingStates.has(error.code ?? "") || lostConnection.test(error.code ?? "");
  return !(error instanceof Error && /time(d )?out/i.test(error.message));
}

export const unavailable = (error: unknown): Error =>
  error instanceof VaultUnavailableError ? error : new VaultUnavailableError(reasonOf(error));

/**
 * What went wrong, without the error itself: the driver's errors carry rows, statements or the client. Messages about
 * values quote them, so of these the code alone is told.
 */
function reasonOf(error: unknown): string {
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? "unknown";
    return /^2[23]/.test(code) ? `PostgreSQL answers ${code}` : `PostgreSQL answers ${code}, ${error.message}`;
  }
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
