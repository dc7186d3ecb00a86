/** One line of a batch: from its bytes to a command that may run, and to the line that answers it. */
import { z } from "zod";
import { type Acknowledged, type Caller, type CommandDefinition, type Desk, externallyNamed } from "../../commands/command.ts";
import { withIds } from "../../commands/external-references.ts";
import { statusOf } from "../acknowledgement.ts";
import { requireScope, requireUnrevoked } from "../auth.ts";
import { parseJson } from "../json-body.ts";
import type { Metrics } from "../metrics.ts";
import { ApiError, type Problem, problemOf } from "../problem.ts";
import { invalid, reporting, soonest } from "../validation.ts";
import type { Line } from "./lines.ts";
import { type Touched, touchedBy } from "./turns.ts";

/** A line as callers send it. */
export const batchLine = z.strictObject({
  command: z.string().max(60).describe("The name of a command: its operation id."),
  params: z
    .record(z.string(), z.unknown())
    .default({})
    .describe("What the command's path would name: an id, or `{source, externalId}` for what was recorded with these."),
  body: z
    .record(z.string(), z.unknown())
    .default({})
    .describe(
      "As the command's own route takes it; `account`, `owner`, `participants`, `promisor` and `promisee` may be named by external ids too.",
    ),
  idempotencyKey: z
    .string()
    .regex(/^[\x21-\x7e]{1,200}$/, "must be 1 to 200 visible ASCII characters")
    .optional()
    .describe("Where absent and the request has an Idempotency-Key, the line is known by that and its number."),
  ifMatch: z.int().min(0).optional().describe("The revision that the caller saw."),
});

/** The line that answers another. */
export const batchResult = z.strictObject({
  line: z.int().min(1),
  status: z.int(),
  id: z.string().optional(),
  ids: z.record(z.string(), z.array(z.string())).optional(),
  revision: z.int().optional(),
  position: z.int().optional(),
  replayed: z.boolean().optional(),
  secret: z.string().optional(),
  problem: z.looseObject({ code: z.string() }).optional(),
});

export type BatchContext = {
  desk: Desk;
  caller: Caller;
  correlation: string;
  commands: ReadonlyMap<string, CommandDefinition>;
  metrics: Metrics;
  jsonDepthMax: number;
  /** The request's own Idempotency-Key: lines without one take theirs from it. */
  idempotencyKey: string | undefined;
  /** Stamped into promises that name no load of history. */
  recording?: string;
};

export type LineCommand = {
  number: number;
  command: CommandDefinition;
  params: Record<string, unknown>;
  body: Record<string, unknown>;
  idempotencyKey: string | undefined;
  place: string | undefined;
  expectedRevision: number | undefined;
  touched: Touched;
};

/** @throws ApiError for a line that no command can be made of. */
export function readLine({ number, bytes }: Line, context: BatchContext): LineCommand {
  if (bytes === undefined) throw new ApiError("body-too-large", "The line is too long.");
  const line = readEnvelope(bytes, context.jsonDepthMax);
  const command = context.commands.get(line.command);
  if (command === undefined)
    throw new ApiError("command-unknown", "There is no command of this name.", {
      errors: [{ in: "body", field: "/command", reason: "is not the name of a command" }],
    });
  requireScope(context.caller, command.scope);
  const named = withIds(line, (prefix, reference) => externallyNamed(context.desk, prefix, reference));
  const { params, body: told } = validParts(command, named);
  const body = stamped(command.name, told, context.recording);
  const place = line.idempotencyKey === undefined ? keyOfLine(context.idempotencyKey, number) : undefined;
  const idempotencyKey = line.idempotencyKey ?? place;
  const { ifMatch: expectedRevision } = line;
  // What administers the ledger may concern every line: a policy closes the vocabulary, a key is revoked.
  const touched = touchedBy({ name: command.name, params, named, body, idempotencyKey, alone: command.scope === "admin" });
  return { number, command, params, body, idempotencyKey, place, expectedRevision, touched };
}

/** Both parts, so that a field that stands in the wrong one is told from one that is missing. @throws ApiError `validation-failed`. */
function validParts(command: CommandDefinition, named: { params: unknown; body: unknown }): Pick<LineCommand, "params" | "body"> {
  const params = soonest(command.params).safeParse(named.params, reporting);
  const body = soonest(command.body).safeParse(named.body, reporting);
  if (params.success && body.success) return { params: params.data, body: body.data };
  throw invalid(
    { issues: params.error?.issues ?? [], where: "path", under: "/params" },
    { issues: body.error?.issues ?? [], where: "body" },
  );
}

/** So the same lines under the same key again are the same requests. */
const keyOfLine = (key: string | undefined, number: number) => (key === undefined ? undefined : `${key}/${number}`);

/** A line that is no line of a batch at all is malformed, unlike one whose command is refused. */
function readEnvelope(bytes: Buffer, jsonDepthMax: number): z.output<typeof batchLine> {
  const line = parseJson(bytes, jsonDepthMax);
  if (isUsualLine(line)) return { command: line.command, params: {}, body: line.body };
  const parsed = soonest(batchLine).safeParse(line, reporting);
  if (parsed.success) return parsed.data;
  const { message, errors } = invalid({ issues: parsed.error.issues, where: "body" });
  throw new ApiError("malformed-request", `The line is no line of a batch: ${message}`, { errors });
}

/**
 * A command with a body and no more, as most lines are: the schema, which says the same, would look at each member of the body and
 * copy it, and the command's own does that next.
 */
function isUsualLine(line: unknown): line is { command: string; body: Record<string, unknown> } {
  if (!isMembers(line) || Object.keys(line).length !== 2) return false;
  const { command, body } = line;
  return typeof command === "string" && command.length <= 60 && isMembers(body);
}

const isMembers = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function stamped(name: string, body: Record<string, unknown>, recording: string | undefined): Record<string, unknown> {
  if (recording === undefined) return body;
  if (name === "make-promise") return body["recording"] === undefined ? { ...body, recording } : body;
  if (name !== "make-agreement") return body;
  const promises = body["promises"] as Record<string, unknown>[];
  return { ...body, promises: promises.map((each) => (each["recording"] === undefined ? { ...each, recording } : each)) };
}

export async function runLine(line: LineCommand, context: BatchContext): Promise<Acknowledged & { secret?: string }> {
  const { command, params, body, idempotencyKey, place, expectedRevision } = line;
  const { desk, caller, correlation, metrics } = context;
  const unrevoked = requireUnrevoked(desk.ledger, caller);
  if (unrevoked !== undefined) await unrevoked;
  const request = { params, body, caller, correlation, idempotencyKey, place, expectedRevision };
  const acknowledged = await command.run(desk, request);
  metrics.accepted(acknowledged);
  return acknowledged;
}

export const acceptedText = ({ number, command }: LineCommand, acknowledged: Acknowledged & { secret?: string }): string => {
  const { id, ids, revision, position, isReplay, secret } = acknowledged;
  const status = statusOf(command.creates, acknowledged);
  return `${JSON.stringify({ line: number, status, id, ids, revision, position, replayed: isReplay, secret })}\n`;
};

/** For the OpenAPI document. */
export const acceptedExample = `${JSON.stringify({
  line: 1,
  status: 201,
  id: "int_0000000000000001",
  revision: 0,
  position: 7,
  replayed: false,
})}\n${JSON.stringify({ summary: { lines: 1, accepted: 1, refused: 0, complete: true } })}\n`;

export function refusedText(number: number, error: unknown): { text: string; problem: Problem } {
  const { problem } = problemOf(error);
  return { text: `${JSON.stringify({ line: number, status: problem.status, problem })}\n`, problem };
}
