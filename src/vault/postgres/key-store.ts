/** The keys of data subjects in PostgreSQL, shared by nodes of which each may erase. */
import type { KeyObject } from "node:crypto";
import type { EventId, Instant, SubjectId } from "../../domain/values.ts";
import { KeyCache } from "../key-cache.ts";
import type { KeyStore, NewLine, OpeningKeys, SealingKeys } from "../keyed-vault.ts";
import { type DataKey, newKey, unwrapKey, wrapKey } from "../sealing.ts";
import { type AccessLogPage, type AccessLogQuery, SubjectErasedError, type Tombstone, VaultUnavailableError } from "../vault.ts";
import { Batches } from "./batches.ts";
import type { Database, Row } from "./database.ts";
import type { Lease } from "./lease.ts";
import type { Leases } from "./leases.ts";

/** Subjects or openings in one statement: some milliseconds of work. */
const batchMax = 1_000;
/** Lines that one question looks at, whether they are those that were asked for or not. */
const lineScanMax = 20_000;

export type KeyStoreOptions = {
  database: Database;
  keyEncryptionKey: KeyObject;
  lease: Lease;
  leases: Leases;
  memory: SharedMemory;
};

/** What this node holds of the vault: keys for as long as its lease, and everybody who was erased, for ever. */
export class SharedMemory {
  readonly keys: KeyCache;
  readonly tombstones = new Map<SubjectId, Instant>();

  constructor(keysInMemoryMax: number) {
    this.keys = new KeyCache(keysInMemoryMax);
  }

  bury({ subject, at }: Tombstone): void {
    this.tombstones.set(subject, at);
    this.keys.delete(subject);
  }
}

export class PostgresKeyStore implements KeyStore {
  readonly #options: KeyStoreOptions;
  readonly #lookups = new Batches<SubjectId, Row | undefined>(batchMax, (subjects) => this.#lookUp(subjects));
  readonly #mints = new Batches<SubjectId, Row | undefined>(batchMax, (subjects) => this.#mint(subjects));
  readonly #openings = new Batches<readonly NewLine[], OpeningKeys>(batchMax, (openings) => this.#logAndLend(openings));
  /** What was asked for and is not answered. */
  readonly #sealing = new Set<Promise<unknown>>();
  readonly #opening = new Set<Promise<unknown>>();
  /** Whoever seals for such a subject waits for what becomes of it. */
  readonly #erasing = new Map<SubjectId, Promise<unknown>>();

  constructor(options: KeyStoreOptions) {
    this.#options = options;
  }

  sealingKeys(subjects: readonly SubjectId[]): SealingKeys | Promise<SealingKeys> {
    const { term } = this.#options.lease;
    const known = this.#known(subjects);
    return known === undefined ? tracked(this.#sealing, this.#askedFor(subjects)) : this.#lent(known, term);
  }

  /** Undefined where the database must be asked. */
  #known(subjects: readonly SubjectId[]): DataKey[] | undefined {
    this.#refuseErased(subjects);
    if (subjects.length > 0 && !this.#options.lease.holds()) return undefined;
    const keys: DataKey[] = [];
    for (const subject of subjects) {
      const key = this.#erasing.has(subject) ? undefined : this.#options.memory.keys.get(subject);
      if (key === undefined) return undefined;
      keys.push(key);
    }
    return keys;
  }

  #refuseErased(subjects: readonly SubjectId[]): void {
    for (const subject of subjects) if (this.#options.memory.tombstones.has(subject)) throw new SubjectErasedError(subject);
  }

  async #askedFor(subjects: readonly SubjectId[]): Promise<SealingKeys> {
    await Promise.allSettled(subjects.map((subject) => this.#erasing.get(subject)));
    const term = this.#mustHold();
    const rows = await Promise.all(subjects.map((subject) => this.#lookups.add(subject)));
    for (const row of rows) this.#buryErased(row);
    this.#refuseErased(subjects);
    const whole = await Promise.all(rows.map((row, index) => row ?? this.#mints.add(subjects[index]!)));
    for (const row of whole) this.#buryErased(row);
    this.#refuseErased(subjects);
    this.#mustHold(term);
    const { memory } = this.#options;
    const keys = whole.map((row, index) => {
      const key = this.#unwrapped(row);
      if (key === undefined) throw new VaultUnavailableError(`the key of ${subjects[index]!} is damaged`);
      memory.keys.set(subjects[index]!, key);
      return key;
    });
    return this.#lent(keys, term);
  }

  #lent(keys: DataKey[], term: number): SealingKeys {
    return { keys, areGood: () => keys.length === 0 || this.#options.lease.holds(term) };
  }

  /** @returns the lease's term. @throws VaultUnavailableError where there is no lease, or one of another term. */
  #mustHold(term: number = this.#options.lease.term): number {
    if (this.#options.lease.holds(term)) return term;
    throw new VaultUnavailableError(`this node has no lease; ${this.#options.leases.failure ?? "it was out of touch"}`);
  }

  #buryErased(row: Row | undefined): void {
    const at = row?.["erased_at"] as Instant | null | undefined;
    if (row !== undefined && at != null) this.#options.memory.bury({ subject: row["subject"] as SubjectId, at });
  }

  async #lookUp(subjects: SubjectId[]): Promise<(Row | undefined)[]> {
    const rows = await this.#options.database.repeatable(sql.rows, [[...new Set(subjects)]]);
    const bySubject = new Map(rows.map((row) => [row["subject"], row]));
    return subjects.map((subject) => bySubject.get(subject));
  }

  /** Another node may be first, with a key or a tombstone: what stands there afterwards counts, whatever became of the attempt. */
  async #mint(subjects: SubjectId[]): Promise<(Row | undefined)[]> {
    const { database, keyEncryptionKey } = this.#options;
    const distinct = [...new Set(subjects)];
    const wrapped = distinct.map((subject) => wrapKey(keyEncryptionKey, newKey(), ["data-key", subject, firstVersion]));
    await database.repeatable(sql.mint, [distinct, wrapped]);
    return this.#lookUp(subjects);
  }

  #unwrapped(row: Row | undefined): DataKey | undefined {
    if (row === undefined || row["wrapped"] === null) return undefined;
    const { subject, version, wrapped } = row as { subject: SubjectId; version: number; wrapped: Buffer };
    const key = unwrapKey(this.#options.keyEncryptionKey, wrapped, ["data-key", subject, version]);
    return key && { version, key };
  }

  async openingKeys(lines: readonly NewLine[]): Promise<OpeningKeys> {
    // Without a lease nothing could be opened, so nobody is kept waiting for the database.
    if (lines.length === 0) return this.#keysOf([], () => true);
    if (!this.#options.lease.holds()) return this.#keysOf([], () => false);
    try {
      return await tracked(this.#opening, this.#openings.add(lines));
    } catch (error) {
      if (error instanceof VaultUnavailableError) return this.#keysOf([], () => false);
      throw error;
    }
  }

  /** Each opening asks the database, which must have its line first; so it hears of an erasure at once. */
  async #logAndLend(openings: (readonly NewLine[])[]): Promise<OpeningKeys[]> {
    const lines = openings.flat();
    const subjects = [...new Set(lines.flatMap((line) => line.subjects))];
    const { term } = this.#options.lease;
    // Not repeated where its answer was lost: the lines may be there, and whoever asks again has opened again.
    const rows = await this.#options.database.once(sql.logAndRead, [JSON.stringify(lines), lines.length, subjects]);
    for (const row of rows) this.#buryErased(row);
    const keys = this.#keysOf(rows, () => this.#options.lease.holds(term));
    return openings.map(() => keys);
  }

  #keysOf(rows: Row[], areGood: () => boolean): OpeningKeys {
    const { memory } = this.#options;
    const bySubject = new Map(rows.map((row) => [row["subject"], row]));
    return {
      areGood,
      isErased: (subject) => memory.tombstones.has(subject),
      ofVersion: (subject, version) => {
        const row = bySubject.get(subject);
        // Another node's erasure may have been heard of while the answer was on its way.
        if (row?.["version"] !== version || memory.tombstones.has(subject) || !areGood()) return undefined;
        return this.#unwrapped(row);
      },
    };
  }

  /** What was asked to be sealed before is sealed before. */
  async erase(subject: SubjectId, at: Instant): Promise<void> {
    const earlier = [...this.#sealing];
    const before = this.#erasing.get(subject);
    const erased = (async () => {
      await Promise.allSettled([...earlier, before]);
      return this.#buried(subject, at);
    })();
    this.#erasing.set(subject, erased);
    try {
      const erasure = await erased;
      await this.#options.leases.forgottenElsewhere(erasure);
    } finally {
      if (this.#erasing.get(subject) === erased) this.#erasing.delete(subject);
    }
  }

  /** @returns the number of the erasure, the first one's where there was one. */
  async #buried(subject: SubjectId, at: Instant): Promise<number> {
    const { database, memory } = this.#options;
    await database.repeatable(sql.erase, [subject, at]);
    const [row] = await database.repeatable(sql.erasure, [subject]);
    memory.bury({ subject, at: row!["erased_at"] as Instant });
    return Number(row!["erasure"]);
  }

  tombstones(): Tombstone[] {
    return [...this.#options.memory.tombstones]
      .map(([subject, at]) => ({ subject, at }))
      .sort((one, other) => compare(one.at, other.at) || compare(one.subject, other.subject));
  }

  async accessLog({ limit, before, subject, key }: AccessLogQuery): Promise<AccessLogPage> {
    const { database } = this.#options;
    const last = before === undefined ? Number((await database.repeatable(sql.lastLine))[0]!["value"]) : before - 1;
    const first = Math.max(1, last - lineScanMax + 1);
    const rows = await database.repeatable(sql.lines, [first, last, key ?? null, subject ?? null, limit]);
    const lines = rows.map((row) => ({
      line: Number(row["line"]),
      at: row["at"] as Instant,
      key: row["key"] as string,
      purpose: row["purpose"] as string,
      event: row["event"] as EventId,
      subjects: row["subjects"] as SubjectId[],
    }));
    // A full page ended where its last line is; any other has looked at every line down to `first`.
    const next = lines.length === limit ? lines.at(-1)!.line : first;
    return next > 1 ? { lines, next } : { lines };
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#sealing, ...this.#opening, ...this.#erasing.values()]);
    await this.#options.leases.end();
  }
}

/** Subjects have one key: no command makes another. */
const firstVersion = 1;

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

async function tracked<Result>(among: Set<Promise<unknown>>, work: Promise<Result>): Promise<Result> {
  among.add(work);
  try {
    return await work;
  } finally {
    among.delete(work);
  }
}

/** Each one a transaction: a node that is stopped or lost in the midst of its work keeps no lock. */
const sql = {
  rows: "SELECT subject, version, wrapped, erased_at FROM subjects WHERE subject = ANY($1)",
  // In order, so that two nodes that mint for the same subjects don't wait for each other.
  mint: `INSERT INTO subjects (subject, version, wrapped)
    SELECT subject, ${firstVersion}, wrapped FROM unnest($1::text[], $2::bytea[]) AS fresh (subject, wrapped) ORDER BY subject
    ON CONFLICT DO NOTHING`,
  erase: `WITH number AS (UPDATE counts SET value = value + 1 WHERE name = 'erasures' RETURNING value)
    INSERT INTO subjects (subject, erased_at, erasure) SELECT $1, $2, value FROM number
    ON CONFLICT (subject) DO UPDATE
      SET version = NULL, wrapped = NULL, erased_at = excluded.erased_at, erasure = excluded.erasure
      WHERE subjects.erased_at IS NULL`,
  erasure: "SELECT erased_at, erasure FROM subjects WHERE subject = $1",
  logAndRead: `WITH taken AS (UPDATE counts SET value = value + $2::bigint WHERE name = 'lines' RETURNING value - $2::bigint AS before),
    logged AS (
      INSERT INTO access_log
      SELECT before + ordinal, at, key, purpose, event, subjects
      FROM taken, ROWS FROM (jsonb_to_recordset($1::jsonb)
        AS (at text, key text, purpose text, event text, subjects text[])) WITH ORDINALITY AS given (at, key, purpose, event, subjects, ordinal))
    SELECT subject, version, wrapped, erased_at FROM subjects WHERE subject = ANY($3)`,
  lines: `SELECT line, at, key, purpose, event, subjects FROM access_log
    WHERE line BETWEEN $1 AND $2 AND ($3::text IS NULL OR key = $3) AND ($4::text IS NULL OR $4 = ANY(subjects))
    ORDER BY line DESC LIMIT $5`,
  lastLine: "SELECT value FROM counts WHERE name = 'lines'",
};
