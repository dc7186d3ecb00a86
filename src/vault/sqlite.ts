/**
 * The vault as one SQLite file, apart from the log because it must forget: its backups live for days where those of the
 * log live for ever. Every key in it is wrapped under the key-encryption key, which lies elsewhere.
 */
import type { KeyObject } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import type { EventId, Instant, SubjectId } from "../domain/values.ts";
import { GroupedWrites } from "./grouped-writes.ts";
import { KeyCache } from "./key-cache.ts";
import { type KeyStore, keysOneByOne, type NewLine, type OpeningKeys, type SealingKeys, vaultOver } from "./keyed-vault.ts";
import { type DataKey, keyBytes, newKey, unwrapKey, wrapKey } from "./sealing.ts";
import {
  type AccessLogPage,
  type AccessLogQuery,
  type ErasableVault,
  SubjectErasedError,
  type Tombstone,
  VaultUnavailableError,
} from "./vault.ts";

export type SqliteVaultOptions = {
  /** How many unwrapped data keys stay in memory; those not used for longest go first. Default 10,000. */
  keysInMemoryMax?: number;
};

/** How long a statement waits for another connection's transaction. */
const busyMsMax = 5_000;
/** How long an erasure waits for readers of the write-ahead log. */
const emptyWalMsMax = 30_000;
const emptyWalRetryMs = 20;
/** Lines that one question looks at, whether they are those that were asked for or not: some milliseconds of work. */
const lineScanMax = 20_000;

const schemaVersion = 1;
export const vaultSchema = `
  CREATE TABLE data_keys (subject TEXT, version INTEGER, wrapped BLOB NOT NULL, PRIMARY KEY (subject, version)) STRICT, WITHOUT ROWID;
  CREATE TABLE id_key (id INTEGER PRIMARY KEY CHECK (id = 1), wrapped BLOB NOT NULL) STRICT;
  CREATE TABLE tombstones (subject TEXT PRIMARY KEY, erased_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE access_log (id INTEGER PRIMARY KEY, at TEXT NOT NULL, key TEXT NOT NULL, purpose TEXT NOT NULL,
                           event TEXT NOT NULL, subjects TEXT NOT NULL) STRICT;
  PRAGMA user_version = ${schemaVersion};`;

/**
 * Opens the vault, and makes it where there is none.
 * @throws Error where the key-encryption key is not this vault's, or the file is not a vault this version can read.
 */
export function openSqliteVault(path: string, keyEncryptionKey: KeyObject, options: SqliteVaultOptions = {}): ErasableVault {
  if (keyEncryptionKey.symmetricKeySize !== keyBytes) throw new RangeError(`the key-encryption key must have ${keyBytes} bytes`);
  closeSync(openSync(path, "a", 0o600)); // SQLite would let others read who opened what; its WAL takes the mode of the file.
  const db = new DatabaseSync(path, { timeout: busyMsMax });
  try {
    // secure_delete overwrites what is deleted; FULL makes each commit wait for the disk.
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF");
    const idKey = openIdKey(db, path, keyEncryptionKey);
    return vaultOver(new SqliteKeyStore(db, keyEncryptionKey, options.keysInMemoryMax ?? 10_000), idKey);
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Makes the tables at the first start. The id key also proves that the key-encryption key is the right one. */
function openIdKey(db: DatabaseSync, path: string, keyEncryptionKey: KeyObject): KeyObject {
  inTransaction(db, () => {
    const version = db.prepare("PRAGMA user_version").get()!["user_version"];
    if (version === schemaVersion) return;
    if (version !== 0)
      throw new Error(`${path} is a vault of version ${String(version)}; this program reads version ${schemaVersion}`);
    db.exec(vaultSchema);
    db.prepare("INSERT INTO id_key VALUES (1, ?)").run(wrapKey(keyEncryptionKey, newKey(), ["id-key"]));
  });
  const wrapped = db.prepare("SELECT wrapped FROM id_key").get()?.["wrapped"] as Uint8Array | undefined;
  const idKey = wrapped && unwrapKey(keyEncryptionKey, wrapped, ["id-key"]);
  if (!idKey)
    throw new Error(
      `the key-encryption key does not open the vault ${path}: it belongs to another vault, or one of the two is damaged`,
    );
  return idKey;
}

function inTransaction(db: DatabaseSync, work: () => void): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    work();
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

class SqliteKeyStore implements KeyStore, OpeningKeys {
  readonly #db: DatabaseSync;
  readonly #keyEncryptionKey: KeyObject;
  readonly #cache: KeyCache;
  readonly #writes: GroupedWrites;
  readonly #sql: Statements;
  /** Subjects whose first key waits for the next commit. */
  readonly #minting = new Map<SubjectId, Promise<DataKey>>();
  /** SQLite's mark of what other connections committed, and whether it was read in this turn of the event loop. */
  #dataVersion: unknown;
  #looked = false;

  constructor(db: DatabaseSync, keyEncryptionKey: KeyObject, keysInMemoryMax: number) {
    this.#db = db;
    this.#keyEncryptionKey = keyEncryptionKey;
    this.#cache = new KeyCache(keysInMemoryMax);
    // Keys whose commit failed are in no file: nothing may be sealed under them.
    this.#writes = new GroupedWrites(db, () => this.#cache.clear());
    this.#sql = statementsOf(db);
  }

  sealingKeys(subjects: readonly SubjectId[]): SealingKeys | Promise<SealingKeys> {
    return keysOneByOne(
      subjects,
      (subject) => this.#currentKey(subject),
      (subject) => this.#mint(subject),
    );
  }

  #currentKey(subject: SubjectId): DataKey | undefined {
    const key = guarded(() => this.#newestKey(subject));
    if (key === "damaged") throw new VaultUnavailableError(`the key of ${subject} is damaged`);
    if (!key && this.isErased(subject)) throw new SubjectErasedError(subject);
    return key;
  }

  /** Each key is looked at when it is asked for, so it is always good. */
  async openingKeys(lines: readonly NewLine[]): Promise<OpeningKeys> {
    await this.#log(lines);
    return this;
  }

  areGood(): boolean {
    return true;
  }

  ofVersion(subject: SubjectId, version: number): DataKey | undefined {
    return guarded(() => {
      const newest = this.#newestKey(subject);
      if (newest && newest !== "damaged" && newest.version === version) return newest;
      return this.#unwrapped(subject, this.#sql.keyOfVersion.get(subject, version));
    });
  }

  async #mint(subject: SubjectId): Promise<DataKey> {
    const waiting = this.#minting.get(subject);
    if (waiting) return waiting;
    const minted = this.#write(() => this.#keyInTransaction(subject)).then((key) => {
      if (!key) throw new SubjectErasedError(subject);
      return key;
    });
    this.#minting.set(subject, minted);
    try {
      return await minted;
    } finally {
      this.#minting.delete(subject);
    }
  }

  /** Undefined for a tombstone: the subject may have been erased, or given a key, since it was looked up. */
  #keyInTransaction(subject: SubjectId): DataKey | undefined {
    const fresh = { version: 1, key: newKey() };
    const wrapped = wrapKey(this.#keyEncryptionKey, fresh.key, ["data-key", subject, fresh.version]);
    if (this.#sql.addFirstKey.run({ subject, version: fresh.version, wrapped }).changes === 0) {
      return this.isErased(subject) ? undefined : this.#currentKey(subject);
    }
    this.#cache.set(subject, fresh);
    return fresh;
  }

  #newestKey(subject: SubjectId): DataKey | "damaged" | undefined {
    this.#forgetWhatOthersChanged();
    const cached = this.#cache.get(subject);
    if (cached) return cached;
    const row = this.#sql.newestKey.get(subject);
    if (!row) return undefined;
    const key = this.#unwrapped(subject, row);
    if (!key) return "damaged";
    this.#cache.set(subject, key);
    return key;
  }

  #unwrapped(subject: SubjectId, row: Record<string, unknown> | undefined): DataKey | undefined {
    if (!row) return undefined;
    const { version, wrapped } = row as { version: number; wrapped: Uint8Array };
    const key = unwrapKey(this.#keyEncryptionKey, wrapped, ["data-key", subject, version]);
    return key && { version, key };
  }

  isErased(subject: SubjectId): boolean {
    return guarded(() => this.#sql.tombstone.get(subject)) !== undefined;
  }

  async erase(subject: SubjectId, at: Instant): Promise<void> {
    await this.#write(() => {
      this.#sql.addTombstone.run(subject, at);
      this.#sql.dropKeys.run(subject);
      this.#cache.delete(subject);
    });
    // The write-ahead log still holds the pages as they were when the key was minted.
    if (!(await this.#emptyWal()))
      throw new VaultUnavailableError(
        `${subject} is erased, but a reader keeps the write-ahead log from being emptied: erase again`,
      );
  }

  /** Waits for readers without keeping the thread: a backup may hold its snapshot for a while. */
  async #emptyWal(): Promise<boolean> {
    for (const until = Date.now() + emptyWalMsMax; ; await delay(emptyWalRetryMs)) {
      const isEmpty = guarded(() => {
        this.#db.exec("PRAGMA busy_timeout = 0");
        const { busy } = this.#db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as { busy: number };
        this.#db.exec(`PRAGMA busy_timeout = ${busyMsMax}`);
        return busy === 0;
      });
      if (isEmpty || Date.now() > until) return isEmpty;
    }
  }

  tombstones(): Tombstone[] {
    return guarded(() => this.#sql.tombstones.all()).map((row) => ({
      subject: row["subject"] as SubjectId,
      at: row["erased_at"] as Instant,
    }));
  }

  async #log(lines: readonly NewLine[]): Promise<void> {
    if (lines.length === 0) return;
    await this.#write(() => {
      for (const { at, key, purpose, event, subjects } of lines)
        this.#sql.addLine.run(at, key, purpose, event, JSON.stringify(subjects));
    });
  }

  async accessLog({ limit, before, subject, key }: AccessLogQuery): Promise<AccessLogPage> {
    const last = before === undefined ? this.#lastLine() : before - 1;
    const first = Math.max(1, last - lineScanMax + 1);
    const asked = { first, last, limit, key: key ?? null, subject: subject === undefined ? null : JSON.stringify(subject) };
    const lines = guarded(() => this.#sql.lines.all(asked)).map((row) => ({
      line: row["id"] as number,
      at: row["at"] as Instant,
      key: row["key"] as string,
      purpose: row["purpose"] as string,
      event: row["event"] as EventId,
      subjects: JSON.parse(row["subjects"] as string) as SubjectId[],
    }));
    // A full page ended where its last line is; any other has looked at every line down to `first`.
    const next = lines.length === limit ? lines.at(-1)!.line : first;
    return next > 1 ? { lines, next } : { lines };
  }

  #lastLine(): number {
    return guarded(() => this.#sql.lastLine.get()!["last"] as number | null) ?? 0;
  }

  async close(): Promise<void> {
    this.#writes.flush();
    this.#cache.clear();
    this.#db.close();
  }

  async #write<Result>(job: () => Result): Promise<Result> {
    try {
      return await this.#writes.add(job);
    } catch (error) {
      throw unavailable(error);
    }
  }

  /**
   * A key that another process destroyed must not live on in this one's memory. Asking SQLite costs as much as the
   * sealing itself, so it is asked once a turn of the event loop.
   */
  #forgetWhatOthersChanged(): void {
    if (this.#looked) return;
    const dataVersion = guarded(() => this.#sql.dataVersion.get()!["data_version"]);
    if (dataVersion !== this.#dataVersion) this.#cache.clear();
    this.#dataVersion = dataVersion;
    this.#looked = true;
    setImmediate(() => (this.#looked = false));
  }
}

type Statements = ReturnType<typeof statementsOf>;
const statementsOf = (db: DatabaseSync) => ({
  newestKey: db.prepare("SELECT version, wrapped FROM data_keys WHERE subject = ? ORDER BY version DESC LIMIT 1"),
  keyOfVersion: db.prepare("SELECT version, wrapped FROM data_keys WHERE subject = ? AND version = ?"),
  addFirstKey: db.prepare(
    `INSERT INTO data_keys SELECT :subject, :version, :wrapped
     WHERE NOT EXISTS (SELECT 1 FROM data_keys WHERE subject = :subject) AND NOT EXISTS (SELECT 1 FROM tombstones WHERE subject = :subject)`,
  ),
  dropKeys: db.prepare("DELETE FROM data_keys WHERE subject = ?"),
  tombstone: db.prepare("SELECT 1 FROM tombstones WHERE subject = ?"),
  addTombstone: db.prepare("INSERT INTO tombstones VALUES (?, ?) ON CONFLICT DO NOTHING"),
  addLine: db.prepare("INSERT INTO access_log (at, key, purpose, event, subjects) VALUES (?, ?, ?, ?, ?)"),
  lines: db.prepare(
    `SELECT id, at, key, purpose, event, subjects FROM access_log
     WHERE id BETWEEN :first AND :last AND (:key IS NULL OR key = :key) AND (:subject IS NULL OR instr(subjects, :subject) > 0)
     ORDER BY id DESC LIMIT :limit`,
  ),
  lastLine: db.prepare("SELECT max(id) AS last FROM access_log"),
  tombstones: db.prepare("SELECT subject, erased_at FROM tombstones ORDER BY erased_at, subject"),
  dataVersion: db.prepare("PRAGMA data_version"),
});

function guarded<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw unavailable(error);
  }
}

const unavailable = (error: unknown): Error =>
  error instanceof VaultUnavailableError || error instanceof SubjectErasedError
    ? error
    : new VaultUnavailableError(error instanceof Error ? error.message : String(error), { cause: error });
