/**
 * The port to the log. It promises only what a KurrentDB cluster can also hold: an atomic append to one stream at an
 * expected revision, idempotent by event id; reads of one stream and of the whole log; a subscription that catches up
 * and then follows. There is no append to two streams, no "any revision", and no lookup but by place.
 */

/** An event as its writer made it. `leaf` is the canonical JSON of the envelope and is never re-encoded. */
export type NewEvent = {
  id: string;
  type: string;
  leaf: Uint8Array;
  /** Sealed personal text that lies beside the leaf (JSON, see the vault); null where there is none. */
  ciphertext: string | null;
};

export type StoredEvent = {
  /** 1-based place in the whole log; without gaps. */
  position: number;
  stream: string;
  /** 0-based place in the stream; without gaps. */
  revision: number;
  id: string;
  leaf: Uint8Array;
  ciphertext: string | null;
};

/** Where the last event of an append stands. */
export type Appended = { revision: number; position: number };

/** The expected revision of a stream that must not exist yet. */
export const noStream = -1;

export interface EventStore {
  /**
   * Appends all events or none. Resolves when they are on disk.
   *
   * Repeating the very same append (stream, expected revision and ids) answers as the first time and writes nothing.
   * That the ids are not already further back in the stream is for the caller to check.
   *
   * @param expectedRevision revision of the stream's last event, or `noStream`.
   * @param events at least one.
   * @throws RevisionConflictError when the stream stands elsewhere: another writer won.
   * @throws StoreUnavailableError when the event may not have been stored: disk full, file gone, cluster away.
   */
  append(stream: string, expectedRevision: number, events: readonly NewEvent[]): Promise<Appended>;

  /** The events of a stream in order of revision, from `fromRevision` (default 0) on; empty for an unknown stream. */
  readStream(stream: string, fromRevision?: number): Promise<StoredEvent[]>;

  /** At most `maxCount` events with a position greater than `afterPosition`, in order. */
  readAll(afterPosition: number, maxCount: number): Promise<StoredEvent[]>;

  /** The position of the last event; 0 for an empty log. */
  head(): Promise<number>;

  /**
   * Calls `onBatch` with every event after `afterPosition`, in order, each exactly once, one batch at a time; then
   * follows the log until `signal` aborts. Resolves when aborted, rejects when `onBatch` throws or the store fails.
   */
  follow(
    afterPosition: number,
    onBatch: (events: readonly StoredEvent[]) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<void>;

  close(): Promise<void>;
}

/** Another writer was first: the stream does not stand where the caller believed. */
export class RevisionConflictError extends Error {
  readonly stream: string;
  readonly expectedRevision: number;
  readonly actualRevision: number;
  constructor(stream: string, expectedRevision: number, actualRevision: number) {
    super(`stream ${stream} is at revision ${actualRevision}, not at ${expectedRevision}`);
    this.name = "RevisionConflictError";
    this.stream = stream;
    this.expectedRevision = expectedRevision;
    this.actualRevision = actualRevision;
  }
}

/** The store can't take or give events now. What was sent may or may not be stored; sending it again is safe. */
export class StoreUnavailableError extends Error {
  readonly reason: "full" | "damaged" | "closed" | "failed";
  constructor(reason: "full" | "damaged" | "closed" | "failed", options?: ErrorOptions) {
    super(`the event store is unavailable: ${reason}`, options);
    this.name = "StoreUnavailableError";
    this.reason = reason;
  }
}
