/** What a node promises beyond the contract of every store: on the stand-in, and on the server that `KURRENTDB_URL` names. */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { noStream, RevisionConflictError, type StoredEvent } from "../../../src/event-store/event-store.ts";
import type { ClusterEventStore, ClusterEventStoreOptions } from "../../../src/event-store/kurrentdb/cluster-event-store.ts";
import { openCopy } from "../../../src/event-store/kurrentdb/copy.ts";
import { anEvent, anId, idsOf } from "../support/events.ts";
import { aCluster, aNodeFolder, aPrefix, type Cluster, type Folder, openNode } from "./support/node.ts";

const fleet = "account-fleet";

let cluster: Cluster;
beforeAll(async () => void (cluster = await aCluster()));
afterAll(() => cluster.stop());

let prefix: string;
let folders: Folder[] = [];
let nodes: ClusterEventStore[] = [];
beforeEach(() => void (prefix = aPrefix()));
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.close()));
  for (const folder of folders) folder.remove();
  [nodes, folders] = [[], []];
});

function aFolder(): Folder {
  const folder = aNodeFolder();
  folders.push(folder);
  return folder;
}

async function aNode(options: Partial<ClusterEventStoreOptions> = {}, folder = aFolder()): Promise<ClusterEventStore> {
  const node = await openNode(cluster.connectionString, prefix, folder, options);
  nodes.push(node);
  return node;
}

const eventually = <Value>(what: () => Value) => expect.poll(what, { timeout: 10_000, interval: 5 });

describe("nodes of one ledger", () => {
  it("have the same log at the same positions, whichever wrote it and whenever they joined", async () => {
    const [first, second] = [await aNode(), await aNode()];
    const appends = Array.from({ length: 40 }, (_, index) => {
      const stream = `interaction-${index}`;
      return (index % 2 === 0 ? first : second).append(stream, noStream, [anEvent(stream, 0, { ciphertext: `["${index}"]` })]);
    });
    const places = await Promise.all(appends);
    const late = await aNode();
    await late.caughtUp();
    await eventually(() => [first.log.head(), second.log.head(), late.log.head()]).toEqual([40, 40, 40]);
    const log = first.log.readAll(0, 100);
    expect(second.log.readAll(0, 100)).toEqual(log);
    expect(late.log.readAll(0, 100)).toEqual(log);
    for (const [index, { position }] of places.entries()) expect(log[position - 1]!.stream).toBe(`interaction-${index}`);
  });

  it("tell a lost race once they hold what won", async () => {
    const rivals = [await aNode(), await aNode()];
    for (let revision = 0; revision < 10; revision += 1) {
      const ids = rivals.map(() => anId());
      const held: string[] = [];
      const answers = await Promise.allSettled(
        rivals.map(async (node, index) => {
          try {
            await node.append(fleet, revision - 1, [anEvent(fleet, revision, { id: ids[index]! })]);
          } catch (error) {
            if (error instanceof RevisionConflictError) held.push(...idsOf(node.log.readStream(fleet, revision)));
            throw error;
          }
        }),
      );
      const winner = answers.findIndex(({ status }) => status === "fulfilled");
      expect(held).toEqual([ids[winner]]);
    }
  });

  it("find what another has just made, when they ask for it", async () => {
    const [writer, reader] = [await aNode(), await aNode()];
    for (let round = 0; round < 10; round += 1) {
      const stream = `account-${round}`;
      const events = [anEvent(stream, 0), anEvent(stream, 1)];
      await writer.append(stream, noStream, events);
      await reader.catchUp(stream);
      expect(idsOf(reader.log.readStream(stream))).toEqual(idsOf(events));
    }
  });
});

describe("a node", () => {
  it("tells of every event that it copies, in order, before an append is answered", async () => {
    const heard: StoredEvent[] = [];
    const node = await aNode({ onCopied: (events) => void heard.push(...events) });
    for (let revision = 0; revision < 5; revision += 1) {
      await node.append(fleet, revision - 1, [anEvent(fleet, revision)]);
      expect(heard).toHaveLength(revision + 1);
    }
    expect(heard).toEqual(node.log.readAll(0, 10));
  });

  it("says how it stands, and counts what became of appends", async () => {
    const outcomes: string[] = [];
    const node = await aNode({ onAppend: (outcome, ms) => outcomes.push(`${outcome} ${ms > 0}`) });
    await node.caughtUp();
    await node.append(fleet, noStream, [anEvent(fleet, 0)]);
    await expect(node.append(fleet, noStream, [anEvent(fleet, 0)])).rejects.toThrow(RevisionConflictError);
    expect(node.status()).toMatchObject({ state: "following", position: 1, lagMs: 0, heardMsAgo: expect.any(Number) });
    expect(node.counters()).toEqual({ stored: 1, conflicts: 1, failed: 0, retries: 0, reconnects: 0 });
    expect(outcomes).toEqual(["stored true", "conflict true"]);
  });

  it("stops where the cluster holds another event than it copied; it answers reads and takes no append", async () => {
    const folder = aFolder();
    const copy = openCopy(join(folder.path, "copy.db"), prefix);
    const copied = { ...anEvent(fleet, 0), stream: fleet, revision: 0, place: { commit: 1n, prepare: 1n } };
    copy.take([copied]);
    copy.close();
    await (await aNode()).append(fleet, noStream, [anEvent(fleet, 0)]);
    const node = await aNode({}, folder);
    await expect(node.caughtUp()).rejects.toMatchObject({ reason: "damaged" });
    expect(node.status()).toMatchObject({ state: "stopped", position: 1, failure: expect.stringContaining("another event") });
    expect(idsOf(await node.readStream(fleet))).toEqual([copied.id]);
    await expect(node.append(fleet, 0, [anEvent(fleet, 1)])).rejects.toMatchObject({ reason: "damaged" });
    await expect(node.catchUp(fleet)).rejects.toMatchObject({ reason: "damaged" });
  });

  it("whose copy can't be written says so, and goes on where it was once it can", async () => {
    const folder = aFolder();
    const [path, aside] = [join(folder.path, "copy.db"), join(folder.path, "aside.db")];
    const [node, other] = [await aNode({ pace: { retryMsMost: 50 } }, folder), await aNode()];
    await node.caughtUp();
    renameSync(path, aside);
    const { position } = await other.append(fleet, noStream, [anEvent(fleet, 0), anEvent(fleet, 1)]);
    await eventually(() => node.status().state).toBe("lost-touch");
    expect(node.status()).toMatchObject({ position: 0, failure: expect.stringContaining("was moved or removed") });
    renameSync(aside, path);
    await eventually(() => [node.log.head(), node.status().state]).toEqual([position, "following"]);
    expect(node.log.readAll(0, 10)).toEqual(other.log.readAll(0, 10));
  });
});
