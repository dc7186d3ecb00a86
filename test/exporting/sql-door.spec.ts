/** The door for analysts: they read the datasets, and nothing else, for a while. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askSql } from "../../src/composition/ask-sql.ts";
import type { SqlCell } from "../../src/composition/sql-process.ts";
import { datasetNames, datasets } from "../../src/exporting/datasets.ts";
import { beginExport } from "../../src/exporting/export.ts";
import { formats, type Row } from "../../src/exporting/formats.ts";
import { columnNamesOf, openSqlDoor, type SqlDoor } from "../../src/exporting/sql-door.ts";
import { openViewsForReading } from "../../src/projections/database.ts";
import { buildHistory } from "../../src/projections/history/history-file.ts";
import { openPast, openPastViews } from "../../src/projections/history/past-views.ts";
import { rebuildViews } from "../../src/projections/rebuild.ts";
import { projections } from "../../src/projections/registry.ts";
import { viewsOf } from "../../src/projections/views.ts";
import { account, givenAccount, novak, now } from "../support/api.ts";
import { instantOf, type TestLedger, testLedger } from "../support/ledger.ts";

const folder = mkdtempSync(join(tmpdir(), "troth-sql-"));
const logPath = join(folder, "log.db");
let viewsPath: string;
let historyFile: string;
let memory: TestLedger;
let door: SqlDoor;
const opened: DatabaseSync[] = [];

beforeAll(async () => {
  const ledger = (memory = testLedger(now));
  await givenAccount(ledger);
  const terms = { type: "once", dueAt: "2026-01-20T09:00:00.000Z" };
  await ledger.run("make-promise", {
    account,
    promisor: novak,
    promisee: account,
    terms,
    text: "I shall call.",
    at: "2026-01-10T09:00:00.000Z",
  });
  ({ path: viewsPath } = await rebuildViews(folder, ledger.store.log, projections));
  ({ path: historyFile } = await buildHistory(folder, ledger.store.log));
  const log = new DatabaseSync(logPath);
  log.exec(
    "CREATE TABLE events (position INTEGER PRIMARY KEY, stream TEXT, revision INTEGER, id TEXT, leaf BLOB, ciphertext TEXT)",
  );
  const insert = log.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)");
  for (const { position, stream, revision, id, leaf, ciphertext } of ledger.store.log.readAll(0, 100))
    insert.run(position, stream, revision, id, leaf, ciphertext);
  log.close();
  const [database, figures] = [openViewsForReading(viewsPath), openViewsForReading(viewsPath)];
  opened.push(database, figures);
  database.prepare("ATTACH ? AS log").run(logPath);
  door = openSqlDoor(database, viewsOf(figures), { asOf: instantOf(now), knownAt: instantOf(now) });
});
afterAll(() => {
  for (const database of opened) database.close();
  rmSync(folder, { recursive: true });
});

const answered = (sql: string) => door.prepare(sql).all() as unknown as unknown[][];

describe("the door", () => {
  it.each(datasetNames)("shows `%s` with the columns of its exports", (name) => {
    const statement = door.prepare(`SELECT * FROM ${name}`);
    expect(statement.columns().map((column) => column.name)).toEqual(datasets[name].columns.map((column) => column.name));
    expect(() => statement.all()).not.toThrow();
  });

  it("answers what SQL can ask of them", () => {
    expect(answered(`SELECT standing, count(*) FROM occurrences GROUP BY standing;`)).toEqual([["pending", 1]]);
    const joined = `SELECT p.team, o.promise IS NOT NULL FROM people p LEFT JOIN occurrences o ON o.promisor = p.person WHERE p.team = 'north'`;
    expect(answered(joined)).toEqual([["north", 1]]);
    expect(answered(`SELECT score, pending FROM trust WHERE account = '${account}' AND direction = 'given'`)).toEqual([[0.5, 1]]);
    expect(answered(`SELECT promisor, pending, rate FROM keeping -- of all`)).toEqual([[novak, 1, null]]);
    expect(answered(`SELECT e.value FROM accounts, json_each('[1, 2]') e LIMIT 2`)).toEqual([[1], [2]]);
    expect(answered(`WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3) SELECT sum(x) FROM c`)).toEqual(
      [[6]],
    );
    expect(answered(`SELECT count(*) FROM events WHERE type = 'PromiseMade' AND data ->> '$.account' = '${account}'`)).toEqual([
      [1],
    ]);
  });

  it.each([
    ["WITH late AS (SELECT account, count(*) n FROM occurrences GROUP BY 1) SELECT count(*) FROM late", 1],
    ["WITH late AS MATERIALIZED (SELECT account FROM occurrences) SELECT count(*) FROM late", 1],
    ["WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 3) SELECT count(*) FROM c", 3],
    ["WITH trust AS (SELECT 1 UNION SELECT 2 UNION SELECT 3) SELECT count(*) FROM trust", 3],
    ["WITH Accounts AS (SELECT 1 UNION SELECT 2 UNION SELECT 3) SELECT count(*) FROM accounts", 3],
    ["SELECT count(*) FROM (SELECT account FROM accounts LIMIT 1) AS few", 1],
  ])("lets in a name of the statement's own of which no column is read: %j", (sql, count) => {
    expect(answered(sql)).toEqual([[count]]);
  });

  it("gives each column a name of its own", () => {
    const named = (sql: string) => columnNamesOf(door.prepare(sql));
    expect(named("SELECT account, account FROM accounts")).toEqual(["account", "account_2"]);
    expect(named("SELECT 1 a, 2 a, 3 a_2, 4 a")).toEqual(["a", "a_3", "a_2", "a_4"]);
  });

  it("knows of no text that is sealed", () => {
    for (const name of datasetNames) expect(JSON.stringify(answered(`SELECT * FROM ${name}`))).not.toContain("ciphertext");
    for (const column of ["sealed", "facts", "ciphertext", "leaf", "personal"])
      for (const name of datasetNames) expect(() => door.prepare(`SELECT ${column} FROM ${name}`)).toThrow("no such column");
  });

  it.each([
    ["INSERT INTO accounts (account) VALUES ('acc_1')", /INSERT|cannot modify/],
    ["UPDATE main.accounts SET status = 'closed'", /UPDATE|READ|no view/],
    ["DELETE FROM main.occurrences", /DELETE/],
    ["DROP TABLE main.accounts", /not let in/],
    ["DROP VIEW accounts", /not let in/],
    ["CREATE TABLE t (x)", /not let in/],
    ["CREATE TEMP TABLE t AS SELECT 1", /not let in/],
    ["CREATE TEMP VIEW v AS SELECT 1", /not let in/],
    ["ATTACH 'vault.db' AS vault", /ATTACH is not let in/],
    ["DETACH log", /DETACH is not let in/],
    ["PRAGMA writable_schema = 1", /PRAGMA is not let in/],
    ["SELECT * FROM pragma_table_info('accounts')", /no view `pragma_table_info`/],
    ["SELECT sql FROM sqlite_schema", /no view `sqlite_master`/],
    ["SELECT sql FROM sqlite_temp_schema", /no view `sqlite_temp_master`/],
    ["BEGIN", /not let in/],
    ["VACUUM INTO 'copy.db'", /a SELECT is wanted/],
    ["SELECT facts FROM main.promises", /no view `promises` in `main`/],
    ["SELECT ciphertext FROM log.events", /no view `events` in `log`/],
    ["SELECT * FROM keys", /no view `keys`/],
    ["WITH accounts AS (SELECT * FROM keys) SELECT * FROM accounts", /no view `keys`/],
    ["WITH promises AS (SELECT facts FROM main.promises) SELECT * FROM promises", /no view `promises` in `main`/],
    ["WITH trust AS (SELECT count(*) FROM keys) SELECT count(*) FROM trust", /no view `keys`/],
    ["WITH keys AS (SELECT 1) SELECT count(*) FROM keys", /no view `keys` to read here, and none may be called that/],
    ["WITH keys AS (SELECT 1) SELECT count(*) FROM main.keys", /no view `keys` in `main`/],
    ["WITH keys AS (SELECT 1 AS label) SELECT label FROM main.keys", /no view `keys` in `main`/],
    ["WITH a AS (WITH keys AS (SELECT 1) SELECT count(*) FROM keys) SELECT count(*) FROM a, keys", /no view `keys`/],
    ["SELECT count(*) FROM KEYS", /no view `KEYS`/],
    ["SELECT 1 FROM Keys LEFT JOIN accounts", /no view `Keys`/],
    ["WITH late AS (SELECT 1) SELECT count(*) FROM late, keys", /no view `keys`/],
    ["SELECT count(*) FROM sqlite_master", /no view `sqlite_master`/],
    ["SELECT count(*) FROM pragma_table_list", /no view `pragma_table_list`/],
    ["SELECT count(*) FROM dbstat", /no view `dbstat`|no such table/],
    ["SELECT (SELECT group_concat(label) FROM keys)", /no view `keys`/],
    ["SELECT load_extension('x')", /load_extension|no such function/],
    ["SELECT 1; SELECT 2", /one statement at a time/],
    ["SELECT 1; DROP TABLE accounts", /one statement at a time/],
    ["SELEC 1", /near "SELEC": syntax error/],
    ["", /./],
    ["SELECT length(zeroblob(900000000))", /too big/],
    ["SELECT replace(printf('%.*c', 8000000, 'x'), 'x', 'xx')", /too big/],
  ])("does not let in %j", (sql, reason) => {
    expect(() => door.prepare(sql).all()).toThrow(reason);
    expect(answered("SELECT count(*) FROM accounts")).toEqual([[2]]);
    expect(existsSync(join(folder, "copy.db"))).toBe(false);
  });
});

describe("the door to the past", () => {
  const knownAt = instantOf(now);
  const vantage = { asOf: instantOf("2026-01-15T00:00:00.000Z"), knownAt, size: 5 };
  let past: SqlDoor;
  beforeAll(() => {
    const database = openPast(historyFile);
    opened.push(database);
    database.prepare("ATTACH ? AS log").run(logPath);
    const log = memory.store.log;
    past = openSqlDoor(database, openPastViews(historyFile, log).at(vantage), { ...vantage, past: { log, size: vantage.size } });
  });

  it.each(datasetNames)("shows in `%s` what an export at its vantage holds", async (name) => {
    const source = { viewsPath, historyPath: historyFile, log: memory.store.log, now: () => knownAt, restPerWork: 0 };
    let exported = "";
    for await (const bytes of beginExport(source, { dataset: name, format: "csv", vantage }).bytes) exported += bytes as string;
    const { columns, key } = datasets[name];
    const { encoder } = formats.csv;
    const encoding = encoder(columns, false);
    const rows = past.prepare(`SELECT * FROM ${name} ORDER BY ${key.join(", ")}`).all() as unknown as Row[];
    expect(`${encoding.rows(rows) as string}${encoding.end() as string}`).toBe(exported);
  });

  it("is as narrow as the other", () => {
    expect(past.prepare("SELECT count(*) FROM events").all()).toEqual([[5]]);
    expect(past.prepare("WITH late AS (SELECT account FROM promises) SELECT count(*) FROM late").all()).toHaveLength(1);
    for (const table of ["past_accounts", "promise_events", "progress", "temp.vantage", "main.accounts", "log.events"])
      expect(() => past.prepare(`SELECT * FROM ${table}`)).toThrow(/there is no|no such table/);
    expect(() => past.prepare("DELETE FROM past_accounts")).toThrow("DELETE is not let in");
  });
});

describe("a statement in a process of its own", () => {
  const asked = async (sql: string, { rowCountMax = 100, timeoutMs = 60_000 } = {}) => {
    const rows: SqlCell[][] = [];
    const reader = { columns: () => undefined, rows: (more: readonly SqlCell[][]) => void rows.push(...more) };
    const at = instantOf(now);
    const vantage = { asOf: at, knownAt: at, size: 0 };
    await askSql({ path: viewsPath, isPast: false, logPath, sql, rowCountMax, vantage }, timeoutMs, reader);
    return rows;
  };
  const endless = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)";

  it("is ended when it gives too many rows or takes too long", async () => {
    const before = readFileSync(viewsPath);
    const [few, many, long, big] = await Promise.allSettled([
      asked(`${endless} SELECT x FROM c LIMIT 100`),
      asked(`${endless} SELECT x FROM c`),
      asked(`${endless} SELECT count(*) FROM c`, { timeoutMs: 1_500 }),
      asked("SELECT 9007199254740993, -7, 1.5, NULL"),
    ]);
    expect(few).toMatchObject({ status: "fulfilled" });
    expect((few as PromiseFulfilledResult<unknown[]>).value).toHaveLength(100);
    expect(big).toEqual({ status: "fulfilled", value: [[9_007_199_254_740_993n, -7, 1.5, null]] });
    expect(many).toMatchObject({
      reason: { message: "there are more than 100 rows; LIMIT asks for fewer, --rows lets more through" },
    });
    expect(long).toMatchObject({ reason: { message: "it took longer than 1.5 s; --seconds gives it more" } });
    expect(readFileSync(viewsPath).equals(before)).toBe(true);
  });
});
