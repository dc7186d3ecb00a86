/** A promise's facts, the visits of its account, and how they read as of one instant and as known at another. */
import { type Assessment, assess, isMade } from "../../../src/domain/assess/assess.ts";
import { type AssessmentInput, settle } from "../../../src/domain/assess/settle.ts";
import type { Interaction } from "../../../src/domain/interaction.ts";
import { builtInPolicy } from "../../../src/domain/policy.ts";
import { evolve, type MadePromise, type PromiseFacts } from "../../../src/domain/promise/facts.ts";
import type { Instant, PromiseDirection } from "../../../src/domain/values.ts";
import { on, recorded } from "../../support/spec.ts";
import { account, customer, interactionId, promiseId, salesman, slug, slugs } from "../parties.examples.ts";
import type { Say } from "../promise.examples.ts";

/** The facts of one promise from what was said of it, in the order of the log. */
export function factsOf(told: readonly Say[]): MadePromise {
  const facts = recorded(`promise-${promiseId}`, told, 1).reduce<PromiseFacts>(evolve, { status: "none" });
  if (!isMade(facts)) throw new Error("an example without PromiseMade");
  return facts;
}

type VisitDetails = Partial<Omit<Interaction, "recordedAt" | "earlier">> & {
  recordedAt?: string;
  earlier?: (Partial<Omit<Interaction, "recordedAt">> & { recordedAt: string })[];
};

/** An hour with the customer, recorded on the spot, unless it says otherwise. Numbered so that the id's order is the number's. */
export function visit(number: number, startedAt: string, { recordedAt, earlier, ...more }: VisitDetails = {}): Interaction {
  const one: Interaction = {
    id: interactionId(number),
    account,
    kind: slug("visit"),
    purpose: slug("relationship"),
    direction: "mutual",
    startedAt: on(startedAt),
    minutes: 60,
    participants: [salesman, customer],
    tags: [],
    recordedAt: on(recordedAt ?? startedAt),
    position: 100 + number,
    isRetracted: false,
    isCorrected: earlier !== undefined,
    ...more,
  };
  if (earlier === undefined) return one;
  return { ...one, earlier: earlier.map((version) => ({ ...one, ...version, recordedAt: on(version.recordedAt) })) };
}

export const salesVisit = (number: number, startedAt: string, more: VisitDetails = {}): Interaction =>
  visit(number, startedAt, { purpose: slug("sales"), tags: slugs("sales-material"), ...more });

type Given = Partial<Omit<AssessmentInput, "promise" | "interactions" | "agreementMadeAt" | "recording">> & {
  interactions?: readonly Interaction[];
  agreementMadeAt?: string;
  recording?: { completedAt?: string; upTo?: string };
};

export class Example {
  readonly input: AssessmentInput;
  constructor(told: readonly Say[], { interactions = [], agreementMadeAt, recording, policy = builtInPolicy }: Given = {}) {
    this.input = {
      promise: factsOf(told),
      interactions,
      policy,
      ...(agreementMadeAt === undefined ? {} : { agreementMadeAt: on(agreementMadeAt) }),
      ...(recording === undefined ? {} : { recording: instants(recording) }),
    };
  }

  /** As of an instant, and as known at another: at the same one where none is given. */
  at(asOf: string, knownAt = asOf): Assessment {
    return assess(this.input, on(asOf), on(knownAt));
  }

  /** `kept@2026-02-02 10:00` for each occurrence that has ended, where it stands for the others. */
  reads(asOf: string, knownAt = asOf): string[] {
    return this.at(asOf, knownAt).occurrences.map(({ standing, outcome }) =>
      outcome === null ? standing : `${standing} ${short(outcome.at)}`,
    );
  }

  state(asOf: string, knownAt = asOf): string {
    return this.at(asOf, knownAt).state;
  }

  settled(number = 1) {
    return settle(this.input).occurrences[number - 1]!;
  }
}

const instants = ({ completedAt, upTo }: { completedAt?: string; upTo?: string }) => ({
  ...(completedAt === undefined ? {} : { completedAt: on(completedAt) }),
  ...(upTo === undefined ? {} : { upTo: on(upTo) }),
});

/** An instant as examples write it. */
export const short = (at: Instant): string => at.slice(0, 16).replace("T", " ").replace(" 00:00", "");

/** What is said of a promise, then what happened on its account. */
export const example = (told: readonly Say[], more: Given = {}): Example => new Example(told, more);

export const received: { direction: PromiseDirection; promisor: typeof customer; promisee: typeof salesman } = {
  direction: "received",
  promisor: customer,
  promisee: salesman,
};
