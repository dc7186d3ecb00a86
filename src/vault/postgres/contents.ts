/** The contents of a vault on PostgreSQL: read from there, written there, and taken away again. Only while no node uses it. */
import { setTimeout as delay } from "node:timers/promises";
import type { EventId, Instant, SubjectId } from "../../domain/values.ts";
import { keyPages, linePages, type VaultContents } from "../contents.ts";
import { Database, type Row, type Run } from "./database.ts";

export type PostgresPlace = { connectionString: string; schema: string };

/** For a statement that moves a page, or compares all keys. */
const statementMsMax = 600_000;

export const openDatabase = ({ connectionString, schema }: PostgresPlace): Database =>
  new Database({ connectionString, schema, connectionsMax: 2, timeoutMs: 60_000 });

/** Nodes are at work on the vault. */
export class NodesAtWorkError extends Error {
  constructor(count: number) {
    super(`${count} ${count === 1 ? "node is" : "nodes are"} at work on the ledger: stop every node first`);
    this.name = "NodesAtWorkError";
  }
}

const watchMs = 250;

/**
 * Waits until no node holds a lease. A running one renews its lease every few seconds and is told at once; one that was killed is
 * waited for until its lease has lapsed, a minute at most.
 * @throws NodesAtWorkError; VaultUnavailableError.
 */
export async function withoutNodes(database: Database): Promise<void> {
  const seen = new Map<string, { beat: string; sinceMs: number }>();
  for (; ; await delay(watchMs)) {
    const rows = await database.repeatable("SELECT node, beat::text, duration_ms FROM leases");
    if (rows.length === 0) return;
    const alive = rows.filter(({ node, beat }) => (seen.get(node as string)?.beat ?? beat) !== beat);
    if (alive.length > 0) throw new NodesAtWorkError(rows.length);
    const nowMs = performance.now();
    for (const { node, beat, duration_ms: durationMs } of rows as { node: string; beat: string; duration_ms: number }[]) {
      const { sinceMs } = seen.get(node) ?? { sinceMs: nowMs };
      seen.set(node, { beat, sinceMs });
      if (nowMs - sinceMs > durationMs) await database.once("DELETE FROM leases WHERE node = $1 AND beat = $2", [node, beat]);
    }
  }
}

export function postgresContents(database: Database): VaultContents {
  const asked = (text: string, values: unknown[] = []) => database.repeatable(text, values);
  return {
    idKey: async () => (await asked("SELECT wrapped FROM id_key"))[0]?.["wrapped"] as Uint8Array | undefined,
    keys: async (after, count) =>
      (
        await asked(
          `SELECT subject, version, wrapped FROM subjects WHERE wrapped IS NOT NULL AND subject > $1 COLLATE "C"
           ORDER BY subject COLLATE "C" LIMIT $2`,
          [after, count],
        )
      ).map((row) => ({
        subject: row["subject"] as SubjectId,
        version: row["version"] as number,
        wrapped: row["wrapped"] as Uint8Array,
      })),
    tombstones: async () =>
      (await asked("SELECT subject, erased_at FROM subjects WHERE erased_at IS NOT NULL ORDER BY erasure")).map((row) => ({
        subject: row["subject"] as SubjectId,
        at: row["erased_at"] as Instant,
      })),
    lines: async (after, count) =>
      (await asked("SELECT * FROM access_log WHERE line > $1 ORDER BY line LIMIT $2", [after, count])).map(lineOf),
    close: () => database.close(),
  };
}

const lineOf = (row: Row) => ({
  line: Number(row["line"]),
  at: row["at"] as Instant,
  key: row["key"] as string,
  purpose: row["purpose"] as string,
  event: row["event"] as EventId,
  subjects: row["subjects"] as SubjectId[],
});

/** What lies in the database is not an earlier state of what is to be written there. */
export class OtherVaultError extends Error {
  constructor(finding: string) {
    super(`the database holds a vault that is not an earlier state of this one: ${finding}`);
    this.name = "OtherVaultError";
  }
}

/**
 * Puts the contents of a vault in the place of what was moved there before, or of nothing: all of it or none. The tables are there, and
 * no node is at work.
 * @throws OtherVaultError where anything would be lost that is not in `contents`; VaultUnavailableError.
 */
export function fillPostgresVault(database: Database, contents: VaultContents): Promise<void> {
  return database.transaction(statementMsMax, async (run) => {
    await run("LOCK TABLE subjects, access_log, id_key, counts, leases IN ACCESS EXCLUSIVE MODE");
    await run(`CREATE TEMPORARY TABLE incoming (subject text PRIMARY KEY, version integer, wrapped bytea, erased_at text, erasure bigint)
               ON COMMIT DROP`);
    await bringSubjects(run, contents);
    await requireEarlierState(run, contents);
    await run("TRUNCATE subjects, access_log, id_key");
    await run("INSERT INTO id_key VALUES (1, $1)", [await contents.idKey()]);
    await run("INSERT INTO subjects SELECT subject, version, wrapped, erased_at, erasure FROM incoming");
    for await (const page of linePages(contents)) await run(insertLines, [JSON.stringify(page)]);
    await run(`UPDATE counts SET value = CASE name
               WHEN 'lines' THEN (SELECT coalesce(max(line), 0) FROM access_log)
               ELSE greatest(value, (SELECT coalesce(max(erasure), 0) FROM subjects)) END`);
  });
}

const insertLines = `INSERT INTO access_log
  SELECT line, at, key, purpose, event, ARRAY(SELECT jsonb_array_elements_text(subjects))
  FROM jsonb_to_recordset($1::jsonb) AS page(line bigint, at text, key text, purpose text, event text, subjects jsonb)`;

async function bringSubjects(run: Run, contents: VaultContents): Promise<void> {
  for await (const page of keyPages(contents))
    await run("INSERT INTO incoming SELECT * FROM unnest($1::text[], $2::integer[], $3::bytea[])", [
      page.map(({ subject }) => subject),
      page.map(({ version }) => version),
      page.map(({ wrapped }) => Buffer.from(wrapped)),
    ]);
  const tombstones = await contents.tombstones();
  await run(
    "INSERT INTO incoming SELECT subject, NULL, NULL, at, number FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t(subject, at, number)",
    [tombstones.map(({ subject }) => subject), tombstones.map(({ at }) => at)],
  );
}

async function requireEarlierState(run: Run, contents: VaultContents): Promise<void> {
  const [counted] = await run(
    `SELECT
    (SELECT count(*)::int FROM subjects) + (SELECT count(*)::int FROM access_log) AS here,
    (SELECT wrapped FROM id_key) = $1 AS same_id_key,
    (SELECT count(*)::int FROM subjects LEFT JOIN incoming USING (subject) WHERE incoming.subject IS NULL) AS unknown,
    (SELECT count(*)::int FROM subjects JOIN incoming USING (subject)
     WHERE incoming.erased_at IS NULL AND subjects.wrapped IS DISTINCT FROM incoming.wrapped) AS other,
    (SELECT coalesce(max(line), 0)::int FROM access_log) AS lines`,
    [await contents.idKey()],
  );
  const { here, same_id_key: isSameIdKey, unknown, other, lines } = counted as Record<string, number | boolean>;
  // Tables that were made and never used have an id key of their own, which nothing was hashed with.
  if (here === 0) return;
  if (isSameIdKey !== true) throw new OtherVaultError("its id key is another");
  if (unknown !== 0) throw new OtherVaultError(`it knows ${unknown} subjects more`);
  if (other !== 0) throw new OtherVaultError(`it has other keys or tombstones of ${other} subjects`);
  if (lines !== 0 && (await contents.lines((lines as number) - 1, 1)).length === 0)
    throw new OtherVaultError("its access log goes further");
}

/**
 * The schema that a vault lies in while its ledger leaves the cluster. No node finds it there, so none starts, and none that has
 * escaped notice renews its lease.
 */
const leaving = (schema: string): string => `${schema}_leaving`;

/**
 * Takes the vault out of the nodes' sight, once none is at work. Done again, it changes nothing.
 * @returns the schema in which it lies now. @throws NodesAtWorkError; VaultUnavailableError; Error where there is no vault.
 */
export async function fenceVault(place: PostgresPlace): Promise<string> {
  const fenced = leaving(place.schema);
  const database = openDatabase(place);
  try {
    if (!(await isThere(database, place.schema))) {
      if (await isThere(database, fenced)) return fenced;
      throw new Error(`the database has no vault in its schema ${place.schema}`);
    }
    await withoutNodes(database);
    await rename(database, place.schema, fenced);
  } finally {
    await database.close();
  }
  const there = openDatabase({ ...place, schema: fenced });
  try {
    // A node that was just starting waited for the name.
    await withoutNodes(there);
  } catch (error) {
    await rename(there, fenced, place.schema);
    throw error;
  } finally {
    await there.close();
  }
  return fenced;
}

/** Gives the vault back to the nodes. @returns whether it was out of their sight. */
export async function unfenceVault(place: PostgresPlace): Promise<boolean> {
  const database = openDatabase(place);
  try {
    const isFenced = await isThere(database, leaving(place.schema));
    if (isFenced) await rename(database, leaving(place.schema), place.schema);
    return isFenced;
  } finally {
    await database.close();
  }
}

/** Takes a fenced vault away, once it lies elsewhere. Done again, it changes nothing. */
export async function dropFencedVault(place: PostgresPlace): Promise<void> {
  const database = openDatabase(place);
  try {
    await database.once(`DROP SCHEMA IF EXISTS ${quoted(leaving(place.schema))} CASCADE`);
  } finally {
    await database.close();
  }
}

async function isThere(database: Database, schema: string): Promise<boolean> {
  const [row] = await database.repeatable("SELECT to_regclass(quote_ident($1) || '.id_key') IS NOT NULL AS here", [schema]);
  return row?.["here"] === true;
}

const rename = (database: Database, from: string, to: string): Promise<unknown> =>
  database.once(`ALTER SCHEMA ${quoted(from)} RENAME TO ${quoted(to)}`);

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
