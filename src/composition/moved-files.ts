/** The files of a ledger that is moved: whether they are sound, and what goes along with the events. */
import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { toBase64 } from "../audit/encoding.ts";
import type { Log } from "../event-store/log.ts";
import { checkLog } from "../event-store/sqlite/check-log.ts";
import { headHistoryIn } from "../transparency/head-history.ts";
import { headBesideKey } from "../transparency/keys-folder.ts";
import { headIn, rootsOf } from "./backup-manifest.ts";
import { MoveError } from "./move-error.ts";

export type OnProgress = (part: string, share: number) => void;

/** @throws MoveError for a log with any damage: what is moved is moved for good. */
export async function requireSound(path: string, onProgress: OnProgress): Promise<void> {
  const [finding] = await checkLog(path, (done, total) => onProgress("checking the log", done / total));
  if (finding !== undefined) throw new MoveError(`${path} is damaged, so it is not moved: ${finding.message}`);
}

export type Proven = { root: string; signedSize: number | null };

/**
 * The root over all leaves, once the log bears out what was signed last, in its own file and beside the key.
 * @throws MoveError where it does not.
 */
export async function provenRoot(
  log: Pick<Log, "readAll" | "head">,
  path: string,
  keysFolder: string,
  onProgress: OnProgress,
): Promise<Proven> {
  const notes = [headHistoryIn(path).newest()?.note, headBesideKey(keysFolder).last()].filter((note) => note !== undefined);
  const signed = await Promise.all(notes.map((note) => headIn(note, keysFolder)));
  const sizes = [log.head(), ...signed.map(({ size }) => size)];
  const roots = await rootsOf(log, sizes, (done, total) => onProgress("hashing the log", done / total));
  for (const { size, root } of signed)
    if (roots.get(size) !== toBase64(root))
      throw new MoveError(
        `${path} is not the log of which ${size} events were signed, so it is not moved: \`troth serve\` says what it lacks`,
      );
  return { root: roots.get(log.head())!, signedSize: signed.length === 0 ? null : Math.max(...signed.map(({ size }) => size)) };
}

/** What lies in the file of a log beside the events: signed heads, what witnesses said of them, marks of what was overwritten. */
const ofTheFileItself = ["events", "meta", "copied"];

/** Takes along the tables that lie beside the events. Done again, it changes nothing. */
export function carryHeads(from: string, to: string): void {
  const database = new DatabaseSync(to, { timeout: 5_000 });
  try {
    database.exec("PRAGMA synchronous = FULL");
    database.prepare("ATTACH ? AS source").run(from);
    database.exec("BEGIN IMMEDIATE");
    const made = database
      .prepare("SELECT type, name, tbl_name, sql FROM source.sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC")
      .all() as { type: string; name: string; tbl_name: string; sql: string }[];
    for (const { type, name, tbl_name, sql } of made.filter((one) => !ofTheFileItself.includes(one.tbl_name))) {
      const isThere = database.prepare("SELECT 1 FROM main.sqlite_schema WHERE name = ?").get(name) !== undefined;
      if (!isThere) database.exec(sql);
      if (type === "table") database.exec(`INSERT OR REPLACE INTO main."${tbl_name}" SELECT * FROM source."${tbl_name}"`);
    }
    database.exec("COMMIT");
  } finally {
    database.close();
  }
}

/** A database that nobody has open, in one file. */
export function foldBack(path: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA journal_mode = DELETE");
  } finally {
    database.close();
  }
}

export function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
}
