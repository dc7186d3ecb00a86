/** Datasets to take home, sent as they are read. */
import { Readable } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Caller } from "../commands/command.ts";
import { type DatasetName, datasetNames, datasets, noTextReason } from "../exporting/datasets.ts";
import {
  type BegunExport,
  eventsHaveNoAsOf,
  ExportKeyError,
  type ExportRequest,
  type OpenText,
  vantageText,
} from "../exporting/export.ts";
import { formatNames, formats } from "../exporting/formats.ts";
import type { Vantage } from "../projections/vantage.ts";
import { isAsked, presentReading, standingAt } from "../queries/asking.ts";
import { openPersonal } from "../queries/personal.ts";
import { VantageError, vantageParameters } from "../queries/vantage.ts";
import type { Admission } from "./admission.ts";
import { requireScope, requireUnboundKey } from "./auth.ts";
import type { ApiDeps, Limits } from "./deps.ts";
import { awaitedPositionOf, positionToken } from "./headers.ts";
import { faultOf } from "./logging.ts";
import { ApiError } from "./problem.ts";

export const exportParams = z.strictObject({ dataset: z.enum(datasetNames) });
export const exportQuery = z.strictObject({
  format: z.enum(formatNames).default("ndjson"),
  after: z
    .string()
    .max(200)
    .optional()
    .describe(
      "Goes on after the last row that you have: the values of its key's columns, joined by commas. A CSV then has no header.",
    ),
  personal: z
    .enum(["true", "false"])
    .optional()
    .describe("Sealed text too, opened, as one more column. Needs the scope `personal` too, and is written to the access log."),
  ...vantageParameters,
});
type ExportQuery = z.output<typeof exportQuery>;

export function mountExports(app: FastifyInstance, deps: ApiDeps, limits: Limits, admit: Admission, draining: AbortSignal): void {
  const { exporter, host, desk, readingDesk } = deps;
  if (exporter === undefined) return;

  app.get("/v1/exports/:dataset", {
    schema: { params: exportParams, querystring: exportQuery },
    exposeHeadRoute: false,
    onRequest: admit("read"),
    handler: async (request, reply) => {
      const caller = request.caller as Caller;
      requireUnboundKey(caller);
      const { dataset } = request.params as z.output<typeof exportParams>;
      const { format, after, personal, ...asked } = request.query as ExportQuery;
      if (personal === "true") requireSealed(dataset);
      if (personal === "true") requireScope(caller, "personal");
      await host.caughtUp(Math.max(desk.ledger.lastPosition, awaitedPositionOf(request.headers)), limits.viewsWaitMs);
      const open = personal === "true" ? openerFor(caller) : undefined;
      const vantage = vantageIn(dataset, asked);
      const begun = await begin({ dataset, format, after, open, signal: draining, vantage });
      const stream = Readable.from(begun.bytes, { objectMode: false });
      stream.on("error", (error) => brokeOff(request, error));
      // Bytes that nobody ever asked for close nothing by themselves.
      stream.once("close", begun.close);
      if (reply.raw.destroyed) stream.destroy();
      return reply
        .header("content-type", formats[format].mediaType)
        .header("content-disposition", `attachment; filename="${dataset}.${format}"`)
        .header("troth-position", positionToken(begun.vantage.size))
        .header("troth-vantage", vantageText(begun.vantage))
        .send(stream);
    },
  });

  const openerFor =
    (caller: Caller): OpenText =>
    (items) =>
      openPersonal(presentReading(readingDesk), caller, "export", items);

  function vantageIn(dataset: DatasetName, asked: Pick<ExportQuery, "asOf" | "knownAt">): Vantage | undefined {
    if (!isAsked(asked)) return undefined;
    if (dataset === "events" && asked.asOf !== undefined) throw new VantageError("validation-failed", "/asOf", eventsHaveNoAsOf);
    return standingAt(readingDesk, asked);
  }

  async function begin(request: ExportRequest): Promise<BegunExport> {
    try {
      return await exporter!(request);
    } catch (error) {
      if (!(error instanceof ExportKeyError)) throw error;
      throw new ApiError("cursor-invalid", `/after ${error.message}.`, {
        errors: [{ in: "query", field: "/after", reason: error.message }],
      });
    }
  }
}

function requireSealed(dataset: DatasetName): void {
  if (datasets[dataset].sealed !== undefined) return;
  const errors = [{ in: "query" as const, field: "/personal", reason: noTextReason(dataset) }];
  throw new ApiError("validation-failed", `/personal: ${noTextReason(dataset)}`, { errors });
}

/** What was begun can't be refused any more: it ends early, and the reader's connection with it. */
function brokeOff(request: FastifyRequest, error: Error): void {
  request.log.error({ correlation: request.id, fault: faultOf(error) }, "an export broke off");
}
