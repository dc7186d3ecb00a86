import { randomBytes, randomUUID } from "node:crypto";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatSignerKey, signatureType, signerKey } from "../../src/audit/verifier-key.ts";
import { backupFolder } from "../../src/composition/backup.ts";
import { checkFolder } from "../../src/composition/folder-check.ts";
import { keysFolderOf } from "../../src/composition/ledger-folder.ts";
import { restoreBackup } from "../../src/composition/restore.ts";
import { instantAt } from "../../src/domain/values.ts";
import { noPostgres } from "../support/postgres.ts";
import { type Answered, TestCluster, type TestNode } from "./support/cluster.ts";

if (noPostgres !== undefined) console.log(`skipped: nodes of a cluster; ${noPostgres}`);

const account = "acc_0000000000000001";
const person = "per_0000000000000002";
const visit = {
  ...{ account, kind: "visit", purpose: "relationship", direction: "outbound" },
  ...{ startedAt: "2026-01-30T10:00:00.000Z", minutes: 60 },
};

describe.skipIf(noPostgres !== undefined)("two nodes of a cluster", { timeout: 120_000 }, () => {
  let cluster: TestCluster;
  let [first, second]: TestNode[] = [];
  const nodes = (): [TestNode, TestNode] => [first!, second!];
  beforeAll(async () => {
    cluster = await TestCluster.start();
    [first, second] = [await cluster.node(), await cluster.node()];
    expect((await first.send("POST", "/v1/accounts", { id: account })).status).toBe(201);
    const ours = { id: "per_0000000000000001", name: "Ada Novak" };
    expect((await first.send("POST", "/v1/people", ours)).status).toBe(201);
  }, 180_000);
  afterAll(() => cluster.stop());

  /** Until both copies hold what either has answered. */
  const level = async (): Promise<number> => {
    const head = Math.max(...nodes().map(({ ledger }) => ledger.store.log.head()));
    await until(() => nodes().every(({ ledger }) => ledger.store.log.head() >= head));
    return head;
  };

  /** What a node shows once it has what another answered. */
  const after = ({ headers }: Answered, node: TestNode, path: string): Promise<Answered> =>
    node.send("GET", path, undefined, { "troth-position": headers.get("troth-position")! });

  it("make one fact and one answer of the same request that comes to both at once", async () => {
    for (let round = 0; round < 10; round += 1) {
      const headers = { "idempotency-key": `round-${round}` };
      const [one, other] = await Promise.all(nodes().map((node) => node.send("POST", "/v1/interactions", visit, headers)));
      expect([one!.status, other!.status].every((status) => status === 200 || status === 201)).toBe(true);
      expect(one!.json.id).toBe(other!.json.id);
      expect(one!.json.events).toEqual(other!.json.events);
    }
    await level();
    const copies = nodes().map(({ ledger }) => ledger.store.log.readAll(0, 1_000));
    expect(copies[0]).toEqual(copies[1]);
    expect(copies[0]!.filter(({ stream }) => stream.startsWith("interaction-"))).toHaveLength(10);
  });

  it("show each other's writes to whoever names their position", async () => {
    for (let round = 0; round < 10; round += 1) {
      const [writer, reader] = round % 2 === 0 ? nodes() : (nodes().reverse() as [TestNode, TestNode]);
      const made = await writer.send("POST", "/v1/interactions", visit);
      const read = await after(made, reader, `/v1/interactions/${made.json.id}`);
      expect([read.status, read.json.id]).toEqual([200, made.json.id]);
    }
  });

  it("let one of their writers win a revision, and tell the other", async () => {
    const patches = Array.from({ length: 10 }, (_, index) =>
      nodes()[index % 2]!.send("PATCH", `/v1/accounts/${account}`, { tags: [`writer-${index}`] }, { "if-match": '"0"' }),
    );
    const statuses = (await Promise.all(patches)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, ...Array.from({ length: 9 }, () => 412)]);
  });

  it("take up a reference that the other has just made", async () => {
    for (let round = 0; round < 5; round += 1) {
      const made = await first!.send("POST", "/v1/accounts", {});
      const of = await second!.send("POST", "/v1/interactions", { ...visit, account: made.json.id });
      expect(of.status, JSON.stringify(of.json)).toBe(201);
    }
  });

  it("come to the same root, and sign it with the same key", async () => {
    const head = await level();
    const notes = await Promise.all(
      nodes().map(async (node) => {
        let note = "";
        await until(async () => {
          note = (await node.send("GET", "/v1/audit/checkpoint")).json as string;
          return Number(note.split("\n")[1]) >= head;
        });
        return note;
      }),
    );
    expect(notes[0]).toBe(notes[1]);
    const keys = await Promise.all(nodes().map(async (node) => (await node.send("GET", "/v1/audit/key")).json as string));
    expect(keys[0]).toBe(keys[1]);
  });

  it("put one verdict on record, though the keepers of both look for it", async () => {
    const load = (await first!.send("POST", "/v1/recordings", { source: "crm" })).json.id as string;
    const promises = await Promise.all(
      Array.from({ length: 5 }, async (_, index) => {
        const terms = { type: "once", dueAt: "2026-02-01T00:00:00.000Z" };
        const parties = { account, promisor: "per_0000000000000001", promisee: account };
        const body = { ...parties, kind: "call", terms, at: "2026-01-01T00:00:00.000Z", recording: load };
        const made = await nodes()[index % 2]!.send("POST", "/v1/promises", body);
        expect(made.status, JSON.stringify(made.json)).toBe(201);
        return made.json.id as string;
      }),
    );
    await level();
    const upTo = "2026-03-01T00:00:00.000Z";
    expect((await second!.send("POST", `/v1/recordings/${load}/complete`, { upTo })).status).toBe(200);
    const verdictsOn = (promise: string) =>
      first!.ledger.store.log
        .readStream(`promise-${promise}`)
        .map(({ leaf }) => (JSON.parse(Buffer.from(leaf).toString()) as { type: string }).type)
        .filter((type) => type === "PromiseBroken");
    await until(() => promises.every((promise) => verdictsOn(promise).length > 0));
    await Promise.all(nodes().map(({ ledger }) => ledger.keeper.round()));
    await level();
    expect(promises.map((promise) => verdictsOn(promise).length)).toEqual([1, 1, 1, 1, 1]);
  });

  it("erase on both what was erased on one", async () => {
    const name = `Berg ${randomUUID()}`;
    const added = await first!.send("POST", "/v1/people", { id: person, account, name });
    expect(added.status).toBe(201);
    expect((await after(added, second!, `/v1/people/${person}`)).json.personal).toEqual({
      name: { status: "opened", value: name },
    });
    expect((await first!.send("POST", `/v1/subjects/${person}/erase`, {})).status).toBe(200);
    const [stored] = second!.ledger.store.log.readStream(`person-${person}`);
    await until(() => second!.ledger.store.log.readPositions([stored!.position])[0]!.ciphertext!.includes("null"));
    for (const node of nodes()) {
      const read = await node.send("GET", `/v1/people/${person}`);
      expect([read.status, read.json.personal]).toEqual([200, { name: { status: "erased" } }]);
    }
  });

  it("are joined by a third, which copies everything and comes to the same root", async () => {
    const third = await cluster.node();
    const head = await level();
    await until(() => third.ledger.store.log.head() >= head);
    expect(third.ledger.store.log.readAll(0, 1_000).map(({ id }) => id)).toEqual(
      first!.ledger.store.log.readAll(0, 1_000).map(({ id }) => id),
    );
    const made = await first!.send("POST", "/v1/interactions", visit);
    expect((await after(made, third, `/v1/people/${person}`)).json.personal).toEqual({ name: { status: "erased" } });
    const last = await level();
    const roots = await Promise.all(
      [first!, third].map(async (node) => {
        await until(async () => Number((await node.send("GET", "/v1/audit/checkpoint")).json.split?.("\n")[1] ?? 0) >= last);
        return (await node.send("GET", "/v1/audit/checkpoint")).json as string;
      }),
    );
    expect(roots[0]).toBe(roots[1]);
    await third.stop();
  });

  it("are joined by a third made from a backup of one of them, which copies the rest", async () => {
    const backup = join(cluster.freshFolder({ withKeys: false }), "backup");
    const at = instantAt(Date.now());
    const manifest = await backupFolder({
      ...{ folder: first!.folder, target: backup, withKeys: false, version: "0.0.0" },
      ...{ now: () => at, onProgress: () => undefined },
    });
    expect(manifest.files.map(({ name }) => name)).toEqual(["ledger.db", "cluster.json"]);
    const later = await second!.send("POST", "/v1/interactions", visit);
    const folder = cluster.freshFolder();
    await restoreBackup({ backup, folder, withoutVault: false, onProgress: () => undefined });
    expect(existsSync(join(folder, "vault.db"))).toBe(false);
    const third = await cluster.node({ folder });
    const head = await level();
    await until(() => third.ledger.store.log.head() >= head);
    expect(third.ledger.store.log.readStream(`interaction-${later.json.id}`)).toHaveLength(1);
    await until(async () => (await third.send("GET", "/readyz")).json.tree === "running");
    await third.stop();
    const checking = { folder, connections: cluster.connections, deep: true, onProgress: () => undefined };
    expect((await checkFolder(checking)).findings).toEqual([]);
  });

  it("refuse a third that has no keys, or others", async () => {
    await expect(cluster.join(cluster.freshFolder({ withKeys: false }))).rejects.toThrow(/kek\.bin is missing/);
    const folder = cluster.freshFolder();
    rmSync(join(keysFolderOf({ folder }), "log.key"));
    await expect(cluster.join(folder)).rejects.toThrow(/log\.key is missing/);
  });

  it("let none serve that would sign with another key", async () => {
    const folder = cluster.freshFolder();
    await (await cluster.join(folder)).ledger.close();
    const stranger = signerKey("troth/main", signatureType.ed25519, randomBytes(32));
    writeFileSync(join(keysFolderOf({ folder }), "log.key"), `${formatSignerKey(stranger)}\n`, { mode: 0o600 });
    await expect(cluster.node({ folder })).rejects.toThrow(/another key signs it/);
    const declared = first!.ledger.store.log
      .readStream("ledger")
      .filter(({ leaf }) => Buffer.from(leaf).includes('"LogKeyDeclared"'));
    expect(declared).toHaveLength(1);
  });

  it("answer reads while the cluster is away, say so, and go on once it is back", async ({ skip }) => {
    const { standIn } = cluster;
    if (standIn === undefined) return skip("a real server is not stopped by a spec");
    await standIn.lines[0]!.refuse();
    await until(async () => (await first!.send("GET", "/readyz")).json.cluster.state === "lost-touch", 60_000);
    const read = await first!.send("GET", `/v1/accounts/${account}`);
    expect([read.status, read.headers.get("troth-node")]).toEqual([200, expect.stringMatching(/^lost-touch; heard=\d+$/)]);
    await standIn.lines[0]!.accept();
    await until(async () => (await first!.send("GET", "/readyz")).status === 200, 60_000);
    const later = await first!.send("POST", "/v1/interactions", visit);
    expect(later.status).toBe(201);
    await level();
    expect((await after(later, second!, `/v1/interactions/${later.json.id}`)).status).toBe(200);
  });
});

async function until(isSo: () => boolean | Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; !(await isSo()); await delay(20))
    if (Date.now() > end) throw new Error("it did not come about");
}
