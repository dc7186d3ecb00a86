/** Figures about one app, in a registry of its own. Labels hold patterns of routes and statuses, never an id. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { FastifyInstance } from "fastify";
import type { Acknowledged } from "../commands/command.ts";
import type { AuditLog } from "../transparency/audit-log.ts";
import type { WatchedCopy } from "../event-store/log.ts";
import type { ApiDeps } from "./deps.ts";
import { routePattern } from "./logging.ts";

export type Metrics = {
  registry: Registry;
  /** A command was accepted, alone or in a batch. */
  accepted(acknowledged: Acknowledged): void;
  eventStreams: Gauge;
};

type Measured = Pick<ApiDeps, "log" | "host" | "copy" | "vault" | "auditLog" | "anchoring" | "processMetrics">;

export function metricsOf({ log, host, copy, vault, auditLog, anchoring, processMetrics = true }: Measured): Metrics {
  const registry = new Registry();
  const registers = [registry];
  if (processMetrics) collectDefaultMetrics({ register: registry });
  const appends = new Counter({ name: "troth_appends_total", help: "Commands that added events.", registers });
  const events = new Counter({ name: "troth_events_total", help: "Events added by commands.", registers });
  const eventStreams = new Gauge({ name: "troth_event_streams", help: "Server-sent event streams that are open.", registers });
  new Gauge({
    name: "troth_log_position",
    help: "Position of the log's last event.",
    registers,
    collect() {
      this.set(log.head());
    },
  });
  new Gauge({
    name: "troth_views_lag_events",
    help: "Events that the views have not applied yet.",
    registers,
    collect() {
      this.set(Math.max(0, log.head() - host.status().position));
    },
  });
  if (copy !== undefined) measureCopy(copy, registers);
  if (vault.lease !== undefined) measureLease(vault.lease, registers);
  if (auditLog !== undefined) measureTree(auditLog, registers);
  if (anchoring !== undefined) measureWitnesses(anchoring, registers);
  return {
    registry,
    eventStreams,
    accepted({ isReplay, events: added }) {
      if (isReplay || added.length === 0) return;
      appends.inc();
      events.inc(added.length);
    },
  };
}

function measureLease(lease: NonNullable<ApiDeps["vault"]["lease"]>, registers: Registry[]): void {
  new Gauge({
    name: "troth_vault_lease",
    help: "1 while this node may use keys of the vault that it shares, 0 while it is out of touch with it.",
    registers,
    collect() {
      this.set(lease().holds ? 1 : 0);
    },
  });
}

const copyStates = ["following", "catching-up", "lost-touch", "stopped"] as const;

function measureCopy(copy: WatchedCopy, registers: Registry[]): void {
  new Gauge({
    name: "troth_cluster_state",
    help: "1 for how this node stands to its cluster, 0 for the others.",
    labelNames: ["state"],
    registers,
    collect() {
      const { state } = copy.status();
      for (const one of copyStates) this.labels({ state: one }).set(one === state ? 1 : 0);
    },
  });
  new Gauge({
    name: "troth_cluster_lag_seconds",
    help: "For how long this node's copy may lack events; 0 while it follows.",
    registers,
    collect() {
      this.set(copy.status().lagMs / 1000);
    },
  });
  new Gauge({
    name: "troth_cluster_retries",
    help: "Appends and reads that were tried again, since the start.",
    registers,
    collect() {
      this.set(copy.counters().retries);
    },
  });
  new Gauge({
    name: "troth_cluster_reconnects",
    help: "Clients of the cluster that made way for a new one, since the start.",
    registers,
    collect() {
      this.set(copy.counters().reconnects);
    },
  });
  const appends = new Histogram({
    name: "troth_cluster_append_duration_seconds",
    help: "From sending an append to knowing it stored here, by its outcome: stored, conflict or failed.",
    labelNames: ["outcome"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  copy.onAppend((outcome, ms) => appends.labels({ outcome }).observe(ms / 1000));
}

function measureTree(auditLog: Pick<AuditLog, "status">, registers: Registry[]): void {
  new Gauge({
    name: "troth_signed_tree_leaves",
    help: "Leaves under the tree head that was signed last.",
    registers,
    collect() {
      this.set(auditLog.status().size);
    },
  });
}

function measureWitnesses(anchoring: NonNullable<ApiDeps["anchoring"]>, registers: Registry[]): void {
  new Gauge({
    name: "troth_anchored_tree_leaves",
    help: "Leaves under the last tree head that enough witnesses have seen.",
    registers,
    collect() {
      this.set(anchoring.status().anchored?.size ?? 0);
    },
  });
  new Gauge({
    name: "troth_anchored_at_seconds",
    help: "When enough witnesses had seen that head, in seconds since 1970; 0 for never.",
    registers,
    collect() {
      this.set(Date.parse(anchoring.status().anchored?.at ?? "1970-01-01") / 1000);
    },
  });
  // The names are those of the operator's policy, so there are few.
  new Gauge({
    name: "troth_witness_leaves",
    help: "Leaves under the tree head that a witness cosigned last.",
    labelNames: ["witness"],
    registers,
    collect() {
      for (const { name, size } of anchoring.status().witnesses) this.labels({ witness: name }).set(size);
    },
  });
  new Gauge({
    name: "troth_witness_failures",
    help: "Offers that a witness did not cosign, since the start.",
    labelNames: ["witness"],
    registers,
    collect() {
      for (const { name, count } of anchoring.failureCounts()) this.labels({ witness: name }).set(count);
    },
  });
}

export function measureRequests(app: FastifyInstance, { registry }: Metrics): void {
  const durations = new Histogram({
    name: "troth_http_request_duration_seconds",
    help: "From the request's headers to the end of its answer.",
    labelNames: ["method", "route", "status"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  // Finding a child by its labels costs more than observing; routes and statuses are few.
  const children = new Map<string, { observe(seconds: number): void }>();
  app.addHook("onResponse", (request, reply, done) => {
    const route = routePattern(request);
    const name = `${request.method} ${route} ${reply.statusCode}`;
    let child = children.get(name);
    if (child === undefined) {
      child = durations.labels({ method: request.method, route, status: String(reply.statusCode) });
      children.set(name, child);
    }
    child.observe(reply.elapsedTime / 1000);
    done();
  });
}
