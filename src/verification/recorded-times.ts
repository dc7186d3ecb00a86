/**
 * When events were recorded: never backwards by more than clocks may differ, and between the times that witnesses vouch for. Whoever
 * back-dates an event behind an anchor, or dates one ahead of the next, is found by the witness's signature.
 */
import { clockSkewMsMax } from "../domain/log-time.ts";
import { epochMs, type Instant, instantAt } from "../domain/values.ts";
import type { Inquiry, LeafName } from "./report.ts";

/** So many last log times are remembered, for anchors of heads that had fewer leaves. */
const rememberedCount = 1 << 18;
/** So many corrections of the clock are looked at; for each, every promise is judged once. An honest clock needs none, or a few. */
export const correctionCountMax = 100;

export class RecordedTimes {
  readonly #inquiry: Inquiry;
  readonly #remembered: number;
  readonly #times: Float64Array;
  #logTimeMs = -Infinity;
  #logTimeLeaf = 0;
  #count = 0;
  #lastRecordedAt: Instant | undefined;
  #lastRecordedMs = 0;
  /** Whatever comes was recorded after this, by a witness's word. */
  #floorMs = -Infinity;
  /** What log time had come to before it was turned back. Refuted by a witness: then the clock had been wrong, and is right now. */
  readonly #corrected: { ms: number; leaf: LeafName; isRefuted: boolean }[] = [];
  /** Index from which log time counts since it was last corrected. */
  #countsFrom = 0;
  /** Leaves that bear a later time than a witness saw them at, unless it turns out that the clock was corrected since. */
  #ahead: { leaf: LeafName; message: string }[] = [];

  constructor(inquiry: Inquiry, size: number, remembered = rememberedCount) {
    this.#inquiry = inquiry;
    this.#remembered = Math.max(1, Math.min(remembered, size));
    this.#times = new Float64Array(this.#remembered);
  }

  /** Log time so far; undefined before the first leaf. */
  get logTime(): Instant | undefined {
    return this.#logTimeMs === -Infinity ? undefined : instantAt(this.#logTimeMs);
  }

  /** In milliseconds. */
  get logTimeMs(): number {
    return this.#logTimeMs;
  }

  /**
   * The latest time that log time came to before it was turned back, with the correction; undefined where it has come further since,
   * or where a witness saw the correction before that time: then the clock had been wrong.
   */
  get furthestCorrected(): { at: Instant; leaf: LeafName } | undefined {
    const [furthest] = this.#corrected
      .filter(({ ms, isRefuted }) => !isRefuted && ms > this.#logTimeMs)
      .sort((a, b) => b.ms - a.ms);
    return furthest && { at: instantAt(furthest.ms), leaf: furthest.leaf };
  }

  /** The latest time that log time ever came to. */
  get furthest(): Instant | undefined {
    const furthestMs = Math.max(this.#logTimeMs, ...this.#corrected.map(({ ms }) => ms));
    return furthestMs === -Infinity ? undefined : instantAt(furthestMs);
  }

  /** A witness's signature shows that the time which this correction took back had been wrong. */
  isRight(correction: LeafName): boolean {
    return this.#corrected.some(({ leaf, isRefuted }) => isRefuted && leaf.index === correction.index);
  }

  /** The next leaf; `recordedAt` undefined where it could not be read. */
  append(recordedAt: Instant | undefined, leaf: LeafName, isCorrection: boolean): void {
    const at = recordedAt === undefined ? this.#logTimeMs : this.#msOf(recordedAt);
    if (isCorrection) this.#correct(at, leaf);
    else if (at < this.#logTimeMs - clockSkewMsMax)
      this.#failed(`it was recorded at ${recordedAt}, though leaf ${this.#logTimeLeaf} before it came at ${this.logTime}`, leaf);
    if (at < this.#floorMs - clockSkewMsMax)
      this.#failed(
        `it was recorded at ${recordedAt}, though it stands after what a witness signed at ${instantAt(this.#floorMs)}`,
        leaf,
      );
    if (isCorrection || at > this.#logTimeMs) [this.#logTimeMs, this.#logTimeLeaf] = [at, leaf.index];
    this.#times[this.#count % this.#remembered] = this.#logTimeMs;
    this.#count += 1;
  }

  /** A witness saw the first `size` leaves at this time: later times that their clock had shown, and was turned back from, were wrong. */
  refutes(timeMs: number, size: number): void {
    for (const one of this.#corrected) one.isRefuted ||= size > one.leaf.index && one.ms > timeMs + clockSkewMsMax;
  }

  /** A witness saw the first `size` leaves at this time: they were recorded by then. */
  seenBy(timeMs: number, size: number, anchor: LeafName): void {
    this.#seen(timeMs, size, anchor, `a witness had seen them at ${instantAt(timeMs)}`);
  }

  /** So does the auditor, who has them all, by a clock that shows this at most. */
  hadBy(timeMs: number): void {
    this.#seen(timeMs, this.#count, { index: this.#count - 1 }, `by your clock it is ${instantAt(timeMs)} at most`);
  }

  #seen(timeMs: number, size: number, anchor: LeafName, when: string): void {
    this.refutes(timeMs, size);
    if (size <= this.#countsFrom || size > this.#count) return;
    const last = this.#timeAt(size - 1);
    if (last === undefined || last <= timeMs + clockSkewMsMax) return;
    const message = `leaves up to ${size - 1} say that they were recorded by ${instantAt(last)}, and ${when}`;
    this.#ahead.push({ leaf: this.#firstAfter(timeMs + clockSkewMsMax, size) ?? anchor, message });
  }

  /** The leaf that came last holds a witness's signature, so it is younger, and so is whatever comes after it. */
  holdsSignatureOf(timeMs: number, recordedAt: Instant, leaf: LeafName): void {
    if (epochMs(recordedAt) < timeMs - clockSkewMsMax)
      this.#failed(`it was recorded at ${recordedAt}, and holds what a witness signed at ${instantAt(timeMs)}`, leaf);
    this.#floorMs = Math.max(this.#floorMs, timeMs);
  }

  end(): void {
    for (const { leaf, message } of this.#ahead) this.#failed(message, leaf);
    this.#ahead = [];
  }

  /** Events of one append bear one instant. */
  #msOf(recordedAt: Instant): number {
    if (recordedAt !== this.#lastRecordedAt) [this.#lastRecordedAt, this.#lastRecordedMs] = [recordedAt, epochMs(recordedAt)];
    return this.#lastRecordedMs;
  }

  #correct(at: number, leaf: LeafName): void {
    this.#inquiry.note(
      "clock-corrected",
      `log time counts anew from ${instantAt(at)}; it had come to ${this.logTime ?? "nothing"}`,
      leaf,
    );
    for (const { leaf: ahead, message } of this.#ahead)
      this.#inquiry.unmet("record", `${message}; the clock was corrected at leaf ${leaf.index}`, { leaf: ahead });
    this.#ahead = [];
    if (at < this.#logTimeMs && this.#corrected.length < correctionCountMax)
      this.#corrected.push({ ms: this.#logTimeMs, leaf, isRefuted: false });
    this.#countsFrom = leaf.index;
  }

  #timeAt(index: number): number | undefined {
    return index < this.#count - this.#remembered ? undefined : this.#times[index % this.#remembered];
  }

  #firstAfter(timeMs: number, size: number): LeafName | undefined {
    let first: number | undefined;
    for (let index = size - 1; index >= this.#countsFrom; index--) {
      const at = this.#timeAt(index);
      if (at === undefined || at <= timeMs) break;
      first = index;
    }
    return first === undefined ? undefined : { index: first };
  }

  #failed(message: string, leaf: LeafName): void {
    this.#inquiry.failed("record", message, { leaf });
  }
}
