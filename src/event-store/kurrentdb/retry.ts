/** What may be tried again, when, and what makes a client suspect. */

/** The cluster did not answer within our own time; what was asked of it may have been done. */
export class TimedOutError extends Error {
  constructor(what: string, timeoutMs: number) {
    super(`${what} was not answered within ${timeoutMs} ms`);
    this.name = "TimedOutError";
  }
}

/** Types of the client's errors. A node without a leader answers `unknown`, and so does much that the client can't tell. */
const transientTypes = new Set(["unavailable", "not-leader", "unknown", "timeout", "deadline-exceeded", "cancelled"]);
/** gRPC codes of errors that the client leaves without a type: cancelled, unknown, deadline, aborted, internal, unavailable, data loss. */
const transientCodes = new Set([1, 2, 4, 10, 13, 14, 15]);

type ClientError = { type?: unknown; code?: unknown; message?: unknown };

/** Whether the same may succeed later. Anything else is for a person to mend, or a bug. */
export function isTransient(error: unknown): boolean {
  if (error instanceof TimedOutError) return true;
  const { type, code, message } = error as ClientError;
  if (typeof type === "string") return transientTypes.has(type);
  if (typeof code === "number") return transientCodes.has(code);
  return typeof message === "string" && message.startsWith("Failed to discover");
}

/** Whether the client that failed so may go on failing. One that was sent to another node follows by itself. */
export const isSpoiling = (error: unknown): boolean => isTransient(error) && (error as ClientError).type !== "not-leader";

export const isOfType = (error: unknown, type: string): boolean => (error as ClientError | undefined)?.type === type;

/** Waits before the next attempt: some time up to a bound that doubles, so that clients that failed together don't come together. */
export const backoffMs = (failureCount: number, firstMs: number, mostMs: number): number =>
  Math.random() * Math.min(mostMs, firstMs * 2 ** (failureCount - 1));

/** The client does not keep its own deadlines for appends: on a frozen server one took 19 seconds. */
export function within<Result>(timeoutMs: number, what: string, work: Promise<Result>): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const timer = setTimeout(() => reject(new TimedOutError(what, timeoutMs)), timeoutMs);
  work.then(resolve, reject).finally(() => clearTimeout(timer));
  return promise;
}
