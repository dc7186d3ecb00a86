/**
 * Group commit: appends that arrive in one turn of the event loop, while the last fsync ran or between two of them, share
 * the next one. Without it the disk's few thousand syncs a second are the limit of the whole service.
 */
import { type Appended, StoreUnavailableError } from "../event-store.ts";
import type { Answer, Append } from "./append-group.ts";

/** Bounds of one transaction, so that a flood of appends can't keep everything else waiting; one append may exceed them. */
const groupEventCountMax = 1_000;
const groupBytesMax = 8 * 1024 * 1024;
/** Where another thread writes: one group that it works on, and one that it finds when it has done so. */
const groupsUnderWayMax = 2;

type Waiting = { append: Append; bytes: number; resolve: (appended: Appended) => void; reject: (error: unknown) => void };

/** Answers for each append of a group, in order; at once, or later where another thread writes. Groups are written in order of calls. */
export type GroupWriter = (group: readonly Append[]) => Answer[] | Promise<Answer[]>;

export class AppendQueue {
  readonly #write: GroupWriter;
  readonly #waiting: Waiting[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #isFlushDue = false;
  #isClosed = false;

  constructor(write: GroupWriter) {
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

  /** Stores what waits and takes no more. Resolves when all of it was answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (;;) {
      while (this.#waiting.length > 0 && this.#underWay.size < groupsUnderWayMax) this.#flush();
      if (this.#underWay.size === 0) return;
      await Promise.race(this.#underWay);
    }
  }

  #flushSoon(): void {
    if (this.#isFlushDue || this.#underWay.size >= groupsUnderWayMax) return;
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      if (this.#underWay.size < groupsUnderWayMax) this.#flush();
      if (this.#waiting.length > 0) this.#flushSoon();
    });
  }

  #flush(): void {
    const group = this.#nextGroup();
    if (group.length === 0) return;
    const answers = this.#write(group.map(({ append }) => append));
    if (answers instanceof Promise) this.#await(group, answers);
    else settle(group, answers);
  }

  #await(group: readonly Waiting[], answers: Promise<Answer[]>): void {
    const settled = answers.then((given) => {
      this.#underWay.delete(settled);
      settle(group, given);
      if (this.#waiting.length > 0) this.#flushSoon();
    });
    this.#underWay.add(settled);
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
}

function settle(group: readonly Waiting[], answers: readonly Answer[]): void {
  for (const [index, { resolve, reject }] of group.entries()) {
    const answer = answers[index]!;
    if (answer instanceof Error) reject(answer);
    else resolve(answer);
  }
}

const bytesOf = ({ events }: Append): number =>
  events.reduce((bytes, { leaf, ciphertext }) => bytes + leaf.byteLength + (ciphertext?.length ?? 0), 0);
