/** The contents of a vault in its SQLite file, read from there and written to a new one. */
import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { EventId, Instant, SubjectId } from "../domain/values.ts";
import { keyPages, linePages, type VaultContents } from "./contents.ts";
import { vaultSchema } from "./sqlite.ts";

/** Reads a vault that nobody writes to meanwhile. @throws Error where a subject has keys of several versions, which none is given. */
export function sqliteContents(path: string): VaultContents {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  const all = (text: string, ...values: (string | number)[]) => database.prepare(text).all(...values);
  return {
    idKey: async () => all("SELECT wrapped FROM id_key")[0]?.["wrapped"] as Uint8Array | undefined,
    keys: async (after, count) =>
      all("SELECT subject, version, wrapped FROM data_keys WHERE subject > ? ORDER BY subject LIMIT ?", after, count).map(
        (row) => ({
          subject: row["subject"] as SubjectId,
          version: row["version"] as number,
          wrapped: row["wrapped"] as Uint8Array,
        }),
      ),
    tombstones: async () =>
      all("SELECT subject, erased_at FROM tombstones ORDER BY erased_at, subject").map((row) => ({
        subject: row["subject"] as SubjectId,
        at: row["erased_at"] as Instant,
      })),
    lines: async (after, count) =>
      all("SELECT * FROM access_log WHERE id > ? ORDER BY id LIMIT ?", after, count).map((row) => ({
        line: row["id"] as number,
        at: row["at"] as Instant,
        key: row["key"] as string,
        purpose: row["purpose"] as string,
        event: row["event"] as EventId,
        subjects: JSON.parse(row["subjects"] as string) as SubjectId[],
      })),
    close: async () => database.close(),
  };
}

/** Writes a vault to a file that is not there. On disk when it resolves; half of one may lie there when it rejects. */
export async function writeSqliteVault(path: string, contents: VaultContents): Promise<void> {
  closeSync(openSync(path, "wx", 0o600));
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA synchronous = FULL; BEGIN");
    database.exec(vaultSchema);
    database.prepare("INSERT INTO id_key VALUES (1, ?)").run((await contents.idKey())!);
    const putKey = database.prepare("INSERT INTO data_keys VALUES (?, ?, ?)");
    for await (const page of keyPages(contents))
      for (const { subject, version, wrapped } of page) putKey.run(subject, version, wrapped);
    const putTombstone = database.prepare("INSERT INTO tombstones VALUES (?, ?)");
    for (const { subject, at } of await contents.tombstones()) putTombstone.run(subject, at);
    const putLine = database.prepare("INSERT INTO access_log VALUES (?, ?, ?, ?, ?, ?)");
    for await (const page of linePages(contents))
      for (const { line, at, key, purpose, event, subjects } of page)
        putLine.run(line, at, key, purpose, event, JSON.stringify(subjects));
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}
