/** The operations of the verifiable log, whose bodies are in the formats of others. */
import { consistencyQuery, receiptParams, receiptQuery } from "../audit/audit.ts";
import { bundleMediaType, bundleQuery } from "../audit/bundle.ts";
import { censusLineParams } from "../audit/census.ts";
import type { ProblemCode } from "../problem-codes.ts";
import { type Operation, parametersOf } from "./operations.ts";
import { queryRefusals, refusalResponses } from "./refusals.ts";

const root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const signature = `— troth/main ${"A".repeat(91)}=`;
const exampleHead = `troth/main\n4711\n${root}\n\n${signature}\n`;

const cosignature = `— north.example/witness ${"A".repeat(102)}==`;
const exampleAnchored = `${exampleHead}${cosignature}\n`;
const exampleAnchoring = {
  anchored: { size: 4711, root, at: "2026-07-01T10:00:00.000Z" },
  witnesses: [{ name: "north", size: 4711, failures: 0, failure: null, cosignedAt: "2026-07-01T10:00:00.000Z" }],
};

const texts = (description: string, example: string) => ({
  description,
  content: { "text/plain": { schema: { type: "string" }, example } },
});

const refusals = (...more: ProblemCode[]) =>
  refusalResponses([
    ...queryRefusals([], false).filter((code) => code !== "views-behind" && code !== "key-bound"),
    "log-diverged",
    "tree-behind",
    ...more,
  ]);

const operation = (operationId: string, summary: string, description: string, more: Operation): Operation => ({
  operationId,
  tags: ["Verifiable log"],
  summary,
  description,
  parameters: [],
  ...more,
});

const tile = (operationId: string, what: string, description: string, names: readonly Operation[]): Operation =>
  operation(operationId, what, `${description}\n\nNeeds the scope \`audit\`. Not for keys that are bound to a party.`, {
    parameters: names,
    responses: {
      "200": {
        description: "The bytes.",
        content: { "application/octet-stream": { schema: { type: "string", format: "binary" }, example: "" } },
      },
      ...refusals("not-found", "key-bound"),
    },
  });

const path = (name: string, description: string, example: string): Operation => ({
  name,
  in: "path",
  required: true,
  description,
  schema: { type: "string" },
  example,
});
const place = path(
  "tile",
  "The number of the tile in groups of three digits, all but the last with an `x` before them (`x001/x234/067`); for one that is not full `.p/` and its width.",
  "000.p/7",
);

const censusSchema = {
  type: "object",
  properties: {
    event: { type: "string" },
    position: { type: "integer" },
    treeSize: { type: "integer" },
    accounts: { type: "integer" },
    root: { type: "string" },
  },
  required: ["event", "position", "treeSize", "accounts", "root"],
};
const exampleCensus = { event: "evt_0000000000000001", position: 4712, treeSize: 4711, accounts: 128, root };
const exampleLine = `{"account":"acc_0000000000000001","events":37,"root":"${root}"}`;

const json = (description: string, schema: object, example: object) => ({
  description,
  content: { "application/json": { schema, example } },
});

const censusRefusals = (...codes: ProblemCode[]) =>
  refusalResponses([
    ...queryRefusals([], false).filter((code) => code !== "views-behind" && code !== "key-bound"),
    "census-behind",
    "census-missing",
    ...codes,
  ]);

export const auditPaths: Record<string, Operation> = {
  "/v1/audit/key": {
    get: operation(
      "get-audit-key",
      "The public keys that tree heads are signed with",
      "As verifier keys of C2SP signed-note, one a line: the log's own first, then those before it, newest first. Get it once, from the operator and not from the log that you audit; from any key the log's events `LogKeyRotated` lead to the others.\n\nNeeds the scope `audit`.",
      { responses: { "200": texts("The keys.", `troth/main+c55bb4b5+${"A".repeat(43)}=\n`), ...refusals() } },
    ),
  },
  "/v1/audit/checkpoint": {
    get: operation(
      "get-tree-head",
      "The tree head that was signed last",
      "A signed note (C2SP tlog-checkpoint): origin, size and root. At most a second old while events are appended. Where witnesses have seen this very head, their signatures stand below the log's.\n\nNeeds the scope `audit`.",
      { responses: { "200": texts("The signed tree head.", exampleHead), ...refusals() } },
    ),
  },
  "/v1/audit/anchored": {
    get: operation(
      "get-anchored-head",
      "The last tree head that enough witnesses have seen",
      "A signed note with the cosignatures of the witnesses (C2SP tlog-cosignature), enough of them for the quorum of the operator's policy; trust your own.\n\nNeeds the scope `audit`.",
      { responses: { "200": texts("The signed and cosigned tree head.", exampleAnchored), ...refusals("not-anchored") } },
    ),
  },
  "/v1/audit/anchor": {
    post: operation(
      "anchor-now",
      "Have the log's tree head seen by its witnesses now",
      "Offers what is new to every witness, those that failed lately too, and answers once each has answered or has had ten seconds. Where nothing is new since the last head that all of them saw, nobody is asked.\n\nNeeds the scope `audit`. Not for keys that are bound to a party.",
      {
        responses: {
          "200": {
            description: "What the witnesses have seen, and what went wrong.",
            content: {
              "application/json": {
                schema: {
                  type: "object",
                  properties: {
                    anchored: {
                      description: "The last head that enough witnesses have seen; null for none.",
                      anyOf: [
                        {
                          type: "object",
                          properties: { size: { type: "integer" }, root: { type: "string" }, at: { type: "string" } },
                          required: ["size", "root", "at"],
                        },
                        { type: "null" },
                      ],
                    },
                    witnesses: {
                      type: "array",
                      items: {
                        type: "object",
                        properties: {
                          name: { type: "string" },
                          size: { type: "integer" },
                          cosignedAt: { type: ["string", "null"] },
                          failures: { type: "integer" },
                          failure: { type: ["string", "null"] },
                        },
                        required: ["name", "size", "cosignedAt", "failures", "failure"],
                      },
                    },
                  },
                  required: ["anchored", "witnesses"],
                },
                example: exampleAnchoring,
              },
            },
          },
          ...refusals("no-witnesses", "key-bound"),
        },
      },
    ),
  },
  "/v1/audit/tile/entries/{tile}": {
    get: tile("get-entries", "Leaves of the log", "Up to 256 leaves (C2SP tlog-tiles), each after its length in two bytes.", [
      place,
    ]),
  },
  "/v1/audit/tile/{level}/{tile}": {
    get: tile(
      "get-tile",
      "Hashes of the tree",
      "Up to 256 hashes (C2SP tlog-tiles). A full tile never changes; one that is empty, or wider than the signed tree has it, is not found.",
      [path("level", "0 for the hashes of leaves.", "0"), place],
    ),
  },
  "/v1/audit/consistency": {
    get: operation(
      "get-consistency",
      "The proof that a later tree begins with an earlier one",
      "RFC 9162, section 2.1.4. Hashes are in base64.\n\nNeeds the scope `audit`.",
      {
        parameters: parametersOf(consistencyQuery, "query"),
        responses: {
          "200": {
            description: "The proof. The roots are told for comparison; trust those alone that were signed.",
            content: {
              "application/json": {
                schema: {
                  type: "object",
                  properties: {
                    from: { type: "integer" },
                    to: { type: "integer" },
                    fromRoot: { type: "string" },
                    toRoot: { type: "string" },
                    proof: { type: "array", items: { type: "string" } },
                  },
                  required: ["from", "to", "fromRoot", "toRoot", "proof"],
                },
                example: { from: 1, to: 2, fromRoot: root, toRoot: root, proof: [root] },
              },
            },
          },
          ...refusals(),
        },
      },
    ),
  },
  "/v1/audit/census": {
    get: operation(
      "get-census",
      "The last census",
      "How many accounts have events among the first `treeSize` of the log, and the root over one line an account. The receipt of `event` shows that it was recorded.\n\nNeeds the scope `audit`.",
      { responses: { "200": json("The census.", censusSchema, exampleCensus), ...censusRefusals() } },
    ),
  },
  "/v1/audit/census/{account}": {
    get: operation(
      "get-census-line",
      "One account's line in the last census",
      "`line` is the text that was hashed: how many events concern the account, and the root over their leaf hashes in log order. `proof` leads from it to the census's root.\n\nNeeds the scope `audit`.",
      {
        parameters: parametersOf(censusLineParams, "path"),
        responses: {
          "200": json(
            "The line, its place among the accounts in order of id, and the proof.",
            {
              type: "object",
              properties: {
                account: { type: "string" },
                events: { type: "integer" },
                line: { type: "string" },
                index: { type: "integer" },
                proof: { type: "array", items: { type: "string" } },
                census: censusSchema,
              },
              required: ["account", "events", "line", "index", "proof", "census"],
            },
            { account: "acc_0000000000000001", events: 37, line: exampleLine, index: 4, proof: [root], census: exampleCensus },
          ),
          ...censusRefusals("account-not-counted"),
        },
      },
    ),
  },
  "/v1/audit/bundle": {
    get: operation(
      "get-bundle",
      "Evidence, to be verified without us",
      "The whole log, or everything that concerns one account or promise, as an archive that `troth verify` checks offline (docs/audit.md). It is sent as it is made and ends at one signed tree head; one that broke off does not verify.\n\nNeeds the scope `audit`. Not for keys that are bound to a party.",
      {
        parameters: parametersOf(bundleQuery, "query"),
        responses: {
          "200": {
            description: "The archive.",
            content: { [bundleMediaType]: { schema: { type: "string", format: "binary" }, example: "" } },
          },
          ...refusals(
            "account-not-found",
            "promise-not-found",
            "head-missing",
            "census-behind",
            "vault-unavailable",
            "key-bound",
          ),
        },
      },
    ),
  },
  "/v1/events/{event}/receipt": {
    get: operation(
      "get-receipt",
      "The proof that an event is in the log",
      "A receipt (C2SP tlog-proof): the place of the event, the hashes up to the root, and a signed tree head that holds it, signed now where there is none yet. Keep it: with it the event can't be dropped, changed or back-dated unnoticed. With `anchored=true` the head is the last one that enough witnesses have seen.\n\nNeeds the scope `read`. Not for keys that are bound to a party.",
      {
        parameters: [...parametersOf(receiptParams, "path"), ...parametersOf(receiptQuery, "query")],
        responses: {
          "200": texts("The receipt.", `c2sp.org/tlog-proof@v1\nindex 6\n${root}\n\n${exampleHead}`),
          ...refusals("event-not-found", "not-anchored", "key-bound"),
        },
      },
    ),
  },
};
