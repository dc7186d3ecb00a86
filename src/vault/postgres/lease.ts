/**
 * For how long a node may use keys without hearing from the database. It is counted on the node's own clocks, from before each
 * renewal was asked for, so it ends here no later than anybody else believes.
 */
export const leaseMsMax = 60_000;

/** The node's clocks, read at once. */
export type Moment = {
  /** Never set, but stands still while the machine sleeps. */
  monotonicMs: number;
  /** May be set at any time, but goes on. */
  wallMs: number;
};

export const presentMoment = (): Moment => ({ monotonicMs: performance.now(), wallMs: Date.now() });

/** Clocks of two machines differ by less: 500 parts per million is the most by which one is slewed. */
const driftShare = 0.02;

export class Lease {
  readonly #durationMs: number;
  readonly #now: () => Moment;
  readonly #onEnd: () => void;
  #askedAt: Moment | undefined;
  #term = 0;

  /** @param onEnd forgets the keys; called at the latest when somebody asks whether the lease still holds. */
  constructor(durationMs: number, onEnd: () => void, now: () => Moment = presentMoment) {
    if (!(durationMs > 0 && durationMs <= leaseMsMax))
      throw new RangeError(`a lease lasts 1 to ${leaseMsMax} ms, not ${durationMs}`);
    this.#durationMs = durationMs * (1 - driftShare);
    this.#onEnd = onEnd;
    this.#now = now;
  }

  /** Keys that were asked for in one term are of no use in the next. */
  get term(): number {
    return this.#term;
  }

  now(): Moment {
    return this.#now();
  }

  holds(term: number = this.#term): boolean {
    if (this.#askedAt === undefined || term !== this.#term) return false;
    if (elapsedMs(this.#askedAt, this.#now()) < this.#durationMs) return true;
    this.end();
    return false;
  }

  /**
   * @param term in which the renewal was asked for. The answer to one from an earlier term is worth nothing.
   * @param askedAt the moment before it was asked for.
   */
  renew(term: number, askedAt: Moment): void {
    if (term === this.#term) this.#askedAt = askedAt;
  }

  end(): void {
    this.#askedAt = undefined;
    this.#term += 1;
    this.#onEnd();
  }
}

/** What the one clock misses, the other counts; one that was set forward ends a lease early, which harms nobody. */
const elapsedMs = (from: Moment, to: Moment): number => Math.max(to.monotonicMs - from.monotonicMs, to.wallMs - from.wallMs);
