/**
 * Appends to the SQLite store against a bare loop of a prepared insert into the same table: the same rows on the same disk in
 * the same run, round by round in turn, so that the ratio says what the store itself costs.
 *
 * node bench/append.bench.ts [--tiny] [--json | --markdown] [--events <count>] [--rounds <count>] [--preloaded <count>]
 */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EventStore, type NewEvent, noStream } from "../src/event-store/event-store.ts";
import { type LocalEventStore } from "../src/event-store/log.ts";
import { openForAppending } from "../src/event-store/sqlite/schema.ts";
import { openSqliteEventStore } from "../src/event-store/sqlite/sqlite-event-store.ts";
import { flagsOf, median, tell } from "./measuring.ts";

const {
  events: eventCount,
  rounds: roundCount,
  preloaded: preloadedCount,
} = flagsOf({ events: [40_000, 2_000], rounds: [7, 3], preloaded: [0, 0] });

/** Rows of one transaction of the bare loop; the store's own groups hold as many. */
const transactionRowCount = 1_000;
/** Appends under way at once in bulk: more than one group, so that the store is never without work. */
const bulkInFlight = 4_000;

type Row = { stream: string; revision: number; event: NewEvent };

/** A linear congruential generator: the same rows in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
}

/** Rows as ingest makes them: opaque ids at random places of the indexes, streams of one to four events, half with ciphertext. */
function* rowsOf(seed: number, count: number): Generator<Row> {
  const random = seeded(seed);
  const opaque = (prefix: string): string =>
    `${prefix}_${[random(), random(), random(), random()]
      .map((n) => n.toString(32).padStart(7, "0"))
      .join("")
      .slice(0, 26)}`;
  for (let made = 0; made < count;) {
    const stream = `interaction-${opaque("int")}`;
    const length = Math.min(1 + (random() >>> 30), count - made);
    for (let revision = 0; revision < length; revision++, made++) {
      const id = opaque("evt");
      const leaf = Buffer.from(JSON.stringify({ id, revision, stream, data: "d".repeat(350 + (random() >>> 24)) }));
      yield {
        stream,
        revision,
        event: { id, type: "InteractionRecorded", leaf, ciphertext: random() >>> 31 ? "c".repeat(240) : null },
      };
    }
  }
}

/** The bare loop: what the disk and SQLite give when nothing is looked up, queued or answered. */
function insertBare(path: string, rows: readonly Row[]): void {
  const database = openForAppending(path, true);
  const insert = database.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)");
  let [position] = database.prepare("SELECT coalesce(max(position), 0) FROM events").get() as unknown as [number];
  for (let from = 0; from < rows.length; from += transactionRowCount) {
    database.exec("BEGIN IMMEDIATE");
    for (const { stream, revision, event } of rows.slice(from, from + transactionRowCount))
      insert.run(++position, stream, revision, event.id, event.leaf, event.ciphertext);
    database.exec("COMMIT");
  }
  database.close();
}

/** Appends each stream's events one by one in their order, `inFlight` streams at once. */
async function appendInFlight(store: EventStore, streams: readonly Row[][], inFlight: number): Promise<void> {
  const work = streams.values();
  const writer = async (): Promise<void> => {
    for (const rows of work) for (const { stream, revision, event } of rows) await store.append(stream, revision - 1, [event]);
  };
  await Promise.all(Array.from({ length: inFlight }, writer));
}

/** Appends each stream whole. */
async function appendWhole(store: EventStore, streams: readonly Row[][], inFlight: number): Promise<void> {
  const work = streams.values();
  const writer = async (): Promise<void> => {
    for (const rows of work)
      await store.append(
        rows[0]!.stream,
        noStream,
        rows.map(({ event }) => event),
      );
  };
  await Promise.all(Array.from({ length: inFlight }, writer));
}

const byStream = (rows: readonly Row[]): Row[][] => [...Map.groupBy(rows, ({ stream }) => stream).values()];

async function onStore(path: string, work: (store: LocalEventStore) => Promise<void>): Promise<void> {
  const store = openSqliteEventStore(path);
  await work(store);
  await store.close();
}

type Way = {
  name: string;
  share: number;
  run: (path: string, rows: readonly Row[], streams: readonly Row[][]) => Promise<void> | void;
};

/** `share`: the part of the streams that a way appends; the slowest would take minutes for all of them. */
const ways: Way[] = [
  { name: "bare insert loop", share: 1, run: insertBare },
  {
    name: "bulk, a stream an append",
    share: 1,
    run: (path, _, streams) => onStore(path, (store) => appendWhole(store, streams, bulkInFlight)),
  },
  {
    name: "bulk, an event an append",
    share: 1,
    run: (path, _, streams) => onStore(path, (store) => appendInFlight(store, streams, bulkInFlight)),
  },
  {
    name: "64 in flight, an event an append",
    share: 1,
    run: (path, _, streams) => onStore(path, (store) => appendInFlight(store, streams, 64)),
  },
  {
    name: "1 in flight, an event an append",
    share: 0.05,
    run: (path, _, streams) => onStore(path, (store) => appendInFlight(store, streams, 1)),
  },
];

/** What was stored after the preloaded rows, but for the positions, which depend on who got in first. */
async function digestOf(path: string): Promise<string> {
  const lines: string[] = [];
  await onStore(path, async ({ log }) => {
    for (let after = preloadedCount, head = log.head(); after < head; after += 1_000)
      for (const { stream, revision, id, leaf } of log.readAll(after, 1_000))
        lines.push(`${stream} ${revision} ${id} ${leaf.byteLength}`);
  });
  return createHash("sha256").update(lines.sort().join("\n")).digest("hex").slice(0, 16);
}

const folder = mkdtempSync(join(tmpdir(), "troth-append-bench-"));
const pathOf = ({ name }: Way): string => join(folder, `${name.replaceAll(/\W+/g, "-")}.db`);
try {
  for (const way of ways)
    for (let from = 0; from < preloadedCount; from += 100_000)
      insertBare(pathOf(way), [...rowsOf(1_000_000 + from, Math.min(100_000, preloadedCount - from))]);

  const rates = new Map(ways.map((way) => [way, [] as number[]]));
  for (let round = 0; round < roundCount; round++) {
    const streams = byStream([...rowsOf(round, eventCount)]);
    for (const way of ways) {
      const shared = streams.slice(0, Math.ceil(streams.length * way.share));
      const rows = shared.flat();
      const startedAt = performance.now();
      await way.run(pathOf(way), rows, shared);
      rates.get(way)!.push((rows.length * 1_000) / (performance.now() - startedAt));
    }
  }

  const digests = new Set(await Promise.all(ways.filter(({ share }) => share === 1).map((way) => digestOf(pathOf(way)))));
  if (digests.size !== 1) throw new Error("the ways did not store the same events");
  const [bare] = ways;
  tell("Append", { events: eventCount, rounds: roundCount, preloaded: preloadedCount }, [
    ...ways.flatMap((way) => [
      { name: way.name, value: median(rates.get(way)!), unit: "events/s" },
      { name: `${way.name}, ratio`, value: median(rates.get(way)!.map((rate, round) => rate / rates.get(bare!)![round]!)) },
    ]),
    { name: "digest of the events", value: [...digests].join() },
  ]);
} finally {
  rmSync(folder, { recursive: true });
}
