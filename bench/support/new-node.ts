/** A node whose copy, views and tree are made from nothing, in a process of its own. */
import { openLedger } from "../../src/composition/ledger-folder.ts";
import type { ClusterConnections } from "../../src/composition/cluster-node.ts";
import { answer } from "./asking.ts";

export type NewNodeArgument = { folder: string; connections: ClusterConnections };
export type NewNode = {
  /** Until its copy held everything, and until its views and its tree did too. */
  copySeconds: number;
  seconds: number;
  root: string;
};

const { folder, connections } = JSON.parse(process.argv[2]!) as NewNodeArgument;
const catchUpMsMax = 30 * 60_000;

async function build(): Promise<NewNode> {
  const begun = performance.now();
  const elapsed = (): number => (performance.now() - begun) / 1_000;
  const ledger = await openLedger({ folder, connections });
  const { store, cluster, host, auditLog, readingDesk } = ledger;
  auditLog.start((trouble) => console.error(trouble), false);
  await cluster!.caughtUp();
  const copySeconds = elapsed();
  const head = store.log.head();
  await host.caughtUp(head, catchUpMsMax);
  let root: string | null = null;
  while (root === null) root = await readingDesk.rootAt!(head);
  const built = { copySeconds, seconds: elapsed(), root };
  await ledger.close();
  return built;
}

answer({ build }, () => undefined);
