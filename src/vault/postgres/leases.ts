/**
 * This node's row among those of all nodes. Renewing it says up to which erasure the node has forgotten, and brings those since.
 * Nobody's clock is compared with another's: a node counts its own lease, and whoever waits for another's lapse waits that long.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Instant, SubjectId } from "../../domain/values.ts";
import { type Tombstone, VaultUnavailableError } from "../vault.ts";
import type { Database, Row } from "./database.ts";
import { type Lease, leaseMsMax } from "./lease.ts";

/** Renewals to a lease: this many may fail in a row. It is also how soon an erasure is heard of. */
const renewalsPerLease = 30;
const confirmationPollMs = 100;

type OtherNode = { node: string; beat: number; durationMs: number };
/** Erasures come in the order of their numbers. */
type Heard = { beat: number; tombstones: (Tombstone & { erasure: number })[]; others: OtherNode[] };

export type LeasesOptions = {
  database: Database;
  lease: Lease;
  durationMs: number;
  /** A subject that some node erased. Nothing of its key may be left when this returns. */
  onErased: (tombstone: Tombstone) => void;
};

export class Leases {
  readonly #node = randomUUID();
  readonly #options: LeasesOptions;
  /** Up to which erasure this node has forgotten. */
  #seen = 0;
  #beat = 0;
  /** When each row was first found as it is. */
  readonly #watched = new Map<string, { beat: number; sinceMs: number }>();
  readonly #ended = new AbortController();
  #renewing: Promise<void> = Promise.resolve();
  #failure: string | undefined;

  constructor(options: LeasesOptions) {
    this.#options = options;
  }

  /** Why the last renewal failed. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Takes the first lease, and goes on renewing it. @throws VaultUnavailableError. */
  async begin(): Promise<void> {
    await this.#register();
    this.#renewing = this.#keepRenewing();
  }

  /** Gives the lease back, so that no erasure waits for it. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.#renewing;
    this.#options.lease.end();
    // An erasure will wait for the row to lapse, where this fails.
    await this.#options.database.repeatable(sql.end, [this.#node]).catch(() => undefined);
  }

  /**
   * Resolves once no other node can hold a key that went with this erasure: each has said so, or its lease has lapsed.
   * Call it as soon as the erasure is known to be committed; it takes as long as the longest lease at most.
   * @throws VaultUnavailableError where this node ends before.
   */
  async forgottenElsewhere(erasure: number): Promise<void> {
    const sinceMs = this.#options.lease.now().monotonicMs;
    let longestMs = leaseMsMax;
    while (!this.#ended.signal.aborted) {
      try {
        const [row] = await this.#options.database.once(sql.unconfirmed, [this.#node, erasure]);
        if (row!["longest"] === null) return;
        longestMs = row!["longest"] as number;
      } catch {
        // Out of reach. It is committed, and time passes for the others too.
      }
      // A lease that was asked for before the erasure ends within this time; one from after it has brought the tombstone.
      if (this.#options.lease.now().monotonicMs - sinceMs > longestMs) return;
      await this.#pause(Math.min(confirmationPollMs, longestMs / 10));
    }
    throw new VaultUnavailableError("it was closed before every other node had forgotten the key: erase again");
  }

  async #keepRenewing(): Promise<void> {
    const everyMs = this.#options.durationMs / renewalsPerLease;
    while (!this.#ended.signal.aborted) {
      try {
        // Whoever waits for an erasure is told at once.
        while ((await this.#renew()) && !this.#ended.signal.aborted);
        this.#failure = undefined;
      } catch (error) {
        this.#failure = error instanceof Error ? error.message : String(error);
      }
      // Keys are not kept longer than they may be used, even where nobody asks for one.
      this.#options.lease.holds();
      await this.#pause(everyMs);
    }
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#ended.signal, ref: false }).catch(() => undefined);
  }

  /** @returns whether there may be erasures of which the row does not say yet that they were heard of. */
  async #renew(): Promise<boolean> {
    const { lease, database } = this.#options;
    const [term, askedAt] = [lease.term, lease.now()];
    const heard = heardIn(await database.once(sql.renew, [this.#node, this.#seen, this.#beat]));
    // Another node took this one for dead; or the database was set back, and numbers its erasures anew.
    if (heard === undefined) {
      await this.#register();
      return true;
    }
    this.#take(heard);
    lease.renew(term, askedAt);
    await this.#removeDead(heard.others);
    return heard.tombstones.length > 0;
  }

  /** Keys from before are forgotten first: an erasure that has not found this node's row did not wait for it. */
  async #register(): Promise<void> {
    const { lease, database, durationMs } = this.#options;
    lease.end();
    this.#seen = 0;
    const [term, askedAt] = [lease.term, lease.now()];
    this.#take(heardIn(await database.once(sql.register, [this.#node, durationMs]))!);
    lease.renew(term, askedAt);
  }

  #take({ beat, tombstones }: Heard): void {
    this.#beat = beat;
    for (const { subject, at, erasure } of tombstones) {
      this.#options.onErased({ subject, at });
      this.#seen = erasure;
    }
  }

  /** A row that has stood still for the length of its lease is a dead node's; every erasure would wait for it. */
  async #removeDead(others: OtherNode[]): Promise<void> {
    const nowMs = this.#options.lease.now().monotonicMs;
    for (const node of this.#watched.keys()) if (!others.some((other) => other.node === node)) this.#watched.delete(node);
    for (const { node, beat, durationMs } of others) {
      const before = this.#watched.get(node);
      if (before?.beat !== beat) this.#watched.set(node, { beat, sinceMs: nowMs });
      else if (nowMs - before.sinceMs > durationMs) await this.#options.database.once(sql.removeDead, [node, beat]);
    }
  }
}

function heardIn(rows: Row[]): Heard | undefined {
  const { beat, tombstones, others } = rows[0] as {
    beat: string | null;
    tombstones: [SubjectId, Instant, number][];
    others: [string, number, number][];
  };
  if (beat === null) return undefined;
  return {
    beat: Number(beat),
    tombstones: tombstones.map(([subject, at, erasure]) => ({ subject, at, erasure })),
    others: others.map(([node, beat, durationMs]) => ({ node, beat, durationMs })),
  };
}

const heard = (after: string): string => `
  SELECT (SELECT beat FROM row) AS beat,
         (SELECT coalesce(json_agg(json_build_array(subject, erased_at, erasure) ORDER BY erasure), '[]')
          FROM subjects WHERE erasure > ${after}) AS tombstones,
         (SELECT coalesce(json_agg(json_build_array(node, beat, duration_ms)), '[]')
          FROM leases WHERE node <> $1) AS others`;

const sql = {
  register: `WITH row AS (INSERT INTO leases VALUES ($1, 1, 0, $2)
    ON CONFLICT (node) DO UPDATE SET beat = leases.beat + 1, seen = 0 RETURNING beat) ${heard("0")}`,
  renew: `WITH row AS (UPDATE leases SET beat = beat + 1, seen = $2 WHERE node = $1 AND beat >= $3 RETURNING beat) ${heard("$2")}`,
  unconfirmed: "SELECT max(duration_ms) AS longest FROM leases WHERE node <> $1 AND seen < $2",
  removeDead: "DELETE FROM leases WHERE node = $1 AND beat = $2",
  end: "DELETE FROM leases WHERE node = $1",
};
