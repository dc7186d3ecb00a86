/** One attempt at an append, with our own deadline. */
import type { BinaryEventData, WrongExpectedVersionError } from "@kurrent/kurrentdb-client";
import { noStream, StoreUnavailableError } from "../event-store.ts";
import type { Connection } from "./connection.ts";
import { isOfType, isTransient, within } from "./retry.ts";

export type Answer =
  | { kind: "stored" }
  | { kind: "conflict"; actualRevision: number }
  /** It may be stored, be stored later, or never. */
  | { kind: "unknown"; cause: unknown }
  /** It is not stored, and trying again would not help. */
  | { kind: "refused"; error: Error };

/**
 * Appends at an expected revision and at nothing else. Only then does the cluster know an append again after a restart: it compares
 * ids where the stream does not stand at that revision, and answers a repetition as the first time.
 *
 * @param stream the name on the cluster.
 */
export async function attemptAppend(
  connection: Connection,
  stream: string,
  expectedRevision: number,
  events: BinaryEventData[],
  timeoutMs: number,
): Promise<Answer> {
  const streamState = expectedRevision === noStream ? "no_stream" : BigInt(expectedRevision);
  try {
    await connection.use((client) =>
      within(timeoutMs, `an append to ${stream}`, client.appendToStream(stream, events, { streamState })),
    );
    return { kind: "stored" };
  } catch (error) {
    if (isOfType(error, "wrong-expected-version")) {
      const { actualState } = error as WrongExpectedVersionError;
      return { kind: "conflict", actualRevision: actualState === "no_stream" ? noStream : Number(actualState) };
    }
    return isTransient(error) ? { kind: "unknown", cause: error } : { kind: "refused", error: refusalOf(error) };
  }
}

/** The client's errors have empty messages as often as not. */
function refusalOf(error: unknown): Error {
  const { type, message } = error as { type?: string; message?: string };
  if (type === "maximum-append-size-exceeded")
    return new RangeError(`the append is larger than the cluster takes: ${type}`, { cause: error });
  if (type === undefined) return error as Error;
  return new StoreUnavailableError("failed", { cause: new Error([type, message].filter((part) => part).join(": ")) });
}
