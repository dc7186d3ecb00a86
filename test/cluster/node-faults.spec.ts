/** What clients of two real nodes see while a node is killed, and while the servers that the nodes stand on break. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyPath } from "../../src/composition/cluster-node.ts";
import type { Log } from "../../src/event-store/log.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { noPostgres } from "../support/postgres.ts";
import { type RunningServer, runningServer } from "../support/server.ts";
import { ClientLoad } from "./support/client-load.ts";
import { TestCluster } from "./support/cluster.ts";
import * as servers from "./support/servers.ts";
import { summaryOf } from "./support/store-load.ts";

const absent = servers.noServers ?? noPostgres;
if (absent !== undefined) console.log(`skipped: nodes while they and their servers break; ${absent}`);

const account = "acc_0000000000000001";
const visit = {
  ...{ account, kind: "visit", purpose: "relationship", direction: "outbound" },
  ...{ startedAt: "2026-01-30T10:00:00.000Z", minutes: 60 },
};
const clientCount = 24;
const timeout = 300_000;

describe.skipIf(absent !== undefined)("two nodes, while many clients record", { timeout }, () => {
  let cluster: TestCluster;
  let folders: string[];
  let nodes: RunningServer[];
  const start = (folder: string): Promise<RunningServer> => {
    const { events, vault } = cluster.connections;
    return runningServer(folder, cluster.secret, { TROTH_KURRENTDB_URL: events, TROTH_VAULT_URL: vault });
  };
  beforeAll(async () => {
    cluster = await TestCluster.start();
    folders = [cluster.freshFolder(), cluster.freshFolder()];
    for (const folder of folders) await (await cluster.join(folder)).ledger.close();
    nodes = await Promise.all(folders.map(start));
    expect((await ask(nodes[0]!, "POST", "/v1/accounts", { id: account })).status).toBe(201);
  }, timeout);
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await cluster.stop();
  }, timeout);

  const ask = (node: RunningServer, method: string, path: string, body?: object): Promise<Response> =>
    fetch(`${node.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${cluster.secret}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  /** The signed tree head of a node, once it covers so many events. */
  async function checkpointAt(node: RunningServer, size: number): Promise<string> {
    for (const end = Date.now() + 60_000; Date.now() < end; await delay(100)) {
      const answer = await ask(node, "GET", "/v1/audit/checkpoint");
      const note = await answer.text();
      if (answer.status === 200 && Number(note.split("\n")[1]) >= size) return note;
    }
    throw new Error(`no tree head of ${size} events`);
  }

  it("keep every fact that was acknowledged, once, in one order and under one root", async () => {
    const load = new ClientLoad(
      nodes.map(({ url }) => url),
      cluster.secret,
      clientCount,
      visit,
    );
    await load.more(300);

    await nodes[0]!.stop("SIGKILL");
    await load.more(300);
    nodes[0] = await start(folders[0]!);
    load.urls[0] = nodes[0].url;
    await load.more(300);

    const leading = await servers.leader();
    await servers.kill(leading);
    await load.more(300);
    // While a server is away, a node dies: it comes back from its copy and the rest of the cluster.
    await nodes[1]!.stop("SIGKILL");
    nodes[1] = await start(folders[1]!);
    load.urls[1] = nodes[1].url;
    await servers.restart(leading);
    await load.more(300);
    await load.stop();

    const head = Math.max(...load.acknowledged.map(({ position }) => position));
    const notes = await Promise.all(nodes.map((node) => checkpointAt(node, head)));
    expect(notes[0]).toBe(notes[1]);
    for (const node of nodes) expect(await node.stop()).toBe(0);

    const logs = folders.map((folder) => openSqliteLog(copyPath(folder)));
    const [one, other] = logs.map((log) => summaryOf({ log }));
    expect(one).toEqual(other);
    expect(notes[0]!.split("\n")[2]).toBe(Buffer.from(one!.root, "hex").toString("base64"));
    for (const log of logs) {
      expect(misplacedIn(log, load)).toEqual([]);
      expect(interactionCount(log)).toBe(load.acknowledged.length);
      log.close();
    }
    console.log(
      `${load.acknowledged.length} acknowledged, ${load.unavailableCount} answered with unavailable, ${load.unansweredCount} unanswered`,
    );
  });
});

/** Which acknowledged facts are not where their client was told. */
const misplacedIn = (log: Log, { acknowledged }: ClientLoad): string[] =>
  acknowledged
    .filter(({ stream, revision, position, eventIds }) => {
      const [standing] = log.readPositions([position]);
      return !(standing?.stream === stream && standing.revision === revision && standing.id === eventIds.at(-1));
    })
    .map(({ key }) => key);

function interactionCount(log: Log): number {
  const streams = new Set<string>();
  for (let after = 0; after < log.head(); after += 1_000) for (const { stream } of log.readAll(after, 1_000)) streams.add(stream);
  return [...streams].filter((stream) => stream.startsWith("interaction-")).length;
}
