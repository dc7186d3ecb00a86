/**
 * How far times are bounded by anybody but the operator. A cosignature shows that what lies below it was there by then; before the
 * first one to cover a leaf, the leaf's time is the operator's word.
 */
import { dayMs, epochMs, instantAt } from "../domain/values.ts";
import type { LeafEvent } from "./leaf-event.ts";
import type { Inquiry } from "./report.ts";

const hourMs = 3_600_000;
/** Places that are remembered, at least a minute apart, while no witness has seen them; twice as far apart once they are too many. */
const placeCountMax = 4_096;
const stepMsLeast = 60_000;

type Place = { index: number; ms: number };
type Seen = Pick<LeafEvent, "type" | "position" | "recordedAt">;

export class WitnessBounds {
  readonly #inquiry: Inquiry;
  /** Of leaves that no witness has seen: the first of them, and some of those that follow. */
  #unseen: Place[] = [];
  #stepMs = stepMsLeast;
  /** Leaves below have been seen. */
  #covered = 0;
  #seen: { first: number; last: number } | undefined;
  /** The longest while between what a leaf says and the first witness to see it. */
  #longest: (Place & { to: number }) | undefined;

  constructor(inquiry: Inquiry) {
    this.#inquiry = inquiry;
  }

  /** An anchor holds a witness's word itself, and a log to which nothing else is added is not shown to witnesses again. */
  leaf({ type, position, recordedAt }: Seen): void {
    if (type === "TreeHeadAnchored" || type === "CensusTaken") return;
    const ms = epochMs(recordedAt);
    const last = this.#unseen.at(-1);
    if (last !== undefined && ms < last.ms + this.#stepMs) return;
    this.#unseen.push({ index: position - 1, ms });
    if (this.#unseen.length < placeCountMax) return;
    this.#unseen = this.#unseen.filter((_, at) => at % 2 === 0);
    this.#stepMs *= 2;
  }

  /** A witness of the policy saw the first `size` leaves at this time. */
  saw(timeMs: number, size: number): void {
    const { first, last } = this.#seen ?? { first: timeMs, last: timeMs };
    this.#seen = { first: Math.min(first, timeMs), last: Math.max(last, timeMs) };
    if (size <= this.#covered) return;
    this.#covered = size;
    const [earliest] = this.#unseen;
    if (earliest === undefined || earliest.index >= size) return;
    if (this.#longest === undefined || timeMs - earliest.ms > this.#longest.to - this.#longest.ms)
      this.#longest = { ...earliest, to: timeMs };
    this.#unseen = this.#unseen.filter(({ index }) => index >= size);
  }

  /** @param size of the log. */
  tell(size: number): void {
    this.#inquiry.note("witnessed-times", this.#message(size));
  }

  #message(size: number): string {
    if (this.#seen === undefined || this.#longest === undefined)
      return "no witness that your policy names has seen any of this: when it was recorded rests on the operator's clock alone";
    const { first, last } = this.#seen;
    const { index, ms, to } = this.#longest;
    const unseen = this.#covered < size ? `; leaves from ${this.#covered} on were seen by none` : "";
    return `your witnesses saw this between ${instantAt(first)} and ${instantAt(last)}; leaf ${index} waited longest to be seen, ${whileOf(to - ms)} from ${instantAt(ms)} on: for so long a time rests on the operator's clock alone${unseen}`;
  }
}

/** In whole hours, or days. */
export function whileOf(ms: number): string {
  if (ms < hourMs) return "less than an hour";
  return ms < 2 * dayMs ? `${Math.round(ms / hourMs)} hours` : `${Math.round(ms / dayMs)} days`;
}
