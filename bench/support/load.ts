/** The load generator, in a process of its own: interactions of a seeded portfolio, sent over and over by many connections, or reads. */
import autocannon from "autocannon";
import { accountIdOf, interactionsSent } from "../portfolio.ts";
import { quantile } from "../measuring.ts";
import { answer } from "./asking.ts";

export type LoadArgument = { url: string; secret: string; accountCount: number; connectionCount: number };
/** For so many seconds, or so many requests in all; interactions sent to `path`, or accounts read below it. */
export type Load = { path: string; reads?: boolean } & ({ seconds: number } | { requests: number });
export type Loaded = { accepted: number; refused: Record<string, number>; seconds: number; p50Ms: number; p99Ms: number };

/** Each connection has bodies of its own, made before, so that making them costs the measured seconds nothing. */
const bodiesPerConnection = 200;

const { url, secret, accountCount, connectionCount } = JSON.parse(process.argv[2]!) as LoadArgument;
const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
const bodies = Array.from({ length: connectionCount }, (_, connection) =>
  interactionsSent(1_000 + connection, accountCount, bodiesPerConnection).map((body) => JSON.stringify(body)),
);

const accounts = Array.from({ length: accountCount }, (_, number) => accountIdOf(number));

async function load(wanted: Load): Promise<Loaded> {
  const path = `/v1${wanted.path}`;
  let client = 0;
  const responseMs: number[] = [];
  const running = autocannon({
    url,
    connections: connectionCount,
    ...("seconds" in wanted ? { duration: wanted.seconds } : { amount: wanted.requests }),
    sampleInt: 50,
    timeout: 60,
    setupClient: (one) =>
      one.setRequests(
        wanted.reads === true
          ? accounts.map((account) => ({ method: "GET", path: `${path}/${account}`, headers }))
          : bodies[client++ % connectionCount]!.map((body) => ({ method: "POST", path, headers, body })),
      ),
  });
  const before = performance.now();
  running.on("response", (_client, _status, _bytes, ms) => responseMs.push(ms));
  const result = await running;
  const seconds = (performance.now() - before) / 1_000;
  if (result.errors + result.timeouts > 0) throw new Error(`${result.errors} connections failed`);
  const refused = Object.entries(result.statusCodeStats).filter(([status]) => !status.startsWith("2"));
  return {
    accepted: result["2xx"],
    refused: Object.fromEntries(refused.map(([status, { count }]) => [status, count])),
    seconds,
    p50Ms: quantile(responseMs, 0.5),
    p99Ms: quantile(responseMs, 0.99),
  };
}

answer({ load }, () => undefined);
