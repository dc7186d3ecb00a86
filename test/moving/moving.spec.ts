/** Moving a ledger to a cluster: the stand-in, or the server that KURRENTDB_URL names, and a real PostgreSQL. */
import { randomUUID } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { moveFromCluster } from "../../src/composition/from-cluster.ts";
import { openLedger, type OpenLedger } from "../../src/composition/ledger-folder.ts";
import { vaultPlace } from "../../src/composition/moving-vaults.ts";
import { moveToCluster, type ToClusterOptions } from "../../src/composition/to-cluster.ts";
import type { EventId, Instant } from "../../src/domain/values.ts";
import { openClusterEventStore } from "../../src/event-store/kurrentdb/cluster-event-store.ts";
import type { StoredEvent } from "../../src/event-store/event-store.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { fenceVault } from "../../src/vault/postgres/contents.ts";
import { suppliedKeyEncryptionKey } from "../../src/vault/keys-folder.ts";
import { openPostgresVault } from "../../src/vault/postgres.ts";
import type { Commitment } from "../../src/vault/vault.ts";
import { troth } from "../cli/support/troth.ts";
import { account, anna, keysOf, ledgerWithText, run, tracesOf } from "../erasure/support/ledger-with-text.ts";
import { kurrentDb, type KurrentDb } from "../support/kurrentdb.ts";
import { noPostgres, startPostgres, type TestPostgres } from "../support/postgres.ts";

if (noPostgres !== undefined) console.log(`skipped: moving to a cluster; ${noPostgres}`);

const isReal = process.env["KURRENTDB_URL"] !== undefined;
if (isReal) console.log("skipped: what a move makes of a cluster that fails; a real server is not made to");

const scratch = mkdtempSync(join(tmpdir(), "troth-moving-"));

describe.skipIf(noPostgres !== undefined)("a ledger that is moved to a cluster", { timeout: 60_000 }, () => {
  let [cluster, postgres]: [KurrentDb?, TestPostgres?] = [];
  const made = join(scratch, "made");
  let data: string;
  let prefix: string;
  beforeAll(async () => {
    [cluster, postgres] = await Promise.all([kurrentDb(), startPostgres()]);
    await ledgerWithText(made, 250);
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
  const back = (to: string) => moveFromCluster({ folder: data, to, connections: connections(), onProgress: () => undefined });
  const textsOf = async ({ vault }: OpenLedger, { leaf, ciphertext }: StoredEvent) => {
    const { sealed, id: event } = JSON.parse(Buffer.from(leaf).toString()) as { sealed: Commitment[]; id: EventId };
    const reader = { key: "key_0000000000000000", purpose: "test", at: "2026-11-24T12:00:00.000Z" as Instant };
    const [opened] = await vault.open([{ event, sealed, ciphertext }], reader);
    return opened!.map((one) => (one.status === "opened" ? one.value : one.status));
  };
  const eventsOf = (path: string) => {
    const log = openSqliteLog(path);
    const events = log.readAll(0, 100_000);
    log.close();
    return events;
  };

  it("has the same events in the same order, and goes on as a node with its texts", async () => {
    const before = eventsOf(join(data, "ledger.db"));
    const env = { TROTH_KURRENTDB_URL: cluster!.connectionString, TROTH_VAULT_URL: postgres!.url };
    const { code, out, err } = await troth(["migrate", "--data", data, "--to-cluster", "--prefix", prefix, "--json"], { env });
    expect(code, err).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ folder: data, ledger: "main", prefix, events: before.length, signedSize: null });
    expect(eventsOf(join(data, "copy.db"))).toEqual(before);
    expect(eventsOf(join(data, "ledger.moved.db"))).toEqual(before);
    expect(existsSync(join(data, "vault.db"))).toBe(false);
    const ledger = await openLedger({ folder: data, connections: connections() });
    const person = before.find(({ stream }) => stream === `person-${anna}`)!;
    expect(await textsOf(ledger, person)).toContain("Anna Amsel");
    await run(ledger.desk, "open-account", { name: "After the move" });
    expect(ledger.store.log.head()).toBe(before.length + 1);
    await ledger.close();
  });

  it.skipIf(isReal)("goes on where it was when the cluster is back, and was meanwhile the ledger that it had been", async () => {
    const line = cluster!.standIn!.lines[0]!;
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

  it.skipIf(isReal)("rides out a lost connection", async () => {
    const line = cluster!.standIn!.lines[0]!;
    const before = eventsOf(join(data, "ledger.db"));
    const restart = breaking(() => void line.refuse().then(() => line.accept()));
    expect((await move({ inFlightMax: 32, onProgress: restart })).events).toBe(before.length);
    expect(eventsOf(join(data, "copy.db"))).toEqual(before);
  });

  it.skipIf(isReal)("is refused where the cluster took events in another order, and moves under another prefix", async () => {
    const { faults } = cluster!.standIn!;
    faults.schedule("append", { kind: "not-ready" }, faults.calls("append") + 120);
    await expect(move()).rejects.toThrow(/from position \d+ on: another ledger, or this one in another order/);
    expect(existsSync(join(data, "cluster.json"))).toBe(false);
    prefix = `${prefix}-2`;
    expect((await move()).prefix).toBe(prefix);
  });

  it("does not bring to the cluster what was erased, and erases what is erased there", async () => {
    const pieces = tracesOf(data, anna).filter((needle) => typeof needle === "string");
    const isTold = () =>
      eventsOf(join(data, "copy.db")).some(({ ciphertext }) => pieces.some((piece) => ciphertext?.includes(piece)));
    expect(pieces.length).toBeGreaterThan(100);
    const embedded = await openLedger({ folder: data });
    await run(embedded.desk, "erase-subject", {}, { subject: anna });
    await embedded.close();
    await move();
    expect(isTold()).toBe(false);
    const node = await openLedger({ folder: data, connections: connections() });
    expect(
      await textsOf(
        node,
        eventsOf(join(data, "copy.db")).find(({ stream }) => stream === `person-${anna}`)!,
      ),
    ).toContain("erased");
    await node.close();
  });

  it("is refused where the cluster holds another ledger under the prefix, and once it is there", async () => {
    await move();
    const other = join(scratch, randomUUID());
    await ledgerWithText(other, 1);
    await expect(move({ folder: other })).rejects.toThrow(/holds something else than this ledger from position 1 on/);
    await expect(move()).rejects.toThrow(/is a node already, .* which holds all that it has/);
  });

  it.skipIf(isReal)("gives its log again to a cluster that has lost it", async () => {
    await move();
    const events = eventsOf(join(data, "copy.db"));
    const empty = await kurrentDb();
    const lost = { ...connections(), events: empty.connectionString };
    await expect(move({ prefix: "another", connections: lost })).rejects.toThrow(/and stays that/);
    expect(await move({ connections: lost })).toMatchObject({ prefix, events: events.length, wasNode: true });
    expect(eventsOf(join(data, "copy.db"))).toEqual(events);
    const node = await openClusterEventStore({ connectionString: lost.events, prefix, copyPath: join(data, "copy.db") });
    await node.caughtUp();
    expect(node.log.head()).toBe(events.length);
    await node.append("account-acc_000000000000000z", -1, [
      { id: "evt_1", type: "T", leaf: Buffer.from("{}"), ciphertext: null },
    ]);
    expect(node.log.head()).toBe(events.length + 1);
    await node.close();
    await empty.stop();
  });

  it("comes back from the cluster with all that was recorded there, leaves nothing to open there, and may go there again", async () => {
    await move();
    const node = await openLedger({ folder: data, connections: connections() });
    const to = join(scratch, randomUUID());
    await expect(back(to)).rejects.toThrow(/is in use/);
    await run(node.desk, "add-person", { account, name: "Carla Cern" });
    const events = node.store.log.readAll(0, 100_000);
    await node.close();
    const moved = await back(to);
    expect(moved).toMatchObject({ ledger: "main", prefix, events: events.length, folder: to, keysFolder: keysOf(to) });
    expect(eventsOf(join(to, "ledger.db"))).toEqual(events);
    await expect(openLedger({ folder: data, connections: connections() })).rejects.toThrow(/no vault in its schema/);
    const embedded = await openLedger({ folder: to });
    expect(await textsOf(embedded, events.at(-1)!)).toEqual(["Carla Cern"]);
    await run(embedded.desk, "open-account", { name: "After the return" });
    await embedded.close();
    expect(await moveToCluster({ folder: to, prefix, connections: connections(), onProgress: () => undefined })).toMatchObject({
      events: events.length + 1,
    });
  });

  it("stays on the cluster where leaving it fails or is given up", async () => {
    await move();
    const place = vaultPlace(connections(), prefix);
    const keyEncryptionKey = suppliedKeyEncryptionKey(keysOf(data));
    const aNode = () => openPostgresVault({ ...place, keyEncryptionKey, create: false, leaseMs: 3_000 });
    const node = await aNode();
    const to = join(scratch, randomUUID());
    await expect(back(to)).rejects.toThrow("1 node is at work on the ledger: stop every node first");
    await node.close();
    mkdirSync(keysOf(to), { recursive: true });
    writeFileSync(join(keysOf(to), "kek.bin"), "of another ledger");
    await expect(back(to)).rejects.toThrow(/holds the keys of another ledger/);
    await (await aNode()).close();
    await fenceVault(place);
    await expect(aNode()).rejects.toThrow(/no vault in its schema/);
    await move();
    await (await aNode()).close();
  });

  it("finishes behind the placed ledger when it was killed there", async () => {
    await move();
    const to = join(scratch, randomUUID());
    await back(to);
    const place = vaultPlace(connections(), prefix);
    await postgres!.query(`CREATE SCHEMA "${place.schema}_leaving"`);
    expect((await back(to)).folder).toBe(to);
    expect(await postgres!.query("SELECT to_regnamespace($1) AS here", [`${place.schema}_leaving`])).toEqual([{ here: null }]);
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

describe("troth migrate", () => {
  it.each([
    [[], "say where it is to go"],
    [["--to-cluster", "--from-cluster"], "say where it is to go"],
    [["--from-cluster"], "needs --to"],
    [["--to-cluster", "--to", "/tmp/elsewhere"], "--to belongs to --from-cluster"],
    [["--from-cluster", "--to", "/tmp/elsewhere", "--prefix", "main"], "--prefix belongs to --to-cluster"],
  ])("asks to be told one thing clearly: %j", async (flags, message) => {
    const { code, err } = await troth(["migrate", ...flags]);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  it("says that there is no ledger, or where the cluster should be found", async () => {
    const { code, err } = await troth(["migrate", "--to-cluster", "--data", join(scratch, "nothing")]);
    expect([code, err]).toEqual([4, expect.stringContaining("there is no ledger in")]);
  });
});
