/** Schemas that stand in many places are named once in the document and referred to from there. */
import type { z } from "zod";
import { personalText } from "../../commands/command.ts";
import { matcher, terms } from "../../domain/terms.ts";
import * as values from "../../domain/values.ts";
import { personalFields } from "../../queries/personal.ts";
import { basis } from "../../queries/query.ts";
import { type JsonSchema } from "./example.ts";

type ToJson = (schema: z.ZodType, io: "input" | "output") => JsonSchema;

/** In order: what is part of another comes before it. */
const named: [string, z.ZodType][] = [
  ["Instant", values.instant],
  ["LocalDate", values.localDate],
  ["Slug", values.slug],
  ["TimeZone", values.timeZone],
  ["AccountId", values.accountId],
  ["PersonId", values.personId],
  ["InteractionId", values.interactionId],
  ["AgreementId", values.agreementId],
  ["PromiseId", values.promiseId],
  ["OutcomeId", values.outcomeId],
  ["KeyId", values.keyId],
  ["RecordingId", values.recordingId],
  ["EventId", values.eventId],
  ["PartyId", values.partyId],
  ["SubjectId", values.subjectId],
  ["PersonalText", personalText],
  ["PersonalFields", personalFields],
  ["Terms", terms],
  ["Matcher", matcher],
  ["Basis", basis],
];

export class SharedSchemas {
  readonly schemas: Record<string, JsonSchema> = {};
  readonly #nameOf = new Map<string, string>();

  constructor(toJson: ToJson) {
    for (const [name, schema] of named) {
      const input = this.referring(toJson(schema, "input"));
      this.#nameOf.set(JSON.stringify(bare(input)), name);
      this.schemas[name] = input;
    }
  }

  /** The schema with references in place of what is named. Only descriptions and defaults may differ from what is. */
  referring(schema: JsonSchema): JsonSchema {
    const inner = this.#inner(schema) as JsonSchema;
    const name = this.#nameOf.get(JSON.stringify(bare(inner)));
    if (name === undefined) return inner;
    const { description, default: fallback } = inner;
    const own = this.schemas[name]!["description"];
    return {
      $ref: `#/components/schemas/${name}`,
      ...(description === undefined || description === own ? {} : { description }),
      ...(fallback === undefined ? {} : { default: fallback }),
    };
  }

  #inner(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#inner(item));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).map(([name, member]) => [name, this.#member(name, member)]);
    return Object.fromEntries(entries);
  }

  #member(name: string, member: unknown): unknown {
    if (name === "properties")
      return Object.fromEntries(Object.entries(member as object).map(([key, of]) => [key, this.referring(of as JsonSchema)]));
    if (name === "items" || (name === "additionalProperties" && typeof member === "object"))
      return this.referring(member as JsonSchema);
    if (name === "anyOf" || name === "oneOf") return (member as JsonSchema[]).map((branch) => this.referring(branch));
    return member;
  }
}

function bare(schema: JsonSchema): JsonSchema {
  const { description: _, default: __, ...rest } = schema as JsonSchema & { description?: string };
  return rest as JsonSchema;
}
