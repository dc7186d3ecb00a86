/**
 * Durable appends of one event each, in streams of their own and with the same payload, to Troth's SQLite store and to Emmett's:
 * one after another, and 64 in flight. Rounds take turns on files of their own.
 *
 * Emmett's store opens a connection for each append unless it is given one. Those of its own making are slower, lock each other out
 * until appends fail as busy, and may begin a transaction before they are in WAL mode, so it is given one. Appends that share it
 * also share its transaction, and are answered before its commit; for the same promise to the caller they have to queue. Both are
 * measured.
 *
 * npm run bench:emmett -- [--tiny] [--json | --markdown] [--events <count>] [--rounds <count>]
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { noStream } from "../../src/event-store/event-store.ts";
import { openForAppending } from "../../src/event-store/sqlite/schema.ts";
import { openSqliteEventStore } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { type Figure, flagsOf, median, tell } from "../measuring.ts";
import { seeded } from "../portfolio.ts";
import { digestOf } from "../support/facts.ts";
import { inScratch } from "../support/ledgers.ts";

/** What is used of the package. It is installed in this folder alone, so its own types are not at hand when the project is checked. */
type Connection = {
  close(): void;
  command(sql: string): Promise<unknown>;
  querySingle<Row>(sql: string): Promise<Row | null>;
};
type Emmett = {
  sqliteConnection(options: { fileName: string }): Connection;
  getSQLiteEventStore(options: { fileName: string; connectionOptions?: { singleton: true; connection: Connection } }): {
    appendToStream(
      stream: string,
      events: { type: string; data: unknown }[],
      options: { expectedStreamVersion: unknown },
    ): Promise<unknown>;
    schema: { migrate(): Promise<unknown> };
  };
};
const emmettName: string = "@event-driven-io/emmett-sqlite";
const { sqliteConnection, getSQLiteEventStore } = (await import(emmettName)) as Emmett;

const { events, rounds, inFlight } = flagsOf({ events: [4_000, 200], rounds: [5, 1], inFlight: [64, 8] });

type Payload = { stream: string; id: string; data: object; leaf: Uint8Array };
type Append = (payload: Payload) => Promise<unknown>;
type Way = {
  name: string;
  inFlight: number;
  /** Opens a store on a file, and closes it when `work` has settled. */
  on(path: string, work: (append: Append) => Promise<void>): Promise<void>;
};

/** As long as an interaction's envelope, with the ciphertext of its note. */
function payloadsOf(seed: number): Payload[] {
  const random = seeded(seed);
  const opaque = () => Array.from({ length: 26 }, () => Math.floor(random() * 32).toString(32)).join("");
  return Array.from({ length: events }, () => {
    const id = `evt_${opaque()}`;
    const data = { id, kind: "visit", minutes: 60, filling: opaque().repeat(24) };
    return { stream: `interaction-int_${opaque()}`, id, data, leaf: Buffer.from(JSON.stringify(data)) };
  });
}

async function onTroth(path: string, work: (append: Append) => Promise<void>): Promise<void> {
  const store = openSqliteEventStore(path);
  await work(({ stream, id, leaf }) =>
    store.append(stream, noStream, [{ id, type: "InteractionRecorded", leaf, ciphertext: null }]),
  );
  await store.close();
}

const doesNotExist = "STREAM_DOES_NOT_EXIST";

/** One append at a time, however many are asked for. */
function queued(append: Append): Append {
  let last: Promise<unknown> = Promise.resolve();
  return (payload) => (last = last.then(() => append(payload)));
}

const appendTo =
  (store: ReturnType<Emmett["getSQLiteEventStore"]>): Append =>
  ({ stream, data }) =>
    store.appendToStream(stream, [{ type: "InteractionRecorded", data }], { expectedStreamVersion: doesNotExist });

const onEmmettsConnection = (path: string, work: (append: Append) => Promise<void>) =>
  onShared(path, (append) => work(queued(append)));

async function onShared(path: string, work: (append: Append) => Promise<void>): Promise<void> {
  const connection = await fullConnection(path);
  const store = getSQLiteEventStore({ fileName: path, connectionOptions: { singleton: true, connection } });
  await store.schema.migrate();
  await work(appendTo(store));
  connection.close();
}

async function fullConnection(path: string): Promise<Connection> {
  const connection = sqliteConnection({ fileName: path });
  // It asks for WAL when it is made, tells nobody when it is there, and fails where another statement runs meanwhile.
  await delay(200);
  await connection.command("PRAGMA synchronous = FULL");
  return connection;
}

const ways: Way[] = [
  { name: "Troth, one after another", inFlight: 1, on: onTroth },
  { name: "Emmett on one connection, one after another", inFlight: 1, on: onEmmettsConnection },
  { name: `Troth, ${inFlight} in flight`, inFlight, on: onTroth },
  { name: `Emmett on one connection, ${inFlight} in flight, queued`, inFlight, on: onEmmettsConnection },
  { name: `the same, not queued: answered before the commit`, inFlight, on: onShared },
];

async function run(way: Way, path: string, payloads: readonly Payload[]): Promise<number> {
  let seconds = 0;
  await way.on(path, async (append) => {
    const work = payloads.values();
    const writer = async (): Promise<void> => {
      for (const payload of work) await append(payload);
    };
    const before = performance.now();
    await Promise.all(Array.from({ length: way.inFlight }, writer));
    seconds = (performance.now() - before) / 1_000;
  });
  return seconds;
}

/** What both must hold in the end: every payload, as it was sent. */
function digestIn(path: string): string {
  const database = new DatabaseSync(path, { readOnly: true });
  const isOurs = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'events'").get() !== undefined;
  const rows = database.prepare(
    isOurs ? "SELECT CAST(leaf AS TEXT) AS text FROM events" : "SELECT message_data AS text FROM emt_messages",
  );
  const texts = rows.all().map(({ text }) => JSON.stringify(JSON.parse(text as string)));
  database.close();
  return digestOf(texts.sort());
}

/** What the stores' own connections really use, asked of them. */
async function settingsIn(scratch: string): Promise<Figure[]> {
  const troth = openForAppending(join(scratch, "settings.db"), true);
  const ours = [troth.prepare("PRAGMA journal_mode").get(), troth.prepare("PRAGMA synchronous").get()].map(
    (row) => (row as unknown as [unknown])[0],
  );
  troth.close();
  const asked = async (connection: Connection): Promise<unknown[]> => {
    const journal = await connection.querySingle<{ journal_mode: string }>("PRAGMA journal_mode");
    const synchronous = await connection.querySingle<{ synchronous: number }>("PRAGMA synchronous");
    connection.close();
    return [journal?.journal_mode, synchronous?.synchronous];
  };
  const given = await asked(await fullConnection(join(scratch, "settings-emmett.db")));
  const said = (values: unknown[]): string => `${String(values[0])}, synchronous ${String(values[1])}`;
  return [
    { name: "Troth's settings (synchronous 2 is FULL)", value: said(ours) },
    { name: "Emmett's settings", value: said(given) },
  ];
}

await inScratch(async (scratch) => {
  const settings = await settingsIn(scratch);
  const seconds = new Map(ways.map((way) => [way, [] as number[]]));
  const digests = new Set<string>();
  for (let round = 0; round < rounds; round += 1) {
    const payloads = payloadsOf(round + 1);
    for (const [index, way] of ways.entries()) {
      const path = join(scratch, `${round}-${index}.db`);
      seconds.get(way)!.push(await run(way, path, payloads));
      if (round === 0) digests.add(digestIn(path));
    }
  }
  if (digests.size !== 1) throw new Error("the stores do not hold the same payloads");
  const ratio = (a: Way, b: Way): number => median(seconds.get(a)!.map((one, round) => seconds.get(b)![round]! / one));
  const [troth, emmett, trothInFlight, emmettQueued] = ways as [Way, Way, Way, Way];
  tell("Appends beside Emmett", { events, rounds }, [
    { name: "Troth over Emmett, one after another", value: ratio(troth, emmett) },
    { name: `Troth over Emmett, ${inFlight} in flight`, value: ratio(trothInFlight, emmettQueued) },
    ...ways.map((way) => ({ name: way.name, value: events / median(seconds.get(way)!), unit: "events/s" })),
    ...settings,
    { name: "digest of the payloads", value: [...digests].join() },
  ]);
});
