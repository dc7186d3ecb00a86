/** What the log says of one promise: every word, the facts that they come to, and what stands on record of it. */
import { attestationOf, occurrenceOf } from "../domain/attesting.ts";
import { type Attestation, countsOf } from "../domain/attestation.ts";
import type { Recorded } from "../domain/decider.ts";
import type { WordEvent } from "../domain/promise/admission.ts";
import type { Basis, VerdictEvent } from "../domain/promise/events.ts";
import type { MadePromise } from "../domain/promise/facts.ts";
import { promise } from "../domain/promise/promise.ts";
import { epochMs, type Instant } from "../domain/values.ts";
import type { Judgement } from "./judgement.ts";
import type { Work } from "./work.ts";

type PlacedBasis = { basis: Basis; position: number };
/** The part of an event that folding takes; the rest of it need not be remembered. */
type Word = Pick<Recorded<WordEvent>, "type" | "data" | "id" | "position" | "occurredAt" | "recordedAt">;
/** With what holds by it, and where and when that was put on record. */
type OnRecord = Attestation & { verdict: string | undefined; position: number; recordedMs: number };

/** Since when, until when more was said, and where. */
type Overdue = { sinceMs: number; untilMs: number; position: number };

export class PromiseHistory {
  /** As it was made. */
  readonly made: MadePromise;
  readonly madePosition: number;
  /** A state for each would take memory by the square of their number. */
  readonly #words: Word[] = [];
  /** As they stand, and where and when they were last spoken of. */
  facts: MadePromise;
  lastWord: number;
  lastWordAt: Instant;
  /** Where a key last spoke for a party that it is not bound to, and where a dispute was last ruled on. */
  lastAsserted = 0;
  lastRuling = 0;
  readonly onRecord = new Map<number, OnRecord>();
  /** What stood on record before the last verdict on the same occurrence. */
  displaced: OnRecord | undefined;
  /** The last verdict, and the last that rests on another basis: each was reached when the one before it stood on record. */
  last: PlacedBasis | undefined;
  before: PlacedBasis | undefined;
  /** The last that was asked for. */
  judgement: Judgement | undefined;
  /** Occurrences of which something was due for longer than the lag, and stood on no record when more was said. */
  readonly overdue = new Map<number, Overdue>();

  constructor(facts: MadePromise, { position, recordedAt }: Pick<Word, "position" | "recordedAt">) {
    this.made = facts;
    this.facts = facts;
    this.madePosition = position;
    this.lastWord = position;
    this.lastWordAt = recordedAt;
  }

  get wordCount(): number {
    return this.#words.length;
  }

  /** The facts as the first `size` leaves tell of them; undefined before the promise was made. */
  at(size: number, work: Work): MadePromise | undefined {
    if (this.madePosition > size) return undefined;
    if (this.lastWord <= size) return this.facts;
    work.spend(this.wordCount * this.wordSteps);
    let facts = this.made;
    for (const word of this.#words) {
      if (word.position > size) break;
      facts = folded(facts, word);
    }
    return facts;
  }

  /** When the last of its first `size` leaves was recorded. */
  lastWordAtSize(size: number): Instant {
    if (this.lastWord <= size) return this.lastWordAt;
    return this.#words.findLast(({ position }) => position <= size)?.recordedAt ?? this.made.madeRecordedAt;
  }

  /** The position of the last word that was recorded by then. */
  lastWordBy(at: Instant): number {
    return this.#words.findLast(({ recordedAt }) => recordedAt <= at)?.position ?? this.madePosition;
  }

  /** What a word more can cost: to decide on it, and to fold it. */
  get wordSteps(): number {
    return 1 + this.facts.occurrences.length * (1 + this.facts.changes) + this.wordCount;
  }

  said({ type, data, id, position, occurredAt, recordedAt }: Recorded<WordEvent>): void {
    const word = { type, data, id, position, occurredAt, recordedAt } as Word;
    this.#words.push(word);
    this.facts = folded(this.facts, word);
    this.lastWord = position;
    this.lastWordAt = recordedAt;
    if ("asserted" in data && data.asserted) this.lastAsserted = position;
    if (type === "DisputeRuled") this.lastRuling = position;
    this.judgement = undefined;
  }

  /** Verdicts of one append share their basis. */
  attested(event: Recorded<VerdictEvent>): void {
    const occurrence = occurrenceOf(event);
    this.displaced = this.onRecord.get(occurrence);
    this.onRecord.set(occurrence, {
      ...attestationOf(event),
      verdict: verdictIn(event),
      position: event.position,
      recordedMs: epochMs(event.recordedAt),
    });
    if (this.judgement?.isOver === true) this.judgement = undefined;
    const { basis } = event.data;
    const isShared = this.last !== undefined && this.last.basis.size === basis.size && this.last.basis.asOf === basis.asOf;
    if (!isShared) this.before = this.last;
    this.last = { basis, position: event.position };
  }

  /** How many occurrences stand on record with each verdict. */
  standing(): Record<string, number> {
    return countsOf([...this.onRecord.values()].flatMap(({ verdict }) => verdict ?? []));
  }
}

const folded = (facts: MadePromise, word: Word): MadePromise => promise.evolve(facts, word as Recorded<WordEvent>) as MadePromise;

function verdictIn(event: VerdictEvent): string | undefined {
  if (event.type === "PromiseKept") return event.data.verdict;
  return event.type === "PromiseBroken" ? "broken" : undefined;
}
