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
import type { LogTimes } from "../ledger/log-times.ts";
import type { Vantage } from "../projections/vantage.ts";
import type { Views } from "../projections/views.ts";
import type { Vault } from "../vault/vault.ts";
import { type AskedVantage, type Standing, vantageParameters } from "./vantage.ts";

/** Views as they were. Whoever opens them closes them. */
export type PastViews = { views: Views; close(): void };

/** What questions are answered from. */
export type ReadingDesk = {
  /** The running ones. */
  views: Views;
  log: Log;
  times: LogTimes;
  vault: Pick<Vault, "open" | "accessLog">;
  now(): Instant;
  past(vantage: Vantage): PastViews | Promise<PastViews>;
  /** Base64 of the root of the log's tree at a size; null where nobody can say. Without it nobody can. */
  rootAt?: ((size: number) => Promise<string | null>) | undefined;
};

/** What a query reads, and where on the two axes it stands. */
export type Reading = {
  /** At the vantage. */
  views: Views;
  /** The running ones: what a key bound to a party may see is what it may see now. */
  present: Views;
  log: Log;
  times: LogTimes;
  vault: ReadingDesk["vault"];
  /** When it is asked, for the access log. */
  now: Instant;
  /** Deadlines and thresholds are tested against it. */
  asOf: Instant;
  /** The recording allowance is tested against it. */
  knownAt: Instant;
  /** Where it was asked for: what is known ends at its size. Without it the running views are read, wherever they stand. */
  standing?: Standing;
  /** Of a query that compares: where it compares from. */
  from?: Reading;
  /** For a query that looks from several places: views at any that knows no more than where it stands. Whoever opens them closes them. */
  stand(vantage: Vantage): PastViews | Promise<PastViews>;
};

export type Instants = Pick<Reading, "asOf" | "knownAt">;

export type QueryRequest<Params, Query> = { params: Params; query: Query; caller: Caller };

/** On what an answer rests, so that it can be cited and asked again. */
export const basis = z.strictObject({
  asOf: instant.describe("Facts that happened up to then."),
  knownAt: instant.describe("As it was known then."),
  size: z.int().min(0).describe("How many events of the log it rests on."),
  policy: z.int().min(0).describe("Version of the policy; 0 is the built-in one."),
  root: z
    .string()
    .nullable()
    .optional()
    .describe(
      "Root of the log's tree at that size, in base64, where `asOf` or `knownAt` was asked for: a signed head or a consistency proof bears it out. Null where the log is not signed that far.",
    ),
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
  /** Without `asOf` and `knownAt`: what it tells of is not what happened in a relationship. */
  isOfThePresent?: boolean;
  /** It looks at a whole portfolio, or folds many events, and takes its time. */
  isHeavy?: boolean;
  /** It folds events itself, so no views need be opened where it stands: `views` are the running ones. */
  readsLogAlone?: boolean;
  /** Where it stands, for a query that calls its axes otherwise; `from` where it compares. */
  asks?(query: z.output<Query>): { at: AskedVantage; from?: AskedVantage };
  /** A key bound to a party may ask when this says so; without it such a key may not ask at all. */
  boundTo?(present: Views, party: PartyId, params: z.output<Params>): boolean;
  params: Params;
  query: Query;
  answer: Answer;
  refusals: readonly DomainErrorCode[];
  run(reading: Reading, request: QueryRequest<z.output<Params>, z.output<Query>>): z.output<Answer> | Promise<z.output<Answer>>;
};

export const defineQuery = <Params extends z.ZodObject, Query extends z.ZodObject, Answer extends z.ZodType>(
  definition: QueryDefinition<Params, Query, Answer>,
): QueryDefinition => {
  const standsNow = definition.isOfThePresent === true || definition.asks !== undefined;
  const query = standsNow ? definition.query : (definition.query as z.ZodObject).safeExtend(vantageParameters);
  return { ...definition, query } as unknown as QueryDefinition;
};

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

/** Where a page begins in a list that is put in order anew for each answer. @throws CursorError */
export function placeAfter(cursor: string | undefined): number {
  const [place = 0] = decodeCursor(cursor) ?? [];
  if (typeof place === "number" && Number.isInteger(place) && place >= 0) return place;
  throw new CursorError("`after` is not the `next` of an earlier answer");
}

/** May a key bound to a party see what concerns this account? Its own account's, or where the person stands at it. */
export const concernsAccount = (party: PartyId, account: AccountId, personAccount: AccountId | undefined): boolean =>
  party === account || personAccount === account;
