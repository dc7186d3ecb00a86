/** What a node adds to the cluster that it stands on: each figure beside what the client alone gives in the same run. */
import { randomUUID } from "node:crypto";
import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type ClusterConnections, joinCluster, membershipOf } from "../../src/composition/cluster-node.ts";
import { keysFolderOf, ledgerPath } from "../../src/composition/ledger-folder.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { type Figure, median, quantile } from "../measuring.ts";
import { interactionsSent } from "../portfolio.ts";
import { start } from "../support/asking.ts";
import type { BareArgument, BareCatchUp, BareLoad, BareLoaded } from "../support/bare-client.ts";
import type { Load, LoadArgument, Loaded } from "../support/load.ts";
import type { NewNode, NewNodeArgument } from "../support/new-node.ts";
import { type Served, serve } from "../support/served.ts";

/** A ledger on the cluster: a folder that is a node of it, and how to reach what it stands on. */
export type ClusterLedger = { folder: string; connections: ClusterConnections; accountCount: number };

/** What targets there are, from the issue that asked for nodes of a cluster. */
const appendTargets = new Map([
  [1, "≥ 0.7"],
  [64, "≥ 0.5"],
  [256, "≥ 0.5"],
]);

/** A folder of its own for another node of the same ledger, which holds no copy yet. */
function anotherNode({ folder }: ClusterLedger): string {
  const other = join(folder, "..", randomUUID());
  mkdirSync(other, { mode: 0o700 });
  cpSync(keysFolderOf({ folder }), keysFolderOf({ folder: other }), { recursive: true });
  joinCluster(other, membershipOf(folder)!.prefix);
  return other;
}

const served = ({ connections }: ClusterLedger, folder: string): Promise<Served> => serve(folder, undefined, false, connections);

function loading({ accountCount }: ClusterLedger, { url, secret }: Served, connectionCount: number) {
  const argument: LoadArgument = { url, secret, accountCount, connectionCount };
  const generator = start(new URL("../support/load.ts", import.meta.url), argument);
  const load = async (wanted: Load): Promise<Loaded> => {
    const loaded = await generator.ask<Loaded>("load", wanted);
    if (Object.keys(loaded.refused).length > 0) throw new Error(`refused: ${JSON.stringify(loaded.refused)}`);
    return loaded;
  };
  return { load, close: () => generator.close() };
}

/** Mean sizes of what Troth stores of an interaction. */
function sizesIn({ folder }: ClusterLedger): Pick<BareArgument, "leafBytes" | "ciphertextBytes"> {
  const log = openSqliteLog(ledgerPath(folder));
  const interactions = log.readAll(0, 10_000).filter(({ stream }) => stream.startsWith("interaction-"));
  log.close();
  const mean = (size: (event: (typeof interactions)[number]) => number): number =>
    Math.round(interactions.reduce((sum, event) => sum + size(event), 0) / interactions.length);
  return { leafBytes: mean(({ leaf }) => leaf.byteLength), ciphertextBytes: mean(({ ciphertext }) => ciphertext?.length ?? 0) };
}

function bareClient(ledger: ClusterLedger) {
  const argument = { connectionString: ledger.connections.events!, prefix: `bare-${randomUUID()}`, ...sizesIn(ledger) };
  return start(new URL("../support/bare-client.ts", import.meta.url), argument satisfies BareArgument);
}

type AppendRound = { bare: BareLoaded; nothing: Loaded; posted: Loaded };
export type Appends = Map<number, AppendRound[]>;
export type AppendOptions = { inFlight: readonly number[]; rounds: number; seconds: number };

/** The client's appends, a route that records nothing, and durable POSTs, round by round in turn. */
export async function measureAppends(ledger: ClusterLedger, { inFlight, rounds, seconds }: AppendOptions): Promise<Appends> {
  const server = await served(ledger, ledger.folder);
  const bare = bareClient(ledger);
  const measured: Appends = new Map();
  try {
    for (const count of inFlight) {
      const generator = loading(ledger, server, count);
      const round = async (length: number): Promise<AppendRound> => ({
        bare: await bare.ask<BareLoaded>("append", { inFlight: count, seconds: length } satisfies BareLoad),
        nothing: await generator.load({ path: "/nothing", seconds: length }),
        posted: await generator.load({ path: "/interactions", seconds: length }),
      });
      await round(seconds / 2);
      const taken: AppendRound[] = [];
      for (let number = 0; number < rounds; number += 1) {
        taken.push(await round(seconds));
        await server.catchUp();
      }
      measured.set(count, taken);
      await generator.close();
    }
  } finally {
    await bare.close();
    await server.close();
  }
  return measured;
}

export type CatchUps = { count: number; bareSeconds: number[]; nodes: NewNode[] };

/** The client's subscription from the start, and a node that has nothing, over the same events. */
export async function measureCatchUp(ledger: ClusterLedger, rounds: number): Promise<CatchUps> {
  const log = openSqliteLog(ledgerPath(ledger.folder));
  const count = log.head();
  log.close();
  const { prefix } = membershipOf(ledger.folder)!;
  const measured: CatchUps = { count, bareSeconds: [], nodes: [] };
  for (let round = 0; round < rounds; round += 1) {
    const bare = bareClient(ledger);
    measured.bareSeconds.push(await bare.ask<number>("catchUp", { prefix, count } satisfies BareCatchUp));
    await bare.close();
    const argument: NewNodeArgument = { folder: anotherNode(ledger), connections: ledger.connections };
    const node = start(new URL("../support/new-node.ts", import.meta.url), argument);
    measured.nodes.push(await node.ask<NewNode>("build"));
    await node.close();
  }
  return measured;
}

export type TwoNodes = {
  /** From a POST's answer to that of a read on the other node which waits for its position. */
  visibleMs: number[];
  /** The same, and the POST itself. */
  wholeMs: number[];
  oneNode: Loaded;
  bothNodes: Loaded[];
};
export type TwoNodesOptions = { visibleCount: number; readers: number; seconds: number };

export async function measureTwoNodes(ledger: ClusterLedger, options: TwoNodesOptions): Promise<TwoNodes> {
  const [first, second] = [await served(ledger, ledger.folder), await served(ledger, anotherNode(ledger))];
  try {
    await second.catchUp();
    const times = await visibility(ledger, first, second, options.visibleCount);
    const generators = [loading(ledger, first, options.readers), loading(ledger, second, options.readers)];
    const read: Load = { path: "/accounts", reads: true, seconds: options.seconds };
    for (const { load } of generators) await load({ ...read, seconds: options.seconds / 2 });
    const oneNode = await generators[0]!.load(read);
    const bothNodes = await Promise.all(generators.map(({ load }) => load(read)));
    for (const generator of generators) await generator.close();
    return { ...times, oneNode, bothNodes };
  } finally {
    await first.close();
    await second.close();
  }
}

async function visibility(ledger: ClusterLedger, writer: Served, reader: Served, count: number) {
  const visibleMs: number[] = [];
  const wholeMs: number[] = [];
  for (const body of interactionsSent(77, ledger.accountCount, count)) {
    const begun = performance.now();
    const made = await send(writer, "POST", "/interactions", body);
    const { id } = (await made.json()) as { id: string };
    const answered = performance.now();
    const read = await send(reader, "GET", `/interactions/${id}`, undefined, {
      "troth-position": made.headers.get("troth-position")!,
    });
    if (read.status !== 200) throw new Error(`the other node answered ${read.status}`);
    await read.text();
    visibleMs.push(performance.now() - answered);
    wholeMs.push(performance.now() - begun);
  }
  return { visibleMs, wholeMs };
}

const send = (
  { url, secret }: Served,
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${url}/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${secret}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** How the servers of the cluster are broken and mended. */
export type Breaking = { killLeader(): Promise<number>; restart(server: number): Promise<unknown> };
export type Failover = { longestPauseMs: number; answeredUnavailable: number };

/** Clients that send again what was not acknowledged, while the leader is killed. */
export async function measureFailover(ledger: ClusterLedger, breaking: Breaking, rounds: number): Promise<Failover[]> {
  const server = await served(ledger, ledger.folder);
  const measured: Failover[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) measured.push(await failover(ledger, server, breaking, round));
  } finally {
    await server.close();
  }
  return measured;
}

const clientCount = 16;
/** Before the leader is killed, and after writes came back. */
const steadyCount = 200;

async function failover(ledger: ClusterLedger, server: Served, breaking: Breaking, round: number): Promise<Failover> {
  let [acknowledged, answeredUnavailable, longestPauseMs] = [0, 0, 0];
  let lastAt = performance.now();
  let isOver = false;
  const client = async (number: number): Promise<void> => {
    for (const [index, body] of interactionsSent(9_000 + round * clientCount + number, ledger.accountCount, 10_000).entries()) {
      if (isOver) return;
      const headers = { "idempotency-key": `failover-${round}-${number}-${index}` };
      for (let status = 0; status !== 201 && status !== 200;) {
        const answer = await send(server, "POST", "/interactions", body, headers);
        status = answer.status;
        await answer.text();
        if (status === 503) answeredUnavailable += 1;
        else if (status >= 300) throw new Error(`a client was answered ${status}`);
      }
      longestPauseMs = Math.max(longestPauseMs, performance.now() - lastAt);
      lastAt = performance.now();
      acknowledged += 1;
    }
  };
  const clients = Promise.all(Array.from({ length: clientCount }, (_, number) => client(number)));
  const more = async (count: number): Promise<void> => {
    const wanted = acknowledged + count;
    while (acknowledged < wanted) await Promise.race([clients, new Promise((resolve) => setTimeout(resolve, 5))]);
  };
  await more(steadyCount);
  longestPauseMs = 0;
  const killed = await breaking.killLeader();
  const before = acknowledged;
  // The kill itself may still let a few answers through.
  await more(steadyCount + clientCount);
  const measured = { longestPauseMs, answeredUnavailable };
  if (acknowledged <= before) throw new Error("nothing was recorded any more");
  isOver = true;
  await clients;
  await breaking.restart(killed);
  return measured;
}

const ratioOf = (rounds: readonly AppendRound[]): number =>
  median(rounds.map(({ bare, posted }) => posted.accepted / posted.seconds / bare.perSecond));

export function appendFigures(appends: Appends): Figure[] {
  return [...appends].flatMap(([count, rounds]): Figure[] => [
    { name: `ratio, POSTs to bare appends, ${count} in flight`, value: ratioOf(rounds), ...targetOf(count) },
    { name: `bare appends, ${count} in flight`, value: median(rounds.map(({ bare }) => bare.perSecond)), unit: "events/s" },
    {
      name: `POSTs, ${count} in flight`,
      value: median(rounds.map(({ posted }) => posted.accepted / posted.seconds)),
      unit: "requests/s",
    },
    {
      name: `doing nothing, ${count} in flight`,
      value: median(rounds.map(({ nothing }) => nothing.accepted / nothing.seconds)),
      unit: "requests/s",
    },
    { name: `bare appends, ${count} in flight, p50 / p99`, value: pair(rounds.map(({ bare }) => bare)), unit: "ms" },
    { name: `POSTs, ${count} in flight, p50 / p99`, value: pair(rounds.map(({ posted }) => posted)), unit: "ms" },
  ]);
}

const targetOf = (count: number): { target?: string } => {
  const target = appendTargets.get(count);
  return target === undefined ? {} : { target };
};

const pair = (rounds: readonly { p50Ms: number; p99Ms: number }[]): string =>
  `${median(rounds.map(({ p50Ms }) => p50Ms)).toFixed(1)} / ${median(rounds.map(({ p99Ms }) => p99Ms)).toFixed(1)}`;

export function catchUpFigures({ count, bareSeconds, nodes }: CatchUps): Figure[] {
  const roots = new Set(nodes.map(({ root }) => root));
  if (roots.size !== 1) throw new Error("nodes came to different roots");
  const ratio = (seconds: (node: NewNode) => number): number =>
    median(nodes.map((node, round) => bareSeconds[round]! / seconds(node)));
  return [
    {
      name: "ratio, catching up with views and tree to the bare subscription",
      value: ratio(({ seconds }) => seconds),
      target: "≥ 0.4",
    },
    { name: "ratio, the copy alone", value: ratio(({ copySeconds }) => copySeconds) },
    { name: "bare subscription", value: count / median(bareSeconds), unit: "events/s" },
    { name: "a new node, with views and tree", value: count / median(nodes.map(({ seconds }) => seconds)), unit: "events/s" },
    { name: "events", value: count },
  ];
}

export function twoNodesFigures({ visibleMs, wholeMs, oneNode, bothNodes }: TwoNodes): Figure[] {
  const perSecond = ({ accepted, seconds }: Loaded): number => accepted / seconds;
  const both = bothNodes.reduce((sum, loaded) => sum + perSecond(loaded), 0);
  const times = (ms: readonly number[]): string => `${median(ms).toFixed(1)} / ${quantile(ms, 0.99).toFixed(1)}`;
  return [
    { name: "answered to readable on another node, p50 / p99", value: times(visibleMs), unit: "ms" },
    { name: "sent to readable on another node, p50 / p99", value: times(wholeMs), unit: "ms" },
    { name: "reads of accounts, one node", value: perSecond(oneNode), unit: "requests/s" },
    { name: "reads of accounts, two nodes", value: both, unit: "requests/s" },
    { name: "ratio, reads of two nodes to one", value: both / perSecond(oneNode) },
  ];
}

export const failoverFigures = (rounds: readonly Failover[]): Figure[] => [
  {
    name: "leader killed, longest pause between acknowledged writes",
    value: median(rounds.map((round) => round.longestPauseMs)) / 1_000,
    unit: "s",
  },
  { name: "the longest of all", value: Math.max(...rounds.map((round) => round.longestPauseMs)) / 1_000, unit: "s" },
  { name: "answered with 503 meanwhile", value: median(rounds.map((round) => round.answeredUnavailable)), unit: "requests" },
];
