/**
 * What holds of one promise, judged on one state of the facts. It is kept from one verdict to the next, and judges only what it is
 * asked: most verdicts are on one occurrence of a series, and most events of an account are nothing to most of its promises.
 */
import { exclusionAt, outcomeAt } from "../domain/assess/assess.ts";
import { excludedFinding } from "../domain/assess/finding.ts";
import { concerns } from "../domain/assess/matching.ts";
import type { AssessmentInput, OccurrenceSettlement, Settling } from "../domain/assess/settle.ts";
import type { OutcomeOf, Outcomes } from "../domain/attesting.ts";
import type { Interaction } from "../domain/interaction.ts";
import type { MadePromise } from "../domain/promise/facts.ts";
import type { Occurrence } from "../domain/promise/occurrences.ts";
import type { Instant } from "../domain/values.ts";
import { type AccountEvidence, longAgo } from "./evidence.ts";
import type { Work } from "./work.ts";

/** What a judgement rests on beside evidence. Each part is the same object as long as nothing new was said of it. */
export type Grounds = Omit<AssessmentInput, "interactions">;
export type Rule = (input: AssessmentInput) => Settling;
/** So many leaves, and how late it was. */
export type Moment = { size: number; asOf: Instant };

/** A judgement with more evidence is not kept: it would be remembered for each of the account's promises. */
const keptEvidenceMax = 1_024;

export class Judgement {
  readonly grounds: Grounds;
  readonly #rule: Rule;
  readonly #evidence: AccountEvidence;
  readonly #work: Work;
  readonly #window: Window;
  readonly #matcherSize: number;
  readonly #correctionCount: number;
  /** Interactions of the account that were looked at, and those of them that can change what holds. */
  #seen = 0;
  #concerned: Interaction[] = [];
  #weight = 0;
  #lastStart = "";
  #lastRecordedAt = longAgo;
  /** Something lies in the future of the instant that this was first asked for. */
  readonly #isPartial: boolean;
  /** As of when everything that there is to say of it stood on record. */
  #overAt: Instant | undefined;
  #settling: Settling | undefined;
  readonly #settled = new Map<number, OccurrenceSettlement>();

  constructor(grounds: Grounds, rule: Rule, evidence: AccountEvidence, { size, asOf }: Moment, work: Work) {
    this.grounds = grounds;
    this.#rule = rule;
    this.#evidence = evidence;
    this.#work = work;
    this.#window = windowOf(grounds.promise);
    this.#matcherSize = matcherSizeOf(grounds.promise);
    this.#correctionCount = evidence.lastCorrection <= size ? evidence.correctionCount : NaN;
    const known = this.#window.isDeaf ? [] : evidence.at(size);
    work.spend(known.length);
    for (const one of known) this.#take(one);
    this.#seen = known.length;
    this.#isPartial = this.#lastStart > asOf;
    if (this.#isPartial) this.#concerned = this.#concerned.filter(({ startedAt }) => startedAt <= asOf);
  }

  /** Whether it is a judgement on these grounds and at that moment too; evidence that came since is taken up. */
  holdsFor(grounds: Grounds, rule: Rule, { size, asOf }: Moment): boolean {
    const { promise, agreementMadeAt, recording, policy } = this.grounds;
    const isSame =
      grounds.promise === promise &&
      grounds.policy === policy &&
      grounds.recording === recording &&
      grounds.agreementMadeAt === agreementMadeAt &&
      rule === this.#rule;
    if (!isSame || this.#isPartial) return false;
    if (this.#window.isDeaf) return this.#overAt === undefined || this.#overAt <= asOf;
    const { interactions, correctionCount } = this.#evidence;
    if (correctionCount !== this.#correctionCount || (interactions[this.#seen - 1]?.position ?? 0) > size) return false;
    for (; this.#seen < interactions.length && interactions[this.#seen]!.position <= size; this.#seen += 1)
      if (this.#take(interactions[this.#seen]!) && this.isOver) return false;
    return this.#lastStart <= asOf && (this.#overAt === undefined || this.#overAt <= asOf);
  }

  /** Everything that there is to say of it has been said. */
  get isOver(): boolean {
    return this.#overAt !== undefined;
  }

  /** It takes too much room to be kept. */
  get isLarge(): boolean {
    return this.#concerned.length > keptEvidenceMax;
  }

  /** When the last of the evidence that it rests on was recorded, corrections left out; or long ago. */
  get lastEvidenceAt(): Instant {
    return this.#lastRecordedAt;
  }

  /** When evidence of the account was last corrected or retracted; or long ago. */
  get lastCorrectedAt(): Instant {
    return this.#evidence.lastCorrectedAt;
  }

  /** Undefined where the promise has no occurrence of that number. */
  outcomeOf(number: number, asOf: Instant): OutcomeOf | undefined {
    const { occurrences } = this.grounds.promise;
    const one =
      occurrences[number - 1]?.number === number ? occurrences[number - 1] : occurrences.find((it) => it.number === number);
    return one && this.#outcomeOf(one, exclusionAt(this.#settlingNow(), asOf, asOf), asOf);
  }

  outcomes(asOf: Instant): Outcomes {
    const exclusion = exclusionAt(this.#settlingNow(), asOf, asOf);
    return { exclusion, occurrences: this.grounds.promise.occurrences.map((one) => this.#outcomeOf(one, exclusion, asOf)) };
  }

  /** Told that all of these outcomes stand on record: where time alone can't change them, what led to them is let go. */
  rest({ exclusion, occurrences }: Outcomes, asOf: Instant): void {
    const isFinal = (one: OutcomeOf) => one.outcome !== null && (one.finding === null || one.finding.at <= asOf);
    if (this.#isPartial || (exclusion === null && !occurrences.every(isFinal))) return;
    this.#overAt = asOf;
    this.#concerned = [];
    this.#settling = undefined;
    this.#settled.clear();
  }

  #outcomeOf(one: Occurrence, exclusion: Outcomes["exclusion"], asOf: Instant): OutcomeOf {
    const { finding, clock } = this.#settledOf(one);
    const { number, deadlineAt } = one;
    const outcome =
      exclusion === null
        ? outcomeAt({ finding, clock, deadlineAt }, asOf, asOf)
        : excludedFinding(exclusion.verdict, exclusion.at);
    return { number, outcome, finding, clock, deadlineAt };
  }

  #settledOf(one: Occurrence): OccurrenceSettlement {
    const known = this.#settled.get(one.number);
    if (known !== undefined) return known;
    const { disputes } = this.grounds.promise;
    // What an open dispute would come to is found by serving all occurrences once more.
    this.#work.spend(this.#wordCount + this.#evidence.correctionCount + (disputes.length > 0 ? this.#servingSteps : 0));
    const settled = this.#settlingNow().settled(one);
    this.#settled.set(one.number, settled);
    return settled;
  }

  #settlingNow(): Settling {
    if (this.#settling !== undefined) return this.#settling;
    this.#work.spend(this.#servingSteps);
    this.#settling = this.#rule({ ...this.grounds, interactions: this.#concerned });
    return this.#settling;
  }

  /** @returns whether it can change what holds. */
  #take(one: Interaction): boolean {
    const { promise } = this.grounds;
    const { from, until } = this.#window;
    if ((one.startedAt < from || one.startedAt > until) && promise.claims.length === 0) return false;
    const weight = 1 + ((one.participants.length + one.tags.length) * this.#matcherSize) / 4;
    this.#work.spend(promise.claims.length + promise.occurrences.length * weight);
    if (!concerns(one, promise)) return false;
    this.#weight += weight;
    this.#concerned.push(one);
    if (one.startedAt > this.#lastStart) this.#lastStart = one.startedAt;
    if (one.recordedAt > this.#lastRecordedAt) this.#lastRecordedAt = one.recordedAt;
    this.#settling = undefined;
    this.#settled.clear();
    return true;
  }

  get #wordCount(): number {
    const { claims, confirmations, reneged, waived, disputes, suspensions } = this.grounds.promise;
    return 1 + claims.length + confirmations.length + reneged.length + waived.length + disputes.length + suspensions.length;
  }

  /** Each interaction is tried on each occurrence, each claim on both, and each occurrence on each word. */
  get #servingSteps(): number {
    const { occurrences, claims } = this.grounds.promise;
    return (occurrences.length + claims.length) * (this.#weight + 1) + occurrences.length * this.#wordCount;
  }
}

/** No interaction that began outside of it can be evidence, unless a claim names it. */
type Window = { from: string; until: string; isDeaf: boolean };

function windowOf({ occurrences }: MadePromise): Window {
  let [from, until, isDeaf] = ["9999", "", true];
  for (const { matcher, kind, opensAt = "", deadlineAt = "9999" } of occurrences) {
    if (matcher !== undefined) isDeaf = false;
    if (opensAt < from) from = opensAt;
    // A single occurrence is kept late by whatever comes.
    const end = kind === "once" ? "9999" : deadlineAt;
    if (end > until) until = end;
  }
  return { from, until, isDeaf };
}

/** By how much longer than the shortest the lists of a matcher take to be gone through. */
const matcherSizeOf = ({ occurrences }: MadePromise): number =>
  occurrences.reduce((most, { matcher }) => {
    const { participants, tagsWith, tagsWithout } = matcher ?? {};
    return Math.max(most, 1 + (participants?.length ?? 0) + (tagsWith?.length ?? 0) + (tagsWithout?.length ?? 0));
  }, 1);
