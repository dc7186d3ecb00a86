/** Mounts every query: one route each, all alike. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "../commands/command.ts";
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
  const { desk, readingDesk, host } = deps;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const caller = request.caller as Caller;
    const params = request.params as Record<string, unknown>;
    // A read sees every write that this node answered before it, and what the caller names of others.
    await host.caughtUp(Math.max(desk.ledger.lastPosition, awaitedPositionOf(request.headers)), viewsWaitMs);
    const { position } = host.status();
    if (caller.party !== undefined && query.boundTo?.(readingDesk, caller.party, params) !== true) throw keyBound(caller.party);
    const answer = await query.run(readingDesk, { params, query: request.query as Record<string, unknown>, caller });
    void reply.header("troth-position", positionToken(position));
    const { revision } = answer as { revision?: unknown };
    // What has a stream of its own says where it stands, in the form that If-Match takes.
    if (typeof revision === "number") void reply.header("etag", entityTag(revision));
    return sendJson(reply, serialise(answer));
  };
}
