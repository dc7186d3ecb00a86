/** Mounts every command: one route each, all alike. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { z } from "zod";
import type { Acknowledged, Caller, CommandDefinition } from "../commands/command.ts";
import type { QueryDefinition } from "../queries/query.ts";
import { acknowledgement, acknowledgementOf, statusOf } from "./acknowledgement.ts";
import type { Admission } from "./admission.ts";
import { sendJson, serialiserOf } from "./answer.ts";
import { bodyDeadline } from "./body-deadline.ts";
import type { ApiDeps, Limits } from "./deps.ts";
import { entityTag, expectedRevisionOf, idempotencyKeyOf, positionToken } from "./headers.ts";
import type { Metrics } from "./metrics.ts";

/** Commands take nothing from the query. */
export const noQuery = z.strictObject({});

const serialise = serialiserOf(acknowledgement);

export function mountCommands(app: FastifyInstance, deps: ApiDeps, limits: Limits, admit: Admission, metrics: Metrics): void {
  const deadline = bodyDeadline(limits.bodyTimeoutMs);
  for (const command of deps.commands) {
    const { method, path, scope, params, body } = command;
    app.route({
      method: method as HTTPMethods,
      url: `/v1${path}`,
      schema: { params, body, querystring: noQuery },
      onRequest: admit(scope),
      preParsing: deadline,
      handler: commandHandler(command, deps, metrics),
    });
  }
}

function commandHandler(command: CommandDefinition, { desk, queries }: ApiDeps, metrics: Metrics) {
  const { creates, path } = command;
  const isRead = creates === true && resourceOf(path, queries) !== undefined;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { headers } = request;
    const acknowledged: Acknowledged = await command.run(desk, {
      params: request.params as Record<string, unknown>,
      body: request.body as Record<string, unknown>,
      caller: request.caller as Caller,
      correlation: request.id,
      idempotencyKey: idempotencyKeyOf(headers),
      expectedRevision: expectedRevisionOf(headers),
    });
    metrics.accepted(acknowledged);
    const status = statusOf(creates, acknowledged);
    void reply
      .code(status)
      .header("etag", entityTag(acknowledged.revision))
      .header("troth-position", positionToken(acknowledged.position));
    if (isRead && status === 201) void reply.header("location", `/v1${path}/${acknowledged.id}`);
    return sendJson(reply, serialise(acknowledgementOf(acknowledged)));
  };
}

/** The query that reads what a command on a collection makes, if there is one. */
export const resourceOf = (path: string, queries: readonly Pick<QueryDefinition, "path">[]) =>
  queries.find((query) => query.path.startsWith(`${path}/:`) && !query.path.slice(path.length + 1).includes("/"));
