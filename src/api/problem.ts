/**
 * The one map from what went wrong to what the caller is told, and the only error handler. Bodies are problem details.
 * @see RFC 9457
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { DomainError } from "../domain/errors.ts";
import { RevisionConflictError, StoreUnavailableError } from "../event-store/event-store.ts";
import { EventTooLargeError } from "../ledger/envelope.ts";
import { IdempotencyMismatchError, StaleRevisionError } from "../ledger/ledger.ts";
import { ClockBehindError } from "../ledger/log-clock.ts";
import { ViewsBehindError } from "../projections/reader.ts";
import { CursorError } from "../queries/query.ts";
import { VantageError } from "../queries/vantage.ts";
import { WhatIfsFullError } from "../replay/what-if.ts";
import { LogDivergedError, TreeBehindError } from "../transparency/audit-log.ts";
import { CensusBehindError } from "../transparency/census.ts";
import { SubjectErasedError, VaultUnavailableError } from "../vault/vault.ts";
import { faultOf } from "./logging.ts";
import { type ApiProblemCode, type ProblemCode, problemTypes, usualDetail } from "./problem-codes.ts";

/** Which part of the request offends. `field` is a JSON pointer into the body, the path's or the query's parameters, or names a header. */
export type FieldError = { in: "body" | "path" | "query" | "header"; field: string; reason: string };

/** What the API itself refuses. */
export class ApiError extends Error {
  readonly code: ApiProblemCode;
  readonly errors: readonly FieldError[] | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
  constructor(
    code: ApiProblemCode,
    detail: string,
    more: { errors?: readonly FieldError[]; headers?: Record<string, string> } = {},
  ) {
    super(detail);
    this.name = "ApiError";
    this.code = code;
    this.errors = more.errors;
    this.headers = more.headers;
  }
}

export type Problem = {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
  instance?: string;
  errors?: readonly FieldError[];
};

export const problemMediaType = "application/problem+json";

export const problemTypeUri = (code: ProblemCode): string => `urn:troth:problem:${code}`;

type Answer = { problem: Problem; headers?: Readonly<Record<string, string>> };

const answer = (
  code: ProblemCode,
  detail: string,
  more: { status?: number; errors?: readonly FieldError[]; headers?: Readonly<Record<string, string>> } = {},
): Answer => {
  const { status, title } = problemTypes[code];
  const problem: Problem = { type: problemTypeUri(code), title, status: more.status ?? status, code, detail };
  if (more.errors !== undefined) problem.errors = more.errors;
  return { problem, headers: more.headers };
};

const retryAfter = (seconds: number) => ({ headers: { "retry-after": String(Math.max(1, Math.ceil(seconds))) } });

/** What the caller is told about any error. What is not known here is told as `internal`, without any detail. */
export function problemOf(error: unknown): Answer {
  if (error instanceof ApiError) return answer(error.code, error.message, { errors: error.errors, headers: error.headers });
  if (error instanceof DomainError) return refusal(error);
  if (error instanceof StaleRevisionError) return answer("stale-revision", error.message);
  if (error instanceof IdempotencyMismatchError) return answer("idempotency-key-reused", error.message);
  if (error instanceof EventTooLargeError) return answer("event-too-large", error.message);
  if (error instanceof SubjectErasedError) return answer("subject-erased", error.message);
  if (error instanceof CursorError) return answer("cursor-invalid", error.message, { errors: [cursorField(error.message)] });
  if (error instanceof VantageError) {
    const { code, field, message, where } = error;
    return answer(code, sentence(message), { errors: [{ in: where, field, reason: message }] });
  }
  return unavailability(error) ?? frameworkRefusal(error) ?? answer("internal", "The request was not understood to be at fault.");
}

const cursorField = (reason: string): FieldError => ({ in: "query", field: "/after", reason });

/** Not found names the path's own resource, unless a field of the body names it: then the request can't be carried out. */
function refusal({ code, message, field }: DomainError): Answer {
  const errors: FieldError[] | undefined = field === undefined ? undefined : [{ in: "body", field, reason: message }];
  const isReference = field !== undefined && problemTypes[code].status === 404;
  return answer(code, sentence(message), { errors, status: isReference ? 422 : undefined });
}

/** Reasons are put so that they can follow the name of a field. An id or a quotation at the beginning stays as it is. */
const sentence = (reason: string): string =>
  `${reason.replace(/^[a-z](?=[a-z]*[ ,])/, (letter) => letter.toUpperCase())}${/[.!?]$/.test(reason) ? "" : "."}`;

/** What is nobody's fault and passes. */
function unavailability(error: unknown): Answer | undefined {
  if (error instanceof RevisionConflictError)
    return answer("revision-conflict", "Others wrote to the same stream each time; nothing was recorded.", retryAfter(1));
  if (error instanceof ClockBehindError)
    return answer("clock-behind", error.message, retryAfter(Math.min(error.behindMs / 1000, 3600)));
  if (error instanceof StoreUnavailableError)
    return error.reason === "full"
      ? answer("store-full", "The disk is full; the event may not have been stored.", retryAfter(60))
      : answer("store-unavailable", "The event may not have been stored; sending it again is safe.", retryAfter(5));
  if (error instanceof VaultUnavailableError)
    return answer("vault-unavailable", "Personal text can't be sealed or opened now; nothing was recorded.", retryAfter(5));
  if (error instanceof ViewsBehindError) return answer("views-behind", error.message, retryAfter(1));
  if (error instanceof TreeBehindError) return answer("tree-behind", error.message, retryAfter(1));
  if (error instanceof CensusBehindError) return answer("census-behind", `${error.message}.`, retryAfter(1));
  if (error instanceof WhatIfsFullError) return answer("replays-full", `${error.message}.`, retryAfter(10));
  if (error instanceof LogDivergedError) return answer("log-diverged", `${error.message}.`);
  return undefined;
}

const frameworkCodes: Record<string, ApiProblemCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: "body-too-large",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported-media-type",
};

/** What Fastify refuses before any of ours runs. Its messages quote nothing of the request but may change, so they are not shown. */
function frameworkRefusal(error: unknown): Answer | undefined {
  const { code, statusCode } = (error ?? {}) as { code?: string; statusCode?: number };
  const known = code === undefined ? undefined : frameworkCodes[code];
  if (known !== undefined) return answer(known, usualDetail(known));
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500 && code?.startsWith("FST_"))
    return answer("malformed-request", "The URL, the headers or the length of the body are malformed.");
  return undefined;
}

/** Sends what went wrong. Faults of ours are logged here and nowhere else. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { problem, headers } = problemOf(error);
  if (problem.status >= 500) request.log.error({ correlation: request.id, fault: faultOf(error) }, problem.code);
  if (headers !== undefined) void reply.headers(headers);
  // Whoever is still sending a body is not listened to any longer.
  if (bodyIsUnderWay(request)) void reply.header("connection", "close");
  problem.instance = `urn:troth:correlation:${request.id}`;
  void reply.code(problem.status).header("content-type", `${problemMediaType}; charset=utf-8`).send(JSON.stringify(problem));
}

/** Small bodies arrive with their headers and are cheaper to read than a connection is to open anew. */
const smallBodyBytes = 64 * 1024;

function bodyIsUnderWay({ raw }: FastifyRequest): boolean {
  if (raw.complete) return false;
  return raw.headers["transfer-encoding"] !== undefined || Number(raw.headers["content-length"] ?? 0) > smallBodyBytes;
}
