/**
 * Commands by the million in one request: a line in, a line out, in the same order. Lines run together as far as they do not
 * depend on each other; memory is bounded by the lines in flight, and whoever does not read the results is not read either.
 */
import type { IncomingMessage } from "node:http";
import { PassThrough, Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Caller, CommandDefinition } from "../../commands/command.ts";
import { DomainError } from "../../domain/errors.ts";
import { type Instant, type Slug, slug, toldInstant } from "../../domain/values.ts";
import type { Admission } from "../admission.ts";
import { requireScope, requireUnrevoked } from "../auth.ts";
import type { ApiDeps, Limits } from "../deps.ts";
import { idempotencyKeyOf } from "../headers.ts";
import { faultOf } from "../logging.ts";
import type { Metrics } from "../metrics.ts";
import { ApiError, type Problem, problemOf } from "../problem.ts";
import { acceptedText, type BatchContext, type LineCommand, readLine, refusedText, runLine } from "./line-command.ts";
import { type Line, linesByChunk } from "./lines.ts";
import { Turns } from "./turns.ts";
import { ResultWindow } from "./window.ts";

export const batchMediaType = "application/x-ndjson";

export const batchQuery = z.strictObject({
  source: slug.optional().describe("Opens a load of history from this source, and completes it after the last line."),
  upTo: toldInstant.optional().describe("Up to when the history is complete; needs `source`. Now, where absent."),
});

type Tally = { lines: number; accepted: number; refused: number };

export async function mountBatch(
  app: FastifyInstance,
  deps: ApiDeps,
  limits: Limits,
  admit: Admission,
  metrics: Metrics,
  draining: AbortSignal,
): Promise<void> {
  const commands = new Map(deps.commands.map((command) => [command.name, command]));
  // In a scope of its own: no other route takes this type, and this one takes no other.
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(batchMediaType, (_request, payload, done) => done(null, payload));
    scope.post("/v1/batch", { schema: { querystring: batchQuery }, onRequest: admit() }, async (request, reply) => {
      const idempotencyKey = idempotencyKeyOf(request.headers);
      const context = contextOf(deps, limits, commands, metrics, request, idempotencyKey);
      const load = await startLoad(context, request, idempotencyKey);
      return reply
        .header("content-type", `${batchMediaType}; charset=utf-8`)
        .send(answered(context, load, request, reply, limits, draining));
    });
  });
}

const contextOf = (
  { desk }: ApiDeps,
  { jsonDepthMax }: Limits,
  commands: ReadonlyMap<string, CommandDefinition>,
  metrics: Metrics,
  request: FastifyRequest,
  idempotencyKey: string | undefined,
): BatchContext => ({
  desk,
  caller: request.caller as Caller,
  correlation: request.id,
  commands,
  metrics,
  jsonDepthMax,
  idempotencyKey,
});

/** A load of history that the batch opens and completes. */
type Load = { recording: string; complete(): Promise<void> };

/** @throws before anything was answered: then the whole batch is refused. */
async function startLoad(
  context: BatchContext,
  request: FastifyRequest,
  idempotencyKey: string | undefined,
): Promise<Load | undefined> {
  const { source, upTo } = request.query as { source?: Slug; upTo?: Instant };
  if (source === undefined) {
    if (upTo !== undefined) throw lacksSource;
    return undefined;
  }
  const { desk, commands, caller, correlation } = context;
  if (upTo !== undefined && upTo > desk.ledger.now()) throw new DomainError("in-the-future", "`upTo` lies in the future");
  const [start, complete] = [commands.get("start-recording"), commands.get("complete-recording")];
  if (start === undefined || complete === undefined) throw new Error("a batch with a source needs the commands on recordings");
  requireScope(caller, start.scope);
  const common = { caller, correlation, idempotencyKey };
  const { id } = await start.run(desk, { ...common, params: {}, body: { source } });
  context.recording = id;
  return {
    recording: id,
    async complete() {
      await requireUnrevoked(desk.ledger, caller);
      await complete.run(desk, { ...common, params: { recording: id }, body: { upTo } });
    },
  };
}

const lacksSource = new ApiError("validation-failed", "`upTo` needs `source`.", {
  errors: [{ in: "query", field: "/source", reason: "is required beside `upTo`" }],
});

function answered(
  context: BatchContext,
  load: Load | undefined,
  request: FastifyRequest,
  reply: FastifyReply,
  limits: Limits,
  draining: AbortSignal,
): Readable {
  const tally: Tally = { lines: 0, accepted: 0, refused: 0 };
  const window = new ResultWindow(limits.batchInFlightMax, limits.batchBytesInFlightMax);
  const payload = (request.body ?? Readable.from([])) as Readable;
  const lines = linesByChunk(untilDraining(payload, draining), limits.bodyBytesMax);
  const reading = readAll(lines, { context, window, tally, draining, log: faultLog(request) });
  let isWhole = false;

  async function* texts(): AsyncGenerator<string> {
    try {
      if (load !== undefined) yield `${JSON.stringify({ recording: load.recording })}\n`;
      yield* window.texts();
      const isComplete = await reading;
      const problem = isComplete && load !== undefined ? await problemIn(load.complete(), request) : undefined;
      isWhole = isComplete && problem === undefined;
      yield `${JSON.stringify({ summary: { ...tally, complete: isWhole, recording: load?.recording, problem } })}\n`;
    } finally {
      if (!isWhole) breakOff(request, load, tally);
    }
  }
  const readable = Readable.from(texts(), { objectMode: false, highWaterMark: 64 * 1024 });
  // The status has been sent: whoever went away is told nothing, and a summary that lacks says it to others.
  readable.on("error", () => payload.destroy());
  reply.raw.once("close", () => {
    window.fail(new Error("the caller went away"));
    readable.destroy();
    if (payload.readableEnded) return;
    if (reply.raw.writableFinished) closeOnceRead(request.raw);
    else payload.destroy();
  });
  return readable;
}

/** As long as it may take to read what the system has taken to send. */
const lingerMs = 5_000;

/**
 * For an answer that ended before its request did, as at a shutdown. To close a connection on which something lies unread resets it,
 * and takes from the caller what it was sent last: so the rest is read and thrown away until the caller closes it too.
 */
function closeOnceRead(request: IncomingMessage): void {
  const { socket } = request;
  socket.end();
  request.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
}

function breakOff(request: FastifyRequest, load: Load | undefined, tally: Tally): void {
  const recording = load?.recording;
  const said = recording === undefined ? "batch broke off" : "batch broke off, its load of history stays open";
  request.log.warn({ correlation: request.id, recording, ...tally }, said);
}

/** The body, cut off where the server shuts down, so that what was read is still answered. */
function untilDraining(payload: Readable, draining: AbortSignal): Readable {
  const body = new PassThrough();
  const stop = (): void => {
    payload.unpipe(body);
    body.end();
  };
  payload.on("error", (error) => body.destroy(error));
  payload.on("close", () => {
    draining.removeEventListener("abort", stop);
    if (!payload.readableEnded && !body.writableEnded) body.destroy(new Error("the caller went away"));
  });
  draining.addEventListener("abort", stop);
  if (draining.aborted) stop();
  else payload.pipe(body);
  return body;
}

async function problemIn(work: Promise<void>, request: FastifyRequest): Promise<Problem | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    const { problem } = problemOf(error);
    faultLog(request)(error, problem);
    return problem;
  }
}

type FaultLog = (error: unknown, problem: Problem) => void;

/** A full disk meets every line alike; a few lines of log say so. */
const faultsLoggedMax = 10;

function faultLog(request: FastifyRequest): FaultLog {
  let count = 0;
  return (error, { status, code }) => {
    if (status < 500 || count >= faultsLoggedMax) return;
    count += 1;
    request.log.error({ correlation: request.id, fault: faultOf(error) }, code);
  };
}

type Reading = { context: BatchContext; window: ResultWindow; tally: Tally; draining: AbortSignal; log: FaultLog };

/** Sets every line going. @returns whether all of them were read, and not only those before a shutdown. */
async function readAll(chunks: AsyncGenerator<Line[]>, reading: Reading): Promise<boolean> {
  const { window, draining } = reading;
  const turns = new Turns();
  try {
    for await (const lines of chunks) {
      for (const line of lines) {
        if (draining.aborted || window.hasFailed) return false;
        reading.tally.lines += 1;
        const room = window.add(resultOf(line, turns, reading), line.bytes?.length);
        if (room !== undefined) await room;
      }
    }
    return !draining.aborted && !window.hasFailed;
  } catch (error) {
    window.fail(error);
    return false;
  } finally {
    window.end();
  }
}

function resultOf(line: Line, turns: Turns, { context, tally, log }: Reading): string | Promise<string> {
  const refused = (error: unknown): string => {
    tally.refused += 1;
    const { text, problem } = refusedText(line.number, error);
    log(error, problem);
    return text;
  };
  let read: LineCommand;
  try {
    read = readLine(line, context);
  } catch (error) {
    return refused(error);
  }
  return turns.run(read.touched, async () => {
    try {
      const acknowledged = await runLine(read, context);
      tally.accepted += 1;
      return acceptedText(read, acknowledged);
    } catch (error) {
      return refused(error);
    }
  });
}
