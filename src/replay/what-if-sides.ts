/**
 * The two sides of a comparison. Before: views as they are. After: the same views with the tables that a policy decides put in front
 * of them, empty at first and filled by the very folds that fill the running ones. Every question to views can be put to either.
 */
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { MadePromise } from "../domain/promise/facts.ts";
import type { Policy } from "../domain/policy.ts";
import type { AccountId, PromiseId } from "../domain/values.ts";
import type { Log } from "../event-store/log.ts";
import { openForBuilding, openViewsForReading } from "../projections/database.ts";
import { dormancy } from "../projections/dormancy.ts";
import { policyInForce } from "../projections/parameters.ts";
import { type Projection, type Tables, tablesOf, Touched } from "../projections/projection.ts";
import { promises } from "../projections/promises.ts";
import { ProjectionRunner } from "../projections/runner.ts";
import { type Views, viewsOf } from "../projections/views.ts";
import { type Affected, type Change, type Rules, withGrace } from "./what-if-rules.ts";

export type Sides = {
  change: Change;
  before: Views;
  after: Views;
  /** The scratch file, for whatever else has to be kept meanwhile. */
  scratch: Tables;
  /** Brings the side after up to date for these accounts. */
  judge(accounts: readonly AccountId[]): void;
  close(): void;
};

/** What the folds of a policy write. Everything else is read where it lies. */
const tablesOfVerdicts = ["occurrences", "unattested"];
const tablesOfDormancy = ["dormancy"];

/**
 * Both sides stand at one position, whatever is appended meanwhile: each connection keeps the state of the views that it began with.
 *
 * @param viewsPath views under the policy in force.
 * @param scratchPath a file of its own, which does not exist yet; whoever calls removes it.
 * @param changeFrom the policy in force is known once the views stand still.
 */
export function openSides(viewsPath: string, scratchPath: string, changeFrom: (inForce: Policy) => Change): Sides {
  const before = openViewsForReading(viewsPath);
  const after = new DatabaseSync(scratchPath);
  let change: Change;
  try {
    after.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY`);
    after.prepare(`ATTACH ? AS ledger`).run(`${pathToFileURL(viewsPath).href}?mode=ro`);
    after.exec(`PRAGMA busy_timeout = 5000; PRAGMA ledger.cache_size = -32768`);
    pinned(before, after);
    change = changeFrom(policyInForce(viewsOf(before)));
    const { affected, after: rules } = change;
    putInFront(after, [
      ...(affected.verdicts ? tablesOfVerdicts : []),
      ...(affected.dormancy ? tablesOfDormancy : []),
      "policies",
    ]);
    adopted(after, rules);
    if (rules.graceMinutes !== undefined) putGraceInFront(after, rules.graceMinutes);
  } catch (error) {
    after.close();
    before.close();
    throw error;
  }
  const tables = tablesOf(after);
  return {
    change,
    before: viewsOf(before),
    after: viewsOf(after),
    scratch: tables,
    judge: (accounts) => judge(tables, accounts, change.affected),
    close() {
      after.close();
      before.close();
    },
  };
}

/** The views move on between two beginnings now and then, and then both begin again. */
function pinned(before: DatabaseSync, after: DatabaseSync): void {
  for (;;) {
    const [one, other] = [before, after].map((database) => {
      database.exec("BEGIN");
      return viewsOf(database).position();
    });
    if (one === other) return;
    for (const database of [before, after]) database.exec("ROLLBACK");
  }
}

/** A name without a schema means the first of its tables: of the scratch file before those of the ledger. */
function putInFront(after: DatabaseSync, names: readonly string[]): void {
  const made = after.prepare(`SELECT sql FROM ledger.sqlite_schema WHERE type = 'table' AND name = ?`);
  // Without indexes: an account's rows lie together, and the file is read once.
  for (const name of names) after.exec((made.get(name) as { sql: string }).sql);
}

/** As if the policy had been adopted at the end of what is known. */
function adopted(after: DatabaseSync, { policy: { version, ...document } }: Rules): void {
  after
    .prepare(`INSERT INTO policies SELECT ?, ?, coalesce(max(recorded_at), ''), coalesce(max(position), 0) FROM ledger.policies`)
    .run(version, JSON.stringify(document));
}

function putGraceInFront(after: DatabaseSync, graceMinutes: number): void {
  after.function("with_grace", { deterministic: true }, (facts) =>
    JSON.stringify(withGrace(JSON.parse(facts as string) as MadePromise, graceMinutes)),
  );
  const columns = (after.prepare(`SELECT name FROM pragma_table_info('promises', 'ledger')`).all() as { name: string }[]).map(
    ({ name }) => (name === "facts" ? "with_grace(facts) AS facts" : name),
  );
  after.exec(`CREATE TEMP VIEW promises AS SELECT ${columns.join(", ")} FROM ledger.promises`);
}

/** The folds of the running views, for some accounts and nothing else. */
function judge(tables: Tables, accounts: readonly AccountId[], affected: Affected): void {
  const touched = new Touched();
  if (affected.verdicts) {
    for (const account of accounts) for (const id of promisesOf(tables, account)) touched.promises.add(id);
    promises.settle!(tables, touched);
  }
  if (!affected.dormancy) return;
  for (const account of accounts) touched.accounts.add(account);
  dormancy.settle!(tables, touched);
}

const promisesOf = (tables: Tables, account: AccountId): PromiseId[] =>
  tables.all<{ id: PromiseId }>(`SELECT id FROM promises WHERE account = ? ORDER BY position`, [account]).map(({ id }) => id);

const everyTable: Affected = { verdicts: true, dormancy: true, trust: true, rapport: true };
const batchCount = 5_000;
/** Accounts judged between two pauses. */
export const chunkCount = 50;

/**
 * Views of the first `size` events, in a file of their own, under the policy that was in force there.
 *
 * @param used projections that a comparison reads.
 * @param onProgress is awaited after every batch and every few accounts.
 */
export async function buildViews(
  log: Log,
  size: number,
  path: string,
  used: readonly Projection[],
  onProgress: (done: number, of: number) => Promise<void>,
): Promise<void> {
  const database = openForBuilding(path, used);
  try {
    const runner = new ProjectionRunner(
      database,
      used.map(({ settle: _, ...facts }) => facts),
    );
    while (runner.position < size) {
      const batch = log.readAll(runner.position, Math.min(batchCount, size - runner.position));
      if (batch.length === 0) throw new RangeError(`the log has not ${size} events`);
      runner.applyUnsettled(batch);
      await onProgress(runner.position, size);
    }
    runner.settle();
    const tables = tablesOf(database);
    for (const accounts of chunksOf(viewsOf(database), "TRUE", [])) {
      judge(tables, accounts, everyTable);
      await onProgress(size, size);
    }
  } finally {
    database.close();
  }
}

/** Ids of accounts in order, a few at a time. @param where a condition on `accounts`. */
export function* chunksOf(views: Views, where: string, parameters: readonly string[]): Generator<AccountId[]> {
  let last = "";
  for (;;) {
    const chunk = views
      .all<{ id: AccountId }>(`SELECT id FROM accounts WHERE id > ? AND ${where} ORDER BY id LIMIT ${chunkCount}`, [
        last,
        ...parameters,
      ])
      .map(({ id }) => id);
    if (chunk.length === 0) return;
    yield chunk;
    last = chunk.at(-1)!;
  }
}
