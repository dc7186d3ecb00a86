/**
 * Log time read off the log: the latest `recordedAt` up to a place, counting anew from each ClockCorrected. From one event to the next
 * `recordedAt` may step back where several nodes record, by no more than their clocks differ.
 */
import { clockSkewMsMax } from "../domain/log-time.ts";
import { addMs, type Instant } from "../domain/values.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import type { Log } from "../event-store/log.ts";

type Told = { position: number; recordedAt: Instant };

/** Events that are looked at together: few, for most logs have few within the seconds that are looked back over, and then more. */
const pageCountFirst = 16;
const pageCountMax = 1_024;

/** Places are found by halving, and then held against what was recorded in the seconds before. */
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
    let latest = this.#recordedAt(size);
    const begin = this.#corrections().findLast((position) => position <= size)!;
    for (const { recordedAt } of this.#backFrom(size - 1, begin)) {
      if (recordedAt > latest) latest = recordedAt;
      // What came before it is later by no more than clocks differ.
      if (recordedAt <= addMs(latest, -clockSkewMsMax)) break;
    }
    return latest;
  }

  /** The largest size whose log time is not later than an instant: all that was known then. 0 before the first event. */
  sizeAt(instant: Instant): number {
    let end = this.#log.head();
    for (const begin of this.#corrections().toReversed()) {
      if (begin > end) continue;
      if (this.#recordedAt(begin) <= instant) return this.#lastUpTo(instant, begin, end);
      end = begin - 1;
    }
    return 0;
  }

  #corrections(): readonly number[] {
    const fresh = this.#log.readStream("ledger", this.#looked);
    for (const event of fresh) if (isCorrection(event)) this.#beginnings.push(event.position);
    this.#looked += fresh.length;
    return this.#beginnings;
  }

  /** @param begin a position whose log time is not later; @param end at least that. */
  #lastUpTo(instant: Instant, begin: number, end: number): number {
    let place = begin;
    while (place < end) {
      const middle = Math.ceil((place + end) / 2);
      if (this.#recordedAt(middle) <= instant) place = middle;
      else end = middle - 1;
    }
    // It may have stepped back to there from a later time.
    const earliest = addMs(instant, -clockSkewMsMax);
    for (const { position, recordedAt } of this.#backFrom(place - 1, begin)) {
      if (recordedAt > instant) place = position - 1;
      if (recordedAt <= earliest) break;
    }
    return place;
  }

  *#backFrom(end: number, begin: number): Generator<Told> {
    for (let count = pageCountFirst; end >= begin; count = Math.min(2 * count, pageCountMax)) {
      const from = Math.max(begin, end - count + 1);
      for (const event of this.#log.readAll(from - 1, end - from + 1).reverse()) yield toldIn(event);
      end = from - 1;
    }
  }

  #recordedAt(position: number): Instant {
    const [event] = this.#log.readAll(position - 1, 1);
    if (event === undefined) throw new RangeError(`the log has no ${position} events`);
    return toldIn(event).recordedAt;
  }
}

const mark = Buffer.from('"recordedAt":"');
const instantLength = "2026-01-01T00:00:00.000Z".length;

/** Members of a leaf stand in order of name, and after this one none holds a text of anybody's: the last mark is the envelope's own. */
function toldIn({ position, leaf }: StoredEvent): Told {
  const bytes = Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength);
  const at = bytes.lastIndexOf(mark) + mark.length;
  if (at < mark.length) throw new Error(`the leaf at position ${position} does not tell when it was recorded`);
  return { position, recordedAt: bytes.toString("latin1", at, at + instantLength) as Instant };
}

const isCorrection = ({ leaf }: StoredEvent): boolean =>
  (JSON.parse(Buffer.from(leaf).toString("utf8")) as { type: string }).type === "ClockCorrected";
