/**
 * Following the cluster. The client's subscriptions never resume by themselves, and one may stay silent for ever without an error:
 * so the loop is ours, and so is the heartbeat.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { AllStreamResolvedEvent, AllStreamSubscription, KurrentDBClient } from "@kurrent/kurrentdb-client";
import type { Connection } from "./connection.ts";
import { type Place, type ReceivedEvent, receivedEvent } from "./cluster-event.ts";
import { CopyBrokenError } from "./copy.ts";
import { backoffMs, TimedOutError } from "./retry.ts";

export type Pace = {
  /** After so long without a word the cluster is asked something. */
  heartbeatMs: number;
  /** After so long without a word the subscription is made anew, though the cluster answers; sooner where something is owed. */
  silenceMsMax: number;
  /** How long a subscription may take to be confirmed. */
  confirmMsMax: number;
  retryMsFirst: number;
  retryMsMost: number;
};

export const usualPace: Pace = {
  heartbeatMs: 3_000,
  silenceMsMax: 30_000,
  confirmMsMax: 5_000,
  retryMsFirst: 50,
  retryMsMost: 3_000,
};

export type Follower = {
  prefix: string;
  /** Whence to go on. */
  place(): Place | undefined;
  /** Asks whether the cluster still holds what was followed last. @throws CopyBrokenError where it holds something else there. */
  ask(): Promise<void>;
  /** Takes events in order, and a place before which there are no more. What it throws ends the subscription, not the following. */
  take(events: readonly ReceivedEvent[], passed: Place | undefined): void;
  /** Since when the cluster has stored something that has not come; undefined where it owes nothing. */
  owedSince(): number | undefined;
  /** The cluster has said something. */
  heard(): void;
  caughtUp(): void;
  fellBehind(): void;
  lost(cause: unknown): void;
};

/** Bounds of one transaction of the copy, so that requests are answered in between: some 30 ms. */
const batchCountMax = 2_000;
const batchBytesMax = 4 * 1024 * 1024;
/**
 * After a write so many times what it took is waited for more. A transaction costs as much as twenty events of it: where events come
 * one by one and faster than that, they are better written together; where they come slower, nothing waits.
 */
const restPerWrite = 2;
/** While it catches up nobody waits for a single event, and larger transactions cost less. */
const catchingUpRestMs = 20;
/** Events on their way from the client to the inbox. */
const handedOverCountMax = 500;
/** A filter that matches little makes the server say so after each such stretch of the log, and not more often. */
const searchWindow = 10_000;

/** Follows until `signal` aborts. @throws CopyBrokenError, after which nothing more is to be followed. */
export async function followCluster(connection: Connection, follower: Follower, pace: Pace, signal: AbortSignal): Promise<void> {
  for (let failureCount = 0; !signal.aborted;) {
    const startedAt = performance.now();
    try {
      // A new client takes half a second to its first read: a new copy has nothing to ask for.
      if (follower.place() !== undefined) await follower.ask();
      await connection.use((client) => receive(client, follower, pace, signal));
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof CopyBrokenError) throw error;
      failureCount = performance.now() - startedAt > pace.retryMsMost ? 1 : failureCount + 1;
      follower.lost(error);
      await delay(backoffMs(failureCount, pace.retryMsFirst, pace.retryMsMost), undefined, { signal }).catch(() => {});
    }
  }
}

type Item = AllStreamResolvedEvent | { passed: Place } | "caught-up" | "fell-behind";

/** One subscription. Resolves when it is aborted or has been silent for long, rejects with whatever else ends it. */
function receive(client: KurrentDBClient, follower: Follower, pace: Pace, signal: AbortSignal): Promise<undefined> {
  const ended = Promise.withResolvers<undefined>();
  let isOver = false;
  const end = (error?: unknown): void => {
    isOver = true;
    if (error === undefined) ended.resolve(undefined);
    else ended.reject(error as Error);
  };
  const inbox = inboxOf(follower, end);
  const pulse = pulseOf(follower, pace, end);
  const subscription = subscribe(client, follower, (item) => {
    if (isOver) return;
    pulse.heard();
    inbox.put(item);
  });
  subscription.on("confirmation", pulse.heard);
  // The listener stays: errors that come after the end have nobody else.
  subscription.on("error", (error) => end(error));
  subscription.on("end", () => end(new Error("the server ended the subscription")));
  subscription.on("close", () => end(new Error("the subscription was closed")));
  const abort = (): void => end();
  signal.addEventListener("abort", abort);
  if (signal.aborted) abort();
  return ended.promise.finally(() => {
    pulse.stop();
    signal.removeEventListener("abort", abort);
    // Not awaited: it waits for a connection, which may never come.
    subscription.unsubscribe().catch(() => {});
  });
}

/**
 * What is no event is put in line with the events. The client calls back about it before it has handed over the events that came
 * earlier, and a place remembered too early would skip them for good.
 */
function subscribe(client: KurrentDBClient, follower: Follower, onItem: (item: Item) => void): AllStreamSubscription {
  const place = follower.place();
  const subscription = client.subscribeToAll(
    {
      fromPosition: place ?? "start",
      filter: {
        filterOn: "streamName",
        prefixes: [`${follower.prefix}/`],
        maxSearchWindow: searchWindow,
        checkpointInterval: 1,
        // What it throws would be an unhandled rejection.
        checkpointReached: (_, passed) => void (isPlace(passed) && subscription.push({ passed } satisfies Item)),
      },
    },
    { highWaterMark: handedOverCountMax },
  );
  subscription.on("caughtUp", () => subscription.push("caught-up" satisfies Item));
  subscription.on("fellBehind", () => subscription.push("fell-behind" satisfies Item));
  subscription.on("data", (item: Item) => onItem(item));
  return subscription;
}

/** A server that has found nothing says that it passed place -1, which arrives as the largest number there is. */
const isPlace = ({ commit, prepare }: Place): boolean => commit < 2n ** 63n && prepare < 2n ** 63n;

/** Gathers what one turn of the event loop brings. Writing at once when the bounds are reached holds the sender up, and so bounds memory. */
function inboxOf(follower: Follower, fail: (error: unknown) => void): { put(item: Item): void } {
  let events: ReceivedEvent[] = [];
  let bytes = 0;
  let passed: Place | undefined;
  let isDue = false;
  let restUntil = 0;
  let isCatchingUp = true;

  const flush = (): boolean => {
    const [taken, passedHere] = [events, passed];
    events = [];
    bytes = 0;
    passed = undefined;
    if (taken.length === 0 && passedHere === undefined) return true;
    const startedAt = performance.now();
    try {
      follower.take(taken, passedHere);
    } catch (error) {
      fail(error);
      return false;
    }
    const endedAt = performance.now();
    restUntil = endedAt + Math.max(restPerWrite * (endedAt - startedAt), isCatchingUp ? catchingUpRestMs : 0);
    return true;
  };
  const flushSoon = (): void => {
    if (isDue) return;
    isDue = true;
    const whenDue = (): void => {
      isDue = false;
      flush();
    };
    const restMs = restUntil - performance.now();
    if (restMs > 0) setTimeout(whenDue, restMs);
    else setImmediate(whenDue);
  };
  return {
    put(item) {
      if (item === "caught-up" || item === "fell-behind") {
        if (!flush()) return;
        isCatchingUp = item === "fell-behind";
        return item === "caught-up" ? follower.caughtUp() : follower.fellBehind();
      }
      if ("passed" in item) {
        passed = item.passed;
      } else if (item.event !== undefined) {
        const event = receivedEvent(follower.prefix, item.event);
        events.push(event);
        bytes += event.leaf.byteLength + (event.ciphertext?.length ?? 0);
      }
      if (events.length >= batchCountMax || bytes >= batchBytesMax) flush();
      else flushSoon();
    },
  };
}

/** The heartbeat of one subscription. */
function pulseOf(follower: Follower, pace: Pace, end: (error?: unknown) => void): { heard(): void; stop(): void } {
  const startedAt = performance.now();
  let wordAt: number | undefined;
  let isAsking = false;

  const ask = async (): Promise<void> => {
    isAsking = true;
    try {
      await follower.ask();
      follower.heard();
    } catch (error) {
      end(error);
    }
    isAsking = false;
  };
  /** Whatever an earlier subscription did not give, this one has its time for. */
  const owedMs = (now: number): number => now - Math.max(startedAt, follower.owedSince() ?? now);
  const look = (): void => {
    const now = performance.now();
    if (wordAt === undefined) {
      if (now - startedAt > pace.confirmMsMax) end(new TimedOutError("a subscription", pace.confirmMsMax));
    } else if (now - wordAt > pace.silenceMsMax || owedMs(now) > pace.heartbeatMs) {
      end();
    } else if (now - wordAt > pace.heartbeatMs && !isAsking) {
      void ask();
    }
  };
  const timer = setInterval(look, pace.heartbeatMs / 2);
  return {
    heard: () => {
      wordAt = performance.now();
      follower.heard();
    },
    stop: () => clearInterval(timer),
  };
}
