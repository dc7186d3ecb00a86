/**
 * The local copy of the log: the file itself where SQLite is the truth, the node's own copy where a cluster is. It is
 * read synchronously, because a projection that waits for each batch spends its time waiting, and it answers two questions
 * the port can't: where an event is by its id, and what stands at a list of positions.
 */
import { type EventStore, type StoredEvent } from "./event-store.ts";

export interface Log {
  /** The position of the last event; 0 for an empty log. */
  head(): number;

  /** The events of a stream in order of revision, from `fromRevision` (default 0) on; empty for an unknown stream. */
  readStream(stream: string, fromRevision?: number): StoredEvent[];

  /** At most `maxCount` events with a position greater than `afterPosition`, in order. */
  readAll(afterPosition: number, maxCount: number): StoredEvent[];

  /** The event with this id, the earliest where an id was stored twice; undefined when there is none. */
  readById(id: string): StoredEvent | undefined;

  /** The events at these positions, in order of position, each once however often it is listed; unknown ones are left out. */
  readPositions(positions: readonly number[]): StoredEvent[];
}

/** How a node's copy of the log stands to the cluster that it was copied from. */
export type CopyStatus = {
  /**
   * `catching-up`: there is more than was copied. `following`: everything was copied that the cluster had when it was last heard of.
   * `lost-touch`: the cluster does not answer; it is asked again and again. `stopped`: what came can't be copied, see `failure`.
   */
  state: "catching-up" | "following" | "lost-touch" | "stopped";
  /** Of the last event copied. */
  position: number;
  /** Milliseconds since the cluster was last heard of; undefined for never. */
  heardMsAgo: number | undefined;
  /** For how long the copy may have lacked events; 0 while it follows. */
  lagMs: number;
  failure?: string;
};

/** How an append to the cluster ended. */
export type AppendOutcome = "stored" | "conflict" | "failed";

/** What was counted since the start. */
export type CopyCounters = {
  /** Asked again after an answer that may have been lost. */
  retries: number;
  /** A client of the cluster made way for a new one. */
  reconnects: number;
};

/** What can be seen of a node's copy from outside. */
export type WatchedCopy = {
  status(): CopyStatus;
  counters(): CopyCounters;
  /** Calls back for every append that was answered, with the time it took. */
  onAppend(listener: (outcome: AppendOutcome, ms: number) => void): void;
};

/** A store whose whole log lies on this machine. */
export interface LocalEventStore extends EventStore {
  /** Sees every append that this store has answered. Its methods throw what those of the store reject with. */
  readonly log: Log;

  /**
   * Resolves once the log holds what the cluster held of a stream when this was called; missing where the log is the truth.
   * @throws StoreUnavailableError when the cluster can't be asked, or the copy does not get there.
   */
  catchUp?(stream: string): Promise<void>;

  /**
   * Puts a text in the place of ciphertext, for good: when it resolves, what stood there is in no file of the store. Leaves are
   * not touched. Reads the log up to its head in small steps, so that appends go on; killed in between, it is begun anew.
   *
   * @param marks names under which the end of it is remembered in the log's own file; see `overwritten`.
   * @param replacement what is to stand there, no longer than what stands there now, and is filled up with spaces to the same
   *   length; undefined to leave an event as it is. Called with every event that has any.
   * @throws StoreUnavailableError; also where a reader keeps an earlier state of the file for half a minute. Repeat it then.
   */
  overwriteCiphertext(marks: readonly string[], replacement: (event: StoredEvent) => string | undefined): Promise<void>;

  /** The marks of every overwriting that came to its end in this very file: an older copy lacks those of later ones. */
  overwritten(): string[];
}

/** @throws RangeError for a replacement that does not fit: its place in the file stays as long as it was. */
export function filledUp(replacement: string, ciphertext: string): string {
  return replacement + " ".repeat(Buffer.byteLength(ciphertext) - Buffer.byteLength(replacement));
}
