/**
 * Reaches every verdict on record again, with the code that reached it first: the facts as the log held them at the verdict's basis,
 * judged by the rule that it names. Holds what judging needs and nothing else: promises with every word on them, interactions by
 * account, agreements, loads, policies.
 */
import { canonicalText } from "../canonical/canonical-json.ts";
import { assess, type Assessment } from "../domain/assess/assess.ts";
import { type AssessmentInput, assessmentRule } from "../domain/assess/settle.ts";
import {
  attestationOf,
  conclusionOf,
  isHeld,
  occurrenceOf,
  type RecordedVerdict,
  verdictOf,
  verdictsOf,
} from "../domain/attesting.ts";
import { type Attestation, countsOf } from "../domain/attestation.ts";
import type { Recorded } from "../domain/decider.ts";
import { type Interaction, interaction, type InteractionEvent, type InteractionState } from "../domain/interaction.ts";
import { clockSkewMsMax } from "../domain/log-time.ts";
import { builtInPolicy, type Policy } from "../domain/policy.ts";
import { refusalOf, type WordEvent } from "../domain/promise/admission.ts";
import {
  type Basis,
  basis as basisSchema,
  type Offer,
  type PromiseEvent,
  type VerdictEvent,
  verdictTypes,
} from "../domain/promise/events.ts";
import { isEqual, type MadePromise } from "../domain/promise/facts.ts";
import { promise } from "../domain/promise/promise.ts";
import { misfitOf } from "../domain/schedule-fit.ts";
import { type AccountId, addMs, type Instant } from "../domain/values.ts";
import type { LeafEvent } from "./leaf-event.ts";
import { Loads } from "./loads.ts";

/** Every rule that verdicts were ever reached by. One is never taken away. */
const rules: Readonly<Record<number, typeof assess>> = { [assessmentRule]: assess };

type At<Value> = { position: number; value: Value };
type PlacedBasis = { basis: Basis; position: number };
type PromiseHistory = {
  /** What had been said from each position on. */
  facts: At<MadePromise>[];
  onRecord: Map<number, Attestation>;
  /** The last verdict on each occurrence, by its name; none where it was withdrawn. */
  verdicts: Map<number, string>;
  /** The last verdict, and the last that rests on another basis: each was reached when the one before it stood on record. */
  last?: PlacedBasis;
  before?: PlacedBasis;
  assessed?: { size: number; asOf: Instant; rule: number; assessment: Assessment };
};
type Evidence = {
  /** As they stand. */
  interactions: Interaction[];
  /** Of those that were corrected or retracted, every earlier state. */
  earlier: Map<string, At<Interaction>[]>;
  /** Of the last event on any of them. */
  lastPosition: number;
};
/** A load of history that was not completed, and how much of the clock's word it holds back. */
export type OpenLoad = { recording: string; startedAt: Instant; promises: number; held: number };
/** What an auditor should know of an event that is nothing wrong. */
export type Remark = { kind: "policy-adopted" | "not-covered"; message: string };

/** A verdict that holds, and is not on record. */
export type Unrecorded = { type: VerdictEvent["type"]; stream: string; occurrence: number; message: string };

/** Why a verdict could not be reached again. */
export type Disagreement = { grade: "failed" | "unmet"; message: string };

const verdictTypeSet: ReadonlySet<string> = new Set(verdictTypes);
export const isVerdict = (event: LeafEvent): event is LeafEvent & Recorded<VerdictEvent> => verdictTypeSet.has(event.type);

export class Recomputation {
  readonly #promises = new Map<string, PromiseHistory>();
  readonly #evidence = new Map<string, Evidence>();
  readonly #agreements = new Map<string, At<Instant>>();
  readonly #loads = new Loads();
  readonly #policies: At<Policy>[] = [{ position: 0, value: builtInPolicy }];
  readonly #outcomes = new Map<string, AccountId>();
  /** Of the last correction of the clock. */
  #correctedPosition = 0;

  promiseIds(): Iterable<string> {
    return this.#promises.keys();
  }

  /** How many occurrences of a promise stand on record with each verdict; undefined for a promise that was never made. */
  standing(promise: string): Record<string, number> | undefined {
    const history = this.#promises.get(promise);
    return history && countsOf([...history.verdicts.values()]);
  }

  /** Takes up an event. @returns what is wrong with it as one of its account; undefined where nothing is. */
  apply(event: LeafEvent): string | undefined {
    const id = event.stream.slice(event.stream.indexOf("-") + 1);
    const { position } = event;
    switch (event.type) {
      case "PromiseMade":
        return this.#made(event, id);
      case "InteractionRecorded":
        this.#recorded(event);
        return ofAccount(event, event.data.account);
      case "InteractionCorrected":
      case "InteractionRetracted":
        return this.#corrected(event, id);
      case "AgreementMade":
        this.#agreements.set(id, { position, value: event.occurredAt });
        return this.#unmade(event.data.promises, event.data.account) ?? ofAccount(event, event.data.account);
      case "OutcomeRecorded":
        this.#outcomes.set(id, event.data.account);
        return ofAccount(event, event.data.account);
      case "OutcomeRetracted":
        if (event.revision > 1) return "the outcome had been retracted before";
        return ofAccount(event, this.#outcomes.get(id));
      case "RecordingStarted":
      case "RecordingCompleted":
        return this.#loads.apply(event);
      case "ClockCorrected":
        this.#correctedPosition = position;
        return undefined;
      case "PolicyAdopted":
        this.#policies.push({ position, value: { ...event.data.policy, version: event.data.version } });
        return event.data.version === this.#policies.length - 1 ? undefined : "the versions of the policy have a gap";
      case "AccountOpened":
      case "AccountChanged":
      case "AccountAssigned":
      case "AccountClosed":
      case "AccountReopened":
        return ofAccount(event, id as AccountId);
      default:
        return event.stream.startsWith("promise-") ? this.#said(event as LeafEvent & Recorded<PromiseEvent>, id) : undefined;
    }
  }

  /** Reaches a verdict again. To be called after `apply`. */
  disagreement(event: LeafEvent & Recorded<VerdictEvent>): Disagreement | undefined {
    const { basis } = event.data;
    const history = this.#promises.get(event.stream.slice("promise-".length));
    const failed = (message: string): Disagreement => ({ grade: "failed", message });
    if (history === undefined) return failed("it is a verdict on a promise that was never made");
    if (!basisSchema.safeParse(basis).success) return failed("it names no basis that a verdict can have");
    if (!Object.hasOwn(rules, basis.rule))
      return { grade: "unmet", message: `it names rule ${basis.rule}, which this verifier does not know` };
    if (event.actor.kind !== "rule" || event.actor.id !== `assess-${basis.rule}`)
      return failed("a verdict is put on record by its rule, and by nobody else");
    if (basis.size >= event.position) return failed(`it rests on ${basis.size} leaves, and is leaf ${event.position - 1} itself`);
    if (basis.asOf > addMs(event.recordedAt, clockSkewMsMax))
      return failed(`it was reached as of ${basis.asOf}, after it was recorded`);
    const input = this.#inputAt(history, basis.size);
    if (input === undefined) return failed(`its promise had not been made within the first ${basis.size} leaves`);
    if (input.policy.version !== basis.policy)
      return failed(`it names policy ${basis.policy}, and policy ${input.policy.version} was in force at its basis`);
    return this.#outdated(history, basis) ?? this.#compared(event, history, input, basis);
  }

  /**
   * Promises of which something else holds than is on record, and has held for longer than `lagMs`.
   * @param size of the log, at log time `now`; `sizeThen` and `then` as it was the lag before.
   */
  *unrecorded(size: number, now: Instant, sizeThen: number, then: Instant): Generator<Unrecorded> {
    for (const [id, history] of this.#promises) {
      const due = this.#unrecordedAt(history, size, now);
      if (due.length === 0) continue;
      const dueThen = new Set(this.#unrecordedAt(history, sizeThen, then).map(occurrenceOf));
      for (const verdict of due) {
        const occurrence = occurrenceOf(verdict);
        if (dueThen.has(occurrence))
          yield {
            type: verdict.type,
            stream: `promise-${id}`,
            occurrence,
            message: `${told(verdict)} should stand on record, and does not`,
          };
      }
    }
  }

  #unrecordedAt(history: PromiseHistory, size: number, now: Instant): VerdictEvent[] {
    const input = this.#inputAt(history, size);
    if (input === undefined || isHeld(input)) return [];
    const basis: Basis = { size, asOf: now, rule: assessmentRule, policy: input.policy.version };
    return verdictsOf(input, assess(input, now, now), history.onRecord, basis);
  }

  /** A verdict is put on record only while nothing else was said of its promise since its basis: the store sees to that. */
  #outdated({ facts, before }: PromiseHistory, basis: Basis): Disagreement | undefined {
    const lastWord = facts.at(-1)!.position;
    if (lastWord > basis.size)
      return {
        grade: "failed",
        message: `it rests on ${basis.size} leaves, though leaf ${lastWord - 1} speaks of its promise too`,
      };
    if (before === undefined) return undefined;
    if (before.position > basis.size)
      return {
        grade: "failed",
        message: `it rests on ${basis.size} leaves, and goes back behind the verdict on its promise at leaf ${before.position - 1}`,
      };
    if (basis.asOf >= addMs(before.basis.asOf, -clockSkewMsMax) || this.#correctedPosition > before.position) return undefined;
    return {
      grade: "failed",
      message: `it was reached as of ${basis.asOf}, and the verdict before it as of ${before.basis.asOf}`,
    };
  }

  #compared(
    event: Recorded<VerdictEvent>,
    history: PromiseHistory,
    input: AssessmentInput,
    basis: Basis,
  ): Disagreement | undefined {
    const assessment = assessedAt(history, input, basis);
    const expected = expectedVerdict(event, assessment, basis);
    if (expected === undefined) return { grade: "failed", message: `at its basis the facts give no end of the promise` };
    const isSame = expected.type === event.type && expected.occurredAt === event.occurredAt && isEqual(expected.data, event.data);
    if (isSame) return undefined;
    return {
      grade: "failed",
      message: `${told(event)} does not follow: at its basis the facts give ${difference(event, expected)}`,
    };
  }

  /** What to tell of an event that was taken up. To be called after `apply`. */
  remarkOn(event: LeafEvent): Remark | undefined {
    if (event.type === "PolicyAdopted") return this.#retroaction(event.recordedAt);
    const offer = offerIn(event);
    if (offer === undefined || misfitOf(offer) !== "unknown") return undefined;
    return { kind: "not-covered", message: "its rule is none that is expanded here: its dates were not held against it" };
  }

  /** Loads that are still open, with how many verdicts of their promises they hold back. */
  *openLoads(size: number, now: Instant): Generator<OpenLoad> {
    const held = new Map<string, { promises: number; held: number }>();
    for (const history of this.#promises.values()) {
      const input = this.#inputAt(history, size);
      if (input === undefined || !isHeld(input)) continue;
      const recording = input.promise.recording!;
      const count = held.get(recording) ?? { promises: 0, held: 0 };
      count.promises += 1;
      count.held += assess({ ...input, recording: { completedAt: now, upTo: now } }, now, now).occurrences.filter(
        ({ outcome }) => outcome !== null,
      ).length;
      held.set(recording, count);
    }
    for (const { id, startedAt } of this.#loads.open())
      yield { recording: id, startedAt, ...(held.get(id) ?? { promises: 0, held: 0 }) };
  }

  /** A policy counts from its leaf on for everything that is judged from then on, what was due before too. */
  #retroaction(now: Instant): Remark | undefined {
    const [before, after] = this.#policies.slice(-2).map(({ value }) => value);
    if (after === undefined || before === undefined) return undefined;
    const names = ["recordingAllowanceMinutes", "evidenceLimitDays"] as const;
    const changed = names.filter((name) => before.promises[name] !== after.promises[name]);
    const due = [...this.#promises.values()].filter(({ facts }) =>
      facts.at(-1)!.value.occurrences.some(({ deadlineAt }) => deadlineAt !== undefined && deadlineAt <= now),
    ).length;
    if (changed.length === 0 || due === 0) return undefined;
    const told = changed.map((name) => `${name} from ${before.promises[name]} to ${after.promises[name]}`).join(", ");
    return {
      kind: "policy-adopted",
      message: `policy ${after.version} changed ${told}, and ${due} ${due === 1 ? "promise" : "promises"} of which something was due before are judged by it too`,
    };
  }

  #made(event: LeafEvent & Recorded<Extract<PromiseEvent, { type: "PromiseMade" }>>, id: string): string | undefined {
    if (this.#promises.has(id)) return "the promise had been made before";
    const value = promise.evolve(promise.initialState, event) as MadePromise;
    this.#promises.set(id, { facts: [{ position: event.position, value }], onRecord: new Map(), verdicts: new Map() });
    const { recording, account } = event.data;
    const refusal = refusalOf(promise.initialState, event) ?? misfitIn(event) ?? ofAccount(event, account);
    if (refusal !== undefined || recording === undefined || this.#loads.has(recording)) return refusal;
    return `it came with a load of history, ${recording}, that had not been started`;
  }

  #said(event: LeafEvent & Recorded<PromiseEvent>, id: string): string | undefined {
    const history = this.#promises.get(id);
    const facts = history?.facts.at(-1)?.value;
    if (history === undefined || facts === undefined) return "it speaks of a promise that was never made";
    if (verdictTypeSet.has(event.type)) {
      const verdict = event as Recorded<VerdictEvent>;
      history.onRecord.set(occurrenceOf(verdict), attestationOf(verdict));
      placeBasis(history, { basis: verdict.data.basis, position: event.position });
      setVerdict(history.verdicts, verdict);
      return ofAccount(event, facts.account);
    }
    const refusal = refusalOf(facts, event as Recorded<WordEvent>) ?? misfitIn(event) ?? this.#unshown(event, facts.account);
    history.facts.push({ position: event.position, value: promise.evolve(facts, event) as MadePromise });
    return refusal ?? ofAccount(event, facts.account);
  }

  /** An interaction that is named as evidence must be one of the account's. */
  #unshown({ data }: PromiseEvent, account: AccountId): string | undefined {
    if (!("interaction" in data) || data.interaction === undefined) return undefined;
    const isKnown = this.#evidence.get(account)?.interactions.some(({ id }) => id === data.interaction) ?? false;
    return isKnown ? undefined : `it names ${data.interaction}, which the account has not had`;
  }

  #unmade(promises: readonly string[], account: AccountId): string | undefined {
    const unmade = promises.find((id) => this.#promises.get(id)?.facts[0]!.value.account !== account);
    return unmade === undefined ? undefined : `it binds ${unmade}, which the account has not been promised`;
  }

  #recorded(event: Recorded<Extract<InteractionEvent, { type: "InteractionRecorded" }>>): void {
    const evidence = this.#evidenceOf(event.data.account);
    evidence.interactions.push(stateOf(interaction.evolve(interaction.initialState, event)));
    evidence.lastPosition = event.position;
  }

  #corrected(event: LeafEvent & Recorded<InteractionEvent>, id: string): string | undefined {
    const evidence = event.account === undefined ? undefined : this.#evidence.get(event.account);
    const at = evidence?.interactions.findLastIndex((one) => one.id === id) ?? -1;
    if (evidence === undefined || at < 0) return "it speaks of an interaction that the account has not had";
    const before = evidence.interactions[at]!;
    if (before.isRetracted) return "the interaction had been retracted";
    const states = evidence.earlier.get(id) ?? [{ position: before.position, value: before }];
    const after = stateOf(interaction.evolve({ status: "recorded", ...before }, event));
    states.push({ position: event.position, value: after });
    evidence.earlier.set(id, states);
    evidence.interactions[at] = after;
    evidence.lastPosition = event.position;
    return undefined;
  }

  #evidenceOf(account: string): Evidence {
    const known = this.#evidence.get(account);
    if (known !== undefined) return known;
    const evidence: Evidence = { interactions: [], earlier: new Map(), lastPosition: 0 };
    this.#evidence.set(account, evidence);
    return evidence;
  }

  /** Everything that judging the promise rests on, as the first `size` leaves tell it; undefined where they do not tell of it. */
  #inputAt({ facts }: PromiseHistory, size: number): AssessmentInput | undefined {
    const made = asOfSize(facts, size);
    if (made === undefined) return undefined;
    const agreement = made.agreement === undefined ? undefined : this.#agreements.get(made.agreement);
    const listens = made.occurrences.some(({ matcher }) => matcher !== undefined);
    return {
      promise: made,
      agreementMadeAt: agreement !== undefined && agreement.position <= size ? agreement.value : undefined,
      interactions: listens ? this.#interactionsAt(made.account, size) : [],
      recording: made.recording === undefined ? undefined : this.#loads.at(made.recording, size),
      policy: asOfSize(this.#policies, size)!,
    };
  }

  #interactionsAt(account: string, size: number): readonly Interaction[] {
    const evidence = this.#evidence.get(account);
    if (evidence === undefined) return [];
    if (evidence.lastPosition <= size) return evidence.interactions;
    return evidence.interactions
      .filter(({ position }) => position <= size)
      .map((one) => asOfSize(evidence.earlier.get(one.id) ?? [], size) ?? one);
  }
}

const asOfSize = <Value>(states: readonly At<Value>[], size: number): Value | undefined =>
  states.findLast(({ position }) => position <= size)?.value;

/** The offer that an event puts on the table. */
function offerIn({ type, data }: LeafEvent): Offer | undefined {
  if (type === "PromiseMade" || type === "PromiseCountered") return data.offer;
  return type === "ChangeProposed" && data.proposal.type === "amend" ? data.proposal.offer : undefined;
}

function misfitIn(event: LeafEvent): string | undefined {
  const offer = offerIn(event);
  const misfit = offer && misfitOf(offer);
  return misfit === "unknown" ? undefined : misfit;
}

/** Verdicts of one append share their basis. */
function placeBasis(history: PromiseHistory, placed: PlacedBasis): void {
  const { last } = history;
  const isShared = last !== undefined && last.basis.size === placed.basis.size && last.basis.asOf === placed.basis.asOf;
  if (last !== undefined && !isShared) history.before = last;
  history.last = placed;
}

function setVerdict(verdicts: Map<number, string>, event: VerdictEvent): void {
  if (event.type === "PromiseKept") verdicts.set(event.data.occurrence, event.data.verdict);
  else if (event.type === "PromiseBroken") verdicts.set(event.data.occurrence, "broken");
  else if (event.type === "VerdictWithdrawn") verdicts.delete(event.data.occurrence);
}

/** Verdicts of one append share their basis: a series of a year is judged once. */
function assessedAt(history: PromiseHistory, input: AssessmentInput, { size, asOf, rule }: Basis): Assessment {
  const { assessed } = history;
  if (assessed !== undefined && assessed.size === size && assessed.asOf === asOf && assessed.rule === rule)
    return assessed.assessment;
  const assessment = rules[rule]!(input, asOf, asOf);
  history.assessed = { size, asOf, rule, assessment };
  return assessment;
}

function expectedVerdict(event: VerdictEvent, assessment: Assessment, basis: Basis): RecordedVerdict | undefined {
  if (!("occurrence" in event.data)) return conclusionOf(assessment, basis)?.event;
  const { occurrence } = event.data;
  const one = assessment.occurrences.find(({ number }) => number === occurrence);
  return one === undefined ? undefined : verdictOf(one, basis);
}

/** The envelope's account is what the census counts by: an event that names another, or none, would be missed. */
function ofAccount(event: Pick<LeafEvent, "account">, account: AccountId | undefined): string | undefined {
  if (event.account === account) return undefined;
  return `it concerns ${account ?? "no account"}, and says that it concerns ${event.account ?? "none"}`;
}

function stateOf(state: InteractionState): Interaction {
  const { status: _, ...recorded } = state as Extract<InteractionState, { status: "recorded" }>;
  return recorded;
}

function told(event: VerdictEvent): string {
  return "occurrence" in event.data ? `${event.type} of occurrence ${event.data.occurrence}` : event.type;
}

/** What was to be expected, or the members that differ where the type is right. */
function difference(event: VerdictEvent & { occurredAt: Instant }, expected: RecordedVerdict): string {
  if (event.type !== expected.type) return `${told(expected)} at ${expected.occurredAt}`;
  const [is, shouldBe] = [event, expected].map(({ data, occurredAt }) => ({ ...data, occurredAt }) as Record<string, unknown>);
  const members = Object.keys({ ...is, ...shouldBe }).filter((name) => canonicalOf(is![name]) !== canonicalOf(shouldBe![name]));
  return members.map((name) => `${name} ${canonicalOf(shouldBe![name])} and not ${canonicalOf(is![name])}`).join(", ");
}

const canonicalOf = (value: unknown): string => (value === undefined ? "nothing" : canonicalText(value));
