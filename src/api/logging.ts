/**
 * One line a request, and one for each fault of ours. No line holds a header, a body, the text of a query or a secret:
 * routes are named by their pattern, keys by their id, errors by their class and frames.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ClockBehindError } from "../ledger/log-clock.ts";
import { RevisionConflictError, StoreUnavailableError } from "../event-store/event-store.ts";
import { ViewsBehindError } from "../projections/reader.ts";
import { LogDivergedError, TreeBehindError } from "../transparency/audit-log.ts";
import { VaultUnavailableError } from "../vault/vault.ts";

export type Fault = { name: string; code?: string; message?: string; frames: string[]; cause?: Fault };

/** Errors whose messages are ours and say nothing of the request. Those of others may quote what they stumbled over. */
const spoken = [
  ClockBehindError,
  LogDivergedError,
  RevisionConflictError,
  StoreUnavailableError,
  TreeBehindError,
  ViewsBehindError,
  VaultUnavailableError,
];

/** What may be logged of an error. */
export function faultOf(error: unknown, depth = 0): Fault {
  if (!(error instanceof Error)) return { name: typeof error, frames: [] };
  const { name, code, cause } = error as Error & { code?: unknown };
  const fault: Fault = { name, frames: framesOf(error) };
  if (typeof code === "string") fault.code = code;
  if (spoken.some((known) => error instanceof known)) fault.message = error.message;
  if (cause !== undefined && depth < 3) fault.cause = faultOf(cause, depth + 1);
  return fault;
}

const framesOf = ({ stack = "" }: Error): string[] =>
  stack
    .split("\n")
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .map((line) => line.trim());

/** The pattern of the route that answered, never the URL. */
export const routePattern = (request: FastifyRequest): string => request.routeOptions.url ?? "none";

export function logSummaries(app: FastifyInstance): void {
  app.addHook("onResponse", (request, reply, done) => {
    request.log.info(summaryOf(request, reply), "request");
    done();
  });
}

const summaryOf = (request: FastifyRequest, reply: FastifyReply) => ({
  method: request.method,
  route: routePattern(request),
  status: reply.statusCode,
  ms: Math.round(reply.elapsedTime * 10) / 10,
  key: request.caller?.key,
  correlation: request.id,
});
