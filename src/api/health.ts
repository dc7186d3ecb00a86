/** For whoever watches the process: is it alive, may it be sent requests, what does it measure. No key is needed to ask. */
import { isIPv4, isIPv6 } from "node:net";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { authenticate, requireScope } from "./auth.ts";
import type { ApiDeps, Limits } from "./deps.ts";
import { sendJson } from "./answer.ts";
import { faultOf } from "./logging.ts";
import type { Metrics } from "./metrics.ts";

export function mountHealth(app: FastifyInstance, deps: ApiDeps, limits: Limits, { registry }: Metrics): void {
  const { store, host, desk, auditLog, anchoring, copy, vault } = deps;

  app.get("/livez", (_request, reply) => sendJson(reply, '{"status":"alive"}'));

  app.get("/readyz", async (request, reply) => {
    const { position: viewsPosition, building, failure } = host.status();
    const position = await headOf(request);
    const copied = copy?.status();
    const isInTouch = copied === undefined || copied.state === "following";
    const isReady = position !== undefined && failure === undefined && !building && isInTouch;
    const lag = position === undefined ? undefined : Math.max(0, position - viewsPosition);
    const status = isReady ? "ready" : "not-ready";
    // Why the views failed is in the log; whoever asks without a key learns that they did.
    const views = failure !== undefined ? "failed" : building ? "building" : "running";
    // A tree that can't be signed is for the operator to see; facts are recorded and read all the same.
    const tree = auditLog?.status().state;
    const anchored = anchoring?.status().anchored;
    // Facts without text are recorded and read all the same, so a vault that is away makes no node unfit.
    const lease = vault.lease?.();
    void reply.code(isReady ? 200 : 503);
    return sendJson(
      reply,
      JSON.stringify({
        ...{ status, store: position === undefined ? "failed" : "running", views, tree },
        ...{ position, viewsPosition, lag, anchored: anchored && { size: anchored.size, at: anchored.at } },
        cluster: copied && { state: copied.state, heardMsAgo: copied.heardMsAgo && Math.round(copied.heardMsAgo) },
        vault: lease && { state: lease.holds && lease.failure === undefined ? "in-touch" : "lost-touch" },
      }),
    );
  });

  async function headOf(request: FastifyRequest): Promise<number | undefined> {
    try {
      return await store.head();
    } catch (error) {
      request.log.error({ correlation: request.id, fault: faultOf(error) }, "the store's head can't be read");
      return undefined;
    }
  }

  app.get("/metrics", async (request, reply) => {
    if (limits.metricsNeedKey || !isLoopback(request.ip)) requireScope(await authenticate(desk.ledger, request), "audit");
    return reply.header("content-type", registry.contentType).send(await registry.metrics());
  });
}

export const isLoopback = (address: string): boolean => {
  const plain = address.toLowerCase().replace(/^::ffff:/, "");
  return (isIPv4(plain) && plain.startsWith("127.")) || (isIPv6(plain) && plain === "::1");
};
