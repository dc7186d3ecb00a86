/**
 * A ledger folder served in a process of its own, with the views' thread and the keeper, as `troth serve` does it. One route is
 * added: it takes what `record-interaction` takes, checks it the same way, answers in the same shape, and does nothing.
 */
import type { AddressInfo } from "node:net";
import { buildApp } from "../../src/api/app.ts";
import { issueKeyFor } from "../../src/commands/administration.ts";
import type { Acknowledged, CommandDefinition } from "../../src/commands/command.ts";
import { recordInteraction } from "../../src/commands/interactions.ts";
import { commands } from "../../src/commands/registry.ts";
import type { ClusterConnections } from "../../src/composition/cluster-node.ts";
import { ledgerPath, openLedger } from "../../src/composition/ledger-folder.ts";
import { readingThreads } from "../../src/composition/reading-threads.ts";
import { keyScope } from "../../src/domain/key.ts";
import type { EventId, Instant, Slug } from "../../src/domain/values.ts";
import { watch } from "../../src/keeper/keeping-watch.ts";
import { queries } from "../../src/queries/registry.ts";
import { answer } from "./asking.ts";

/** @property past it is asked of the past: rows of it are kept up, the log is signed, and threads answer, as under `troth serve`. */
export type ServerArgument = {
  folder: string;
  past?: boolean;
  /** Of a node. */
  connections?: ClusterConnections;
};
export type Stats = {
  head: number;
  viewsPosition: number;
  residentMegabytes: number;
  /** Of the main thread, and of the whole process. */
  threadCpuMs: number;
  cpuMs: number;
};

/** Long enough for views that are a whole round behind. */
const catchUpMsMax = 30 * 60_000;

const acknowledged: Acknowledged = {
  id: "int_00000000000000000000000001",
  stream: "interaction-int_00000000000000000000000001",
  revision: 0,
  position: 1,
  events: [
    {
      id: "evt_00000000000000000000000001" as EventId,
      type: "InteractionRecorded",
      position: 1,
      recordedAt: "2026-01-09T10:00:00.000Z" as Instant,
    },
  ],
  isReplay: false,
};
const doNothing: CommandDefinition = {
  ...recordInteraction,
  name: "do-nothing",
  path: "/nothing",
  run: async () => acknowledged,
};

const { folder, past = false, connections } = JSON.parse(process.argv[2]!) as ServerArgument;
const ledger = await openLedger({ folder, connections });
const { desk, readingDesk, store, vault, host, keeper, auditLog, history } = ledger;
const threads = readingThreads({ folder, logPath: ledgerPath(folder) }, readingDesk, history);
const app = buildApp({
  ...{ desk, readingDesk, host, store, log: store.log, vault, queries },
  reader: past ? threads.reader : undefined,
  commands: [...commands, doNothing],
  version: "bench",
  // One key sends everything, on a machine that the load generator and the views share.
  limits: { requestCountMax: 1_000_000_000, eventLoopDelayMsMax: 0 },
});
const stopping = new AbortController();
let keeping: Promise<void> | undefined;

const caughtUp = () => host.caughtUp(store.log.head(), catchUpMsMax);
/** Resolves when every event is signed and in the rows of the past. */
async function pastCaughtUp(): Promise<void> {
  auditLog.start((trouble) => console.error(trouble), false);
  await history.caughtUp(store.log.head(), catchUpMsMax);
  while ((await readingDesk.rootAt!(store.log.head())) === null);
}
async function settled(): Promise<void> {
  do await caughtUp();
  while ((await keeper.round()) > 0);
}
const stats = (): Stats => {
  const [thread, whole] = [process.threadCpuUsage(), process.cpuUsage()];
  return {
    head: store.log.head(),
    viewsPosition: host.status().position,
    residentMegabytes: process.memoryUsage().rss / 1_048_576,
    threadCpuMs: (thread.user + thread.system) / 1_000,
    cpuMs: (whole.user + whole.system) / 1_000,
  };
};

answer(
  {
    async listen() {
      await host.ready;
      await settled();
      if (past) await pastCaughtUp();
      await app.listen({ host: "127.0.0.1", port: 0 });
      keeping = watch(keeper, stopping.signal, (error) => console.error(error));
      const { secret } = await issueKeyFor(
        desk,
        { label: "bench" as Slug, scopes: [...keyScope.options] },
        { kind: "system", id: "command-line" },
      );
      return { url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`, secret };
    },
    stats,
    async catchUp() {
      await caughtUp();
      return stats();
    },
    async settle() {
      await settled();
      return stats();
    },
  },
  async () => {
    stopping.abort();
    await app.close();
    app.server.closeAllConnections();
    await keeping;
    await threads.close();
    await ledger.close();
  },
);
