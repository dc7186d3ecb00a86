/**
 * A question that other systems ask. One definition serves the HTTP route and the OpenAPI document. Queries read views and the
 * log, never a stream of one aggregate, and never change anything.
 */
import { z } from "zod";
import type { Caller } from "../commands/command.ts";
import type { DomainErrorCode } from "../domain/errors.ts";
import type { KeyScope } from "../domain/key.ts";
import { type AccountId, type Instant, instant, type PartyId } from "../domain/values.ts";
import type { Log } from "../event-store/log.ts";
import type { Views } from "../projections/views.ts";
import type { Vault } from "../vault/vault.ts";

/** What a query may read. */
export type ReadingDesk = { views: Views; log: Log; vault: Vault; now(): Instant };

export type QueryRequest<Params, Query> = { params: Params; query: Query; caller: Caller };

/** On what an answer rests, so that it can be cited and asked again. */
export const basis = z.strictObject({
  asOf: instant.describe("Facts that happened up to then."),
  knownAt: instant.describe("As it was known then."),
  size: z.int().min(0).describe("How many events of the log it rests on."),
  policy: z.int().min(0).describe("Version of the policy; 0 is the built-in one."),
});
export type Basis = z.infer<typeof basis>;

export type QueryDefinition<
  Params extends z.ZodObject = z.ZodObject,
  Query extends z.ZodObject = z.ZodObject,
  Answer extends z.ZodType = z.ZodType,
> = {
  /** Its operation id in OpenAPI. */
  name: string;
  /** Below `/v1`, with `:name` for each of `params`. */
  path: string;
  tag: string;
  summary: string;
  description?: string;
  scope: KeyScope;
  /** A key bound to a party may ask when this says so; without it such a key may not ask at all. */
  boundTo?(desk: ReadingDesk, party: PartyId, params: z.output<Params>): boolean;
  params: Params;
  query: Query;
  answer: Answer;
  refusals: readonly DomainErrorCode[];
  run(desk: ReadingDesk, request: QueryRequest<z.output<Params>, z.output<Query>>): z.output<Answer> | Promise<z.output<Answer>>;
};

export const defineQuery = <Params extends z.ZodObject, Query extends z.ZodObject, Answer extends z.ZodType>(
  definition: QueryDefinition<Params, Query, Answer>,
): QueryDefinition => definition as unknown as QueryDefinition;

/** A query whose `until` lies before its `from` asks for nothing, and means something else. */
export const inOrder = <Shape extends z.ZodRawShape & { from: z.ZodType; until: z.ZodType }>(
  query: z.ZodObject<Shape, z.core.$strict>,
) => query.refine((asked) => !isReversed(asked), { path: ["until"], error: "must not be earlier than `from`" });

function isReversed({ from, until }: { from?: unknown; until?: unknown }): boolean {
  return typeof from === "string" && typeof until === "string" && until < from;
}

/** A page of a list, and the cursor of the next one while there is one. */
export const page = {
  limit: z.coerce.number().int().min(1).max(500).default(50),
  after: z.string().max(400).optional().describe("The `next` of the page before."),
};
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ items: z.array(item), next: z.string().nullable(), basis });

export const encodeCursor = (parts: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(parts)).toString("base64url");

/** Thrown for a cursor that none of our answers gave out. */
export class CursorError extends Error {}

export function decodeCursor(cursor: string | undefined): (string | number)[] | undefined {
  if (cursor === undefined) return undefined;
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (Array.isArray(parts) && parts.every((part) => typeof part === "string" || typeof part === "number")) return parts;
  } catch {
    // Falls through: a cursor is ours or it is not.
  }
  throw new CursorError("`after` is not the `next` of an earlier answer");
}

/** May a key bound to a party see what concerns this account? Its own account's, or where the person stands at it. */
export const concernsAccount = (party: PartyId, account: AccountId, personAccount: AccountId | undefined): boolean =>
  party === account || personAccount === account;
