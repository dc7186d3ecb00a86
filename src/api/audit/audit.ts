/** The verifiable log over HTTP, in the public formats of transparency logs: whoever reads those needs nothing of ours. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { toBase64 } from "../../audit/encoding.ts";
import { parseTilePath, tileWidth } from "../../audit/tiles.ts";
import type { Caller } from "../../commands/command.ts";
import { eventId, type EventId } from "../../domain/values.ts";
import { consistencyOf, receiptOf, receiptUnder, tileBytes } from "../../transparency/receipts.ts";
import type { SignedHead } from "../../transparency/stores.ts";
import type { Admission } from "../admission.ts";
import { sendJson } from "../answer.ts";
import { requireUnboundKey } from "../auth.ts";
import type { ApiDeps } from "../deps.ts";
import { ApiError } from "../problem.ts";

const size = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER);
export const consistencyQuery = z.strictObject({
  from: size.describe("Leaves of the earlier tree."),
  to: size.optional().describe("Leaves of the later tree; those of the last signed head where absent."),
});
export const receiptParams = z.strictObject({ event: eventId });
export const receiptQuery = z.strictObject({
  anchored: z.stringbool().optional().describe("With the last head that enough witnesses have seen, and their signatures."),
});

/** A full tile never changes; everything else may be another the next time. Private, because a key was needed. */
const forEver = "private, max-age=31536000, immutable";
const askAgain = "no-cache";

const text = "text/plain; charset=utf-8";
const bytes = "application/octet-stream";

export function mountAudit(app: FastifyInstance, { auditLog, anchoring, log }: ApiDeps, admit: Admission): void {
  if (auditLog === undefined) return;
  const answer = (reply: FastifyReply, type: string, caching: string, body: string | Buffer) =>
    reply.header("content-type", type).header("cache-control", caching).send(body);

  app.get("/v1/audit/key", {
    onRequest: admit("audit"),
    handler: (_request, reply) => answer(reply, text, askAgain, `${auditLog.verifierKeys().join("\n")}\n`),
  });

  app.get("/v1/audit/checkpoint", {
    onRequest: admit("audit"),
    handler: (_request, reply) => {
      const head = auditLog.treeHead();
      return answer(reply, text, askAgain, anchoring?.cosigned(head) ?? head.note);
    },
  });

  app.get("/v1/audit/anchored", {
    onRequest: admit("audit"),
    handler: (_request, reply) => answer(reply, text, askAgain, anchoredHead().note),
  });

  app.post("/v1/audit/anchor", {
    onRequest: admit("audit"),
    handler: async (request, reply) => {
      requireUnboundKey(request.caller as Caller);
      if (anchoring === undefined) throw new ApiError("no-witnesses", "No witnesses were configured for this ledger.");
      await anchoring.anchorNow();
      return sendJson(reply, JSON.stringify(anchoring.status()));
    },
  });

  function anchoredHead(): SignedHead {
    const head = anchoring?.anchored();
    if (head === undefined) throw new ApiError("not-anchored", "Too few witnesses, or none, have seen a head of this log yet.");
    return head;
  }

  app.get("/v1/audit/tile/*", {
    onRequest: admit("audit"),
    handler: (request, reply) => {
      requireUnboundKey(request.caller as Caller);
      const tile = parseTilePath(`tile/${(request.params as { "*": string })["*"]}`);
      const found = tile === undefined ? undefined : tileBytes(auditLog, log, tile);
      if (found === undefined) throw new ApiError("not-found", "The signed tree has no such tile.");
      return answer(reply, bytes, tile!.width === tileWidth ? forEver : askAgain, Buffer.from(found));
    },
  });

  app.get("/v1/audit/consistency", {
    schema: { querystring: consistencyQuery },
    onRequest: admit("audit"),
    handler: (request, reply) => {
      const { size: signed } = auditLog.treeHead();
      const { from, to = signed } = request.query as z.output<typeof consistencyQuery>;
      if (to > signed) throw unfit("/to", `must not be above the signed size ${signed}`);
      if (from > to) throw unfit("/from", "must not be above `to`");
      const { proof, fromRoot, toRoot } = consistencyOf(auditLog, from, to);
      void reply.header("cache-control", askAgain);
      const roots = { fromRoot: toBase64(fromRoot), toRoot: toBase64(toRoot) };
      return sendJson(reply, JSON.stringify({ from, to, ...roots, proof: proof.map(toBase64) }));
    },
  });

  app.get("/v1/events/:event/receipt", {
    schema: { params: receiptParams, querystring: receiptQuery },
    onRequest: admit("read"),
    handler: async (request: FastifyRequest, reply) => {
      requireUnboundKey(request.caller as Caller);
      const { event: id } = request.params as { event: EventId };
      const event = log.readById(id);
      if (event === undefined) throw new ApiError("event-not-found", `There is no event ${id}.`);
      const { anchored = false } = request.query as z.output<typeof receiptQuery>;
      if (!anchored) return answer(reply, text, askAgain, await receiptOf(auditLog, event));
      const head = anchoredHead();
      if (head.size < event.position) throw new ApiError("not-anchored", "The event is younger than what witnesses have seen.");
      return answer(reply, text, askAgain, receiptUnder(head, auditLog, event));
    },
  });
}

function unfit(field: string, reason: string): ApiError {
  return new ApiError("validation-failed", `${field.slice(1)} ${reason}.`, { errors: [{ in: "query", field, reason }] });
}
