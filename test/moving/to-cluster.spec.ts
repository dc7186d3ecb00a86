/** Moving a ledger to a cluster: the stand-in, or the server that KURRENTDB_URL names, and a real PostgreSQL. */
import { randomUUID } from "node:crypto";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openLedger } from "../../src/composition/ledger-folder.ts";
import { moveToCluster, type ToClusterOptions } from "../../src/composition/to-cluster.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { anna, keysOf, ledgerWithText, run } from "../erasure/support/ledger-with-text.ts";
import { kurrentDb, type KurrentDb } from "../support/kurrentdb.ts";
import { noPostgres, startPostgres, type TestPostgres } from "../support/postgres.ts";

if (noPostgres !== undefined) console.log(`skipped: moving to a cluster; ${noPostgres}`);

const scratch = mkdtempSync(join(tmpdir(), "troth-moving-"));

describe.skipIf(noPostgres !== undefined)("a ledger that is moved to a cluster", { timeout: 60_000 }, () => {
  let [cluster, postgres]: [KurrentDb?, TestPostgres?] = [];
  const made = join(scratch, "made");
  let data: string;
  let prefix: string;
  beforeAll(async () => {
    [cluster, postgres] = await Promise.all([kurrentDb(), startPostgres()]);
    await ledgerWithText(made, 400);
  });
  afterAll(async () => {
    await cluster?.stop();
    await postgres?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });
  beforeEach(() => {
    data = join(scratch, randomUUID());
    prefix = `moved-${randomUUID().slice(0, 8)}`;
    cpSync(made, data, { recursive: true });
    cpSync(keysOf(made), keysOf(data), { recursive: true });
  });
  afterEach(() => cluster?.standIn?.faults.clear());

  const connections = () => ({ events: cluster!.connectionString, vault: postgres!.url });
  const move = (options: Partial<ToClusterOptions> = {}) =>
    moveToCluster({ folder: data, prefix, connections: connections(), onProgress: () => undefined, ...options });
  const eventsOf = (path: string) => {
    const log = openSqliteLog(path);
    const events = log.readAll(0, 100_000);
    log.close();
    return events;
  };

  it("has the same events in the same order, and goes on as a node with its texts", async () => {
    const before = eventsOf(join(data, "ledger.db"));
    const moved = await move();
    expect(moved).toMatchObject({ ledger: "main", prefix, events: before.length });
    expect(eventsOf(join(data, "copy.db"))).toEqual(before);
    expect(eventsOf(join(data, "ledger.moved.db"))).toEqual(before);
    expect(existsSync(join(data, "vault.db"))).toBe(false);
    const ledger = await openLedger({ folder: data, connections: connections() });
    const person = before.find(({ stream }) => stream === `person-${anna}`)!;
    const { sealed, id } = JSON.parse(Buffer.from(person.leaf).toString());
    const reader = { key: "key_0000000000000000", purpose: "test", at: "2026-11-24T12:00:00.000Z" as never };
    const [opened] = await ledger.vault.open([{ event: id, sealed, ciphertext: person.ciphertext }], reader);
    expect(opened!.every(({ status }) => status === "opened")).toBe(true);
    await run(ledger.desk, "open-account", { name: "After the move" });
    expect(ledger.store.log.head()).toBe(before.length + 1);
    await ledger.close();
  });

  it("goes on where it was when the cluster is back, and was meanwhile the ledger that it had been", async () => {
    const line = cluster!.standIn?.lines[0];
    if (line === undefined) return console.log("skipped: a real server is not taken away");
    const before = eventsOf(join(data, "ledger.db"));
    await expect(move({ inFlightMax: 8, patienceMs: 700, onProgress: breaking(() => line.refuse()) })).rejects.toThrow(
      /run it again to go on/,
    );
    await line.accept();
    expect(cluster!.standIn!.log.all.filter(({ stream }) => stream.startsWith(`${prefix}/`)).length).toBeGreaterThan(0);
    const embedded = await openLedger({ folder: data });
    await run(embedded.desk, "open-account", { name: "Recorded between two attempts" });
    await embedded.close();
    expect((await move()).events).toBe(before.length + 1);
    expect(eventsOf(join(data, "copy.db")).slice(0, before.length)).toEqual(before);
  });

  it("rides out a lost connection", async () => {
    const line = cluster!.standIn?.lines[0];
    if (line === undefined) return console.log("skipped: a real server is not taken away");
    const before = eventsOf(join(data, "ledger.db"));
    const restart = breaking(() => void line.refuse().then(() => line.accept()));
    expect((await move({ inFlightMax: 32, onProgress: restart })).events).toBe(before.length);
    expect(eventsOf(join(data, "copy.db"))).toEqual(before);
  });

  it("is refused where the cluster took events in another order, and moves under another prefix", async () => {
    const faults = cluster!.standIn?.faults;
    if (faults === undefined) return console.log("skipped: a real server has no faults to schedule");
    faults.schedule("append", { kind: "not-ready" }, faults.calls("append") + 200);
    await expect(move()).rejects.toThrow(/from position \d+ on: another ledger, or this one in another order/);
    expect(existsSync(join(data, "cluster.json"))).toBe(false);
    prefix = `${prefix}-2`;
    expect((await move()).prefix).toBe(prefix);
  });
});

/** Does something once, when half of the log is sent. */
function breaking(work: () => void): ToClusterOptions["onProgress"] {
  let isDone = false;
  return (part, share) => {
    if (isDone || part !== "sending the log" || share < 0.5) return;
    isDone = true;
    work();
  };
}
