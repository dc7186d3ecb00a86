/** The HTTP API as one Fastify instance. Whoever builds it listens and closes. */
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import underPressure from "@fastify/under-pressure";
import fastify, { type FastifyInstance, type FastifyRequest, LogController } from "fastify";
import { admission } from "./admission.ts";
import { mountAudit } from "./audit/audit.ts";
import { mountBundle } from "./audit/bundle.ts";
import { mountCensus } from "./audit/census.ts";
import { mountBatch } from "./batch/batch.ts";
import { mountCommands } from "./commands.ts";
import { type ApiDeps, defaultLimits, type Limits } from "./deps.ts";
import { mountDocs } from "./docs.ts";
import { mountEvents } from "./events/events.ts";
import { mountExports } from "./exports.ts";
import { correlationOf } from "./headers.ts";
import { mountHealth } from "./health.ts";
import { parseJson } from "./json-body.ts";
import { logSummaries } from "./logging.ts";
import { measureRequests, type Metrics, metricsOf } from "./metrics.ts";
import { ApiError, problemMediaType, problemOf, sendProblem } from "./problem.ts";
import { mountQueries } from "./queries.ts";
import { compileValidator } from "./validation.ts";
import { mountWhatIf } from "./what-if.ts";
import { mountVerifyPage } from "./verify-page/verify-page.ts";

/**
 * Closing it ends event streams, answers what was read of batches, and waits for requests under way: bound that wait outside.
 * @returns an instance that is not listening yet. Routes may be added until it is ready.
 */
export function buildApp(deps: ApiDeps): FastifyInstance {
  const limits: Limits = { ...defaultLimits, ...deps.limits };
  const app = fastify({
    logger: deps.logger === undefined ? false : { ...deps.logger, redact: redacted },
    logController: new LogController({ disableRequestLogging: true }),
    // A child for each request costs more than the line it serves.
    childLoggerFactory: (logger) => logger,
    // Schemas are zod's and answers are texts: what Fastify would load for either takes a tenth of a start.
    schemaController: {
      compilersFactory: { buildValidator: () => compileValidator as never, buildSerializer: () => () => JSON.stringify },
    },
    genReqId: correlationOf,
    requestIdHeader: false,
    trustProxy: false,
    bodyLimit: limits.bodyBytesMax,
    connectionTimeout: limits.idleTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    // Bodies have a deadline of their own, see body-deadline.ts.
    requestTimeout: 0,
    http: { headersTimeout: limits.headersTimeoutMs },
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      sendProblem(error, request, reply);
    },
    clientErrorHandler: refuseUnreadable,
  });
  const metrics = metricsOf(deps);
  const draining = new AbortController();

  app.decorateRequest("caller", undefined);
  app.setErrorHandler(sendProblem);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body: Buffer, done) => {
    try {
      done(null, body.length === 0 ? undefined : objectIn(body, limits));
    } catch (error) {
      done(error as Error, undefined);
    }
  });
  const otherMethods = otherMethodsOf(app);
  app.addHook("onRequest", (request, reply, done) => {
    void reply.headers(fixedHeaders).header("troth-correlation", request.id);
    // Before any body is read.
    done(draining.signal.aborted ? shuttingDown : request.is404 ? otherMethods(request) : undefined);
  });
  const connections = connectionsOf(app);
  app.addHook("preClose", async () => {
    draining.abort();
    await handedOver(connections);
    closeAsTheyFallIdle(app, connections);
  });
  if (deps.copy !== undefined) sayWhenBehind(app, deps.copy);
  logSummaries(app);
  measureRequests(app, metrics);
  app.setNotFoundHandler((request, reply) =>
    sendProblem(new ApiError("not-found", "There is nothing at this URL."), request, reply),
  );

  mountHealth(app, deps, limits, metrics);
  mountVerifyPage(app);
  void app.register(async (docs) => mountDocs(docs, deps));
  void app.register(async (v1) => mountVersion1(v1, deps, limits, metrics, draining.signal));
  return app;
}

async function mountVersion1(
  app: FastifyInstance,
  deps: ApiDeps,
  limits: Limits,
  metrics: Metrics,
  draining: AbortSignal,
): Promise<void> {
  await app.register(underPressure, { maxEventLoopDelay: limits.eventLoopDelayMsMax, customError: OverloadedError });
  const admit = await admission(app, deps.desk.ledger, limits);
  mountCommands(app, deps, limits, admit, metrics);
  mountQueries(app, deps, limits, admit);
  mountEvents(app, deps, limits, admit, metrics, draining);
  mountAudit(app, deps, admit);
  mountCensus(app, deps, admit);
  mountBundle(app, deps, admit);
  mountWhatIf(app, deps, limits, admit, draining);
  mountExports(app, deps, limits, admit, draining);
  await mountBatch(app, deps, limits, admit, metrics, draining);
}

/** Reads go on while the cluster is out of reach: whoever reads is told that there may be more. */
function sayWhenBehind(app: FastifyInstance, copy: NonNullable<ApiDeps["copy"]>): void {
  app.addHook("onRequest", (_request, reply, done) => {
    const { state, heardMsAgo } = copy.status();
    const since = heardMsAgo === undefined ? "" : `; heard=${Math.round(heardMsAgo / 1000)}`;
    if (state !== "following") void reply.header("troth-node", `${state}${since}`);
    done();
  });
}

/** Nothing of ours puts these into a line; they are named for the day when something does. */
const redacted = {
  paths: ["headers", "*.headers", "authorization", "*.authorization", "body", "*.body", "secret", "*.secret"],
  remove: true,
};

/** Answers are for the caller alone and are no page. */
const fixedHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** @throws ApiError for what is no JSON object; a body that is `null` is not the same as none. */
function objectIn(body: Buffer, { jsonDepthMax }: Limits): unknown {
  const value = parseJson(body, jsonDepthMax);
  if (value !== null) return value;
  const errors = [{ in: "body" as const, field: "", reason: "must be an object" }];
  throw new ApiError("validation-failed", "The body must be an object.", { errors });
}

const shuttingDown = new ApiError("shutting-down", "The server is shutting down; another may answer.", {
  headers: { "retry-after": "5", connection: "close" },
});

class OverloadedError extends ApiError {
  constructor() {
    super("overloaded", "The server can't keep up; nothing was recorded.", { headers: { "retry-after": "2" } });
  }
}

function connectionsOf({ server }: FastifyInstance): ReadonlySet<Socket> {
  const connections = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    connections.add(socket);
    socket.once("close", () => connections.delete(socket));
  });
  return connections;
}

const sweepMs = 25;

/** Node takes a connection for idle as soon as the end of its answer was written, and cuts off what a slow reader has still to be sent. */
const areHandedOver = (connections: ReadonlySet<Socket>): boolean =>
  [...connections].every(({ writableLength }) => writableLength === 0);

/** Closing the server closes idle connections at once, so it waits for this. */
async function handedOver(connections: ReadonlySet<Socket>): Promise<void> {
  while (!areHandedOver(connections)) await delay(sweepMs);
}

/** The server waits for every connection, and closes those alone that are idle when it begins to wait. */
function closeAsTheyFallIdle({ server }: FastifyInstance, connections: ReadonlySet<Socket>): void {
  if (!server.listening) return;
  const sweeping = setInterval(() => {
    if (areHandedOver(connections)) server.closeIdleConnections();
  }, sweepMs);
  server.once("close", () => clearInterval(sweeping));
}

const everyMethod = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

type Known = { url: string; form: RegExp; methods: Set<string> };

/**
 * Fastify answers 404 where the path is right and the method wrong. A route for each method that a path lacks would do, at a tenth of
 * every start; so paths are looked at again when one was not found.
 *
 * @returns the refusal for a request of which no route was found; undefined where its path is not known either.
 * @see RFC 9110, section 15.5.6
 */
function otherMethodsOf(app: FastifyInstance): (request: FastifyRequest) => ApiError | undefined {
  const paths = new Map<string, Known>();
  app.addHook("onRoute", ({ method, url }) => {
    if (url.startsWith("/docs") || url === "*") return;
    const known = paths.get(url) ?? { url, form: formOf(url), methods: new Set() };
    for (const one of [method].flat()) known.methods.add(one);
    paths.set(url, known);
  });
  return ({ method, raw }) => {
    const path = (raw.url ?? "").split("?", 1)[0]!;
    // As the router does, which prefers what is written out.
    const found = paths.get(path) ?? paths.values().find(({ form }) => form.test(path));
    if (found === undefined || found.methods.has(method) || !everyMethod.includes(method)) return undefined;
    const allow = [...found.methods].sort().join(", ");
    return new ApiError("method-not-allowed", `Allowed here: ${allow}.`, { headers: { allow } });
  };
}

/** No name in a path of ours holds what a pattern would take for more than itself, but the dot. */
const formOf = (url: string): RegExp =>
  new RegExp(
    `^${url
      .replaceAll(".", "\\.")
      .replaceAll(/:[a-zA-Z]+/g, "[^/]+")
      .replaceAll("*", ".*")}$`,
  );

type Unreadable = Error & { code?: string };
type RawSocket = { writable: boolean; destroyed: boolean; end(text: string): void; destroy(): void };

/** What is no HTTP, or came too slowly to be any: answered without any of the above, which never saw it. */
function refuseUnreadable(error: Unreadable, socket: RawSocket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const code = error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? "request-timeout" : "malformed-request";
  const { problem } = problemOf(new ApiError(code, "The request can't be read."));
  const text = JSON.stringify(problem);
  const reason = problem.status === 408 ? "Request Timeout" : "Bad Request";
  socket.end(
    `HTTP/1.1 ${problem.status} ${reason}\r\nconnection: close\r\ncontent-type: ${problemMediaType}\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}
