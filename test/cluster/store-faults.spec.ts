/** What becomes of the log while real servers are killed, frozen and cut off, and many writers on three nodes append. */
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { noStream } from "../../src/event-store/event-store.ts";
import type { ClusterEventStore } from "../../src/event-store/kurrentdb/cluster-event-store.ts";
import { aNodeFolder, aPrefix, type Folder, openNode } from "../event-store/kurrentdb/support/node.ts";
import * as servers from "./support/servers.ts";
import { missingFrom, StoreLoad, summaryOf } from "./support/store-load.ts";

if (servers.noServers !== undefined) console.log(`skipped: the log while servers break; ${servers.noServers}`);

const nodeCount = 3;
const writerCount = 48;
/** Longer than the servers need to find that a leader is gone, and to elect another. */
const faultMs = 8_000;
const timeout = 240_000;

describe.skipIf(servers.noServers !== undefined)("the log, while many writers append", { timeout }, () => {
  let prefix: string;
  let folders: Folder[];
  let nodes: ClusterEventStore[];
  const open = (): Promise<ClusterEventStore> => {
    const folder = aNodeFolder();
    folders.push(folder);
    return openNode(servers.connectionString, prefix, folder);
  };
  beforeEach(async () => {
    prefix = aPrefix();
    folders = [];
    nodes = await Promise.all(Array.from({ length: nodeCount }, open));
    await Promise.all(nodes.map((node) => node.caughtUp()));
  }, timeout);
  afterEach(async () => {
    await Promise.all(nodes.map((node) => node.close()));
    for (const folder of folders) folder.remove();
  }, timeout);

  /** The last event that anybody appends: whoever holds it holds all before it. */
  async function level(stores: readonly ClusterEventStore[]): Promise<void> {
    const last = [{ id: "evt_last", type: "Last", leaf: Buffer.from("{}"), ciphertext: null }];
    await nodes[0]!.append("last", noStream, last);
    for (const end = Date.now() + 60_000; stores.some(({ log }) => log.readStream("last").length === 0); await delay(20))
      if (Date.now() > end) throw new Error(`a node did not catch up: ${JSON.stringify(stores.map((store) => store.status()))}`);
  }

  /** Before, while and after something breaks; then everything that was acknowledged is held against every copy, and a new one. */
  async function through(name: string, fault: (load: StoreLoad) => Promise<void>): Promise<void> {
    const load = new StoreLoad(nodes, writerCount);
    await load.more(1_500);
    await fault(load);
    await load.more(1_500);
    await load.stop();
    nodes.push(await open());
    await level(nodes);
    const summaries = nodes.map(summaryOf);
    for (const summary of summaries) expect(summary).toEqual(summaries[0]);
    for (const node of nodes) expect(missingFrom(node, load.acknowledged)).toEqual([]);
    expect(summaries[0]!.count).toBe(load.acknowledged.length + 1);
    const { retries, reconnects } = Object.fromEntries(
      (["retries", "reconnects"] as const).map((of) => [of, nodes.reduce((sum, node) => sum + node.counters()[of], 0)]),
    );
    console.log(
      `${name}: ${load.acknowledged.length} acknowledged, ${load.unavailableCount} answered with unavailable, longest pause ` +
        `${(load.pauseMs / 1_000).toFixed(1)} s, ${retries} retries, ${reconnects} reconnects`,
    );
  }

  it("loses, repeats and reorders nothing when the leader is killed", () =>
    through("leader killed", async (load) => {
      const leading = await servers.leader();
      await servers.kill(leading);
      await load.more(500);
      await servers.restart(leading);
    }));

  it("nor when the leader stands still and wakes up after another was elected", () =>
    through("leader frozen", async () => {
      const leading = await servers.leader();
      await servers.freeze(leading);
      await delay(faultMs);
      await servers.thaw(leading);
    }));

  it("nor when the leader is cut off from everybody", () =>
    through("leader cut off", async () => {
      const leading = await servers.leader();
      await servers.cut(leading);
      await delay(faultMs);
      await servers.mend(leading);
    }));

  it("nor when the leader is cut off from the other servers, and nodes still reach it", () =>
    through("leader isolated", async () => {
      const leading = await servers.leader();
      await servers.isolate(leading);
      await delay(faultMs);
      await servers.mend(leading);
    }));

  it("nor when the majority is killed; meanwhile nodes go on reading, and answer that they can't append", () =>
    through("majority killed", async (load) => {
      const [one, other] = servers.everyServer;
      await Promise.all([servers.kill(one), servers.kill(other)]);
      await untilTrue(() => load.unavailableCount > 0);
      const acknowledged = load.acknowledged.length;
      await delay(1_000);
      expect(load.acknowledged.length).toBe(acknowledged);
      for (const node of nodes) expect(node.log.head()).toBeGreaterThanOrEqual(acknowledged);
      await Promise.all([servers.restart(one), servers.restart(other)]);
    }));

  it("nor when all servers are killed at once", () =>
    through("all killed", async () => {
      await Promise.all(servers.everyServer.map(servers.kill));
      await untilTrue(() => nodes.every((node) => node.status().state === "lost-touch"));
      await Promise.all(servers.everyServer.map(servers.restart));
    }));
});

async function untilTrue(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !isSo(); await delay(20)) if (Date.now() > end) throw new Error("it did not come about");
}
