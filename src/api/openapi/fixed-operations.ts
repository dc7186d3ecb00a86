/** The operations that are neither a command nor a query: the batch, the log itself, and health. */
import { acceptedExample, batchLine, batchResult } from "../batch/line-command.ts";
import { batchMediaType, batchQuery } from "../batch/batch.ts";
import { eventStreamMediaType } from "../events/event-stream.ts";
import { eventsQuery, oneEventParams, oneEventQuery } from "../events/events.ts";
import type { ProblemCode } from "../problem-codes.ts";
import { documented, type Operation, parametersOf } from "./operations.ts";
import { commandRefusals, queryRefusals, refusalResponses } from "./refusals.ts";

const exampleEvent = {
  account: "acc_0000000000000001",
  actor: { id: "key_0000000000000001", kind: "key" },
  correlation: "0198f0a0-0000-4000-8000-000000000001",
  data: { startedAt: "2026-01-09T10:00:00.000Z", kind: "visit", purpose: "relationship", direction: "outbound" },
  id: "evt_0000000000000001",
  occurredAt: "2026-01-09T10:00:00.000Z",
  recordedAt: "2026-01-09T11:00:00.000Z",
  revision: 0,
  sealed: [],
  stream: "interaction-int_0000000000000001",
  type: "InteractionRecorded",
  v: 1,
  position: 7,
};

export const eventSchema = {
  type: "object",
  description:
    "An event as it was hashed, with its place in the log, and with `opened` where sealed text was asked for. Its `data` is described by its `type` and version `v`.",
  properties: {
    v: { type: "integer" },
    id: { type: "string" },
    type: { type: "string" },
    stream: { type: "string" },
    revision: { type: "integer" },
    position: { type: "integer" },
    occurredAt: { type: "string", format: "date-time" },
    recordedAt: { type: "string", format: "date-time" },
    account: { type: "string" },
    actor: { type: "object" },
    correlation: { type: "string" },
    causation: { type: "string" },
    request: { type: "string" },
    data: { type: "object" },
    sealed: { type: "array", items: { type: "object" } },
    opened: {
      type: "array",
      items: {
        type: "object",
        properties: {
          subject: { type: "string" },
          field: { type: "string" },
          status: { type: "string", enum: ["opened", "erased", "unavailable"] },
          value: { type: "string" },
        },
      },
    },
  },
  required: [
    "v",
    "id",
    "type",
    "stream",
    "revision",
    "position",
    "occurredAt",
    "recordedAt",
    "actor",
    "correlation",
    "data",
    "sealed",
  ],
};

const event = { $ref: "#/components/schemas/Event" };
const pageSchema = {
  type: "object",
  properties: {
    items: { type: "array", items: event },
    next: {
      type: "string",
      description:
        "The cursor: send it as `after` to go on from here. Always there, at the head of the log too; opaque, never out of date, and the same for every filter.",
    },
  },
  required: ["items", "next"],
};

const eventRefusals = (isPaged: boolean, ...more: ProblemCode[]) =>
  refusalResponses([...queryRefusals([], isPaged).filter((code) => code !== "views-behind"), ...more]);

const listEvents: Operation = {
  operationId: "list-events",
  tags: ["Events"],
  summary: "The log: a page, all lines up to its head, or a stream that follows it",
  description:
    "`Accept` chooses. As JSON, one page: `next` is where to go on, also at the head of the log: the page after it is empty and gives the same `next` until the log has grown. A page may hold fewer events than `limit`, or none, before the head is reached, because one request looks at a bounded part of the log; `next` has then moved on. As `application/x-ndjson`, one event a line up to the head of the log when the request came. As `text/event-stream`, every event from `after` on and then as they are appended; `id` names the place, and `Last-Event-ID` goes on from it, missing and repeating nothing.\n\nNeeds the scope `read`, and `personal` too for `open`. Not for keys that are bound to a party.",
  parameters: [
    ...parametersOf(eventsQuery, "query"),
    {
      name: "Last-Event-ID",
      in: "header",
      description:
        "The `id` of the last event that an event stream gave: it goes on after that one. Wins over `after`. Browsers send it by themselves.",
      schema: { type: "string" },
      example: "p7",
    },
  ],
  responses: {
    "200": {
      description: "The events, in the order of the log.",
      content: {
        "application/json": { schema: pageSchema, example: { items: [exampleEvent], next: "p7" } },
        [batchMediaType]: { schema: { type: "string" }, example: `${JSON.stringify(exampleEvent)}\n` },
        [eventStreamMediaType]: { schema: { type: "string" }, example: `id: p7\ndata: ${JSON.stringify(exampleEvent)}\n\n` },
      },
    },
    ...eventRefusals(true),
  },
};

const getEvent: Operation = {
  operationId: "get-event",
  tags: ["Events"],
  summary: "One event",
  description: "Needs the scope `read`, and `personal` too for `open`. Not for keys that are bound to a party.",
  parameters: [...parametersOf(oneEventParams, "path"), ...parametersOf(oneEventQuery, "query")],
  responses: {
    "200": { description: "The event.", content: { "application/json": { schema: event, example: exampleEvent } } },
    ...eventRefusals(false, "event-not-found"),
  },
};

const exampleLine = {
  command: "record-interaction",
  body: {
    account: "acc_0000000000000001",
    kind: "visit",
    purpose: "relationship",
    direction: "outbound",
    startedAt: "2026-01-09T10:00:00.000Z",
  },
  idempotencyKey: "calendar-4711",
};

const batch: Operation = {
  operationId: "batch",
  tags: ["Loading history"],
  summary: "Many commands in one request",
  description:
    "One command a line in, one result a line out, in the same order and while the request is still being sent: read the results as you send, or both sides wait for each other. Lines run together, as if one after another: a line may refer to what an earlier one makes. Each needs the scope of its command; one that is refused stops none of the others.\n\nThe last line is a summary; without it the request broke off, and what was answered until then is recorded. With `source`, a first line names the load of history that was opened, promises join it unless they name another, and it is completed at the end. A request that broke off leaves it open; the same lines with the same Idempotency-Key go on with it.\n\nA request with an Idempotency-Key may be sent again: a line without a key of its own is known by its number, so the same lines add nothing, and another content or another command on the same line is refused with `idempotency-key-reused`.",
  parameters: [
    ...parametersOf(batchQuery, "query"),
    { $ref: "#/components/parameters/IdempotencyKey" },
    { $ref: "#/components/parameters/TrothCorrelation" },
  ],
  requestBody: {
    required: true,
    content: {
      [batchMediaType]: { schema: documented(batchLine, "input"), example: `${JSON.stringify(exampleLine)}\n` },
    },
  },
  responses: {
    "200": {
      description: "The results.",
      content: { [batchMediaType]: { schema: documented(batchResult, "output"), example: acceptedExample } },
    },
    ...refusalResponses(
      commandRefusals(["not-your-part", "in-the-future"]).filter(
        (code) =>
          !["body-too-large", "json-too-deep", "malformed-json", "stale-revision", "event-too-large", "request-timeout"].includes(
            code,
          ),
      ),
    ),
  },
};

const json = (description: string, example: unknown) => ({
  description,
  content: { "application/json": { schema: { type: "object" }, example } },
});
const ready = { status: "ready", store: "running", views: "running", tree: "running", position: 7, viewsPosition: 7, lag: 0 };

const health = (operationId: string, summary: string, description: string, responses: Operation): Operation => ({
  operationId,
  tags: ["Health"],
  summary,
  description,
  security: [],
  responses,
});

export const fixedPaths: Record<string, Operation> = {
  "/v1/batch": { post: batch },
  "/v1/events": { get: listEvents },
  "/v1/events/{event}": { get: getEvent },
  "/livez": {
    get: health("livez", "Is the process alive?", "Needs no key.", { "200": json("It is.", { status: "alive" }) }),
  },
  "/readyz": {
    get: health(
      "readyz",
      "May it be sent requests?",
      "Needs no key. `tree` tells of the verifiable log: `diverged` calls for the operator, and everything but the audit routes goes on. `anchored` is the last tree head that enough witnesses have seen, where the ledger has any; null while there is none.",
      {
        "200": json("It may.", ready),
        "503": json("Not now: the log can't be read, or the views are being built or have failed.", {
          ...ready,
          status: "not-ready",
          views: "building",
        }),
      },
    ),
  },
  "/metrics": {
    get: {
      ...health(
        "metrics",
        "Figures for Prometheus",
        "Needs no key from the machine itself, unless the operator asks for one; from elsewhere the scope `audit`.",
        {
          "200": {
            description: "The figures.",
            content: { "text/plain": { schema: { type: "string" }, example: "troth_log_position 7\n" } },
          },
          ...refusalResponses(["unauthorized", "scope-missing"]),
        },
      ),
      security: [{}, { key: [] }],
    },
  },
};
