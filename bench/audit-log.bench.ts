/**
 * The verifiable log: what appends cost with the thread that grows the tree and signs, and without it; building the tree against
 * hashing the same leaves; receipts; signing against bare signatures; and what a restart hashes again.
 *
 * node bench/audit-log.bench.ts [--tiny] [--json | --markdown] [--leaves <count>] [--appends <count>] [--rounds <count>]
 *   [--receipts <count>] [--heads <count>]
 */
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { join } from "node:path";
import { leafHash } from "../src/audit/hashing.ts";
import { threadedAuditLog } from "../src/composition/threaded-audit-log.ts";
import { type NewEvent, noStream } from "../src/event-store/event-store.ts";
import type { LocalEventStore } from "../src/event-store/log.ts";
import { openSqliteEventStore } from "../src/event-store/sqlite/sqlite-event-store.ts";
import { inlineAuditLog } from "../src/transparency/inline-audit-log.ts";
import { headBesideKey, openLogKeys } from "../src/transparency/keys-folder.ts";
import { receiptOf } from "../src/transparency/receipts.ts";
import { SignedTree } from "../src/transparency/signed-tree.ts";
import { openSqliteHeads } from "../src/transparency/sqlite-heads.ts";
import { openSqliteTiles } from "../src/transparency/sqlite-tiles.ts";
import { flagsOf, median, quantile, tell, timed } from "./measuring.ts";
import { inScratch } from "./support/ledgers.ts";

const { leaves, appends, rounds, receipts, heads } = flagsOf({
  leaves: [1_000_000, 2_000],
  appends: [40_000, 500],
  rounds: [5, 1],
  receipts: [5_000, 50],
  heads: [300, 5],
});
/** A stream of the log that is there from the start; each is one append. */
const streamLength = 1_000;
const inFlightCount = 64;

let serial = 0;
function madeEvent(stream: string, revision: number): NewEvent {
  const id = `evt_${String((serial += 1)).padStart(26, "0")}`;
  const leaf = Buffer.from(JSON.stringify({ data: "d".repeat(450), id, revision, stream, type: "InteractionRecorded" }));
  return { id, type: "InteractionRecorded", leaf, ciphertext: null };
}

async function fill(store: LocalEventStore, count: number): Promise<void> {
  for (let done = 0; done < count; done += streamLength) {
    const stream = `interaction-filled-${serial}`;
    const events = Array.from({ length: Math.min(streamLength, count - done) }, (_, revision) => madeEvent(stream, revision));
    await store.append(stream, noStream, events);
  }
}

/** Each begins a stream, as ingest does. @returns appends a second. */
async function appendRate(store: LocalEventStore): Promise<number> {
  let left = appends;
  const writer = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const stream = `interaction-${serial}`;
      await store.append(stream, noStream, [madeEvent(stream, 0)]);
    }
  };
  const { seconds } = await timed(() => Promise.all(Array.from({ length: inFlightCount }, writer)));
  return appends / seconds;
}

function partsIn(folder: string, store: LocalEventStore) {
  const inLog = openSqliteHeads(join(folder, "ledger.db"));
  const keysFolder = join(folder, "keys");
  const keys = openLogKeys({
    folder: keysFolder,
    origin: "troth/ledger",
    log: store.log,
    isSigned: inLog.last() !== undefined,
    now: () => "2026-01-01T00:00:00.000Z",
  });
  const tiles = openSqliteTiles(join(folder, "tree.db"));
  const stores = [inLog, headBesideKey(keysFolder)];
  return { tiles, keys, tree: new SignedTree({ log: store.log, tiles, heads: stores, keys, today: () => "2026-01-01" }) };
}

/** Reading the log and hashing its leaves, and nothing else. */
function hashAll({ log }: LocalEventStore): void {
  for (let after = 0, head = log.head(); after < head; after += 2_048)
    for (const { leaf } of log.readAll(after, 2_048)) leafHash(leaf);
}

async function appendsWithAndWithout(store: LocalEventStore, folder: string): Promise<{ alone: number[]; signed: number[] }> {
  const alone: number[] = [];
  const signed: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    alone.push(await appendRate(store));
    const auditLog = threadedAuditLog({
      logPath: join(folder, "ledger.db"),
      treePath: join(folder, "tree.db"),
      keysFolder: join(folder, "keys"),
    });
    auditLog.start((trouble) => {
      throw new Error(trouble);
    });
    await until(() => auditLog.status().state === "running");
    signed.push(await appendRate(store));
    await auditLog.treeHeadOf(store.log.head());
    await auditLog.close();
  }
  return { alone, signed };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Signed heads a second, each of one more leaf and on disk in both places, and bare signatures of the same key type. */
async function signingRates(store: LocalEventStore, tree: SignedTree): Promise<{ perHeadUs: number[]; bareUs: number }> {
  const perHeadUs: number[] = [];
  for (let count = 0; count < heads; count += 1) {
    await fill(store, 1);
    tree.grow();
    const { seconds } = await timed(() => tree.sign());
    perHeadUs.push(seconds * 1e6);
  }
  const { privateKey } = generateKeyPairSync("ed25519");
  const { seconds } = await timed(() => {
    for (let count = 0; count < 1_000; count += 1) sign(null, Buffer.from(`troth/bench\n${count}\nroot\n`), privateKey);
  });
  return { perHeadUs, bareUs: seconds * 1_000 };
}

await inScratch(async (folder) => {
  const store = openSqliteEventStore(join(folder, "ledger.db"));
  await fill(store, leaves);
  const hashing = await timed(() => hashAll(store));
  const parts = partsIn(folder, store);
  const building = await timed(() => parts.tree.open());
  const root = parts.tree.sign()!.root;

  const auditLog = inlineAuditLog(parts.tree, parts.tiles, parts.keys);
  const times: number[] = [];
  for (let count = 0; count < receipts; count += 1) {
    const position = 1 + ((count * 7_919) % leaves);
    const [event] = store.log.readPositions([position]);
    const { seconds } = await timed(() => receiptOf(auditLog, event!));
    times.push(seconds * 1_000);
  }
  const { perHeadUs, bareUs } = await signingRates(store, parts.tree);
  parts.tree.close();

  const again = partsIn(folder, store);
  const restart = await timed(() => again.tree.open());
  const hashedAgain = again.tree.hashedCount;
  again.tree.close();
  const { alone, signed } = await appendsWithAndWithout(store, folder);
  await store.close();

  tell("The verifiable log", { leaves, appends, rounds, receipts, heads }, [
    {
      name: "appends with the signing thread, ratio to without",
      value: median(signed.map((rate, round) => rate / alone[round]!)),
    },
    { name: "appends without it", value: median(alone), unit: "events/s" },
    { name: "building the tree, ratio to reading and hashing alone", value: hashing.seconds / building.seconds },
    { name: "building the tree", value: leaves / building.seconds, unit: "leaves/s" },
    { name: "receipt, p50", value: median(times), unit: "ms" },
    { name: "receipt, p99", value: quantile(times, 0.99), unit: "ms", target: "< 2" },
    { name: "signed head on disk in both places, p50", value: median(perHeadUs), unit: "µs" },
    { name: "bare signature", value: bareUs, unit: "µs" },
    { name: "restart: tree ready", value: restart.seconds * 1_000, unit: "ms" },
    { name: "restart: leaves hashed again", value: hashedAgain },
    { name: "resident memory", value: process.memoryUsage().rss / 1e6, unit: "MB" },
    { name: "digest of the root", value: createHash("sha256").update(root).digest("hex").slice(0, 16) },
  ]);
});
