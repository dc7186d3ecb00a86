/** Log time read off the log: the latest `recordedAt` up to a place, counting anew from each ClockCorrected. */
import type { Instant } from "../domain/values.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import type { Log } from "../event-store/log.ts";

type Envelope = { type: string; recordedAt: Instant };

/** Between two corrections `recordedAt` never runs backwards (`LogClock`), so places are found by halving. */
export class LogTimes {
  readonly #log: Pick<Log, "head" | "readAll" | "readStream">;
  /** Positions from which log time counts anew. */
  readonly #beginnings = [1];
  /** How much of the stream `ledger`, where corrections stand, has been looked at. */
  #looked = 0;

  constructor(log: Pick<Log, "head" | "readAll" | "readStream">) {
    this.#log = log;
  }

  /** @param size from 1 to the log's head. */
  at(size: number): Instant {
    const [event] = this.#log.readAll(size - 1, 1);
    if (event === undefined) throw new RangeError(`the log has no ${size} events`);
    return envelopeOf(event).recordedAt;
  }

  /** The largest size whose log time is not later than an instant: all that was known then. 0 before the first event. */
  sizeAt(instant: Instant): number {
    let end = this.#log.head();
    for (const begin of this.#corrections().toReversed()) {
      if (begin > end) continue;
      if (this.at(begin) <= instant) return this.#lastUpTo(instant, begin, end);
      end = begin - 1;
    }
    return 0;
  }

  #corrections(): readonly number[] {
    const fresh = this.#log.readStream("ledger", this.#looked);
    for (const event of fresh) if (envelopeOf(event).type === "ClockCorrected") this.#beginnings.push(event.position);
    this.#looked += fresh.length;
    return this.#beginnings;
  }

  /** @param begin a position whose log time is not later; @param end at least that. */
  #lastUpTo(instant: Instant, begin: number, end: number): number {
    while (begin < end) {
      const middle = Math.ceil((begin + end) / 2);
      if (this.at(middle) <= instant) begin = middle;
      else end = middle - 1;
    }
    return begin;
  }
}

const envelopeOf = ({ leaf }: StoredEvent): Envelope => JSON.parse(Buffer.from(leaf).toString("utf8")) as Envelope;
