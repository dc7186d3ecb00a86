/**
 * What was known at one size of the log of what had happened by one instant: the two time axes. The definition, by running the
 * projections over the events that count; every faster way gives the same rows.
 */
import type { StoredEvent } from "../event-store/event-store.ts";
import type { Log } from "../event-store/log.ts";
import type { AccountId, Instant } from "../domain/values.ts";
import { decode, decodeAll, type LedgerEvent } from "../ledger/envelope.ts";
import { inMemoryViews } from "./in-memory.ts";
import { projections } from "./registry.ts";
import type { Views } from "./views.ts";

export type Vantage = {
  /** Facts that had happened by then, it included. */
  asOf: Instant;
  /** The allowance is tested against it. */
  knownAt: Instant;
  /** What was known: this many events of the log. */
  size: number;
};

/** One account's events, with the people, policies, fits and loads that its answers rest on. */
export type Slice = { account: AccountId };

const batchCount = 1_000;

/** Reads the whole log up to the size, twice. */
export function viewsAt(log: Pick<Log, "readAll">, vantage: Vantage, slice?: Slice): { views: Views; close(): void } {
  const { views, applyUnsettled, settle, close } = inMemoryViews(projections);
  const counts = countsAt(vantage, startsIn(eventsUpTo(log, vantage.size)));
  for (const batch of batchesUpTo(log, vantage.size)) applyUnsettled(batch.filter((one) => isRead(one, counts, slice)));
  settle();
  return { views: standingAt(views, vantage.size), close };
}

/** What was left out at the end of the log was known all the same. */
const standingAt = (views: Views, size: number): Views => ({ ...views, position: () => size });

function isRead(stored: StoredEvent, counts: (event: LedgerEvent) => boolean, slice: Slice | undefined): boolean {
  const event = decode(stored);
  return event !== null && counts(event) && (slice === undefined || isIn(event, slice));
}

const isIn = ({ account, stream }: LedgerEvent, slice: Slice): boolean =>
  account === undefined || account === slice.account || stream.startsWith("person-");

/**
 * Whether an event counts at a vantage. What somebody says happened counts from when it did. A correction and a retraction are
 * knowledge and no happening: of an interaction or an outcome the whole stream counts from when it began, as it was last told.
 * Policies, fits, loads and keys are known or not. Nothing counts of a stream whose first event does not. To be asked in the
 * order of the log, of every event.
 */
function countsAt({ asOf }: Pick<Vantage, "asOf">, starts: ReadonlyMap<string, Instant>): (event: LedgerEvent) => boolean {
  const unbegun = new Set<string>();
  return ({ stream, revision, occurredAt }) => {
    if (isKnowledge(stream)) return true;
    const hasHappened = (starts.get(stream) ?? occurredAt) <= asOf;
    if (!hasHappened && revision === 0) unbegun.add(stream);
    return hasHappened && !unbegun.has(stream);
  };
}

/**
 * From when on each of these events counts: the instants between which nothing happened. As `countsAt` has it.
 * @param events whole streams, in the order of the log. Those that are known or not count at no instant, and are left out.
 */
export function countedFrom(events: readonly LedgerEvent[]): Map<number, Instant> {
  const starts = startsIn(events);
  const began = new Map<string, Instant>();
  const counted = new Map<number, Instant>();
  for (const { position, stream, occurredAt } of events) {
    if (isKnowledge(stream)) continue;
    const from = starts.get(stream) ?? occurredAt;
    const first = began.get(stream) ?? from;
    began.set(stream, first);
    counted.set(position, from < first ? first : from);
  }
  return counted;
}

const isKnowledge = (stream: string): boolean => !/^(account|person|interaction|agreement|promise|outcome)-/.test(stream);

/** When each interaction and each outcome began, by the last that was told of it. */
function startsIn(events: Iterable<LedgerEvent>): Map<string, Instant> {
  const starts = new Map<string, Instant>();
  for (const { type, stream, data, occurredAt } of events) {
    if (type === "InteractionRecorded" || type === "InteractionCorrected") starts.set(stream, data.startedAt);
    if (type === "OutcomeRecorded") starts.set(stream, occurredAt);
  }
  return starts;
}

function* eventsUpTo(log: Pick<Log, "readAll">, size: number): Generator<LedgerEvent> {
  for (const batch of batchesUpTo(log, size)) yield* decodeAll(batch);
}

function* batchesUpTo(log: Pick<Log, "readAll">, size: number): Generator<StoredEvent[]> {
  for (let position = 0; position < size;) {
    const batch = log.readAll(position, Math.min(batchCount, size - position));
    if (batch.length === 0) return;
    yield batch;
    position = batch.at(-1)!.position;
  }
}
