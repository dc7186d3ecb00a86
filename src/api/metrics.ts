/** Figures about one app, in a registry of its own. Labels hold patterns of routes and statuses, never an id. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { FastifyInstance } from "fastify";
import type { Acknowledged } from "../commands/command.ts";
import type { ApiDeps } from "./deps.ts";
import { routePattern } from "./logging.ts";

export type Metrics = {
  registry: Registry;
  /** A command was accepted, alone or in a batch. */
  accepted(acknowledged: Acknowledged): void;
  eventStreams: Gauge;
};

export function metricsOf({ log, host, processMetrics = true }: Pick<ApiDeps, "log" | "host" | "processMetrics">): Metrics {
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
