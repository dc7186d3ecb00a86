/** The API described by the very schemas that check it. */
import type { ApiDeps } from "../deps.ts";
import { acknowledgement } from "../acknowledgement.ts";
import { auditPaths } from "./audit-operations.ts";
import { exportPaths } from "./export-operations.ts";
import { eventSchema, fixedPaths } from "./fixed-operations.ts";
import { commandOperation, documented, sharedSchemas, type Operation, queryOperation, templated } from "./operations.ts";
import { whatIfPaths } from "./what-if-operations.ts";
import { problemSchema, sharedResponses } from "./refusals.ts";

/** @see https://spec.openapis.org/oas/v3.1.1.html */
export function openApiDocument({ commands, queries, version }: Pick<ApiDeps, "commands" | "queries" | "version">): Operation {
  const paths: Record<string, Operation> = {};
  const add = (path: string, method: string, operation: Operation): void => {
    paths[path] = { ...paths[path], [method]: operation };
  };
  for (const command of commands) add(templated(command.path), command.method.toLowerCase(), commandOperation(command, queries));
  for (const query of queries) add(templated(query.path), "get", queryOperation(query));
  for (const [path, operations] of Object.entries({ ...fixedPaths, ...auditPaths, ...whatIfPaths, ...exportPaths }))
    paths[path] = { ...paths[path], ...operations };
  const tags = new Set([...commands, ...queries].map(({ tag }) => tag));
  return {
    openapi: "3.1.1",
    info: { title: "Troth", version, description: introduction },
    tags: [...tags, "Replay", "Taking it home", "Events", "Verifiable log", "Health"].map((name) => ({ name })),
    security: [{ key: [] }],
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      securitySchemes: {
        key: { type: "http", scheme: "bearer", description: "An API key, as it was shown when it was issued." },
      },
      schemas: {
        ...sharedSchemas,
        Acknowledgement: documented(acknowledgement, "output"),
        Problem: problemSchema,
        Event: eventSchema,
      },
      parameters,
      headers,
      responses: sharedResponses(),
    },
  };
}

const introduction = `A ledger of interactions, promises made and promises kept. Facts are recorded, never changed; everything else is derived from them.

Instants are ISO 8601 in UTC with milliseconds. Ids may be brought along or left to the server. A request that bears an Idempotency-Key may be sent again at any time: it is answered as the first time and recorded once. Refusals are problem details; match on their \`code\`.`;

const header = (name: string, description: string, schema: Operation, example: string) => ({
  name,
  in: "header",
  required: false,
  description,
  schema: { type: "string", ...schema },
  example,
});

const parameters = {
  IdempotencyKey: header(
    "Idempotency-Key",
    "Makes the request safe to send again: the same key of the same caller with the same content is one fact. With other content it is refused. Without it, each request is a fact of its own.",
    { pattern: "^[\\x21-\\x7e]{1,200}$" },
    "calendar-4711",
  ),
  IfMatch: header(
    "If-Match",
    "The ETag that the caller saw. Refused as `stale-revision` where the resource has changed since; `*` and absence ask for nothing.",
    { pattern: '^(\\*|"(0|[1-9][0-9]{0,14})")$' },
    '"3"',
  ),
  TrothPosition: header(
    "Troth-Position",
    "The Troth-Position of an earlier answer, from this node or another: the answer waits until it shows what that one recorded.",
    {},
    "p7",
  ),
  TrothCorrelation: header(
    "Troth-Correlation",
    "A UUID or a trace id of 32 hexadecimal digits that ties together what belongs together. Anything else is replaced by one of ours.",
    {},
    "0198f0a0-0000-4000-8000-000000000001",
  ),
};

const headers = {
  ETag: { description: "The revision, for If-Match.", schema: { type: "string" }, example: '"0"' },
  TrothPosition: {
    description: "How much of the log the answer rests on, as an opaque token.",
    schema: { type: "string" },
    example: "p7",
  },
  TrothNode: {
    description:
      "Only of a node of a cluster that does not follow it just now: `catching-up`, `lost-touch` or `stopped`, and how many seconds ago it last heard of the cluster. There may be more than the answer knows.",
    schema: { type: "string" },
    example: "lost-touch; heard=12",
  },
  Location: { description: "Where it can be read.", schema: { type: "string" }, example: "/v1/accounts/acc_0000000000000001" },
};
