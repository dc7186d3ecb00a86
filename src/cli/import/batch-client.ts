/** A batch over HTTP: lines out and answers in at once, at the pace of the slower of both. */
import { linesOf } from "../../api/batch/lines.ts";
import { CliError } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";

export type Target = { url: string; key: string };
export type BatchRequest = Target & { source?: string; upTo?: string; idempotencyKey?: string };

export type Problem = { code: string; detail?: string; errors?: { in: string; field: string; reason: string }[] };
export type LineAnswer = { line: number; status: number; id?: string; replayed?: boolean; problem?: Problem };
export type Answer =
  | { recording: string }
  | LineAnswer
  | { summary: { lines: number; accepted: number; refused: number; complete: boolean; recording?: string; problem?: Problem } };

const answerBytesMax = 4 * 1024 * 1024;
const chunkBytes = 32 * 1024;

/** @throws CliError where the server can't be reached, refuses the whole batch, or breaks off. */
export async function* sendBatch(request: BatchRequest, texts: AsyncIterable<string>): AsyncGenerator<Answer> {
  const response = await opened(request, texts);
  if (!response.ok) throw await refused(response, request);
  for await (const { bytes } of linesOf(received(response), answerBytesMax)) yield JSON.parse(bytes!.toString("utf8")) as Answer;
}

async function* received({ body }: Response): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>)
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    if (error instanceof CliError) throw error;
    if (cause instanceof CliError) throw cause;
    throw new CliError(exitCodes.network, "the connection broke; the same import again goes on from where it stopped", {
      cause: error,
    });
  }
}

async function opened({ url, key, source, upTo, idempotencyKey }: BatchRequest, texts: AsyncIterable<string>): Promise<Response> {
  const endpoint = endpointOf(url);
  if (source !== undefined) endpoint.searchParams.set("source", source);
  if (upTo !== undefined) endpoint.searchParams.set("upTo", upTo);
  const headers = {
    authorization: `Bearer ${key}`,
    "content-type": "application/x-ndjson",
    ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
  };
  try {
    return await fetch(endpoint, { method: "POST", headers, body: chunked(texts) as never, duplex: "half" } as RequestInit);
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    // What reading the file threw comes out here too.
    if (cause instanceof CliError) throw cause;
    throw new CliError(exitCodes.network, `the server at ${url} can't be reached${reasonOf(cause)}`, { cause: error });
  }
}

function endpointOf(url: string): URL {
  try {
    return new URL("/v1/batch", url);
  } catch {
    throw new CliError(exitCodes.usage, `${url} is no URL`);
  }
}

const reasonOf = (cause: unknown): string => {
  const { code, message } = (cause ?? {}) as { code?: string; message?: string };
  return code || message ? ` (${code ?? message})` : "";
};

/** Few large writes instead of one a line. */
async function* chunked(texts: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let held = "";
  for await (const text of texts) {
    held += text;
    if (held.length < chunkBytes) continue;
    yield Buffer.from(held);
    held = "";
  }
  if (held !== "") yield Buffer.from(held);
}

async function refused(response: Response, { url }: Target): Promise<CliError> {
  const text = await response.text().catch(() => "");
  const problem = parsed(text);
  const isKey = response.status === 401 || response.status === 403;
  const code = isKey || response.status >= 500 || problem === undefined ? exitCodes.network : exitCodes.usage;
  return new CliError(code, `${url} refused the import: ${problem?.detail ?? `HTTP ${response.status}`}`);
}

function parsed(text: string): Problem | undefined {
  try {
    return JSON.parse(text) as Problem;
  } catch {
    return undefined;
  }
}
