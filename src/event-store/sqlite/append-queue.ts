/**
 * Group commit: appends that arrive in one turn of the event loop, while the last fsync ran or between two of them, share
 * the next one. Without it the disk's few thousand syncs a second are the limit of the whole service.
 */
import { RevisionConflictError, StoreUnavailableError, type Appended } from "../event-store.ts";
import { type Append, type Outcome } from "./append-group.ts";
import { liesInTheData, unavailable } from "./sqlite-error.ts";

/** Bounds of one transaction, so that a flood of appends can't keep everything else waiting; one append may exceed them. */
const groupEventCountMax = 1_000;
const groupBytesMax = 8 * 1024 * 1024;

type Waiting = { append: Append; bytes: number; resolve: (appended: Appended) => void; reject: (error: unknown) => void };

export class AppendQueue {
  readonly #write: (group: readonly Append[]) => Outcome[];
  readonly #waiting: Waiting[] = [];
  #isFlushDue = false;
  #isClosed = false;

  /** @param write stores a group and answers for each of it in order, or throws when it stored none. */
  constructor(write: (group: readonly Append[]) => Outcome[]) {
    this.#write = write;
  }

  /** The order of the calls is the order of the events in the log. */
  add(append: Append): Promise<Appended> {
    if (this.#isClosed) return Promise.reject(new StoreUnavailableError("closed"));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ append, bytes: bytesOf(append), resolve, reject });
      this.#flushSoon();
    });
  }

  /** Stores what waits and takes no more. */
  close(): void {
    this.#isClosed = true;
    while (this.#waiting.length > 0) this.#flush();
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      this.#flush();
      if (this.#waiting.length > 0) this.#flushSoon();
    });
  }

  #flush(): void {
    const group = this.#nextGroup();
    if (group.length > 0) this.#settle(group);
  }

  #nextGroup(): Waiting[] {
    let count = 0;
    let eventCount = 0;
    let bytes = 0;
    for (const { append, bytes: appendBytes } of this.#waiting) {
      eventCount += append.events.length;
      bytes += appendBytes;
      if (count > 0 && (eventCount > groupEventCountMax || bytes > groupBytesMax)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** Answers only after the commit: until then not even a conflict is certain, it may be with an append of the same group. */
  #settle(group: readonly Waiting[]): void {
    let outcomes: Outcome[];
    try {
      outcomes = this.#write(group.map(({ append }) => append));
    } catch (error) {
      if (group.length > 1 && liesInTheData(error)) for (const one of group) this.#settle([one]);
      else for (const { reject } of group) reject(unavailable(error));
      return;
    }
    for (const [index, { resolve, reject }] of group.entries()) {
      const outcome = outcomes[index]!;
      if (outcome instanceof RevisionConflictError) reject(outcome);
      else resolve(outcome);
    }
  }
}

const bytesOf = ({ events }: Append): number =>
  events.reduce((bytes, { leaf, ciphertext }) => bytes + leaf.byteLength + (ciphertext?.length ?? 0), 0);
