/** Durable single-event ingest over HTTP against a route of the same server that does all but record. */
import type { Figure } from "../measuring.ts";
import { median } from "../measuring.ts";
import { ledgerPath } from "../../src/composition/ledger-folder.ts";
import { start } from "../support/asking.ts";
import { type Facts, interactionsAfter } from "../support/facts.ts";
import type { Load, LoadArgument, Loaded } from "../support/load.ts";
import { type Served, serve } from "../support/served.ts";
import type { Stats } from "../support/server.ts";

export type IngestOptions = {
  connectionCount: number;
  accountCount: number;
  rounds: number;
  seconds: number;
  warmUpRequests: number;
  profile: string | undefined;
};

type Round = {
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Of the server's main thread, and of its whole process, for each request. */
  threadCpuUs: number;
  cpuUs: number;
};
type RealRound = Round & {
  /** When the last answer was given. */
  lagEvents: number;
  catchUpSeconds: number;
  verdicts: number;
  settleSeconds: number;
  /** With the time that the views, and then the keeper, still took. */
  perSecondCaughtUp: number;
  perSecondSettled: number;
};
export type Ingest = { nothing: Round[]; real: RealRound[]; facts: Facts };

/** @param folder a ledger with accounts of a portfolio, which this writes to. */
export async function measureIngest(folder: string, options: IngestOptions): Promise<Ingest> {
  const server = await serve(folder, options.profile);
  const { connectionCount, accountCount } = options;
  const argument: LoadArgument = { url: server.url, secret: server.secret, connectionCount, accountCount };
  const generator = start(new URL("../support/load.ts", import.meta.url), argument);
  const load = async (wanted: Load): Promise<Loaded> => {
    const loaded = await generator.ask<Loaded>("load", wanted);
    if (Object.keys(loaded.refused).length > 0) throw new Error(`refused: ${JSON.stringify(loaded.refused)}`);
    return loaded;
  };
  try {
    const facts = await warmUp(folder, server, load, options.warmUpRequests);
    const nothing: Round[] = [];
    const real: RealRound[] = [];
    for (let round = 0; round < options.rounds; round += 1) {
      nothing.push(await nothingRound(server, () => load({ path: "/nothing", seconds: options.seconds })));
      real.push(await realRound(server, () => load({ path: "/interactions", seconds: options.seconds })));
    }
    return { nothing, real, facts };
  } finally {
    await generator.close();
    await server.close();
  }
}

/** A fixed number of requests, so that what they left in the log can be compared between runs. */
async function warmUp(folder: string, server: Served, load: (wanted: Load) => Promise<Loaded>, requests: number): Promise<Facts> {
  await load({ path: "/nothing", requests });
  const { head } = await server.stats();
  const { accepted } = await load({ path: "/interactions", requests });
  await server.settle();
  const facts = interactionsAfter(ledgerPath(folder), head);
  if (facts.count !== accepted) throw new Error(`${accepted} interactions were acknowledged, the log holds ${facts.count}`);
  return facts;
}

async function nothingRound(server: Served, load: () => Promise<Loaded>): Promise<Round> {
  const before = await server.stats();
  const loaded = await load();
  return roundOf(loaded, before, await server.stats());
}

async function realRound(server: Served, load: () => Promise<Loaded>): Promise<RealRound> {
  const before = await server.stats();
  const loaded = await load();
  const after = await server.stats();
  const ended = performance.now();
  await server.catchUp();
  const catchUpSeconds = (performance.now() - ended) / 1_000;
  const settled = await server.settle();
  const settleSeconds = (performance.now() - ended) / 1_000;
  return {
    ...roundOf(loaded, before, after),
    lagEvents: after.head - after.viewsPosition,
    catchUpSeconds,
    verdicts: settled.head - before.head - loaded.accepted,
    settleSeconds,
    perSecondCaughtUp: loaded.accepted / (loaded.seconds + catchUpSeconds),
    perSecondSettled: loaded.accepted / (loaded.seconds + settleSeconds),
  };
}

const roundOf = ({ accepted, seconds, p50Ms, p99Ms }: Loaded, before: Stats, after: Stats): Round => ({
  perSecond: accepted / seconds,
  p50Ms,
  p99Ms,
  threadCpuUs: ((after.threadCpuMs - before.threadCpuMs) * 1_000) / accepted,
  cpuUs: ((after.cpuMs - before.cpuMs) * 1_000) / accepted,
});

export function ingestFigures({ nothing, real, facts }: Ingest, connectionCount: number): Figure[] {
  const of = <Of>(rounds: readonly Of[], value: (round: Of) => number): number => median(rounds.map(value));
  const ratio = (value: (round: RealRound) => number): number =>
    median(real.map((round, index) => value(round) / nothing[index]!.perSecond));
  return [
    { name: `ratio, ${connectionCount} connections`, value: ratio(({ perSecond }) => perSecond), target: "≥ 0.6" },
    { name: "ratio, until the views have caught up", value: ratio(({ perSecondCaughtUp }) => perSecondCaughtUp) },
    { name: "ratio, until the verdicts are on record too", value: ratio(({ perSecondSettled }) => perSecondSettled) },
    { name: "doing nothing", value: of(nothing, ({ perSecond }) => perSecond), unit: "requests/s" },
    { name: "doing nothing, p50", value: of(nothing, ({ p50Ms }) => p50Ms), unit: "ms" },
    { name: "doing nothing, p99", value: of(nothing, ({ p99Ms }) => p99Ms), unit: "ms" },
    { name: "doing nothing, CPU of the main thread", value: of(nothing, ({ threadCpuUs }) => threadCpuUs), unit: "µs/request" },
    { name: "recording", value: of(real, ({ perSecond }) => perSecond), unit: "requests/s" },
    { name: "recording, p50", value: of(real, ({ p50Ms }) => p50Ms), unit: "ms" },
    { name: "recording, p99", value: of(real, ({ p99Ms }) => p99Ms), unit: "ms" },
    { name: "recording, CPU of the main thread", value: of(real, ({ threadCpuUs }) => threadCpuUs), unit: "µs/request" },
    { name: "recording, CPU of all threads", value: of(real, ({ cpuUs }) => cpuUs), unit: "µs/request" },
    { name: "lag of the views at the end of a round", value: of(real, ({ lagEvents }) => lagEvents), unit: "events" },
    { name: "time in which they catch up", value: of(real, ({ catchUpSeconds }) => catchUpSeconds), unit: "s" },
    { name: "verdicts that a round brought about", value: of(real, ({ verdicts }) => verdicts), unit: "events" },
    { name: "digest of the warm-up's facts", value: facts.digest },
  ];
}
