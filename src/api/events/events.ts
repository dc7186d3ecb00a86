/** The log itself, read: as pages, as lines up to its head, as a stream that follows it, and one event by its id. */
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Caller } from "../../commands/command.ts";
import { eventSchemas } from "../../domain/catalogue.ts";
import { accountId, eventId, type EventId } from "../../domain/values.ts";
import type { StoredEvent } from "../../event-store/event-store.ts";
import type { Admission } from "../admission.ts";
import { sendJson } from "../answer.ts";
import { requireScope, requireUnboundKey } from "../auth.ts";
import type { ApiDeps, Limits } from "../deps.ts";
import { asksFor, positionIn, positionToken } from "../headers.ts";
import { faultOf } from "../logging.ts";
import type { Metrics } from "../metrics.ts";
import { ApiError } from "../problem.ts";
import { type EventFilter, filterFor } from "./event-filter.ts";
import { eventStream, eventStreamMediaType } from "./event-stream.ts";
import { type Opener, eventText, eventTexts, openerFor } from "./event-text.ts";

export const linesMediaType = "application/x-ndjson";

const open = z
  .enum(["true", "false"])
  .optional()
  .describe("Open sealed text. Needs the scope `personal` too, and is written to the access log.");

export const eventsQuery = z.strictObject({
  after: z
    .string()
    .max(40)
    .optional()
    .describe(
      "The cursor: the `next` of a page, the `id` of a streamed event, or a Troth-Position. From the first event on where absent.",
    ),
  limit: z.coerce.number().int().min(1).max(500).optional().describe("Events a page; 100 where absent. For pages alone."),
  account: accountId.optional().describe("Those that concern this account."),
  type: z.enum(Object.keys(eventSchemas) as [string, ...string[]]).optional(),
  open,
});
type EventsQuery = z.output<typeof eventsQuery>;

export const oneEventQuery = z.strictObject({ open });
export const oneEventParams = z.strictObject({ event: eventId });

const readCountMax = 500;

export function mountEvents(
  app: FastifyInstance,
  deps: ApiDeps,
  limits: Limits,
  admit: Admission,
  metrics: Metrics,
  draining: AbortSignal,
): void {
  const { log, vault, desk } = deps;
  const now = () => desk.ledger.now();
  const streams = new StreamCount(limits.eventStreamCountMax, metrics);

  app.get("/v1/events", {
    schema: { querystring: eventsQuery },
    exposeHeadRoute: false,
    onRequest: admit("read"),
    handler: async (request, reply) => {
      const query = request.query as EventsQuery;
      const opener = openerOf(request, query.open);
      const filter = filterFor(query);
      void reply.header("vary", "accept");
      if (asksFor(request.headers, eventStreamMediaType)) return sendStream(request, reply, query, filter, opener);
      const afterPosition = query.after === undefined ? 0 : placeIn(query.after, log.head());
      if (asksFor(request.headers, linesMediaType)) {
        refuseLimit(query);
        const lines = Readable.from(linesAfter(afterPosition, log.head(), filter, opener), { objectMode: false });
        return reply.header("content-type", `${linesMediaType}; charset=utf-8`).send(lines);
      }
      return sendPage(reply, afterPosition, query.limit ?? 100, filter, opener);
    },
  });

  app.get("/v1/events/:event", {
    schema: { params: oneEventParams, querystring: oneEventQuery },
    onRequest: admit("read"),
    handler: async (request, reply) => {
      const opener = openerOf(request, (request.query as z.output<typeof oneEventQuery>).open);
      const { event: id } = request.params as { event: EventId };
      const event = log.readById(id);
      if (event === undefined) throw new ApiError("event-not-found", `There is no event ${id}.`);
      const [opened] = opener === undefined ? [] : await opener([event]);
      return sendJson(reply, eventText(event, opened));
    },
  });

  function openerOf(request: FastifyRequest, asked: "true" | "false" | undefined): Opener | undefined {
    const caller = request.caller as Caller;
    requireUnboundKey(caller);
    if (asked !== "true") return undefined;
    requireScope(caller, "personal");
    return openerFor(vault, caller.key, now);
  }

  async function sendPage(
    reply: FastifyReply,
    afterPosition: number,
    limit: number,
    filter: EventFilter | undefined,
    opener: Opener | undefined,
  ): Promise<FastifyReply> {
    const { events, position } = pageAfter(afterPosition, limit, filter);
    const texts = await eventTexts(events, opener);
    // A cursor at the head too: the log grows, and whoever polls goes on from it.
    const next = positionToken(position);
    void reply.header("troth-position", positionToken(position));
    return sendJson(reply, `{"items":[${texts.join(",")}],"next":${JSON.stringify(next)}}`);
  }

  /** A page ends when it is full, at the head, or when enough was looked at: one request must not read the whole log. */
  function pageAfter(afterPosition: number, limit: number, filter: EventFilter | undefined) {
    const events: StoredEvent[] = [];
    let position = afterPosition;
    let seenCount = 0;
    for (;;) {
      const found = log.readAll(position, filter === undefined ? limit - events.length : readCountMax);
      for (const event of found) {
        position = event.position;
        if (filter === undefined || filter(event)) events.push(event);
        if (events.length === limit) return { events, position };
      }
      seenCount += found.length;
      if (found.length === 0 || seenCount >= limits.eventScanCountMax) return { events, position };
    }
  }

  async function* linesAfter(
    afterPosition: number,
    head: number,
    filter: EventFilter | undefined,
    opener: Opener | undefined,
  ): AsyncGenerator<string> {
    let position = afterPosition;
    while (position < head && !draining.aborted) {
      const found = log.readAll(position, Math.min(readCountMax, head - position));
      if (found.length === 0) return;
      position = found.at(-1)!.position;
      const wanted = filter === undefined ? found : found.filter(filter);
      if (wanted.length > 0) yield `${(await eventTexts(wanted, opener)).join("\n")}\n`;
      else await new Promise(setImmediate);
    }
  }

  function sendStream(
    request: FastifyRequest,
    reply: FastifyReply,
    query: EventsQuery,
    filter: EventFilter | undefined,
    opener: Opener | undefined,
  ): FastifyReply {
    refuseLimit(query);
    const afterPosition = resumedFrom(request, log.head()) ?? (query.after === undefined ? 0 : placeIn(query.after, log.head()));
    const leave = streams.enter();
    const stream = eventStream({
      store: deps.store,
      afterPosition,
      filter,
      open: opener,
      heartbeatMs: limits.heartbeatMs,
      signal: draining,
      onEnd: (error) => {
        leave();
        if (error !== undefined) request.log.error({ correlation: request.id, fault: faultOf(error) }, "event stream failed");
      },
    });
    return reply.header("content-type", `${eventStreamMediaType}; charset=utf-8`).header("x-accel-buffering", "no").send(stream);
  }
}

/** Where a reader that comes back left off; its header wins over the `after` that it first came with. */
function resumedFrom({ headers }: FastifyRequest, head: number): number | undefined {
  const id = headers["last-event-id"];
  if (id === undefined || id === "") return undefined;
  return placeIn(String(id), head, { in: "header", field: "Last-Event-ID" });
}

/** @throws ApiError `cursor-invalid`, also for a place past the end: of a log that was since restored, or of another one. */
function placeIn(
  token: string,
  head: number,
  where: { in: "query" | "header"; field: string } = { in: "query", field: "/after" },
): number {
  const position = positionIn(token);
  if (position !== undefined && position <= head) return position;
  const reason = position === undefined ? "is no place that an earlier answer gave" : "lies beyond the end of the log";
  throw new ApiError("cursor-invalid", `${where.field} ${reason}.`, { errors: [{ ...where, reason }] });
}

function refuseLimit({ limit }: EventsQuery): void {
  if (limit === undefined) return;
  const errors = [{ in: "query" as const, field: "/limit", reason: "is for pages alone" }];
  throw new ApiError("validation-failed", "A stream has no `limit`.", { errors });
}

/** Each stream costs a reading of the log for every batch that is appended. */
class StreamCount {
  readonly #max: number;
  readonly #metrics: Metrics;
  #count = 0;

  constructor(max: number, metrics: Metrics) {
    this.#max = max;
    this.#metrics = metrics;
  }

  /** @returns what to call once when the stream has ended. @throws ApiError `overloaded`. */
  enter(): () => void {
    if (this.#count >= this.#max)
      throw new ApiError("overloaded", "Too many event streams are open.", { headers: { "retry-after": "10" } });
    this.#count += 1;
    this.#metrics.eventStreams.inc();
    return () => {
      this.#count -= 1;
      this.#metrics.eventStreams.dec();
    };
  }
}
