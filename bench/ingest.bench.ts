/**
 * Durable single-event ingest over HTTP: `POST /v1/interactions` on 64 connections against a route of the same server with the
 * same checks and the same shape of answer that records nothing. Rounds of the two take turns.
 *
 * node bench/ingest.bench.ts [--tiny] [--json | --markdown] [--accounts <count>] [--rounds <count>] [--seconds <count>]
 *   [--connections <count>] [--warmUp <count>] [--profile <folder>]
 */
import { ingestFigures, measureIngest } from "./measures/ingest.ts";
import { flagsOf, tell } from "./measuring.ts";
import { onCopy, portfolioLedger } from "./support/ledgers.ts";

const { accounts, rounds, seconds, connections, warmUp, profile } = flagsOf({
  accounts: [1_000, 20],
  rounds: [5, 1],
  seconds: [5, 0.3],
  connections: [64, 8],
  /** Of each route, by each connection. */
  warmUp: [150, 10],
});
const ledger = await portfolioLedger({ accountCount: accounts, interactionCount: 12, busyInteractionCount: 12 });
const ingest = await onCopy(ledger, (folder) =>
  measureIngest(folder, {
    connectionCount: connections,
    accountCount: accounts,
    rounds,
    seconds,
    warmUpRequests: connections * warmUp,
    profile,
  }),
);
tell("Ingest", { accounts, rounds, seconds, connections }, ingestFigures(ingest, connections));
