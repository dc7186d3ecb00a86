/** Asking a question: where it stands, the views that it reads from there, and pages that stay where they began. */
import { z } from "zod";
import { type Instant, instant } from "../domain/values.ts";
import {
  CursorError,
  decodeCursor,
  encodeCursor,
  type PastViews,
  type QueryDefinition,
  type QueryRequest,
  type Reading,
  type ReadingDesk,
} from "./query.ts";
import type { Vantage } from "../projections/vantage.ts";
import { type AskedVantage, happenedBy, type Standing, VantageError, vantageOf } from "./vantage.ts";

type Asked = Record<string, unknown>;
export type AnyRequest = QueryRequest<Asked, Asked>;

/** Where a question stands; nothing for one that stands at the present. */
export type Standings = { at?: Standing; from?: Standing };

/** Answers questions that take their time. @throws what `ask` throws; the signal's reason once it has aborted. */
export type Reader = (query: QueryDefinition, request: AnyRequest, standings: Standings, signal: AbortSignal) => Promise<unknown>;

/** Answers a question. @throws VantageError, CursorError; what its query throws. */
export async function answer(desk: ReadingDesk, query: QueryDefinition, request: AnyRequest): Promise<unknown> {
  const { cursor, standings } = await standingsOf(desk, query, request);
  return ask(desk, query, { ...request, query: { ...request.query, ...cursor } }, standings);
}

/**
 * From what was asked to where it stands.
 * @param request its query as the schema gives it.
 * @returns `cursor` takes the place of `after`.
 * @throws VantageError, CursorError.
 */
export async function standingsOf(
  desk: ReadingDesk,
  query: QueryDefinition,
  { params, query: asked }: Pick<AnyRequest, "params" | "query">,
): Promise<{ cursor: { after?: string }; standings: Standings }> {
  const { at, from } = query.asks?.(asked) ?? { at: asked as AskedVantage };
  const page = pageIn(asked["after"] as string | undefined, listOf(query, params));
  const cursor = page.after === undefined ? {} : { after: page.after };
  if (query.asks === undefined && !isAsked(at) && page.at === undefined) return { cursor, standings: {} };
  if (asked["after"] !== undefined && !standsThere(at, page.at))
    throw new CursorError("`after` is the `next` of an answer that stands elsewhere");
  const now = { head: desk.log.head(), at: desk.now() };
  const stand = async (one: AskedVantage): Promise<Standing> => {
    const vantage = standingAt(desk, one, now);
    return { ...vantage, root: (await desk.rootAt?.(vantage.size)) ?? null };
  };
  const standings: Standings = { at: await stand(page.at === undefined ? at : { ...at, ...page.at }) };
  if (from !== undefined) standings.from = await stand(from);
  return { cursor, standings };
}

/** @throws VantageError. */
export function standingAt(
  desk: Pick<ReadingDesk, "log" | "times" | "now" | "views">,
  asked: AskedVantage,
  now = { head: desk.log.head(), at: desk.now() },
): Vantage {
  const vantage = vantageOf(asked, desk.times, now.head, now.at);
  if (asked.asOf !== undefined) requireHappened(desk, asked.asOf, asked.names?.asOf ?? "asOf");
  return vantage;
}

export const isAsked = ({ asOf, knownAt }: AskedVantage): boolean => asOf !== undefined || knownAt !== undefined;

/** Loads of history reach back behind the ledger's first event, so its own instant is no bound. */
function requireHappened({ views, times }: Pick<ReadingDesk, "views" | "times">, asOf: Instant, name: string): void {
  if (asOf >= times.at(1)) return;
  // Of each account the first event that concerns it, by an index.
  const happened = views.get(
    `SELECT 1 FROM accounts a WHERE (SELECT min(occurred_at) FROM activity WHERE account = a.id) <= ?1
     UNION ALL SELECT 1 FROM people WHERE places ->> '$[0].from' <= ?1 LIMIT 1`,
    [asOf],
  );
  if (happened === undefined) throw new VantageError("before-ledger", `/${name}`, `nothing is known to have happened by ${asOf}`);
}

/** Answers a question that stands there. The views that it reads are open for as long as it takes. */
export async function ask(
  desk: ReadingDesk,
  query: QueryDefinition,
  request: AnyRequest,
  { at, from }: Standings = {},
): Promise<unknown> {
  const present = presentReading(desk);
  const list = listOf(query, request.params);
  if (at === undefined) return paged(await query.run(present, request), list);
  if (query.readsLogAlone === true) return paged(await query.run({ ...present, ...at, standing: at }, request), list, at);
  const opened: PastViews[] = [];
  const open = async (standing: Standing): Promise<Reading> => {
    const past = await present.stand(standing);
    opened.push(past);
    return { ...present, ...standing, views: past.views, standing };
  };
  try {
    const reading = await open(at);
    if (from !== undefined) reading.from = await open(from);
    return paged(await query.run(reading, request), list, at);
  } finally {
    for (const { close } of opened) close();
  }
}

export function presentReading({ views, log, times, vault, now, past }: ReadingDesk): Reading {
  const at = now();
  const stand = (vantage: Vantage) => past({ ...vantage, asOf: happenedBy(vantage) });
  return { views, present: views, log, times, vault, now: at, asOf: at, knownAt: at, stand };
}

// Pages. A cursor ends in the list that it is of, and that of one that does not stand at the present in where it stands.

const mark = "@";
const stood = z.tuple([instant, instant, z.int()]);

/** The places of one list mean nothing in another. */
const listOf = ({ name }: QueryDefinition, params: Asked): string => [name, ...Object.values(params)].join(" ");

type Page = { after?: string; at?: { asOf: Instant; knownAt: string } };

/** @throws CursorError */
function pageIn(text: string | undefined, list: string): Page {
  const parts = decodeCursor(text);
  if (parts === undefined) return {};
  const marked = parts.lastIndexOf(mark);
  const [named, ...standing] = parts.slice(marked + 1);
  if (marked < 0 || named !== list) throw new CursorError("`after` is not the `next` of an earlier answer of this list");
  const after = encodeCursor(parts.slice(0, marked));
  if (standing.length === 0) return { after };
  const { success, data } = stood.safeParse(standing);
  if (!success) throw new CursorError("`after` is not the `next` of an earlier answer");
  const [asOf, knownAt, size] = data;
  return { after, at: { asOf, knownAt: `${size}@${knownAt}` } };
}

function paged(answer: unknown, list: string, at?: Standing): unknown {
  const { next } = answer as { next?: string | null };
  if (typeof next !== "string") return answer;
  const standing = at === undefined ? [] : [at.asOf, at.knownAt, at.size];
  return { ...(answer as object), next: encodeCursor([...decodeCursor(next)!, mark, list, ...standing]) };
}

/** A page goes on where it began; what is asked beside its cursor may say less, and nothing else. */
function standsThere({ asOf, knownAt }: AskedVantage, page: Page["at"]): boolean {
  if (page === undefined) return false;
  const isThen = asOf === undefined || asOf === page.asOf;
  return isThen && (knownAt === undefined || knownAt === page.knownAt || page.knownAt.split("@").includes(knownAt));
}
