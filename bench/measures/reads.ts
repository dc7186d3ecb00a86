/** How long one reader at a time waits for answers about accounts and about the whole portfolio. */
import { Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { type Figure, median, quantile } from "../measuring.ts";
import { accountIdOf, isBusy, seeded } from "../portfolio.ts";
import { digestOf } from "../support/facts.ts";
import { type Served, serve } from "../support/served.ts";

export type ReadOptions = {
  accountCount: number;
  readCount: number;
  reportCount: number;
  warmUpReadCount: number;
  /** Where the reads stand, as parameters of a query; at the present where absent. */
  at?: string;
};
type Times = { p50Ms: number; p99Ms: number };
export type Reads = {
  /** By query, of accounts like most, and of those with by far the most events. */
  accounts: Map<string, { usual: Times; busy: Times }>;
  reports: Map<string, Times>;
  residentMegabytes: number;
  digest: string;
};

const accountQueries: Record<string, (account: string) => string> = {
  "get-account": (account) => `/accounts/${account}`,
  "account-trust": (account) => `/accounts/${account}/trust`,
  "account-timeline": (account) => `/accounts/${account}/timeline`,
  "account-dormancy": (account) => `/accounts/${account}/dormancy`,
  "account-promises": (account) => `/accounts/${account}/promises`,
};
const reports: Record<string, string> = {
  "keeping-rates by promisor": "/reports/keeping-rates?by=promisor",
  "dormancy-report, a page": "/reports/dormancy",
  "due-report, a page": "/reports/due",
  balance: "/reports/balance",
};

/** @param folder a ledger to which a key is added. */
export async function measureReads(
  folder: string,
  { accountCount, readCount, reportCount, warmUpReadCount, at }: ReadOptions,
): Promise<Reads> {
  const server = await serve(folder, undefined, at !== undefined);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const get = async (path: string): Promise<{ ms: number; body: string }> => {
    const before = performance.now();
    const body = await answerTo(server, agent, at === undefined ? path : `${path}${path.includes("?") ? "&" : "?"}${at}`);
    return { ms: performance.now() - before, body };
  };
  const numbers = Array.from({ length: accountCount }, (_, number) => number);
  const [busy, usual] = [numbers.filter(isBusy), numbers.filter((number) => !isBusy(number))];
  try {
    await readRounds(get, usual, warmUpReadCount);
    // Rounds over all queries, so that what else the machine does meets them alike.
    const [usualMs, busyMs] = [await readRounds(get, usual, readCount), await readRounds(get, busy, readCount)];
    const accounts = new Map(
      Object.keys(accountQueries).map((name) => [name, { usual: timesOf(usualMs, name), busy: timesOf(busyMs, name) }]),
    );
    const reportMs = new Map<string, number[]>();
    for (let round = 0; round < reportCount; round += 1)
      for (const [name, path] of Object.entries(reports)) push(reportMs, name, (await get(path)).ms);
    const { residentMegabytes } = await server.stats();
    const rates = JSON.parse((await get(reports["keeping-rates by promisor"]!)).body) as { groups: unknown };
    return {
      accounts,
      reports: new Map(Object.keys(reports).map((name) => [name, timesOf(reportMs, name)])),
      residentMegabytes,
      digest: digestOf([JSON.stringify(rates.groups)]),
    };
  } finally {
    agent.destroy();
    await server.close();
  }
}

type Get = (path: string) => Promise<{ ms: number; body: string }>;

async function readRounds(get: Get, accounts: readonly number[], readCount: number): Promise<Map<string, number[]>> {
  const random = seeded(7);
  const ms = new Map<string, number[]>();
  for (let read = 0; read < readCount; read += 1) {
    const account = accountIdOf(accounts[Math.floor(random() * accounts.length)]!);
    for (const [name, pathOf] of Object.entries(accountQueries)) push(ms, name, (await get(pathOf(account))).ms);
  }
  return ms;
}

function push(to: Map<string, number[]>, name: string, ms: number): void {
  const known = to.get(name);
  if (known === undefined) to.set(name, [ms]);
  else known.push(ms);
}

const timesOf = (all: Map<string, number[]>, name: string): Times => ({
  p50Ms: median(all.get(name)!),
  p99Ms: quantile(all.get(name)!, 0.99),
});

function answerTo({ url, secret }: Served, agent: Agent, path: string): Promise<string> {
  const headers = { authorization: `Bearer ${secret}` };
  return new Promise((resolve, reject) => {
    request(`${url}/v1${path}`, { agent, headers }, (answer) => {
      text(answer).then((body) => {
        if (answer.statusCode === 200) resolve(body);
        else reject(new Error(`${path}: ${answer.statusCode} ${body}`));
      }, reject);
    })
      .on("error", reject)
      .end();
  });
}

const shown = ({ p50Ms, p99Ms }: Times): string => `${p50Ms.toFixed(2)} / ${p99Ms.toFixed(2)}`;

export function readFigures({ accounts, reports, residentMegabytes, digest }: Reads): Figure[] {
  return [
    ...[...accounts].flatMap(([name, { usual, busy }]) => [
      { name: `${name}, p50 / p99`, value: shown(usual), unit: "ms" },
      { name: `${name} of a busy account, p50 / p99`, value: shown(busy), unit: "ms" },
    ]),
    ...[...reports].map(([name, times]) => ({ name: `${name}, p50 / p99`, value: shown(times), unit: "ms" })),
    { name: "resident memory after the reads", value: residentMegabytes, unit: "MB", target: "< 500" },
    { name: "digest of the keeping rates", value: digest },
  ];
}
