/** From an answer to its text, along a serialiser that is compiled for its schema. */
import { createRequire } from "node:module";
import { z } from "zod";
import type { FastifyReply } from "fastify";

export const jsonMediaType = "application/json; charset=utf-8";

export type Serialiser = (answer: unknown) => string;

type Shape = Record<string, unknown>;

/** Members that say nothing about how to write a value. */
const kept = new Set(["type", "properties", "items", "additionalProperties", "const", "enum", "nullable"]);

/**
 * A schema cut down to what the serialiser should look at. It must write every answer, never judge one: a union is written
 * as JSON.stringify does, and nothing is required, because an answer that has been given can't be refused. Specs judge answers.
 */
function writable(schema: unknown): unknown {
  if (typeof schema !== "object" || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map(writable);
  const { anyOf, oneOf, allOf, $ref, ...plain } = schema as Shape;
  if (Array.isArray(anyOf)) return nullableOf(anyOf) ?? {};
  if (oneOf !== undefined || allOf !== undefined || $ref !== undefined || Array.isArray(plain["type"])) return {};
  if (plain["const"] !== undefined || plain["enum"] !== undefined) return {};
  const cut: Shape = {};
  for (const [name, value] of Object.entries(plain)) {
    if (!kept.has(name)) continue;
    cut[name] =
      name === "properties"
        ? Object.fromEntries(Object.entries(value as Shape).map(([member, of]) => [member, writable(of)]))
        : writable(value);
  }
  // Integers are written like numbers: the serialiser would round what it was told is one.
  if (cut["type"] === "integer") cut["type"] = "number";
  return cut;
}

function nullableOf(branches: unknown[]): Shape | undefined {
  const rest = branches.filter((branch) => (branch as Shape)["type"] !== "null");
  if (rest.length !== 1 || rest.length === branches.length) return undefined;
  const only = writable(rest[0]) as Shape;
  return only["type"] === undefined ? undefined : { ...only, nullable: true };
}

const require = createRequire(import.meta.url);
let build: ((schema: unknown) => Serialiser) | undefined;

/** Its package is loaded with the first answer: it brings a validator with it, which is a tenth of a start and which nobody asks. */
function compiledFor(schema: unknown): Serialiser {
  build ??= require("fast-json-stringify") as (schema: unknown) => Serialiser;
  return build(schema);
}

/** Compiled once, when it is first used: all of them together would take a tenth of a second of every start. */
export function serialiserOf(answer: z.ZodType): Serialiser {
  let compiled: Serialiser | undefined;
  return (value) => {
    compiled ??= compiledFor(writable(z.toJSONSchema(answer, { io: "output", unrepresentable: "any" })));
    return compiled(value);
  };
}

export const sendJson = (reply: FastifyReply, text: string): FastifyReply =>
  reply.header("content-type", jsonMediaType).send(text);
