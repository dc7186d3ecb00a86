/**
 * Reaches every verdict on record again, with the code that reached it first: the facts as the log held them at the verdict's basis,
 * judged by the rule that it names. Holds what judging needs and nothing else: promises with every word on them, interactions by
 * account, agreements, loads, policies.
 */
import { canonicalText } from "../canonical/canonical-json.ts";
import { assessmentRule, settling } from "../domain/assess/settle.ts";
import { conclusionOf, isHeld, occurrenceOf, type RecordedVerdict, verdictOf, verdictsOf } from "../domain/attesting.ts";
import { holdsFrom, worthOf } from "../domain/attestation.ts";
import type { Recorded } from "../domain/decider.ts";
import { clockSkewMsMax } from "../domain/log-time.ts";
import { builtInPolicy, type Policy } from "../domain/policy.ts";
import { refusalOf, type WordEvent } from "../domain/promise/admission.ts";
import { type Basis, type Offer, type PromiseEvent, type VerdictEvent, verdictTypes } from "../domain/promise/events.ts";
import { isEqual, type MadePromise } from "../domain/promise/facts.ts";
import { promise } from "../domain/promise/promise.ts";
import { dayCountOf, uncountedPart } from "../domain/recurrence.ts";
import { misfitOf } from "../domain/schedule-fit.ts";
import { type AccountId, addMs, type Instant } from "../domain/values.ts";
import type { Doubt } from "./doubts.ts";
import { Evidence, longAgo } from "./evidence.ts";
import { type HeldOver, heldOver, openLoadMsMax } from "./held-over.ts";
import { type Afterthought, notBinding, TakenBack, toldAfterwards, waitingForAllowance, type Waiting } from "./hindsight.ts";
import { type Grounds, Judgement, type Moment, type Rule } from "./judgement.ts";
import type { Lag } from "./lag.ts";
import { type Came, LateVerdicts } from "./late-verdicts.ts";
import type { LeafEvent } from "./leaf-event.ts";
import { Loads } from "./loads.ts";
import { PromiseHistory } from "./promise-history.ts";
import { Work } from "./work.ts";

/** Every rule that verdicts were ever reached by. One is never taken away. */
const rules: Readonly<Record<number, Rule>> = { [assessmentRule]: settling };

type At<Value> = { position: number; recordedAt: Instant; value: Value };
/** A load of history that was not completed, and how much of the clock's word it holds back. */
export type OpenLoad = { recording: string; startedAt: Instant; promises: number; held: number };
/** What an auditor should know of an event that is nothing wrong. */
export type Remark = { kind: "policy-adopted" | "not-covered"; message: string; counts?: Record<string, number> };

/** A verdict that holds, and is not on record. */
export type Unrecorded = {
  type: VerdictEvent["type"];
  stream: string;
  account: AccountId;
  occurrence: number;
  message: string;
};

/** Why a verdict could not be reached again. */
export type Disagreement = { grade: "failed" | "unmet"; message: string };

const verdictTypeSet: ReadonlySet<string> = new Set(verdictTypes);
export const isVerdict = (event: LeafEvent): event is LeafEvent & Recorded<VerdictEvent> => verdictTypeSet.has(event.type);
/** Of expanding a rule: some three centuries of days that it may be looked for on take a tenth of a second. */
const stepsPerDay = 100;
const failed = (message: string): Disagreement => ({ grade: "failed", message });

export class Recomputation {
  readonly #promises = new Map<string, PromiseHistory>();
  readonly #byAccount = new Map<string, [id: string, PromiseHistory][]>();
  readonly #evidence = new Evidence();
  readonly #agreements = new Map<string, At<Instant>>();
  readonly #loads: Loads;
  readonly #policies: At<Policy>[] = [{ position: 0, recordedAt: longAgo, value: builtInPolicy }];
  readonly #outcomes = new Map<string, AccountId>();
  readonly #lag: Lag;
  readonly #work: Work;
  /** Of the last correction of the clock. */
  #correctedPosition = 0;
  /** Of the last event with a rule that is not expanded here. */
  #unexpandedPosition = 0;
  #occurrenceCount = 0;
  readonly #late: LateVerdicts;
  readonly #takenBack = new TakenBack();

  /** @param lag after which a verdict counts as late; it goes on with the leaves. @param isLog whether every leaf comes. */
  constructor(lag: Lag, work = new Work(), isLog = true) {
    this.#loads = new Loads(isLog);
    this.#lag = lag;
    this.#work = work;
    this.#late = new LateVerdicts(lag, (history, moment) => this.#judgedAt(history, moment));
  }

  promiseIds(): Iterable<string> {
    return this.#promises.keys();
  }

  /** How many occurrences of a promise stand on record with each verdict; undefined for a promise that was never made. */
  standing(promise: string): Record<string, number> | undefined {
    return this.#promises.get(promise)?.standing();
  }

  /** What no rule forbids, and an auditor should know. @param now log time at the end. */
  *afterthoughts(now: Instant): Generator<Afterthought> {
    this.#work.spend(this.#occurrenceCount);
    yield* this.#late.told(this.#promises.values());
    yield* this.#takenBack.told();
    yield* toldAfterwards(this.#promises.values(), this.#loads);
    yield* waitingForAllowance(this.#promises.values(), this.#policies.at(-1)!.value, now);
    yield* notBinding(this.#waiting());
  }

  /** Takes up an event. @returns what is wrong with it as one of its account; undefined where nothing is. */
  apply(event: LeafEvent): string | undefined {
    const id = event.stream.slice(event.stream.indexOf("-") + 1);
    const { position, recordedAt } = event;
    switch (event.type) {
      case "PromiseMade":
        return this.#made(event, id);
      case "InteractionRecorded":
        return this.#evidence.apply(event, this.#work) ?? ofAccount(event, event.data.account);
      case "InteractionCorrected":
      case "InteractionRetracted":
        for (const [, history] of this.#byAccount.get(event.account ?? "") ?? []) this.#disturbed(history, event);
        return this.#evidence.apply(event, this.#work);
      case "AgreementMade":
        this.#agreements.set(id, { position, recordedAt, value: event.occurredAt });
        return this.#unmade(event.data.promises, id, event.data.account) ?? ofAccount(event, event.data.account);
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
        this.#policies.push({ position, recordedAt, value: { ...event.data.policy, version: event.data.version } });
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

  /**
   * Reaches a verdict again. To be called after `apply`.
   * @throws TooMuchWorkError as everything here that judges.
   */
  disagreement(event: LeafEvent & Recorded<VerdictEvent>): Disagreement | undefined {
    const { basis } = event.data;
    const history = this.#promises.get(event.stream.slice("promise-".length));
    if (history === undefined) return failed("it is a verdict on a promise that was never made");
    if (!Object.hasOwn(rules, basis.rule))
      return { grade: "unmet", message: `it names rule ${basis.rule}, which this verifier does not know` };
    if (event.actor.kind !== "rule" || event.actor.id !== `assess-${basis.rule}`)
      return failed("a verdict is put on record by its rule, and by nobody else");
    if (basis.size >= event.position) return failed(`it rests on ${basis.size} leaves, and is leaf ${event.position - 1} itself`);
    if (basis.asOf > event.recordedAt && basis.asOf > addMs(event.recordedAt, clockSkewMsMax))
      return failed(`it was reached as of ${basis.asOf}, after it was recorded`);
    if (history.madePosition > basis.size) return failed(`its promise had not been made within the first ${basis.size} leaves`);
    const { version } = asOfSize(this.#policies, basis.size)!;
    if (version !== basis.policy)
      return failed(`it names policy ${basis.policy}, and policy ${version} was in force at its basis`);
    return this.#outdated(history, basis) ?? this.#compared(event, history, basis);
  }

  /**
   * Promises of which something else holds than is on record, and has held for longer than `lagMs`.
   * @param size of the log, at log time `now`; `sizeThen` and `then` as it was the lag before.
   * @param only of one promise, or of one account's; of all where neither is named.
   */
  *unrecorded(size: number, now: Instant, sizeThen: number, then: Instant, only: Doubt = {}): Generator<Unrecorded> {
    for (const [id, history] of this.#promisesOf(only)) {
      const due = this.#unrecordedAt(history, { size, asOf: now });
      if (due.length === 0) continue;
      const dueThen = new Set(this.#unrecordedAt(history, { size: sizeThen, asOf: then }).map(occurrenceOf));
      for (const verdict of due) {
        const occurrence = occurrenceOf(verdict);
        if (dueThen.has(occurrence))
          yield {
            type: verdict.type,
            stream: `promise-${id}`,
            account: history.facts.account,
            occurrence,
            message: `${told(verdict)} should stand on record, and does not`,
          };
      }
    }
  }

  *#promisesOf({ stream, account }: Doubt): Iterable<[string, PromiseHistory]> {
    if (stream !== undefined) {
      const id = stream.slice("promise-".length);
      const history = this.#promises.get(id);
      if (history !== undefined) yield [id, history];
      return;
    }
    if (account === undefined) yield* this.#promises;
    else yield* this.#byAccount.get(account) ?? [];
  }

  #unrecordedAt(history: PromiseHistory, moment: Moment): VerdictEvent[] {
    const judgement = this.#judgedAt(history, moment);
    if (judgement === undefined) return [];
    const { grounds } = judgement;
    const { size, asOf } = moment;
    const basis: Basis = { size, asOf, rule: assessmentRule, policy: grounds.policy.version };
    return verdictsOf({ ...grounds, interactions: [] }, judgement.outcomes(asOf), history.onRecord, basis);
  }

  /** Undefined where nothing is to be put on record of it, or all has been. */
  #judgedAt(history: PromiseHistory, moment: Moment): Judgement | undefined {
    const grounds = this.#groundsAt(history, moment.size);
    if (grounds === undefined || isHeld(grounds)) return undefined;
    const judgement = this.#judgementOn(history, grounds, assessmentRule, moment);
    return judgement.isOver ? undefined : judgement;
  }

  /** A verdict is put on record only while nothing else was said of its promise since its basis: the store sees to that. */
  #outdated({ lastWord, before }: PromiseHistory, basis: Basis): Disagreement | undefined {
    if (lastWord > basis.size)
      return failed(`it rests on ${basis.size} leaves, though leaf ${lastWord - 1} speaks of its promise too`);
    if (before === undefined) return undefined;
    if (before.position > basis.size)
      return failed(
        `it rests on ${basis.size} leaves, and goes back behind the verdict on its promise at leaf ${before.position - 1}`,
      );
    const isLater = basis.asOf >= before.basis.asOf || basis.asOf >= addMs(before.basis.asOf, -clockSkewMsMax);
    if (isLater || this.#correctedPosition > before.position) return undefined;
    return failed(`it was reached as of ${basis.asOf}, and the verdict before it as of ${before.basis.asOf}`);
  }

  #compared(event: Recorded<VerdictEvent>, history: PromiseHistory, basis: Basis): Disagreement | undefined {
    const { size, asOf, rule } = basis;
    const judgement = this.#judgementOn(history, this.#groundsAt(history, size)!, rule, { size, asOf });
    const expected =
      "occurrence" in event.data ? ofOccurrence(judgement, event.data.occurrence, basis) : ofWhole(judgement, basis);
    if (expected === undefined) return failed(`at its basis the facts give no end of the promise`);
    const { verdict } = expected;
    const isSame = verdict.type === event.type && verdict.occurredAt === event.occurredAt && isEqual(verdict.data, event.data);
    if (!isSame) return failed(`${told(event)} does not follow: at its basis the facts give ${difference(event, verdict)}`);
    if (history.onRecord.get(occurrenceOf(event))!.digest === worthOf(history.displaced, expected.holdsFrom))
      return failed(`${told(event)} says again what stood on record, which the ledger does not do`);
    this.#late.came(event, history, { judgement, ...expected });
    this.#takenBack.verdict(event, history, this.#evidence.of(history.facts.account).lastCorrection);
    if (event.type === "PromiseConcluded" || event.type === "PromiseConditionLapsed") this.#rest(history, judgement, basis);
    return undefined;
  }

  /** Of a promise that has come to its end nothing is kept but what shows whether something was said of it since. */
  #rest({ facts, onRecord }: PromiseHistory, judgement: Judgement, basis: Basis): void {
    const outcomes = judgement.outcomes(basis.asOf);
    const input = { ...judgement.grounds, promise: facts, interactions: [] };
    if (verdictsOf(input, outcomes, onRecord, basis).length === 0) judgement.rest(outcomes, basis.asOf);
  }

  /** What to tell of an event that was taken up. To be called after `apply`. */
  remarkOn(event: LeafEvent): Remark | undefined {
    if (event.type === "PolicyAdopted") return this.#retroaction(event.recordedAt);
    if (event.position !== this.#unexpandedPosition) return undefined;
    return { kind: "not-covered", message: "its rule is none that is expanded here: its dates were not held against it" };
  }

  /** Loads that are still open, with how many verdicts of their promises they hold back. */
  *openLoads(size: number, now: Instant): Generator<OpenLoad> {
    const held = new Map<string, { promises: number; held: number }>();
    for (const history of this.#promises.values()) {
      const grounds = this.#groundsAt(history, size);
      if (grounds === undefined || !isHeld(grounds)) continue;
      const recording = grounds.promise.recording!;
      const count = held.get(recording) ?? { promises: 0, held: 0 };
      count.promises += 1;
      count.held += this.#heldBack(grounds, { size, asOf: now });
      held.set(recording, count);
    }
    for (const { id, startedAt } of this.#loads.open())
      yield { recording: id, startedAt, ...(held.get(id) ?? { promises: 0, held: 0 }) };
  }

  /** How many occurrences would have ended, were the load complete. */
  #heldBack(grounds: Grounds, moment: Moment): number {
    const complete = { ...grounds, recording: { completedAt: moment.asOf, upTo: moment.asOf } };
    const evidence = this.#evidence.of(grounds.promise.account);
    const { occurrences } = new Judgement(complete, settling, evidence, moment, this.#work).outcomes(moment.asOf);
    return occurrences.filter(({ outcome }) => outcome !== null).length;
  }

  /** Promises that were due and not kept while their load, complete by now, was open for too long. */
  heldOver(): Iterable<HeldOver> {
    if (!this.#loads.hasLong(openLoadMsMax)) return [];
    const policies = this.#policies.map(({ value }) => value);
    this.#work.spend(2 * this.#occurrenceCount * policies.length);
    return heldOver(this.#promises.values(), this.#loads, policies, (history, at) => this.#judgedWithoutLoad(history, at));
  }

  /** As it would have been judged at an instant, had it come without a load. */
  #judgedWithoutLoad(history: PromiseHistory, at: Instant): Judgement | undefined {
    const evidence = this.#evidence.of(history.facts.account);
    this.#work.spend(history.wordCount + evidence.interactions.length + evidence.correctionCount);
    const made = history.at(history.lastWordBy(at), this.#work);
    if (made === undefined) return undefined;
    const agreement = made.agreement === undefined ? undefined : this.#agreements.get(made.agreement);
    const isMade = agreement !== undefined && agreement.recordedAt <= at;
    const grounds: Grounds = {
      promise: { ...made, recording: undefined },
      agreementMadeAt: isMade ? agreement.value : undefined,
      policy: this.#policies.findLast(({ recordedAt }) => recordedAt <= at)!.value,
    };
    return new Judgement(grounds, settling, evidence, { size: evidence.lastBy(at), asOf: at }, this.#work);
  }

  /** A policy counts from its leaf on for everything that is judged from then on, what was due before too. */
  #retroaction(now: Instant): Remark | undefined {
    const [before, after] = this.#policies.slice(-2).map(({ value }) => value);
    if (after === undefined || before === undefined) return undefined;
    const names = ["recordingAllowanceMinutes", "evidenceLimitDays"] as const;
    const changed = names.filter((name) => before.promises[name] !== after.promises[name]);
    if (changed.length === 0) return undefined;
    this.#work.spend(this.#occurrenceCount);
    const isDue = ({ facts }: PromiseHistory) =>
      facts.occurrences.some(({ deadlineAt }) => deadlineAt !== undefined && deadlineAt <= now);
    const due = [...this.#promises.values()].filter(isDue).length;
    const open = [...this.#promises.values()].filter((one) => isOpen(one, now)).length;
    if (due + open === 0) return undefined;
    const told = changed.map((name) => `${name} from ${before.promises[name]} to ${after.promises[name]}`).join(", ");
    return {
      kind: "policy-adopted",
      message: `policy ${after.version} changed ${told}, and ${due} ${due === 1 ? "promise" : "promises"} of which something was due before are judged by it too, and ${open} that had been made and wait for their deadline`,
      counts: { due, open },
    };
  }

  #made(event: LeafEvent & Recorded<Extract<PromiseEvent, { type: "PromiseMade" }>>, id: string): string | undefined {
    if (this.#promises.has(id)) return "the promise had been made before";
    const history = new PromiseHistory(promise.evolve(promise.initialState, event) as MadePromise, event);
    this.#promises.set(id, history);
    const { account } = history.facts;
    const ofIts = this.#byAccount.get(account);
    if (ofIts === undefined) this.#byAccount.set(account, [[id, history]]);
    else ofIts.push([id, history]);
    this.#occurrenceCount += history.facts.occurrences.length;
    const { recording } = event.data;
    const refusal = refusalOf(promise.initialState, event) ?? this.#misfitIn(event) ?? ofAccount(event, account);
    if (refusal !== undefined || recording === undefined || this.#loads.has(recording)) return refusal;
    return `it came with a load of history, ${recording}, that had not been started`;
  }

  #said(event: LeafEvent & Recorded<PromiseEvent>, id: string): string | undefined {
    const history = this.#promises.get(id);
    if (history === undefined) return "it speaks of a promise that was never made";
    const { facts } = history;
    if (isVerdict(event)) {
      // Evidence that came just before it may be what it says, and what was due before that.
      if (this.#evidence.of(facts.account).lastPosition > this.#lag.then.position) this.#disturbed(history, event);
      history.attested(event);
      return ofAccount(event, facts.account);
    }
    const word = event as LeafEvent & Recorded<WordEvent>;
    this.#work.spend(history.wordSteps);
    this.#disturbed(history, event);
    const refusal = refusalOf(facts, word) ?? this.#misfitIn(event) ?? this.#unshown(word, facts.account);
    history.said(word);
    this.#occurrenceCount += history.facts.occurrences.length - facts.occurrences.length;
    return refusal ?? ofAccount(event, facts.account);
  }

  /** Something more is said of it, or of its evidence. */
  #disturbed(history: PromiseHistory, event: LeafEvent): void {
    this.#work.spend(history.facts.occurrences.length);
    this.#late.disturbed(history, event);
  }

  #misfitIn(event: LeafEvent): string | undefined {
    const offer = offerIn(event);
    if (offer?.terms.type === "recurring" && uncountedPart(offer.terms.rrule) === undefined)
      this.#work.spend(dayCountOf(offer.terms) * stepsPerDay);
    const misfit = offer && misfitOf(offer);
    if (misfit !== "unknown") return misfit;
    this.#unexpandedPosition = event.position;
    return undefined;
  }

  /** An interaction that is named as evidence must be one of the account's. */
  #unshown({ data }: Recorded<WordEvent>, account: AccountId): string | undefined {
    if (!("interaction" in data) || data.interaction === undefined) return undefined;
    const { interactions } = this.#evidence.of(account);
    const at = interactions.findLastIndex(({ id }) => id === data.interaction);
    this.#work.spend(interactions.length - at);
    return at >= 0 ? undefined : `it names ${data.interaction}, which the account has not had`;
  }

  #unmade(promises: readonly string[], agreement: string, account: AccountId): string | undefined {
    for (const id of promises) {
      const facts = this.#promises.get(id)?.facts;
      if (facts?.account !== account) return `it binds ${id}, which the account has not been promised`;
      if (facts.agreement !== agreement) return `it binds ${id}, which was not promised as a part of it`;
    }
    return undefined;
  }

  #waiting(): Waiting {
    const waiting = { forAgreements: 0, forConditions: 0, forAnswers: 0 };
    for (const { facts } of this.#promises.values()) {
      if (facts.agreement !== undefined && !this.#agreements.has(facts.agreement)) waiting.forAgreements += 1;
      else if (facts.status === "conditional" && facts.condition?.expiresAt === undefined) waiting.forConditions += 1;
      else if (isOffered(facts) && facts.offerExpiresAt === undefined) waiting.forAnswers += 1;
    }
    return waiting;
  }

  /** What judging the promise rests on beside evidence, as the first `size` leaves tell it; undefined where they do not tell of it. */
  #groundsAt(history: PromiseHistory, size: number): Grounds | undefined {
    const made = history.at(size, this.#work);
    if (made === undefined) return undefined;
    const agreement = made.agreement === undefined ? undefined : this.#agreements.get(made.agreement);
    return {
      promise: made,
      agreementMadeAt: agreement !== undefined && agreement.position <= size ? agreement.value : undefined,
      recording: made.recording === undefined ? undefined : this.#loads.at(made.recording, size),
      policy: asOfSize(this.#policies, size)!,
    };
  }

  #judgementOn(history: PromiseHistory, grounds: Grounds, rule: number, moment: Moment): Judgement {
    const known = history.judgement;
    if (known?.holdsFor(grounds, rules[rule]!, moment) === true) return known;
    const evidence = this.#evidence.of(grounds.promise.account);
    const judgement = new Judgement(grounds, rules[rule]!, evidence, moment, this.#work);
    history.judgement = judgement.isLarge ? undefined : judgement;
    return judgement;
  }
}

const asOfSize = <Value>(states: readonly At<Value>[], size: number): Value | undefined =>
  states.findLast(({ position }) => position <= size)?.value;

const isOpen = ({ facts }: PromiseHistory, now: Instant): boolean =>
  facts.occurrences.some(({ deadlineAt }) => deadlineAt === undefined || deadlineAt > now);

const isOffered = ({ status }: MadePromise): boolean => status === "offered" || status === "countered";

/** The offer that an event puts on the table. */
function offerIn({ type, data }: LeafEvent): Offer | undefined {
  if (type === "PromiseMade" || type === "PromiseCountered") return data.offer;
  return type === "ChangeProposed" && data.proposal.type === "amend" ? data.proposal.offer : undefined;
}

type Expected = { verdict: RecordedVerdict } & Pick<Came, "one" | "holdsFrom">;

function ofOccurrence(judgement: Judgement, number: number, basis: Basis): Expected | undefined {
  const one = judgement.outcomeOf(number, basis.asOf);
  return one && { verdict: verdictOf(one, basis), one, holdsFrom: holdsFrom(one) };
}

function ofWhole(judgement: Judgement, basis: Basis): Expected | undefined {
  const conclusion = conclusionOf(judgement.outcomes(basis.asOf), basis);
  return conclusion && { verdict: conclusion.event, holdsFrom: conclusion.holdsFrom };
}

/** The envelope's account is what the census counts by: an event that names another, or none, would be missed. */
function ofAccount(event: Pick<LeafEvent, "account">, account: AccountId | undefined): string | undefined {
  if (event.account === account) return undefined;
  return `it concerns ${account ?? "no account"}, and says that it concerns ${event.account ?? "none"}`;
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
