/** A body that trickles in must not hold its connection for ever. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { ApiError } from "./problem.ts";

/**
 * A hook that gives a body so long to arrive. The server's own limit can't be used: it would cut off a batch, which may
 * rightly take hours.
 */
export function bodyDeadline(timeoutMs: number) {
  return (request: FastifyRequest, reply: FastifyReply, _payload: unknown, done: () => void): void => {
    if (!request.raw.complete) watch(request, reply, timeoutMs);
    done();
  };
}

function watch({ raw }: FastifyRequest, reply: FastifyReply, timeoutMs: number): void {
  const timer = setTimeout(() => {
    if (raw.complete || reply.sent) return;
    void reply.header("connection", "close").send(new ApiError("request-timeout", `The body took longer than ${timeoutMs} ms.`));
  }, timeoutMs);
  timer.unref();
  const stop = (): void => clearTimeout(timer);
  raw.once("end", stop).once("close", stop);
}
