/**
 * What waits for the own copy. The copy holds what the cluster holds, in its order: so an append is known to be stored once its ids
 * stand at its place, whatever answer was given or lost on the way, and known to be lost once others stand there.
 */
import { type Appended, RevisionConflictError, type StoredEvent } from "../event-store.ts";

type Waiting = { take(event: StoredEvent): void; fail(error: Error): void };
/** The revision of a stream's last event in the copy, or `noStream`. */
type RevisionOf = (stream: string) => number;

export class Arrivals {
  readonly #waiting = new Map<string, Set<Waiting>>();
  readonly #revisionOf: RevisionOf;

  constructor(revisionOf: RevisionOf) {
    this.#revisionOf = revisionOf;
  }

  /** @param earlier what the copy holds of the stream after `expectedRevision`. */
  expect(stream: string, expectedRevision: number, ids: readonly string[], earlier: readonly StoredEvent[]): ExpectedAppend {
    const expected = new ExpectedAppend(stream, expectedRevision, ids, this.#revisionOf);
    for (const event of earlier) expected.take(event);
    this.#register(stream, expected, expected.settled);
    return expected;
  }

  /** Resolves once the copy holds this revision of a stream. */
  reached(stream: string, revision: number): { settled: Promise<undefined>; fail(error: Error): void } {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    if (this.#revisionOf(stream) >= revision) resolve(undefined);
    const waiting = { take: (event: StoredEvent) => event.revision >= revision && resolve(undefined), fail: reject };
    this.#register(stream, waiting, promise);
    return { settled: promise, fail: reject };
  }

  /** Called with what the copy has just taken, in order, each event once. */
  arrived(events: readonly StoredEvent[]): void {
    if (this.#waiting.size === 0) return;
    for (const event of events) for (const waiting of this.#waiting.get(event.stream) ?? []) waiting.take(event);
  }

  failAll(error: Error): void {
    for (const ofStream of [...this.#waiting.values()]) for (const waiting of ofStream) waiting.fail(error);
  }

  #register(stream: string, waiting: Waiting, settled: Promise<unknown>): void {
    const ofStream = this.#waiting.get(stream) ?? new Set();
    this.#waiting.set(stream, ofStream.add(waiting));
    const leave = (): void => {
      ofStream.delete(waiting);
      if (ofStream.size === 0 && this.#waiting.get(stream) === ofStream) this.#waiting.delete(stream);
    };
    settled.then(leave, leave);
  }
}

/** One append, until the copy says what became of it. */
export class ExpectedAppend {
  readonly #stream: string;
  readonly #expectedRevision: number;
  readonly #ids: readonly string[];
  readonly #revisionOf: RevisionOf;
  readonly #outcome = Promise.withResolvers<Appended>();
  #isSettled = false;
  #isTaken = false;
  /** The cluster refused the append, because the stream stood there. */
  #refusedAt: number | undefined;

  constructor(stream: string, expectedRevision: number, ids: readonly string[], revisionOf: RevisionOf) {
    this.#stream = stream;
    this.#expectedRevision = expectedRevision;
    this.#ids = ids;
    this.#revisionOf = revisionOf;
  }

  /** @throws RevisionConflictError; whatever `fail` was called with. */
  get settled(): Promise<Appended> {
    return this.#outcome.promise;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** The copy holds another event where one of these should be: they are not stored, and never will be at this place. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** Ids count and bodies don't: another node may have been given the same request, and the ledger looks at what stands there. */
  take({ id, revision, position }: StoredEvent): void {
    const ordinal = revision - this.#expectedRevision - 1;
    if (ordinal < 0) return;
    if (ordinal < this.#ids.length && id !== this.#ids[ordinal]) this.#isTaken = true;
    if (ordinal === this.#ids.length - 1 && !this.#isTaken) this.#settle(() => this.#outcome.resolve({ revision, position }));
    if (this.#refusedAt !== undefined && revision >= this.#refusedAt) this.conflict();
  }

  /** The conflict is told once the copy holds what won, so that whoever tries again loads it. */
  refused(actualRevision: number): void {
    this.#refusedAt = actualRevision;
    if (this.#revisionOf(this.#stream) >= actualRevision) this.conflict();
  }

  conflict(): void {
    const actualRevision = this.#revisionOf(this.#stream);
    this.fail(new RevisionConflictError(this.#stream, this.#expectedRevision, actualRevision));
  }

  fail(error: Error): void {
    this.#settle(() => this.#outcome.reject(error));
  }

  #settle(settle: () => void): void {
    this.#isSettled = true;
    settle();
  }
}
