/**
 * The difference between two vantages, taken apart: each event between them, and time alone, with what it changed of each figure.
 * The parts of a figure lead from its value here to its value there without a gap, so they add up to the whole.
 */
import { type AccountId, epochMs, type Instant, instantAt } from "../domain/values.ts";
import { decodeAll, type LedgerEvent } from "../ledger/envelope.ts";
import { countedFrom, type Vantage } from "../projections/vantage.ts";
import type { Reading } from "../queries/query.ts";
import { type Change, changesBetween } from "./changes.ts";
import { AccountFigures, type Explained, nothingYet } from "./figures.ts";
import { positionsOf } from "./steps.ts";

/** @property events that did it, as places in the log; none where time alone did. */
export type Part = { events: number[]; reason: string | null; before: Change["before"]; after: Change["after"] };

/** @property parts null where more lies between than is stepped through. */
export type Difference = Change & { parts: Part[] | null };

/** What the way is found by: the log, views that know all that both ends know, and views that stand at a vantage. */
export type Ground = Pick<Reading, "log" | "present" | "stand">;

/** Looks at the account between the two. Each takes some milliseconds for an account of a thousand interactions. */
export const lookCountMax = 200;
/** Events that are read to find the way. */
const eventCountMax = 20_000;

/** Where one looks, and what stands between there and the place before. */
type Place = { vantage: Vantage; cause: string; events: number[] };

/** What differs, and why; undefined where there is no such account at either end. */
export async function differenceOf(
  ground: Ground,
  account: AccountId,
  from: Vantage,
  to: Vantage,
): Promise<Difference[] | undefined> {
  const figures = new AccountFigures(account);
  const look = async (vantage: Vantage): Promise<Explained> => {
    const { views, close } = await ground.stand(vantage);
    try {
      return figures.read(views).at(vantage);
    } finally {
      close();
    }
  };
  const [first, last] = [await look(from), await look(to)];
  if (first === nothingYet && last === nothingYet) return undefined;
  const whole = changesBetween(first, last, null);
  const way = whole.length === 0 ? [] : wayBetween(ground, account, from, to);
  if (way === undefined) return whole.map((change) => ({ ...change, parts: null }));
  const parts = new Map<string, Part[]>();
  let before = first;
  for (const { vantage, cause, events } of way) {
    const after = await look(vantage);
    for (const change of changesBetween(before, after, cause)) {
      const its = parts.get(pathOf(change)) ?? [];
      parts.set(pathOf(change), its);
      join(its, { events, reason: change.reason, before: change.before, after: change.after });
    }
    before = after;
  }
  return whole.map((change) => {
    const its = parts.get(pathOf(change)) ?? [];
    return { ...change, reason: change.reason ?? reasonOf(its), parts: its };
  });
}

/** The time before and after an event that did not touch a figure is one stretch of time. */
function join(parts: Part[], part: Part): void {
  const last = parts.at(-1);
  const goesOn = last !== undefined && last.events.length + part.events.length === 0 && last.reason === part.reason;
  if (goesOn) last.after = part.after;
  else parts.push(part);
}

const pathOf = ({ projection, figure }: Change): string => `${projection}.${figure}`;

const toldMax = 3;

/** The reasons of its parts, each once: the first few, and how many more. */
function reasonOf(parts: readonly Part[]): string {
  const reasons = [...new Set(parts.map(({ reason }) => reason))];
  const left = reasons.length - toldMax;
  return [...reasons.slice(0, toldMax), ...(left > 0 ? [`and ${left} more`] : [])].join("; ");
}

/**
 * From one vantage to the other, the end included; undefined where the way is too long. Where both ends stand as of the instant at
 * which they know, so does the way: as was answered then. Otherwise first what was learned, then what happened.
 */
function wayBetween(ground: Ground, account: AccountId, from: Vantage, to: Vantage): Place[] | undefined {
  const isAnswered = from.asOf === from.knownAt && to.asOf === to.knownAt;
  const turn = isAnswered ? to : { ...to, asOf: from.asOf };
  const [after, upTo] = [Math.min(from.size, to.size), Math.max(from.size, to.size)];
  // What happened when is told by whole streams.
  const told = eventsOf(ground, account, turn.asOf === to.asOf ? after : 0, upTo);
  if (told === undefined) return undefined;
  const way = directed(learned(told, after, isAnswered ? undefined : from.asOf), from, turn);
  if (turn.asOf !== to.asOf) way.push(...directed(happened(told, turn, to), turn, to));
  return way.length > lookCountMax ? undefined : way;
}

/** @property isStep of the account's own history, or of what everybody's figures rest on. */
type Told = { event: LedgerEvent; isStep: boolean };

function eventsOf({ log, present }: Ground, account: AccountId, after: number, upTo: number): Told[] | undefined {
  const { told, positions } = positionsOf(log, present, account, upTo);
  const wanted = positions.filter((position) => position > after);
  if (wanted.length > eventCountMax) return undefined;
  return decodeAll(log.readPositions(wanted)).map((event) => ({ event, isStep: told.has(event.position) }));
}

/** Each event after a size of the log, and the time until it was recorded. @param asOf the instant of recording where absent. */
function learned(events: readonly Told[], after: number, asOf: Instant | undefined): Place[] {
  return events
    .filter(({ event, isStep }) => isStep && event.position > after)
    .flatMap(({ event: { position, recordedAt, type } }) => {
      const instants = { asOf: asOf ?? recordedAt, knownAt: recordedAt };
      return [
        { vantage: { ...instants, size: position - 1 }, cause: "time", events: [] },
        { vantage: { ...instants, size: position }, cause: type, events: [position] },
      ];
    });
}

/** Between two instants, by the same knowledge: what happened at each, and the time until then. */
function happened(told: readonly Told[], a: Vantage, b: Vantage): Place[] {
  const [early, late] = a.asOf < b.asOf ? [a, b] : [b, a];
  const known = told.map(({ event }) => event).filter(({ position }) => position <= a.size);
  const counted = countedFrom(known);
  const within = known.filter(({ position }) => isWithin(counted.get(position), early.asOf, late.asOf));
  return [...Map.groupBy(within, ({ position }) => counted.get(position)!)]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([asOf, some]) => [
      { vantage: { ...a, asOf: instantAt(epochMs(asOf) - 1) }, cause: "time", events: [] },
      { vantage: { ...a, asOf }, cause: typesOf(some), events: some.map(({ position }) => position) },
    ]);
}

const isWithin = (instant: Instant | undefined, after: Instant, upTo: Instant): boolean =>
  instant !== undefined && instant > after && instant <= upTo;

const typesOf = (events: readonly LedgerEvent[]): string => [...new Set(events.map(({ type }) => type))].join(", ");

/** Places come in the order of time. Whoever looks back goes through them from the end: what led to a place then leads away from it. */
function directed(places: readonly Place[], from: Vantage, to: Vantage): Place[] {
  const end: Place = { vantage: to, cause: "time", events: [] };
  const isBack = from.size > to.size || (from.size === to.size && from.asOf > to.asOf);
  if (!isBack) return [...places, end];
  const back = places.toReversed();
  const vantages = [...back.map(({ vantage }) => vantage), to];
  return [end, ...back].map(({ cause, events }, index) => ({ vantage: vantages[index]!, cause, events }));
}
