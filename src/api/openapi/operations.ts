/** One operation of the document for each command and each query. */
import { z } from "zod";
import type { CommandDefinition } from "../../commands/command.ts";
import type { QueryDefinition } from "../../queries/query.ts";
import { resourceOf } from "../commands.ts";
import { exampleOf, type JsonSchema } from "./example.ts";
import { SharedSchemas } from "./shared-schemas.ts";
import { commandRefusals, queryRefusals, refusalResponses, vantageRefusals } from "./refusals.ts";

export type Operation = Record<string, unknown>;

export function jsonSchemaOf(schema: z.ZodType, io: "input" | "output"): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as JsonSchema & { $schema?: string };
  return json;
}

const shared = new SharedSchemas(jsonSchemaOf);
export const sharedSchemas = shared.schemas;

/** A schema as it stands in the document. */
export const documented = (schema: z.ZodType, io: "input" | "output"): JsonSchema => shared.referring(jsonSchemaOf(schema, io));

/** `/accounts/:account` as the document writes it. */
export const templated = (path: string): string => `/v1${path.replaceAll(/:([a-z]+)/g, "{$1}")}`;

/** Parameters of the path or the query, from the object schema that checks them. */
export function parametersOf(schema: z.ZodObject, where: "path" | "query"): Operation[] {
  const { properties = {}, required = [] } = jsonSchemaOf(schema, "input") as JsonSchema & { required?: string[] };
  return Object.entries(properties).map(([name, { description, ...property }]) => ({
    name,
    in: where,
    required: where === "path" || required.includes(name),
    ...(description === undefined ? {} : { description }),
    // What is coerced from text says nothing of its input; its output says what the text must spell.
    schema: shared.referring(property.type === undefined && property.anyOf === undefined ? outputOf(schema, name) : property),
    ...(where === "path" ? { example: exampleOf(property) } : {}),
  }));
}

function outputOf(schema: z.ZodObject, name: string): JsonSchema {
  const { description: _, ...property } = jsonSchemaOf(schema, "output").properties![name]!;
  return property;
}

const parameter = (name: string) => ({ $ref: `#/components/parameters/${name}` });

export function commandOperation(command: CommandDefinition, queries: readonly QueryDefinition[]): Operation {
  const { name, tag, summary, description, scope, creates, path, params, body, example, refusals, waits = [] } = command;
  const bodySchema = jsonSchemaOf(body, "input") as JsonSchema & { required?: string[] };
  const headers = {
    ETag: { $ref: "#/components/headers/ETag" },
    "Troth-Position": { $ref: "#/components/headers/TrothPosition" },
    "Troth-Node": { $ref: "#/components/headers/TrothNode" },
  };
  const answered = (replayed: boolean) => ({
    "application/json": {
      schema: { $ref: "#/components/schemas/Acknowledgement" },
      example: acknowledgementExample(command, replayed),
    },
  });
  const isRead = resourceOf(path, queries) !== undefined;
  const created = {
    description: "Recorded.",
    headers: isRead ? { ...headers, Location: { $ref: "#/components/headers/Location" } } : headers,
    content: answered(false),
  };
  const unchanged = creates ? "Nothing was added: the request had been answered before." : "Recorded, or nothing to record.";
  return {
    operationId: name,
    tags: [tag],
    summary,
    description: [description, `Needs the scope \`${scope}\`.`].filter(Boolean).join("\n\n"),
    parameters: [
      ...parametersOf(params, "path"),
      parameter("IdempotencyKey"),
      parameter("IfMatch"),
      parameter("TrothCorrelation"),
    ],
    requestBody: {
      required: (bodySchema.required ?? []).length > 0,
      content: { "application/json": { schema: shared.referring(bodySchema), example } },
    },
    responses: {
      "200": { description: unchanged, headers, content: answered(creates === true) },
      ...(creates ? { "201": created } : {}),
      ...refusalResponses([...commandRefusals(refusals), ...waits], Object.keys(params.shape)),
    },
  };
}

/** What an id's prefix says of the stream that holds it, and the event that begins it. */
const begun: Record<string, [category: string, type: string]> = {
  acc: ["account", "AccountOpened"],
  per: ["person", "PersonAdded"],
  int: ["interaction", "InteractionRecorded"],
  agr: ["agreement", "AgreementMade"],
  prm: ["promise", "PromiseMade"],
  out: ["outcome", "OutcomeRecorded"],
  key: ["key", "KeyIssued"],
};

/** The acknowledgement of the example's command: of something new with its first event, else of what was there already. */
function acknowledgementExample({ params, body, creates }: CommandDefinition, replayed: boolean): unknown {
  const own = Object.values(params.shape)[0] ?? body.shape["id"];
  const id = own === undefined ? "ledger" : String(exampleOf(jsonSchemaOf(own as z.ZodType, "output")));
  const [category, type] = begun[id.slice(0, 3)] ?? [];
  const stream = category === undefined ? "ledger" : `${category}-${id}`;
  const event = { id: "evt_0000000000000001", type, position: 1, recordedAt: "2026-01-09T10:00:00.000Z" };
  return { id, stream, revision: 0, position: 1, events: creates && type !== undefined ? [event] : [], replayed };
}

export function queryOperation(query: QueryDefinition): Operation {
  const {
    name,
    tag,
    summary,
    description,
    scope,
    params,
    query: asked,
    answer,
    refusals,
    boundTo,
    isOfThePresent = false,
  } = query;
  const answerSchema = jsonSchemaOf(answer, "output");
  const bound =
    boundTo === undefined
      ? "Not for keys that are bound to a party."
      : "A key that is bound to a party may ask about what concerns it.";
  return {
    operationId: name,
    tags: [tag],
    summary,
    description: [description, `Needs the scope \`${scope}\`. ${bound}`].filter(Boolean).join("\n\n"),
    parameters: [
      ...parametersOf(params, "path"),
      ...parametersOf(asked, "query"),
      parameter("TrothPosition"),
      parameter("TrothCorrelation"),
    ],
    responses: {
      "200": {
        description: "The answer.",
        headers: {
          "Troth-Position": { $ref: "#/components/headers/TrothPosition" },
          "Troth-Node": { $ref: "#/components/headers/TrothNode" },
        },
        content: { "application/json": { schema: shared.referring(answerSchema), example: exampleOf(answerSchema) } },
      },
      ...refusalResponses(
        queryRefusals([...refusals, ...(isOfThePresent ? [] : vantageRefusals)], "after" in asked.shape),
        Object.keys(params.shape),
      ),
    },
  };
}
