/** Gives `recordedAt`. Log time never runs backwards; a clock that is too far behind it records nothing. */
import { clockSkewMsMax } from "../domain/log-time.ts";
import { type Instant, instantAt } from "../domain/values.ts";

export { clockSkewMsMax } from "../domain/log-time.ts";

/** A clock gives milliseconds since the epoch. The real one is `Date.now`. */
export type Clock = () => number;

/** The machine's clock stands behind what the log has already recorded. */
export class ClockBehindError extends Error {
  readonly behindMs: number;
  constructor(behindMs: number) {
    super(`the clock is ${behindMs} ms behind the log; it records again once it has caught up or the operator corrects log time`);
    this.name = "ClockBehindError";
    this.behindMs = behindMs;
  }
}

export class LogClock {
  readonly #clock: Clock;
  #logTimeMs: number;

  /** @param logTime the log's latest `recordedAt`, or undefined for an empty log. */
  constructor(clock: Clock, logTime: Instant | undefined) {
    this.#clock = clock;
    this.#logTimeMs = logTime === undefined ? 0 : Date.parse(logTime);
  }

  /** The instant to record under now: never before the last one given. @throws ClockBehindError past the allowed skew. */
  next(): Instant {
    const now = this.#clock();
    const behindMs = this.#logTimeMs - now;
    if (behindMs > clockSkewMsMax) throw new ClockBehindError(behindMs);
    this.#logTimeMs = Math.max(now, this.#logTimeMs);
    return instantAt(this.#logTimeMs);
  }

  /** Another writer's event was seen: log time is at least that. */
  observe(recordedAt: Instant): void {
    this.#logTimeMs = Math.max(this.#logTimeMs, Date.parse(recordedAt));
  }

  now(): Instant {
    return instantAt(this.#clock());
  }

  /** The instant at which a read stands: never before what the log holds, so that it can be asked again, unless the clock awaits a correction. */
  reading(): Instant {
    return this.isBehind() ? this.now() : instantAt(Math.max(this.#clock(), this.#logTimeMs));
  }

  /** It stands so far behind log time that nothing can be recorded. */
  isBehind(): boolean {
    return this.#logTimeMs - this.#clock() > clockSkewMsMax;
  }

  /** Log time counts anew from an instant, after the clock had been wrong for good. @returns what takes that back. */
  correct(logTime: Instant): () => void {
    const before = this.#logTimeMs;
    this.#logTimeMs = Date.parse(logTime);
    return () => void (this.#logTimeMs = Math.max(before, this.#logTimeMs));
  }
}
