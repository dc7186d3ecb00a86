/** Evidence over HTTP: the whole log or one dossier, sent as it is made. */
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { archived } from "../../bundling/archive.ts";
import { accountOfPromise, dossier } from "../../bundling/dossier.ts";
import { logBundle } from "../../bundling/log-bundle.ts";
import { type BundleSource, openRequestOf } from "../../bundling/source.ts";
import type { Caller } from "../../commands/command.ts";
import { DomainError } from "../../domain/errors.ts";
import { accountId, promiseId } from "../../domain/values.ts";
import type { Admission } from "../admission.ts";
import { requireScope, requireUnboundKey } from "../auth.ts";
import type { ApiDeps } from "../deps.ts";
import { faultOf } from "../logging.ts";
import { ApiError } from "../problem.ts";

export const bundleMediaType = "application/x-tar";

export const bundleQuery = z.strictObject({
  account: accountId.optional().describe("The dossier of this account."),
  promise: promiseId.optional().describe("The dossier of this promise, and of the account that it concerns."),
  since: z
    .string()
    .regex(/^[1-9][0-9]{0,14}(,[1-9][0-9]{0,14}){0,63}$/, "must be sizes of tree heads, joined by commas")
    .optional()
    .describe("Of a dossier: sizes of the tree heads that its auditor keeps, joined by commas."),
  head: z
    .enum(["newest", "cosigned"])
    .default("newest")
    .describe("Where it ends: at the newest tree head, or the newest that a witness has cosigned."),
  open: z
    .enum(["true", "false"])
    .optional()
    .describe("Disclose sealed text with what proves it. Needs the scope `personal` too, and is written to the access log."),
});
type BundleQuery = z.output<typeof bundleQuery>;

export function mountBundle(app: FastifyInstance, deps: ApiDeps, admit: Admission): void {
  const { auditLog, log } = deps;
  if (auditLog === undefined) return;

  app.get("/v1/audit/bundle", {
    schema: { querystring: bundleQuery },
    exposeHeadRoute: false,
    onRequest: admit("audit"),
    handler: async (request, reply) => {
      const query = request.query as BundleQuery;
      const source = await sourceFor(deps, request, query);
      const files = filesFor(deps, source, query);
      const { account, promise } = query;
      const name = `${promise ?? account ?? "log"}-${source.head.size}.tar`;
      const stream = Readable.from(archived(files), { objectMode: false });
      // What was begun can't be refused any more: it ends early, and no verifier takes it for whole.
      stream.on("error", (error) => request.log.error({ correlation: request.id, fault: faultOf(error) }, "a bundle broke off"));
      return reply
        .header("content-type", bundleMediaType)
        .header("content-disposition", `attachment; filename="${name}"`)
        .send(stream);
    },
  });

  async function sourceFor(deps: ApiDeps, request: FastifyRequest, { head, open }: BundleQuery): Promise<BundleSource> {
    const caller = request.caller as Caller;
    requireUnboundKey(caller);
    if (open === "true") requireScope(caller, "personal");
    const { headHistory, vault, desk } = deps;
    const newest = await auditLog!.treeHeadOf(log.head());
    const chosen = head === "newest" ? newest : headHistory?.cosigned();
    if (chosen === undefined) throw new ApiError("head-missing", "No witness has cosigned a tree head of this log yet.");
    const reader = { key: caller.key, purpose: "bundle", at: desk.ledger.now() };
    return {
      log,
      readTile: auditLog!.readTile,
      head: { ...chosen, note: headHistory?.withCosignatures(chosen.note) ?? chosen.note },
      earlier: headHistory?.notes() ?? [],
      open: open === "true" ? (events) => vault.open(events.map(openRequestOf), reader, { orFail: true }) : undefined,
    };
  }
}

/** @throws DomainError, ApiError before anything was sent. */
function filesFor({ log, census }: ApiDeps, source: BundleSource, query: BundleQuery) {
  const { promise, since } = query;
  if (query.account !== undefined && promise !== undefined)
    throw unfit("/promise", "can't be asked for together with an account");
  if (query.account === undefined && promise === undefined) {
    if (since !== undefined) throw unfit("/since", "is for dossiers alone");
    return logBundle(source);
  }
  const account = promise === undefined ? query.account! : accountOfPromise(log, promise);
  if (account === undefined) throw new DomainError("promise-not-found", `there is no promise ${promise}`);
  if (log.readStream(`account-${account}`).length === 0)
    throw new DomainError("account-not-found", `there is no account ${account}`);
  // Asked for now, so that a census that can't be read yet is refused before anything was sent.
  const proved = census?.proofOf(account);
  const sizes = (since ?? "").split(",").filter((size) => size !== "");
  return dossier({ ...source, censusOf: () => proved }, { account, promise, since: sizes.map(Number) });
}

function unfit(field: string, reason: string): ApiError {
  return new ApiError("validation-failed", `${field.slice(1)} ${reason}.`, { errors: [{ in: "query", field, reason }] });
}
