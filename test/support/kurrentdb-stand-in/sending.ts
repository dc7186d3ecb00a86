/** Sending to a client that may be slower than the log, or gone. */
import type { ServerWritableStream } from "@grpc/grpc-js";
import type { ReadReq, ReadResp } from "@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_pb.js";

export type ReadCall = ServerWritableStream<ReadReq, ReadResp>;

export async function send(call: ReadCall, message: ReadResp): Promise<void> {
  if (call.cancelled || call.write(message)) return;
  await Promise.race([new Promise<void>((resolve) => call.once("drain", resolve)), overOf(call)]);
}

const over = new WeakMap<ReadCall, Promise<void>>();

/** Resolves when the client has ended the call, or is gone. */
export function overOf(call: ReadCall): Promise<void> {
  const known = over.get(call) ?? new Promise<void>((resolve) => call.once("cancelled", resolve));
  over.set(call, known);
  return known;
}
