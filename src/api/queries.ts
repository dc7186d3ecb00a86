/** Mounts every query: one route each, all alike. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "../commands/command.ts";
import { type AnyRequest, ask, standingsOf } from "../queries/asking.ts";
import type { QueryDefinition } from "../queries/query.ts";
import type { Admission } from "./admission.ts";
import { type Serialiser, sendJson, serialiserOf } from "./answer.ts";
import { keyBound } from "./auth.ts";
import type { ApiDeps, Limits } from "./deps.ts";
import { awaitedPositionOf, positionToken, entityTag } from "./headers.ts";

export function mountQueries(app: FastifyInstance, deps: ApiDeps, limits: Limits, admit: Admission): void {
  for (const query of deps.queries) {
    app.route({
      method: "GET",
      url: `/v1${query.path}`,
      schema: { params: query.params.strict(), querystring: query.query.strict() },
      onRequest: admit(query.scope),
      handler: queryHandler(query, serialiserOf(query.answer), deps, limits),
    });
  }
}

function queryHandler(query: QueryDefinition, serialise: Serialiser, deps: ApiDeps, { viewsWaitMs }: Limits) {
  const { desk, readingDesk, host, reader } = deps;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const caller = request.caller as Caller;
    const params = request.params as Record<string, unknown>;
    const asked = request.query as Record<string, unknown>;
    // A read sees every write that this node answered before it, and what the caller names of others.
    await host.caughtUp(Math.max(desk.ledger.lastPosition, awaitedPositionOf(request.headers)), viewsWaitMs);
    const { position } = host.status();
    if (caller.party !== undefined && query.boundTo?.(readingDesk.views, caller.party, params) !== true)
      throw keyBound(caller.party);
    const { cursor, standings } = await standingsOf(readingDesk, query, { params, query: asked });
    const asking: AnyRequest = { params, query: { ...asked, ...cursor }, caller };
    const takesTime = query.isHeavy === true || standings.at !== undefined;
    const answer =
      reader !== undefined && takesTime
        ? await reader(query, asking, standings, goneSignal(reply))
        : await ask(readingDesk, query, asking, standings);
    void reply.header("troth-position", positionToken(position));
    if (standings.at !== undefined) cacheWhereFixed(reply, asked, caller);
    else tagRevision(reply, answer);
    return sendJson(reply, serialise(answer));
  };
}

/** What has a stream of its own says where it stands, in the form that If-Match takes. */
function tagRevision(reply: FastifyReply, answer: unknown): void {
  const { revision } = answer as { revision?: unknown };
  if (typeof revision === "number") void reply.header("etag", entityTag(revision));
}

/** An answer about a size of the log stays what it is, but for personal text, which may be erased. */
function cacheWhereFixed(reply: FastifyReply, { knownAt }: Record<string, unknown>, { scopes }: Caller): void {
  if (typeof knownAt !== "string" || !/^\d+(@|$)/.test(knownAt) || scopes.includes("personal")) return;
  void reply.header("cache-control", "private, max-age=3600").header("vary", "authorization");
}

/** Aborted once the caller has gone away without the answer. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once("close", () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
