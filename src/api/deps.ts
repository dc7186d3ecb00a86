/** What the API is built from. The composition root passes it; nothing here is looked up elsewhere. */
import type { LoggerOptions } from "pino";
import type { CommandDefinition, Desk } from "../commands/command.ts";
import type { EventStore } from "../event-store/event-store.ts";
import type { Log, WatchedCopy } from "../event-store/log.ts";
import type { Exporter } from "../exporting/export.ts";
import type { ViewsHost } from "../projections/reader.ts";
import type { Reader } from "../queries/asking.ts";
import type { QueryDefinition, ReadingDesk } from "../queries/query.ts";
import type { WhatIfJobs } from "../replay/what-if.ts";
import type { Anchoring } from "../transparency/anchoring.ts";
import type { AuditLog } from "../transparency/audit-log.ts";
import type { CensusReader } from "../transparency/census.ts";
import type { HeadHistory } from "../transparency/head-history.ts";
import type { Vault } from "../vault/vault.ts";

export type Limits = {
  /** Of one command, and of one line of a batch. */
  bodyBytesMax: number;
  jsonDepthMax: number;
  /** From the last header to the last byte of a command's body. */
  bodyTimeoutMs: number;
  /** Until the headers of a request have come. */
  headersTimeoutMs: number;
  /** How long a connection may lie still. Longer than the heartbeat of an event stream. */
  idleTimeoutMs: number;
  /** How long an idle connection is kept for the next request. */
  keepAliveTimeoutMs: number;
  /** How long a read waits for the views before it is refused as `views-behind`. */
  viewsWaitMs: number;
  /** Requests of one key in one window; a batch is one request. */
  requestCountMax: number;
  /** Requests of one address in one window whose key was not accepted. */
  refusedKeyCountMax: number;
  rateWindowMs: number;
  /** Lines of a batch under way, or answered and not yet written. More cost the collector more than they win in fewer commits. */
  batchInFlightMax: number;
  /** Their bytes. */
  batchBytesInFlightMax: number;
  eventStreamCountMax: number;
  heartbeatMs: number;
  /** How many events one page looks at for those that its filters ask for. */
  eventScanCountMax: number;
  /** The mean delay of the event loop, over a second, beyond which requests are refused as `overloaded`. */
  eventLoopDelayMsMax: number;
  /** Ask for scope `audit` before `/metrics` answers to this machine, as it always does to others. */
  metricsNeedKey: boolean;
};

export const defaultLimits: Limits = {
  bodyBytesMax: 256 * 1024,
  jsonDepthMax: 32,
  bodyTimeoutMs: 30_000,
  headersTimeoutMs: 10_000,
  idleTimeoutMs: 75_000,
  keepAliveTimeoutMs: 65_000,
  viewsWaitMs: 5_000,
  requestCountMax: 10_000,
  refusedKeyCountMax: 200,
  rateWindowMs: 10_000,
  batchInFlightMax: 256,
  batchBytesInFlightMax: 16 * 1024 * 1024,
  eventStreamCountMax: 500,
  heartbeatMs: 15_000,
  eventScanCountMax: 5_000,
  eventLoopDelayMsMax: 1_000,
  metricsNeedKey: false,
};

export type ApiDeps = {
  desk: Desk;
  readingDesk: ReadingDesk;
  /** Answers what takes its time, elsewhere; here where absent. */
  reader?: Reader | undefined;
  host: ViewsHost;
  store: EventStore;
  log: Log;
  vault: Vault;
  /** How this node's copy stands to the cluster; absent where the ledger is embedded. */
  copy?: WatchedCopy | undefined;
  /** Without it nothing is mounted below `/v1/audit`, and there are no receipts. */
  auditLog?: AuditLog | undefined;
  /** Without it no census can be read. */
  census?: CensusReader | undefined;
  /** Heads from before, for evidence; without it there is the newest alone. */
  headHistory?: HeadHistory | undefined;
  /** Absent where the ledger has no witnesses. */
  anchoring?: Pick<Anchoring, "anchored" | "anchorNow" | "cosigned" | "failureCounts" | "status"> | undefined;
  /** Without it nobody can ask what would hold under another policy. */
  whatIfs?: WhatIfJobs | undefined;
  /** Without it there is nothing to take home. */
  exporter?: Exporter | undefined;
  commands: readonly CommandDefinition[];
  queries: readonly QueryDefinition[];
  /** Of the program, shown in the OpenAPI document. */
  version: string;
  /** Options of pino, and where its lines go; silent where absent. */
  logger?: LoggerOptions & { stream?: { write(line: string): void } };
  limits?: Partial<Limits>;
  /** Memory, garbage collection and the like beside Troth's own metrics. Default true. */
  processMetrics?: boolean;
};
