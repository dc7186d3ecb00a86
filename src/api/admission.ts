/** What every request below `/v1` passes before anything of it is read: its key, its rate, its scope. */
import rateLimit, { normalizeIP } from "@fastify/rate-limit";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Caller } from "../commands/command.ts";
import type { KeyScope } from "../domain/key.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { authenticate, requireScope } from "./auth.ts";
import type { Limits } from "./deps.ts";
import { ApiError } from "./problem.ts";

/** A hook that lets through who may use a route. Without a scope any valid key will do. */
export type Admission = (scope?: KeyScope) => (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

export async function admission(app: FastifyInstance, ledger: Ledger, limits: Limits): Promise<Admission> {
  const { requestCountMax, refusedKeyCountMax, rateWindowMs } = limits;
  // The limiter's own hook would count before the key is known, so anybody could use up another's share by naming its key.
  await app.register(rateLimit, { global: false, timeWindow: rateWindowMs });
  const ofKey = app.createRateLimit({ max: requestCountMax, keyGenerator: ({ caller }: FastifyRequest) => caller!.key });
  const ofAddress = app.createRateLimit({ max: refusedKeyCountMax, keyGenerator: ({ ip }: FastifyRequest) => normalizeIP(ip) });
  const policy = `"key";q=${requestCountMax};w=${rateWindowMs / 1000}`;

  return (scope) => async (request, reply) => {
    request.caller = await identify(request);
    const rate = await ofKey(request);
    if (!rate.isAllowed) {
      // The headers of the current draft; the plugin's own are those of an old one.
      void reply.header("ratelimit-policy", policy).header("ratelimit", `"key";r=${rate.remaining};t=${rate.ttlInSeconds}`);
      if (rate.isExceeded) throw tooMany(rate.ttlInSeconds);
    }
    if (scope !== undefined) requireScope(request.caller, scope);
  };

  async function identify(request: FastifyRequest): Promise<Caller> {
    try {
      return await authenticate(ledger, request);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const rate = await ofAddress(request);
      throw !rate.isAllowed && rate.isExceeded ? tooMany(rate.ttlInSeconds) : error;
    }
  }
}

const tooMany = (seconds: number): ApiError =>
  new ApiError("rate-limited", `Too many requests; the next window begins in ${seconds} s.`, {
    headers: { "retry-after": String(Math.max(1, seconds)) },
  });
