/**
 * One promise on both axes. Between two things that happened its facts are the same, and between two interactions that speak of it
 * so is what they settle: there `settle` is asked once. What is learned changes nothing of what had happened before.
 */
import { concerns } from "../../domain/assess/matching.ts";
import { inOrder } from "../../domain/assess/serving.ts";
import { settle } from "../../domain/assess/settle.ts";
import type { Recorded } from "../../domain/decider.ts";
import type { Interaction } from "../../domain/interaction.ts";
import type { PromiseEvent } from "../../domain/promise/events.ts";
import type { MadePromise } from "../../domain/promise/facts.ts";
import { promise } from "../../domain/promise/promise.ts";
import type { Instant } from "../../domain/values.ts";
import type { LedgerEvent } from "../../ledger/envelope.ts";
import { occurrenceRow, occurrenceValues, printOf, settledIn } from "../occurrences.ts";
import { sealedPositions } from "../projection.ts";
import { listens } from "../promises.ts";
import type { KnownParameters } from "./known-parameters.ts";
import { endless, isSamePrint, type PastTable, type Piece, recut, type Standing } from "./past-tables.ts";

/** Something said of it, and from when on it counts: when it happened, but not before the promise was made. */
export type Word = { event: LedgerEvent; countsFrom: Instant };

type Facts = { from: Instant; facts: MadePromise; sealed: string; evidence?: Interaction[] };

/** What a promise rests on beside its words. */
export type Surroundings = {
  parameters: KnownParameters;
  interactions(): Iterable<Interaction>;
  agreementMadeAt(id: string): Instant | undefined;
  tables: { promises: PastTable; occurrences: PastTable };
};

export class PromiseHistory {
  readonly #id: string;
  readonly #around: Surroundings;
  readonly #words: Word[] = [];
  /** One from each instant at which something was said. */
  #facts: Facts[] = [];
  #rows: readonly Standing[];
  readonly #occurrences: Map<number, readonly Standing[]>;

  /** @param standing the rows that hold by what was known before. */
  constructor(id: string, around: Surroundings, standing: { rows: Standing[]; occurrences: Map<number, readonly Standing[]> }) {
    this.#id = id;
    this.#around = around;
    this.#rows = standing.rows;
    this.#occurrences = standing.occurrences;
  }

  get recording(): string | undefined {
    return this.#facts[0]?.facts.recording;
  }

  /** A word whose rows are written already. */
  recall(word: Word): void {
    this.#words.push(word);
    this.#fold(word.countsFrom);
  }

  say(word: Word): void {
    this.recall(word);
    const { position } = word.event;
    this.#rows = recut(this.#around.tables.promises, this.#rows, word.countsFrom, this.#rowPieces(word.countsFrom), position);
    this.settle(word.countsFrom, position);
  }

  /** Facts anew from an instant on: what happened by each of the instants from there, in the order in which it was said. */
  #fold(from: Instant): void {
    const instants = new Set(this.#words.map(({ countsFrom }) => countsFrom).filter((instant) => instant >= from));
    const later = [...instants].sort().map((instant) => this.#factsAt(instant));
    this.#facts = [...this.#facts.filter((one) => one.from < from), ...later];
  }

  #factsAt(from: Instant): Facts {
    const before = this.#facts.at(-1);
    const last = this.#words.at(-1)!;
    // In order, as most of it comes: one word more.
    if (before !== undefined && before.from < from && last.countsFrom === from && this.#isNewest(last))
      return factsWith(before, last.event, from);
    const said = this.#words.filter(({ countsFrom }) => countsFrom <= from);
    return said.reduce<Facts | undefined>((facts, { event }) => factsWith(facts, event, from), undefined)!;
  }

  #isNewest(word: Word): boolean {
    return this.#words.every((one) => one === word || one.countsFrom < word.countsFrom);
  }

  #rowPieces(from: Instant): Piece[] {
    return this.#segments(from).map(({ span, facts: { facts, sealed } }) => {
      const { account, promisor, promisee, direction, kind, status, madeAt, agreement, recording } = facts;
      const position = this.#position;
      const about = [
        this.#id,
        account,
        promisor,
        promisee,
        direction,
        kind,
        status,
        madeAt,
        agreement ?? null,
        recording ?? null,
      ];
      const values = [...about, listens(facts), sealed, position];
      return { ...span, print: JSON.stringify(values), values: () => values };
    });
  }

  get #position(): number {
    return this.#words[0]!.event.position;
  }

  /** The facts that hold from an instant on, each with the part of the axis that lies there. */
  #segments(from: string): { span: { from: Instant; to: string }; facts: Facts }[] {
    return this.#facts.flatMap((facts, index) => {
      const to = this.#facts[index + 1]?.from ?? endless;
      if (to <= from) return [];
      return [{ span: { from: facts.from < from ? (from as Instant) : facts.from, to }, facts }];
    });
  }

  /**
   * An interaction was told, told otherwise, or retracted.
   * @returns whether the promise is to be settled anew, from the earlier of the two instants on.
   */
  hear(before: Interaction | undefined, after: Interaction): boolean {
    const since = before === undefined || after.startedAt < before.startedAt ? after.startedAt : before.startedAt;
    let isConcerned = false;
    this.#facts.forEach((one, index) => {
      const [isOf, wasOf] = [isEvidence(after, one.facts), before !== undefined && isEvidence(before, one.facts)];
      if (one.evidence !== undefined && (isOf || wasOf)) {
        const others = before === undefined ? one.evidence : one.evidence.filter(({ id }) => id !== before.id);
        one.evidence = isOf ? withOne(others, after) : others;
      }
      const to = this.#facts[index + 1]?.from ?? endless;
      isConcerned ||= (isOf || wasOf) && to > since;
    });
    return isConcerned;
  }

  /** Writes what holds from an instant on by what is known at a position. */
  settle(from: string, position: number): void {
    const pieces = new Map<number, Piece[]>();
    for (const { span, facts } of this.#segments(from))
      for (const part of this.#parts(span, facts)) this.#settlePart(part, facts, position, pieces);
    for (const [occurrence, standing] of this.#occurrences)
      if (!pieces.has(occurrence) && standing.some(({ to }) => to > from)) pieces.set(occurrence, []);
    const { occurrences } = this.#around.tables;
    for (const [occurrence, some] of pieces)
      this.#occurrences.set(occurrence, recut(occurrences, this.#occurrences.get(occurrence) ?? [], from, some, position));
  }

  /** Cut where an interaction began that speaks of it, and where its agreement was made. */
  #parts({ from, to }: { from: Instant; to: string }, one: Facts): { from: Instant; to: string }[] {
    const { agreement } = one.facts;
    const madeAt = agreement === undefined ? undefined : this.#around.agreementMadeAt(agreement);
    const cuts = this.#evidence(one).map(({ startedAt }) => startedAt);
    if (madeAt !== undefined) cuts.push(madeAt);
    const within = new Set(cuts.filter((cut) => from < cut && cut < to));
    const starts = [from, ...[...within].sort()];
    return starts.map((start, index) => ({ from: start, to: starts[index + 1] ?? to }));
  }

  #settlePart(span: { from: Instant; to: string }, one: Facts, position: number, pieces: Map<number, Piece[]>): void {
    const { facts } = one;
    const { parameters } = this.#around;
    const madeAt = facts.agreement === undefined ? undefined : this.#around.agreementMadeAt(facts.agreement);
    const settlement = settle({
      promise: facts,
      agreementMadeAt: madeAt !== undefined && madeAt <= span.from ? madeAt : undefined,
      interactions: this.#evidence(one).filter(({ startedAt }) => startedAt <= span.from),
      recording: parameters.loadAt(facts.recording, position),
      policy: parameters.policyAt(position),
    });
    for (const { occurrence, said, columns } of settledIn(settlement)) {
      const print = JSON.stringify(occurrence === 0 ? [facts.promisor, said] : said);
      const before = pieces.get(occurrence);
      const last = before?.at(-1);
      if (last !== undefined && last.to === span.from && isSamePrint(last.print, print)) {
        last.to = span.to;
        continue;
      }
      const piece: Piece = {
        ...span,
        print,
        values: () => [...occurrenceValues(occurrenceRow(this.#id, columns(), facts, this.#position)), printOf(print)],
      };
      if (before === undefined) pieces.set(occurrence, [piece]);
      else before.push(piece);
    }
  }

  /** The interactions that speak of it by these facts, in order. No other changes what is settled. */
  #evidence(one: Facts): readonly Interaction[] {
    one.evidence ??= inOrder([...this.#around.interactions()].filter((interaction) => isEvidence(interaction, one.facts)));
    return one.evidence;
  }
}

const isEvidence = (interaction: Interaction, facts: MadePromise): boolean =>
  listens(facts) === 1 && concerns(interaction, facts);

function factsWith(before: Facts | undefined, event: LedgerEvent, from: Instant): Facts {
  const facts = promise.evolve(before?.facts ?? promise.initialState, event as Recorded<PromiseEvent>) as MadePromise;
  return { from, facts, sealed: sealedPositions(before?.sealed, event) };
}

/** One more, mostly the last. */
function withOne(others: readonly Interaction[], one: Interaction): Interaction[] {
  const last = others.at(-1);
  return last === undefined || last.startedAt < one.startedAt ? [...others, one] : inOrder([...others, one]);
}
