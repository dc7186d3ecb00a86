/** The operations that ask what would hold under another policy. */
import { z } from "zod";
import { difference, whatIfJob, whatIfRequest } from "../../replay/what-if.ts";
import { linesMediaType } from "../events/events.ts";
import type { ProblemCode } from "../problem-codes.ts";
import { differencesQuery, whatIfParams } from "../what-if.ts";
import { documented, type Operation, parametersOf } from "./operations.ts";
import { commandRefusals, queryRefusals, refusalResponses } from "./refusals.ts";

const exampleId = "rpl_00000000000000000000000001";
const at = "2026-07-01T10:00:00.000Z";
const exampleJob = {
  id: exampleId,
  state: "running",
  progress: { phase: "comparing", done: 400, of: 1200 },
  askedAt: at,
  startedAt: at,
  endedAt: null,
  keptUntil: null,
  summary: null,
  failure: null,
};
const exampleDifference = {
  kind: "verdict",
  account: "acc_0000000000000001",
  promise: "prm_0000000000000001",
  occurrence: 1,
  promisor: "per_0000000000000001",
  before: { standing: "pending", at: null, credit: null, reason: null, deadlineAt: at, settlesAt: "2026-07-02T10:00:00.000Z" },
  after: { standing: "broken", at, credit: 0, reason: "deadline", deadlineAt: at, settlesAt: "2026-07-01T11:00:00.000Z" },
  why: [{ rule: "recording-allowance", text: "the clock waits 60 min after deadline and grace instead of 1440 min" }],
};

const json = (description: string, schema: object, example: unknown) => ({
  description,
  content: { "application/json": { schema, example } },
});
const job = documented(whatIfJob, "output");

const notes = "\n\nNeeds the scope `read`. Not for keys that are bound to a party.";
const reads = (isPaged: boolean, ...more: ProblemCode[]) =>
  refusalResponses([...queryRefusals([], isPaged).filter((code) => code !== "views-behind"), ...more]);

const operation = (operationId: string, summary: string, description: string, more: Operation): Operation => ({
  operationId,
  tags: ["Replay"],
  summary,
  description: description + notes,
  parameters: [],
  ...more,
});

export const whatIfPaths: Record<string, Operation> = {
  "/v1/replay": {
    post: operation(
      "start-replay",
      "What would hold under another policy",
      "Runs the ledger, or a slice of it, under another policy and holds it against the one in force: which verdicts, scores, states and ranks would differ, by how much, and why. Answered as a job: read it until it is `done`, then its differences. One runs at a time and four may wait. Nothing is recorded, and the answer is kept for a day at most, or until sixteen others were given.\n\nSent again with the same Idempotency-Key it means the same job, while that is kept.",
      {
        parameters: [{ $ref: "#/components/parameters/IdempotencyKey" }],
        requestBody: {
          required: true,
          content: {
            "application/json": {
              schema: documented(whatIfRequest, "input"),
              example: { policy: { promises: { recordingAllowanceMinutes: 60 } }, slice: { accounts: ["acc_0000000000000001"] } },
            },
          },
        },
        responses: {
          "202": {
            ...json("It was taken. `Location` says where it can be read.", job, { ...exampleJob, state: "waiting" }),
            headers: { Location: { $ref: "#/components/headers/Location" } },
          },
          ...refusalResponses([
            ...commandRefusals(["terms-invalid", "in-the-future", "account-not-found", "person-not-found"]).filter(
              (code) =>
                ![
                  "subject-erased",
                  "stale-revision",
                  "event-too-large",
                  "revision-conflict",
                  "clock-behind",
                  "store-full",
                ].includes(code),
            ),
            "key-bound",
            "views-behind",
            "replays-full",
          ]),
        },
      },
    ),
    get: operation("list-replays", "Replays under way and answered", "In the order in which they were asked for.", {
      responses: {
        "200": json(
          "The replays.",
          { type: "object", properties: { items: { type: "array", items: job } }, required: ["items"] },
          {
            items: [exampleJob],
          },
        ),
        ...reads(false),
      },
    }),
  },
  "/v1/replay/{replay}": {
    get: operation("get-replay", "How far a replay has come, and its summary", "`summary` is there once the state is `done`.", {
      parameters: parametersOf(whatIfParams, "path"),
      responses: { "200": json("The replay.", job, exampleJob), ...reads(false, "replay-not-found") },
    }),
    delete: operation("cancel-replay", "Cancel a replay, or throw its answer away", "Leaves nothing of it.", {
      parameters: parametersOf(whatIfParams, "path"),
      responses: { "204": { description: "It is gone." }, ...reads(false, "replay-not-found") },
    }),
  },
  "/v1/replay/{replay}/differences": {
    get: operation(
      "list-differences",
      "What differs: verdicts, trust, rapport, dormancy and keeping rates",
      "Kind by kind, the largest change first. `Accept: application/x-ndjson` gives all of them, one a line.",
      {
        parameters: [...parametersOf(whatIfParams, "path"), ...parametersOf(differencesQuery, "query")],
        responses: {
          "200": {
            description: "The differences.",
            content: {
              "application/json": {
                schema: documented(z.strictObject({ items: z.array(difference), next: z.string().nullable() }), "output"),
                example: { items: [exampleDifference], next: null },
              },
              [linesMediaType]: { schema: { type: "string" }, example: `${JSON.stringify(exampleDifference)}\n` },
            },
          },
          ...reads(true, "replay-not-found", "replay-unfinished"),
        },
      },
    ),
  },
};
