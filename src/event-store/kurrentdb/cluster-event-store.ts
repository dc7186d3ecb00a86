/**
 * The log on a KurrentDB cluster, seen from one node. The cluster is the truth and fixes the order; the node follows it into a copy of
 * its own, and answers every read from there. An append goes to the cluster and is answered once the copy holds it: only then is its
 * position known, and only then does a read of this node see it.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  type Appended,
  type NewEvent,
  noStream,
  RevisionConflictError,
  type StoredEvent,
  StoreUnavailableError,
} from "../event-store.ts";
import { followLog } from "../follow.ts";
import { type AppendOutcome, type CopyStatus, type LocalEventStore } from "../log.ts";
import { News } from "../news.ts";
import { attemptAppend } from "./appending.ts";
import { Arrivals, type ExpectedAppend } from "./arrivals.ts";
import { clusterEvent, physicalStream, type Place, type ReceivedEvent } from "./cluster-event.ts";
import { clientMaker, Connection } from "./connection.ts";
import { type Copy, CopyBrokenError, openCopy } from "./copy.ts";
import { type Reading, readingOf } from "./reading.ts";
import { backoffMs } from "./retry.ts";
import { followCluster, type Pace, usualPace } from "./subscription.ts";
import { Turns } from "./turns.ts";

export type ClusterEventStoreOptions = {
  /** As the client of the cluster has it. It may hold a password and is shown nowhere. */
  connectionString: string;
  /** Streams lie on the cluster as `<prefix>/<stream>`. Letters, digits, `.`, `_` and `-`, beginning with a letter or digit. */
  prefix: string;
  /** The file of this node's own copy. */
  copyPath: string;
  /** Called with every event that the copy has taken, in order, before anybody else hears of it. It must not throw. */
  onCopied?: (events: readonly StoredEvent[]) => void;
  /** Called for every append that was answered. */
  onAppend?: (outcome: AppendOutcome, ms: number) => void;
  /** How long an append is tried, and one attempt at it or one read waited for. Default 10,000 and 3,000. */
  appendMsMax?: number;
  attemptMsMax?: number;
  pace?: Partial<Pace>;
};

export type ClusterCounters = { stored: number; conflicts: number; failed: number; retries: number; reconnects: number };

export interface ClusterEventStore extends LocalEventStore {
  catchUp(stream: string): Promise<void>;
  /** Resolves once the copy has held all that the cluster held. @throws StoreUnavailableError when it has stopped or is closed. */
  caughtUp(): Promise<void>;
  status(): CopyStatus;
  counters(): ClusterCounters;
}

/** Reads of single streams for `catchUp` that are under way together; others wait. Unknown names may come from anybody. */
const askingCountMax = 16;

/**
 * Opens the copy and begins to follow; does not wait for the cluster, which may be away.
 *
 * @throws StoreUnavailableError, LogFormatError, CopyBrokenError for a copy that can't be used; Error for the connection string.
 */
export async function openClusterEventStore(options: ClusterEventStoreOptions): Promise<ClusterEventStore> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(options.prefix)) throw new RangeError(`no prefix of streams: ${options.prefix}`);
  const make = await clientMaker(options.connectionString);
  const connections = { appends: new Connection(make), reads: new Connection(make), subscription: new Connection(make) };
  return new FollowingStore(openCopy(options.copyPath, options.prefix), connections, options);
}

type Connections = { appends: Connection; reads: Connection; subscription: Connection };

class FollowingStore implements ClusterEventStore {
  readonly #copy: Copy;
  readonly #connections: Connections;
  readonly #options: ClusterEventStoreOptions;
  readonly #appendMsMax: number;
  readonly #attemptMsMax: number;
  readonly #pace: Pace;
  readonly #reading: Reading;
  readonly #arrivals: Arrivals;
  readonly #news = new News();
  readonly #stopping = new AbortController();
  readonly #following: Promise<void>;
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #asking = new Turns(askingCountMax);
  readonly #counters = { stored: 0, conflicts: 0, failed: 0, retries: 0 };
  readonly #firstLevel = Promise.withResolvers<undefined>();
  #state: CopyStatus["state"] = "catching-up";
  #failure: string | undefined;
  #heardAt: number | undefined;
  #levelAt = performance.now();
  /** The cluster has said so long ago that it stored something, and nothing has come since. */
  #owedSince: number | undefined;
  #closing: Promise<void> | undefined;

  constructor(copy: Copy, connections: Connections, options: ClusterEventStoreOptions) {
    this.#copy = copy;
    this.#connections = connections;
    this.#options = options;
    this.#appendMsMax = options.appendMsMax ?? 10_000;
    this.#attemptMsMax = options.attemptMsMax ?? 3_000;
    this.#pace = { ...usualPace, ...options.pace };
    this.#reading = readingOf(connections.reads, options.prefix, this.#attemptMsMax);
    this.#arrivals = new Arrivals((stream) => copy.revisionOf(stream));
    this.#firstLevel.promise.catch(() => {});
    this.#following = this.#follow();
  }

  get log(): LocalEventStore["log"] {
    return this.#copy.log;
  }

  append(stream: string, expectedRevision: number, events: readonly NewEvent[]): Promise<Appended> {
    if (events.length === 0) return Promise.reject(new RangeError("an append needs at least one event"));
    if (this.#closing !== undefined) return Promise.reject(new StoreUnavailableError("closed"));
    const running = this.#append(stream, expectedRevision, events);
    this.#underWay.add(running);
    const leave = (): void => void this.#underWay.delete(running);
    running.then(leave, leave);
    return running;
  }

  async readStream(stream: string, fromRevision?: number): Promise<StoredEvent[]> {
    return this.log.readStream(stream, fromRevision);
  }

  async readAll(afterPosition: number, maxCount: number): Promise<StoredEvent[]> {
    return this.log.readAll(afterPosition, maxCount);
  }

  async head(): Promise<number> {
    return this.log.head();
  }

  follow(
    afterPosition: number,
    onBatch: (events: readonly StoredEvent[]) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<void> {
    return followLog(this.log, afterPosition, onBatch, signal, (aborted) => this.#news.wait(aborted));
  }

  overwriteCiphertext(...of: Parameters<LocalEventStore["overwriteCiphertext"]>): Promise<void> {
    return this.#copy.overwriting.overwriteCiphertext(...of);
  }

  overwritten(): string[] {
    return this.#copy.overwriting.overwritten();
  }

  async catchUp(stream: string): Promise<void> {
    this.#refuseStopped();
    // Nobody should wait for a cluster that is known to be away.
    if (this.#state === "lost-touch") throw new StoreUnavailableError("failed", { cause: new Error(this.#failure) });
    let last: ReceivedEvent | undefined;
    try {
      last = await this.#asking.take(() => this.#reading.last(stream));
    } catch (cause) {
      throw new StoreUnavailableError("failed", { cause });
    }
    if (last !== undefined) await this.#reach(stream, last.revision);
  }

  caughtUp(): Promise<void> {
    return this.#firstLevel.promise;
  }

  status(): CopyStatus {
    const now = performance.now();
    return {
      state: this.#state,
      position: this.#copy.head(),
      lagMs: this.#state === "following" ? 0 : now - this.#levelAt,
      heardMsAgo: this.#heardAt && now - this.#heardAt,
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
    };
  }

  counters(): ClusterCounters {
    const { appends, reads, subscription } = this.#connections;
    return { ...this.#counters, reconnects: appends.renewals + reads.renewals + subscription.renewals };
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    // Each of them ends within its own deadline.
    await Promise.allSettled(this.#underWay);
    this.#stopping.abort();
    const closed = new StoreUnavailableError("closed");
    this.#arrivals.failAll(closed);
    this.#firstLevel.reject(closed);
    await this.#following;
    await Promise.all(Object.values(this.#connections).map((connection) => connection.dispose()));
    this.#copy.close();
    this.#news.announce();
  }

  async #append(stream: string, expectedRevision: number, events: readonly NewEvent[]): Promise<Appended> {
    const startedAt = performance.now();
    const outcome = (of: AppendOutcome): void => this.#options.onAppend?.(of, performance.now() - startedAt);
    try {
      const appended = await this.#untilKnown(stream, expectedRevision, events);
      this.#counters.stored += 1;
      outcome("stored");
      return appended;
    } catch (error) {
      const isConflict = error instanceof RevisionConflictError;
      this.#counters[isConflict ? "conflicts" : "failed"] += 1;
      outcome(isConflict ? "conflict" : "failed");
      throw error;
    }
  }

  async #untilKnown(stream: string, expectedRevision: number, events: readonly NewEvent[]): Promise<Appended> {
    this.#refuseStopped();
    const ids = events.map(({ id }) => id);
    const isBehind = this.#copy.revisionOf(stream) > expectedRevision;
    const earlier = isBehind ? this.log.readStream(stream, Math.max(0, expectedRevision + 1)) : [];
    const expected = this.#arrivals.expect(stream, expectedRevision, ids, earlier);
    if (expected.isTaken || expectedRevision < noStream) expected.conflict();
    if (expected.isSettled) return expected.settled;
    const timer = setTimeout(() => expected.fail(this.#unanswered()), this.#appendMsMax);
    this.#send(expected, stream, expectedRevision, events).catch((error: Error) => expected.fail(error));
    try {
      return await expected.settled;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * Tries until the cluster has answered or the copy has told. An attempt whose outcome is unknown may still be under way: so the next
   * one has the same expected revision and the same ids, of which the cluster stores one alone.
   */
  async #send(expected: ExpectedAppend, stream: string, expectedRevision: number, newEvents: readonly NewEvent[]): Promise<void> {
    const target = physicalStream(this.#options.prefix, stream);
    const ids = newEvents.map(({ id }) => id);
    const events = newEvents.map(clusterEvent);
    for (let attempt = 1; !expected.isSettled; attempt += 1) {
      const answer = await attemptAppend(this.#connections.appends, target, expectedRevision, events, this.#attemptMsMax);
      if (answer.kind === "stored") {
        if (!expected.isSettled) this.#owedSince ??= performance.now();
        return;
      }
      if (answer.kind === "conflict") return expected.refused(answer.actualRevision);
      if (answer.kind === "refused") return expected.fail(answer.error);
      await delay(backoffMs(attempt, this.#pace.retryMsFirst, this.#pace.retryMsMost));
      if (expected.isTaken) return expected.conflict();
      if (expected.isSettled || (await this.#isDecided(expected, stream, expectedRevision, ids))) return;
      this.#counters.retries += 1;
    }
  }

  /** Asks the stream what became of an attempt. @returns true where nothing need be sent any more, since the copy will tell the rest. */
  async #isDecided(expected: ExpectedAppend, stream: string, expectedRevision: number, ids: readonly string[]): Promise<boolean> {
    let standing: ReceivedEvent[];
    try {
      standing = await this.#reading.page(stream, expectedRevision + 1, ids.length);
    } catch {
      return false;
    }
    if (standing.length < ids.length) return false;
    if (standing.some(({ id }, ordinal) => id !== ids[ordinal])) expected.refused(standing.at(-1)!.revision);
    return true;
  }

  #unanswered(): StoreUnavailableError {
    const cause = new Error(
      `an append was not known to be stored after ${this.#appendMsMax} ms; ${this.#failure ?? this.#state}`,
    );
    return new StoreUnavailableError("failed", { cause });
  }

  #refuseStopped(): void {
    if (this.#closing !== undefined) throw new StoreUnavailableError("closed");
    if (this.#state === "stopped") throw new StoreUnavailableError("damaged", { cause: new Error(this.#failure) });
    // An election takes seconds and is waited for; whoever comes after that should not wait for what those before waited for in vain.
    const isAway = this.#state === "lost-touch" && performance.now() - this.#levelAt > this.#appendMsMax;
    if (isAway) throw new StoreUnavailableError("failed", { cause: new Error(this.#failure) });
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    try {
      await followCluster(
        this.#connections.subscription,
        {
          prefix: this.#options.prefix,
          place: () => this.#copy.place(),
          ask: () => this.#askForLast(),
          take: (events, passed) => this.#take(events, passed),
          owedSince: () => this.#owedSince,
          heard: () => void (this.#heardAt = performance.now()),
          caughtUp: () => this.#stand("following"),
          fellBehind: () => this.#stand("catching-up"),
          lost: (cause) => this.#stand("lost-touch", messageOf(cause)),
        },
        this.#pace,
        signal,
      );
    } catch (error) {
      this.#stand("stopped", messageOf(error));
      const stopped = new StoreUnavailableError("damaged", { cause: error });
      this.#arrivals.failAll(stopped);
      this.#firstLevel.reject(stopped);
    }
  }

  #stand(state: CopyStatus["state"], failure?: string): void {
    if (this.#state === "following" || state === "following") this.#levelAt = performance.now();
    // What was stored may have been given to the subscription that is lost: the next one gives it again.
    if (state !== "following") this.#owedSince = undefined;
    this.#state = state;
    this.#failure = failure;
    if (state === "following") this.#firstLevel.resolve(undefined);
  }

  #take(events: readonly ReceivedEvent[], passed: Place | undefined): void {
    const { taken, broken } = this.#takeWhole(events, passed);
    if (taken.length > 0) {
      this.#owedSince = undefined;
      this.#options.onCopied?.(taken);
      this.#arrivals.arrived(taken);
      this.#news.announce();
    }
    if (broken !== undefined) throw broken;
  }

  #takeWhole(events: readonly ReceivedEvent[], passed: Place | undefined): ReturnType<Copy["take"]> {
    try {
      return this.#copy.take(events, passed);
    } catch (error) {
      // A full disk has room again some day; a damaged file is to be made anew.
      if (error instanceof StoreUnavailableError && error.reason === "damaged") throw new CopyBrokenError(messageOf(error));
      throw error;
    }
  }

  /**
   * The event copied last must lie on the cluster as it lies here. A cluster that was put back to an earlier state would take other
   * events in its place, and a place far ahead of its end silently yields nothing.
   */
  async #askForLast(): Promise<void> {
    const head = this.#copy.head();
    const [last] = head === 0 ? [] : this.log.readAll(head - 1, 1);
    const { stream, revision } = last ?? { stream: "ledger", revision: 0 };
    const [standing] = await this.#reading.page(stream, revision, 1);
    if (last === undefined) return;
    if (standing === undefined)
      throw new Error(`the cluster does not hold revision ${revision} of stream ${stream}, which was copied`);
    if (standing.id !== last.id || Buffer.compare(standing.leaf, last.leaf) !== 0)
      throw new CopyBrokenError(`the cluster holds another event at revision ${revision} of stream ${stream} than was copied`);
  }

  async #reach(stream: string, revision: number): Promise<void> {
    const reached = this.#arrivals.reached(stream, revision);
    const cause = new Error(`the copy did not reach revision ${revision} of stream ${stream} within ${this.#appendMsMax} ms`);
    const timer = setTimeout(() => reached.fail(new StoreUnavailableError("failed", { cause })), this.#appendMsMax);
    await reached.settled.finally(() => clearTimeout(timer));
  }
}

const messageOf = (error: unknown): string => {
  const { type, message, cause } = error as { type?: string; message?: string; cause?: unknown };
  const own = [type, message].filter((part) => part).join(": ");
  return cause instanceof Error ? `${own}: ${messageOf(cause)}` : own;
};
