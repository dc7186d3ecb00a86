/**
 * A witness over HTTP (C2SP tlog-witness): it watches logs and cosigns heads that extend what it saw before. It needs nothing of a
 * ledger, and asks for no key: a request is worth what the log's signature on its head is worth.
 */
import { createHash } from "node:crypto";
import rateLimit from "@fastify/rate-limit";
import fastify, { type FastifyInstance, type FastifyReply, LogController } from "fastify";
import type { LoggerOptions } from "pino";
import { addTreeHead, type Witness, type WitnessAnswer, type WitnessStore } from "../audit/witness.ts";
import { parseNote } from "../audit/signed-note.ts";

export type WitnessLimits = {
  /** Sixty-three hashes and a head with dozens of signatures fit several times over. */
  bodyBytesMax: number;
  /** From the first byte of a request to its last. */
  requestTimeoutMs: number;
  /** Of one address in one window. */
  requestCountMax: number;
  rateWindowMs: number;
};

const defaultLimits: WitnessLimits = {
  bodyBytesMax: 128 * 1024,
  requestTimeoutMs: 10_000,
  requestCountMax: 600,
  rateWindowMs: 60_000,
};

export type WitnessDeps = {
  witness: Witness;
  states: WitnessStore;
  /** Whole seconds since 1970. */
  now(): number;
  logger?: (LoggerOptions & { stream?: { write(line: string): void } }) | undefined;
  limits?: Partial<WitnessLimits> | undefined;
};

const text = "text/plain; charset=utf-8";

/** @returns an instance that is not listening yet. */
export function buildWitness({ witness, states, now, logger, limits }: WitnessDeps): FastifyInstance {
  const { bodyBytesMax, requestTimeoutMs, requestCountMax, rateWindowMs } = { ...defaultLimits, ...limits };
  const app = fastify({
    logger: logger ?? false,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: requestTimeoutMs * 2,
    http: { headersTimeout: requestTimeoutMs },
    forceCloseConnections: "idle",
  });
  // The protocol names no type for what logs send.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.addHook("onRequest", (_request, reply, done) => {
    void reply.header("cache-control", "no-store").header("x-content-type-options", "nosniff");
    done();
  });
  app.addHook("onResponse", (request, reply, done) => {
    const { method, routeOptions } = request;
    request.log.info({ method, route: routeOptions.url ?? "none", status: reply.statusCode, ms: Math.round(reply.elapsedTime) });
    done();
  });
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) request.log.error({ fault: error.message }, "the witness could not answer");
    return say(reply, status, status >= 500 ? "the witness can't answer now; nothing was cosigned" : error.message);
  });
  app.setNotFoundHandler((_request, reply) => say(reply, 404, "there is nothing here"));

  void app.register(async (routes) => {
    await routes.register(rateLimit, { max: requestCountMax, timeWindow: rateWindowMs });

    routes.post("/add-checkpoint", async (request, reply) => {
      const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
      const answer = await addTreeHead(witness, states, body, now);
      if (answer.status === 409 || answer.status === 422) request.log.warn(refused(answer, body), "a head was not cosigned");
      return reply.code(answer.status).header("content-type", answer.contentType).send(answer.body);
    });

    // Where C2SP tlog-mirror has it, so that a log which has forgotten something can be shown what it signed.
    routes.get<{ Params: { hash: string } }>("/:hash/checkpoint", async ({ params }, reply) => {
      const origin = witness.logs.map(({ name }) => name).find((name) => originHash(name) === params.hash);
      const state = origin === undefined ? undefined : await states.read(origin);
      return state === undefined ? say(reply, 404, "no head of such a log was cosigned") : say(reply, 200, state.note, "");
    });

    routes.get("/livez", (_request, reply) => say(reply, 200, "alive"));
  });
  return app;
}

/** How a log is named in URLs: SHA-256 of its origin in lower-case hexadecimal. */
export const originHash = (origin: string): string => createHash("sha256").update(origin).digest("hex");

const say = (reply: FastifyReply, status: number, line: string, end = "\n"): FastifyReply =>
  reply.code(status).header("content-type", text).send(`${line}${end}`);

/** What the log asked to have cosigned. It bears its signature, so it may be proof against it: the line is worth keeping. */
function refused({ status, body }: WitnessAnswer, request: Uint8Array): object {
  const note = Buffer.from(request).toString("utf8").split("\n\n").slice(1).join("\n\n");
  return { status, answer: body.trimEnd(), head: parseNote(note).text, note };
}
