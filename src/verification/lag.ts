/** How many leaves there were a while before the last one. Keeps one place for each second of that while, and some before it. */
import { type Instant, instantAt } from "../domain/values.ts";

type Place = { position: number; ms: number };

/** Places from before the while, for a clock that is turned back. */
const spareCount = 4_096;

export class Lag {
  readonly ms: number;
  /** Ascending in both, whatever the clock did. */
  readonly #places: Place[] = [];
  /** The last place that had been reached the while ago, unless all are younger. */
  #first = 0;
  /** The last place that is not kept any more. */
  #forgotten = 0;

  constructor(ms: number) {
    this.ms = ms;
  }

  append(position: number, ms: number): void {
    this.#turnBackTo(ms);
    const last = this.#places.at(-1);
    const isWithinSecond = this.#places.length > 1 && ms - this.#places.at(-2)!.ms < 1_000;
    if (last !== undefined && (last.ms === ms || isWithinSecond)) Object.assign(last, { position, ms });
    else this.#places.push({ position, ms });
    while (this.#first < this.#places.length - 1 && this.#places[this.#first + 1]!.ms <= ms - this.ms) this.#first += 1;
    if (this.#first < 2 * spareCount) return;
    this.#forgotten = this.#places[spareCount - 1]!.position;
    this.#places.splice(0, spareCount);
    this.#first -= spareCount;
  }

  /** The last place that had been reached by then; none of the log where all of it is younger. */
  get then(): { position: number; at: Instant } {
    const thenMs = this.#places.at(-1)!.ms - this.ms;
    const place = this.#places[this.#first]!;
    return { position: place.ms <= thenMs ? place.position : this.#forgotten, at: instantAt(thenMs) };
  }

  /** Leaves that came at later times than the clock shows now count as having come now. */
  #turnBackTo(ms: number): void {
    const before = this.#places.length;
    while ((this.#places.at(-1)?.ms ?? -Infinity) > ms) this.#places.pop();
    if (this.#places.length === before) return;
    this.#first = Math.max(0, Math.min(this.#first, this.#places.length - 1));
    while (this.#first > 0 && this.#places[this.#first]!.ms > ms - this.ms) this.#first -= 1;
  }
}
