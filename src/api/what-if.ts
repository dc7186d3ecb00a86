/** What would hold under another policy: asked as a job, answered as a list of differences. Nothing of it is recorded. */
import { setImmediate as turn } from "node:timers/promises";
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Caller } from "../commands/command.ts";
import { epochMs } from "../domain/values.ts";
import { isEqual } from "../domain/promise/facts.ts";
import { derivedId, freshId } from "../ledger/ids.ts";
import { CursorError, decodeCursor, encodeCursor } from "../queries/query.ts";
import { checkWhatIf } from "../replay/what-if-checks.ts";
import { differenceKinds, type DifferencePlace, type WhatIfJob, whatIfRequest, type WhatIfRequest } from "../replay/what-if.ts";
import type { Admission } from "./admission.ts";
import { sendJson } from "./answer.ts";
import { requireUnboundKey } from "./auth.ts";
import { bodyDeadline } from "./body-deadline.ts";
import { noQuery } from "./commands.ts";
import type { ApiDeps, Limits } from "./deps.ts";
import { linesMediaType } from "./events/events.ts";
import { asksFor, idempotencyKeyOf } from "./headers.ts";
import { ApiError } from "./problem.ts";

export const whatIfParams = z.strictObject({ replay: z.string().regex(/^rpl_[0-9a-z]{26}$/, "must be the id of a replay") });
type WhatIfParams = z.output<typeof whatIfParams>;

export const differencesQuery = z.strictObject({
  kind: z.enum(differenceKinds).optional().describe("Differences of this kind alone."),
  limit: z.coerce.number().int().min(1).max(500).optional().describe("Differences a page; 50 where absent. For pages alone."),
  after: z.string().max(400).optional().describe("The `next` of the page before."),
});
type DifferencesQuery = z.output<typeof differencesQuery>;

const noParams = z.strictObject({});
const pageCount = 50;
const linesCount = 500;

export function mountWhatIf(app: FastifyInstance, deps: ApiDeps, limits: Limits, admit: Admission, draining: AbortSignal): void {
  const { whatIfs, desk, host, readingDesk } = deps;
  if (whatIfs === undefined) return;
  const admitted = admit("read");
  const unbound = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    await admitted(request, reply);
    requireUnboundKey(request.caller as Caller);
  };
  const jobOf = ({ params }: FastifyRequest): WhatIfJob => {
    const { replay } = params as WhatIfParams;
    const job = whatIfs.get(replay);
    if (job === undefined) throw new ApiError("replay-not-found", `There is no replay ${replay}, or it was thrown away since.`);
    return job;
  };
  const sendJob = (reply: FastifyReply, job: WhatIfJob) => sendJson(reply, JSON.stringify(job));

  app.post("/v1/replay", {
    schema: { params: noParams, querystring: noQuery, body: whatIfRequest },
    onRequest: unbound,
    preParsing: bodyDeadline(limits.bodyTimeoutMs),
    handler: async (request, reply) => {
      const asked = request.body as WhatIfRequest;
      await host.caughtUp(desk.ledger.lastPosition, limits.viewsWaitMs);
      const known = checkWhatIf(readingDesk, asked);
      const id = idFor(request);
      const before = whatIfs.requestOf(id);
      if (before !== undefined && !isEqual(before, asked))
        throw new ApiError("idempotency-key-reused", "The Idempotency-Key was used for another replay.");
      const job = whatIfs.start(id, asked, known);
      return sendJob(reply.code(202).header("location", `/v1/replay/${id}`), job);
    },
  });

  /** The same key of the same caller means the same replay, while it is kept. */
  function idFor(request: FastifyRequest): string {
    const key = idempotencyKeyOf(request.headers);
    return key === undefined
      ? freshId("rpl", epochMs(desk.ledger.now()))
      : derivedId("rpl", (request.caller as Caller).key, "replay", key);
  }

  app.get("/v1/replay", {
    schema: { params: noParams, querystring: noQuery },
    onRequest: unbound,
    handler: (_request, reply) => sendJson(reply, JSON.stringify({ items: whatIfs.list() })),
  });

  app.get("/v1/replay/:replay", {
    schema: { params: whatIfParams, querystring: noQuery },
    onRequest: unbound,
    handler: (request, reply) => sendJob(reply, jobOf(request)),
  });

  app.delete("/v1/replay/:replay", {
    schema: { params: whatIfParams, querystring: noQuery },
    onRequest: unbound,
    handler: async (request, reply) => {
      await whatIfs.remove(jobOf(request).id);
      return reply.code(204).send();
    },
  });

  app.get("/v1/replay/:replay/differences", {
    schema: { params: whatIfParams, querystring: differencesQuery },
    exposeHeadRoute: false,
    onRequest: unbound,
    handler: (request, reply) => {
      const { id, state, failure } = jobOf(request);
      if (state !== "done")
        throw new ApiError(
          "replay-unfinished",
          state === "failed" ? `The replay failed: ${failure}.` : `The replay is ${state} still.`,
        );
      const query = request.query as DifferencesQuery;
      const after = placeIn(query.after);
      void reply.header("vary", "accept");
      if (!asksFor(request.headers, linesMediaType)) {
        const { items, next } = whatIfs.differences(id, { ...query, limit: query.limit ?? pageCount, after });
        return sendJson(reply, `{"items":[${items.join(",")}],"next":${JSON.stringify(next && encodeCursor(next))}}`);
      }
      if (query.limit !== undefined) {
        const errors = [{ in: "query" as const, field: "/limit", reason: "is for pages alone" }];
        throw new ApiError("validation-failed", "Lines have no `limit`.", { errors });
      }
      const lines = Readable.from(linesOf(id, query.kind, after), { objectMode: false });
      return reply.header("content-type", `${linesMediaType}; charset=utf-8`).send(lines);
    },
  });

  async function* linesOf(
    id: string,
    kind: DifferencesQuery["kind"],
    after: DifferencePlace | undefined,
  ): AsyncGenerator<string> {
    let place: DifferencePlace | null | undefined = after;
    while (place !== null && !draining.aborted) {
      const { items, next } = whatIfs!.differences(id, { kind, after: place, limit: linesCount });
      if (items.length > 0) yield `${items.join("\n")}\n`;
      place = next;
      await turn();
    }
  }
}

/** @throws CursorError */
function placeIn(cursor: string | undefined): DifferencePlace | undefined {
  const parts = decodeCursor(cursor);
  if (parts === undefined) return undefined;
  if (parts.length === 3 && parts.every((part) => typeof part === "number")) return parts as DifferencePlace;
  throw new CursorError("`after` is not the `next` of an earlier answer");
}
