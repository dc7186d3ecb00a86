/**
 * Writers on several nodes of one log, who do what clients of the API do: load, append at the revision that they loaded, load again
 * after a conflict, and send the same event again, through any node, when they are not told what became of it.
 */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { rootHash } from "../../../src/audit/merkle.ts";
import { leafHash } from "../../../src/audit/hashing.ts";
import { type Appended, noStream, RevisionConflictError, StoreUnavailableError } from "../../../src/event-store/event-store.ts";
import type { ClusterEventStore } from "../../../src/event-store/kurrentdb/cluster-event-store.ts";
import type { LocalEventStore } from "../../../src/event-store/log.ts";

export type Acknowledged = Appended & { id: string; stream: string; leaf: Uint8Array };

/** Fewer streams than writers, so that writers of different nodes meet. */
const streamCount = 40;

export class StoreLoad {
  readonly acknowledged: Acknowledged[] = [];
  /** How often a node answered that it can't say. */
  unavailableCount = 0;
  /** The longest time between two answers. */
  pauseMs = 0;
  readonly #stores: readonly ClusterEventStore[];
  readonly #writers: Promise<void>[];
  #isStopping = false;
  #answeredAt = performance.now();
  #made = 0;

  constructor(stores: readonly ClusterEventStore[], writerCount: number) {
    this.#stores = stores;
    this.#writers = Array.from({ length: writerCount }, (_, index) => this.#write(index));
  }

  /** Resolves once so many more events were acknowledged. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    while (this.acknowledged.length < wanted) await Promise.race([delay(20), ...this.#writers]);
  }

  /** Resolves once every event that was begun is acknowledged. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#writers);
  }

  async #write(writer: number): Promise<void> {
    while (!this.#isStopping) {
      const number = this.#made++;
      const stream = `load-${number % streamCount}`;
      const id = `evt_${String(number).padStart(26, "0")}`;
      const leaf = Buffer.from(JSON.stringify({ id, stream, text: "d".repeat(300) }));
      const appended = await this.#record(writer, { id, stream, leaf });
      const now = performance.now();
      this.pauseMs = Math.max(this.pauseMs, now - this.#answeredAt);
      this.#answeredAt = now;
      this.acknowledged.push({ id, stream, leaf, ...appended });
    }
  }

  async #record(writer: number, event: { id: string; stream: string; leaf: Uint8Array }): Promise<Appended> {
    let mayBeStored = false;
    for (let attempt = writer; ;) {
      const store = this.#stores[attempt % this.#stores.length]!;
      const stored = store.log.readStream(event.stream);
      const earlier = stored.find(({ id }) => id === event.id);
      if (earlier !== undefined && !mayBeStored) throw new Error(`${event.id} was refused at its revision, and stored`);
      if (earlier !== undefined) return earlier;
      try {
        const { id, leaf } = event;
        return await store.append(event.stream, stored.at(-1)?.revision ?? noStream, [
          { id, type: "Load", leaf, ciphertext: null },
        ]);
      } catch (error) {
        if (error instanceof RevisionConflictError) continue;
        if (!(error instanceof StoreUnavailableError) || error.reason !== "failed") throw error;
        mayBeStored = true;
        this.unavailableCount += 1;
        attempt += 1;
        await delay(50);
      }
    }
  }
}

export type Summary = { count: number; root: string; order: string };

/** All that a copy holds, in so few words that two of them can be compared. @throws Error for a gap or an event that is there twice. */
export function summaryOf({ log }: Pick<LocalEventStore, "log">): Summary {
  const order = createHash("sha256");
  const leaves: Uint8Array[] = [];
  const ids = new Set<string>();
  const revisions = new Map<string, number>();
  const head = log.head();
  for (let after = 0; after < head; after += 1_000)
    for (const { position, stream, revision, id, leaf } of log.readAll(after, 1_000)) {
      if (position !== leaves.length + 1) throw new Error(`position ${position} follows ${leaves.length}`);
      if (revision !== (revisions.get(stream) ?? noStream) + 1) throw new Error(`a gap before ${stream} ${revision}`);
      if (ids.has(id)) throw new Error(`${id} is stored twice`);
      ids.add(id);
      revisions.set(stream, revision);
      order.update(`${position} ${stream} ${revision} ${id}\n`);
      leaves.push(leafHash(leaf));
    }
  return { count: leaves.length, root: Buffer.from(rootHash(leaves)).toString("hex"), order: order.digest("hex") };
}

/** Which of the events are not where their writer was told. */
export function missingFrom({ log }: LocalEventStore, acknowledged: readonly Acknowledged[]): Acknowledged[] {
  return acknowledged.filter(({ id, stream, revision, position, leaf }) => {
    const [standing] = log.readPositions([position]);
    return !(
      standing?.id === id &&
      standing.stream === stream &&
      standing.revision === revision &&
      Buffer.compare(standing.leaf, leaf) === 0
    );
  });
}
