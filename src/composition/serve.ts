/** A ledger served over HTTP, with the keeper at work beside it: what `troth serve` runs, and what imports and the demo run for themselves. */
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import { buildApp } from "../api/app.ts";
import type { ApiDeps } from "../api/deps.ts";
import type { ClusterEventStore } from "../event-store/kurrentdb/cluster-event-store.ts";
import type { WatchedCopy } from "../event-store/log.ts";
import { faultOf } from "../api/logging.ts";
import { commands } from "../commands/registry.ts";
import { takeCensusDaily } from "../keeper/census-daily.ts";
import { watch } from "../keeper/keeping-watch.ts";
import { refitWeekly } from "../keeper/refitting.ts";
import { queries } from "../queries/registry.ts";
import { headHistoryIn } from "../transparency/head-history.ts";
import type { Vault } from "../vault/vault.ts";
import { anchoringOf, type WitnessOptions } from "./anchoring.ts";
import { exporterOf, type OpenLedger } from "./ledger-folder.ts";
import { declareLogKey } from "./log-key.ts";
import { pastWaitMs, readingThreads } from "./reading-threads.ts";
import { threadedExports } from "./threaded-exports.ts";

export type ServerOptions = {
  host: string;
  /** 0 for any free one. */
  port: number;
  version: string;
  logger?: ApiDeps["logger"];
  limits?: ApiDeps["limits"];
  processMetrics?: boolean;
  /** Fit the models each week and take the census each day. Default true; whoever serves for a moment leaves it. */
  upkeep?: boolean;
  /** Who sees the log's heads; nobody where absent. */
  witnesses?: WitnessOptions | undefined;
  /** How long requests under way may take after `close` was called. */
  drainMs?: number;
};

export type RunningServer = {
  url: string;
  app: FastifyInstance;
  /** Answers what is under way, then closes the ledger. */
  close(): Promise<void>;
};

/** After a start the views lack what was appended last; they have mostly caught up within this time. */
const catchUpMs = 1_000;
/** A node that finds the cluster away begins to answer reads after this time. */
const joinMs = 5_000;
const lookMs = 1_000;
/** Half of a core's time, in a thread of their own; a quarter of the one that answers everybody where there is no other. */
const exportRest = { elsewhere: 1, here: 3 };
const drainMsUsual = 20_000;

/** @throws what listening throws, such as EADDRINUSE; the ledger is closed then. */
export async function serveLedger(ledger: OpenLedger, options: ServerOptions): Promise<RunningServer> {
  const { host, port, version, logger, limits, processMetrics, upkeep = true, drainMs = drainMsUsual, witnesses } = options;
  const { desk, readingDesk, store, vault, auditLog, census, whatIfs } = ledger;
  const watched =
    witnesses && anchoringOf(ledger, witnesses, (witness, trouble) => app.log.warn({ witness, trouble }, "of a witness"));
  const paths = { folder: ledger.folder, logPath: ledger.logPath };
  const reading = readingThreads(paths, readingDesk, ledger.history);
  const exports = threadedExports({ ...paths, restPerWork: exportRest.elsewhere }, readingDesk, ledger.history);
  const app: FastifyInstance = buildApp({
    ...{ desk, readingDesk, store, vault, auditLog, census, whatIfs, commands, queries, version, logger, limits, processMetrics },
    anchoring: watched?.anchoring,
    host: ledger.host,
    // A thread takes longer to start than a server that runs for a moment ever asks.
    reader: upkeep ? reading.reader : undefined,
    log: store.log,
    exporter: upkeep ? exports.exporter : exporterOf(ledger, { restPerWork: exportRest.here, pastWaitMs }),
    copy: ledger.cluster,
    headHistory: headHistoryIn(ledger.logPath),
  });
  const stopping = new AbortController();
  await finishErasures(ledger, app);
  const derive = () => {
    auditLog.start((trouble) => app.log.error({ trouble }, "the log can't be signed"), watched !== undefined);
    census.start((trouble) => app.log.error({ trouble }, "the census can't be counted"));
  };
  try {
    if (ledger.cluster === undefined) derive();
    else await joined(ledger, ledger.cluster, derive, app, stopping.signal);
    if (upkeep)
      ledger.history.start((failure) => app.log.error({ failure }, "the past can't be kept up, so nothing can be asked of it"));
    await Promise.race([ledger.host.caughtUp(store.log.head()).catch(() => undefined), delay(catchUpMs)]);
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    watched?.close();
    await Promise.all([reading.close(), exports.close()]);
    await ledger.close();
    throw error;
  }
  const keeping = Promise.all([
    keep(ledger, app, upkeep, stopping.signal),
    watched?.work(stopping.signal),
    ledger.cluster && tellChanges(ledger.cluster, app, stopping.signal),
    vault.lease && tellVault(vault.lease, app, stopping.signal),
  ]);
  return {
    url: urlOf(host, app.server.address() as AddressInfo),
    app,
    close: once(async () => {
      stopping.abort();
      const drained = app.close();
      await Promise.race([Promise.all([drained, keeping]), delay(drainMs, undefined, { ref: false })]);
      app.server.closeAllConnections();
      watched?.close();
      await Promise.all([reading.close(), exports.close()]);
      await ledger.close();
      await Promise.all([drained, keeping]);
    }),
  };
}

/**
 * A node signs nothing before its copy has held all that the cluster held: a head of less would look like a log that was rewound.
 * It does not wait for that to answer reads; its key is held against the log's first where it is in touch at once.
 * @throws DomainError `log-key-differs`; Error for a key that is missing.
 */
async function joined(
  ledger: OpenLedger,
  cluster: ClusterEventStore,
  derive: () => void,
  app: FastifyInstance,
  stopping: AbortSignal,
): Promise<void> {
  const caughtUp = cluster.caughtUp().then(async () => {
    if (stopping.aborted) return;
    await declareLogKey(ledger, false);
    if (!stopping.aborted) derive();
  });
  caughtUp.catch((error: unknown) => {
    if (!stopping.aborted) app.log.error({ fault: faultOf(error) }, "this node signs nothing");
  });
  await Promise.race([caughtUp, delay(joinMs, undefined, { ref: false })]);
}

/** The operator reads in the log how the node stands to its cluster whenever that changes, and why. */
async function tellChanges(copy: WatchedCopy, app: FastifyInstance, signal: AbortSignal): Promise<void> {
  let told: string | undefined;
  while (!signal.aborted) {
    const { state, failure, position, lagMs } = copy.status();
    if (state !== told) {
      const line = { state, failure, position, lagMs: Math.round(lagMs) };
      if (state === "stopped") app.log.error(line, "this node copies nothing any more: see the runbook");
      else if (state === "lost-touch") app.log.warn(line, "this node has lost touch with its cluster");
      else if (told !== undefined) app.log.info(line, "of the cluster");
    }
    told = state;
    await delay(lookMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The same of the vault that it shares. */
async function tellVault(lease: NonNullable<Vault["lease"]>, app: FastifyInstance, signal: AbortSignal): Promise<void> {
  let told: string | undefined;
  while (!signal.aborted) {
    const { holds, failure } = lease();
    const state = failure === undefined ? "in touch" : holds ? "losing touch" : "out of touch";
    if (state !== told && failure !== undefined) app.log.warn({ state, failure }, "this node can't reach its vault");
    else if (state !== told && told !== undefined) app.log.info({ state }, "of the vault");
    told = state;
    await delay(lookMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Nobody is shown a text that was to be erased: what was begun, or what a restored copy brought back, is finished first. */
async function finishErasures({ erasures, close }: OpenLedger, app: FastifyInstance): Promise<void> {
  try {
    const subjects = await erasures.finish();
    if (subjects.length > 0) app.log.warn({ subjects }, "erasures were finished that an end or an older copy had left undone");
  } catch (error) {
    await app.close();
    await close();
    throw error;
  }
}

/** The keeper reads the views, so it begins once they can be read. */
async function keep(
  { keeper, host, desk }: OpenLedger,
  app: FastifyInstance,
  upkeep: boolean,
  signal: AbortSignal,
): Promise<void> {
  const reporting = (what: string) => (error: unknown) => app.log.error({ fault: faultOf(error) }, what);
  const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  try {
    await Promise.race([host.ready, aborted]);
  } catch {
    const { failure } = host.status();
    app.log.error({ failure }, "the views failed, so nothing can be read and no verdict is put on record");
    return;
  }
  if (signal.aborted) return;
  await Promise.all([
    watch(keeper, signal, reporting("the keeper could not put verdicts on record")),
    ...(upkeep
      ? [
          refitWeekly(desk, signal, reporting("the models could not be fitted")),
          takeCensusDaily(desk, signal, reporting("no census could be taken")),
        ]
      : []),
  ]);
}

function urlOf(host: string, { port, family, address }: AddressInfo): string {
  const isAny = address === "0.0.0.0" || address === "::";
  const name = isAny ? (family === "IPv6" ? "[::1]" : "127.0.0.1") : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}
