/**
 * Group commit: appends that arrive in one turn of the event loop, while the last fsync ran or between two of them, share
 * the next one. Without it the disk's few thousand syncs a second are the limit of the whole service.
 */
import { type Appended, StoreUnavailableError } from "../event-store.ts";
import type { Answer, Append } from "./append-group.ts";

/** Bounds of one transaction, so that a flood of appends can't keep everything else waiting; one append may exceed them. */
const groupEventCountMax = 1_000;
const groupBytesMax = 8 * 1024 * 1024;
/** How long the next group may wait for those whom the last one answered, and who may come again, by what that one took. */
const lingerMsUsual = (tookMs: number): number => Math.min(tookMs / 2, 10);

type Waiting = { append: Append; bytes: number; resolve: (appended: Appended) => void; reject: (error: unknown) => void };

/** Answers for each append of a group, in order; at once, or later where another thread writes. Groups are written in order of calls. */
export type GroupWriter = (group: readonly Append[]) => Answer[] | Promise<Answer[]>;

export class AppendQueue {
  readonly #write: GroupWriter;
  readonly #lingerMs: (tookMs: number) => number;
  readonly #waiting: Waiting[] = [];
  /** The group that another thread writes. */
  #underWay: Promise<void> | undefined;
  /** Until so many wait, the next group is not written; or until the timer says so. */
  #lingering: { count: number; timer: NodeJS.Timeout } | undefined;
  #isFlushDue = false;
  #isClosed = false;

  constructor(write: GroupWriter, lingerMs = lingerMsUsual) {
    this.#write = write;
    this.#lingerMs = lingerMs;
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
      this.#lingerNoMore();
      while (this.#waiting.length > 0 && this.#underWay === undefined) this.#flush();
      if (this.#underWay === undefined) return;
      await this.#underWay;
    }
  }

  #flushSoon(): void {
    if (this.#isFlushDue || this.#underWay !== undefined) return;
    if (this.#lingering !== undefined && this.#waiting.length < this.#lingering.count) return;
    this.#lingerNoMore();
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      if (this.#underWay === undefined) this.#flush();
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
    const startedAt = performance.now();
    this.#underWay = answers.then((given) => {
      this.#underWay = undefined;
      settle(group, given);
      if (!this.#isClosed) this.#linger(this.#waiting.length + group.length, performance.now() - startedAt);
    });
  }

  /**
   * Callers that wait for one another's commits would else come in two halves, each of which waits for the commit of the other: the
   * slower the disk, the more it is worth to take them together. Whoever comes alone never waits: nobody else is expected.
   */
  #linger(count: number, tookMs: number): void {
    const done = (): void => {
      this.#lingering = undefined;
      if (this.#waiting.length > 0) this.#flushSoon();
    };
    this.#lingering = { count, timer: setTimeout(done, this.#lingerMs(tookMs)) };
  }

  #lingerNoMore(): void {
    clearTimeout(this.#lingering?.timer);
    this.#lingering = undefined;
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
