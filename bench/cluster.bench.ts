/**
 * Nodes of a cluster against the client of the cluster alone, on the servers that KURRENTDB_URL names, in one run: durable POSTs
 * against bare appends, a new node's catching up against a bare subscription, a write seen through another node, reads of one node and
 * of two. Where KURRENTDB_CONTROL says how servers are broken, the leader is killed too; test/cluster/support/servers.ts describes it.
 * The vault lies in a PostgreSQL of the benchmark's own, or at POSTGRES_URL.
 *
 * node bench/cluster.bench.ts [--tiny] [--json | --markdown] [--accounts <count>] [--rounds <count>] [--seconds <count>]
 *   [--visible <count>] [--failovers <count>]
 */
import { moveToCluster } from "../src/composition/to-cluster.ts";
import { connectionString, kill, leader, noServers, restart } from "../test/cluster/support/servers.ts";
import { noPostgres, startPostgres } from "../test/support/postgres.ts";
import {
  appendFigures,
  catchUpFigures,
  type ClusterLedger,
  failoverFigures,
  measureAppends,
  measureCatchUp,
  measureFailover,
  measureTwoNodes,
  twoNodesFigures,
} from "./measures/cluster.ts";
import { flagsOf, tell } from "./measuring.ts";
import { onCopy, portfolioLedger } from "./support/ledgers.ts";

const { accounts, rounds, seconds, visible, failovers } = flagsOf({
  accounts: [1_000, 20],
  rounds: [5, 1],
  seconds: [4, 0.3],
  visible: [300, 10],
  failovers: [3, 1],
});
const inFlight = [1, 64, 256];

const breaking = {
  async killLeader() {
    const leading = await leader();
    await kill(leading);
    return leading;
  },
  async restart(server: number) {
    await restart(server);
    // A killed server takes part again before the next one is killed.
    await new Promise((resolve) => setTimeout(resolve, 15_000));
  },
};

async function measureAll(ledger: ClusterLedger) {
  const catchUps = await measureCatchUp(ledger, rounds);
  const appends = await measureAppends(ledger, { inFlight, rounds, seconds });
  const twoNodes = await measureTwoNodes(ledger, { visibleCount: visible, readers: 32, seconds });
  const failover = noServers === undefined ? await measureFailover(ledger, breaking, failovers) : [];
  return [
    ...appendFigures(appends),
    ...catchUpFigures(catchUps),
    ...twoNodesFigures(twoNodes),
    ...(failover.length === 0 ? [] : failoverFigures(failover)),
  ];
}

if (connectionString === "" || noPostgres !== undefined) {
  console.log(`skipped: nodes of a cluster; ${noPostgres ?? "no cluster: set KURRENTDB_URL"}`);
} else {
  const postgres = await startPostgres();
  try {
    const portfolio = await portfolioLedger({ accountCount: accounts, interactionCount: 12, busyInteractionCount: 12 });
    await onCopy(portfolio, async (folder) => {
      const connections = { events: connectionString, vault: postgres.url };
      const prefix = `bench-${process.pid}-${Date.now()}`;
      await moveToCluster({ folder, connections, prefix, onProgress: () => undefined });
      const figures = await measureAll({ folder, connections, accountCount: accounts });
      tell("Nodes of a cluster", { accounts, rounds, seconds, visible, failovers }, figures);
    });
  } finally {
    await postgres.stop();
  }
}
