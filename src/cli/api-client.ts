/** Asking a Troth server over HTTP, one request at a time. */
import { commandNamed } from "../commands/registry.ts";
import { CliError } from "./errors.ts";
import { exitCodes } from "./exit-codes.ts";

/** The server refused a request. */
export class RefusedError extends CliError {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(status === 401 || status === 403 || status >= 500 ? exitCodes.network : exitCodes.usage, message);
    this.name = "RefusedError";
    this.status = status;
    this.code = code;
  }
}

export type Acknowledgement = {
  id: string;
  events: readonly { type: string }[];
  ids?: Record<string, string[]>;
  position: number;
  secret?: string;
};

export type CommandRequest = { params?: Record<string, string>; body?: object; idempotencyKey?: string };

export class ApiClient {
  readonly url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.url = url;
    this.#key = key;
  }

  /** @param path below `/v1`. @throws RefusedError */
  async ask<Answer>(path: string, query: Record<string, string> = {}): Promise<Answer> {
    const search = new URLSearchParams(query).toString();
    return (await this.#send("GET", search === "" ? path : `${path}?${search}`)) as Answer;
  }

  /** Sends a command by its name. @throws RefusedError */
  async command(name: string, { params = {}, body = {}, idempotencyKey }: CommandRequest = {}): Promise<Acknowledgement> {
    const { method, path } = commandNamed(name)!;
    const filled = path.replace(/:(\w+)/g, (_, part: string) => params[part]!);
    return (await this.#send(method, filled, body, idempotencyKey)) as Acknowledgement;
  }

  async #send(method: string, path: string, body?: object, idempotencyKey?: string): Promise<unknown> {
    const response = await this.#fetched(`/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const answer: unknown = await response.json();
    if (response.ok) return answer;
    const { code = "unknown", detail = "" } = answer as { code?: string; detail?: string };
    throw new RefusedError(response.status, code, `${method} ${path.split("?")[0]} was refused: ${detail} (${code})`);
  }

  async #fetched(path: string, request: RequestInit): Promise<Response> {
    try {
      return await fetch(new URL(path, this.url), request);
    } catch (error) {
      const { code } = ((error as Error).cause ?? {}) as { code?: string };
      const reason = code === undefined ? "" : ` (${code})`;
      throw new CliError(exitCodes.network, `the server at ${this.url} can't be reached${reason}`, { cause: error });
    }
  }
}
