/** The operation that gives whole datasets. */
import { formats } from "../../exporting/formats.ts";
import { exportParams, exportQuery } from "../exports.ts";
import { type Operation, parametersOf } from "./operations.ts";
import { queryRefusals, refusalResponses } from "./refusals.ts";

const mediaTypeOf = (format: keyof typeof formats): string => formats[format].mediaType.split(";", 1)[0]!;

export const exportPaths: Record<string, Operation> = {
  "/v1/exports/{dataset}": {
    get: {
      operationId: "export",
      tags: ["Taking it home"],
      summary: "A whole dataset, as lines of JSON, CSV or Parquet",
      description:
        "Sent as it is read, in the order of the dataset's key, at one position of the views, or as of and as known at an instant. docs/exports.md lists the columns. An answer that broke off is gone on with from its last row, at its vantage: `after`. In a CSV, text that a spreadsheet would run has an apostrophe before it.\n\nNeeds the scope `read`, and `personal` too for `personal=true`. Not for keys that are bound to a party.",
      parameters: [...parametersOf(exportParams, "path"), ...parametersOf(exportQuery, "query")],
      responses: {
        "200": {
          description: "The rows.",
          headers: {
            "Troth-Position": { $ref: "#/components/headers/TrothPosition" },
            "Troth-Vantage": {
              description: "Where it stands, as the `asOf` and `knownAt` that give the same rows again.",
              schema: { type: "string" },
              example: "asOf=2026-01-31T00:00:00.000Z&knownAt=4711@2026-01-31T00:00:00.000Z",
            },
          },
          content: {
            [mediaTypeOf("ndjson")]: {
              schema: { type: "string" },
              example: '{"account":"acc_0000000000000001","direction":"given","score":0.952430}\n',
            },
            [mediaTypeOf("csv")]: {
              schema: { type: "string" },
              example: "account,direction,score\r\nacc_0000000000000001,given,0.952430\r\n",
            },
            [mediaTypeOf("parquet")]: { schema: { type: "string", format: "binary" }, example: "" },
          },
        },
        ...refusalResponses(queryRefusals([], true)),
      },
    },
  },
};
