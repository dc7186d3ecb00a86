/** The interactions of accounts as the log tells of them, and as its first leaves told of them. */
import type { Recorded } from "../domain/decider.ts";
import { type Interaction, interaction, type InteractionEvent, type InteractionState } from "../domain/interaction.ts";
import type { Instant } from "../domain/values.ts";
import type { Work } from "./work.ts";

/** Before anything was recorded. */
export const longAgo = "0000-01-01T00:00:00.000Z" as Instant;

type Told = Recorded<InteractionEvent>;
type Correction = Recorded<Exclude<InteractionEvent, { type: "InteractionRecorded" }>>;

/** Of one account. */
export class AccountEvidence {
  /** As they stand, in the order of the log. */
  readonly interactions: Interaction[] = [];
  /** Of those that were corrected or retracted: as it was recorded, and what came after. */
  readonly #corrected = new Map<string, { recorded: Interaction; corrections: Correction[] }>();
  correctionCount = 0;
  /** Of the last event, and of the last correction. */
  lastPosition = 0;
  lastCorrection = 0;
  lastCorrectedAt = longAgo;

  recorded(event: Recorded<Extract<InteractionEvent, { type: "InteractionRecorded" }>>): void {
    this.interactions.push(recordedIn(interaction.evolve(interaction.initialState, event)));
    this.lastPosition = event.position;
  }

  /** @returns why no ledger can have recorded it; undefined where one can. */
  corrected(event: Correction, id: string, work: Work): string | undefined {
    const at = this.interactions.findLastIndex((one) => one.id === id);
    const before = this.interactions[at];
    work.spend(this.interactions.length - at + (before?.earlier?.length ?? 0));
    if (before === undefined) return notHad;
    if (before.isRetracted) return "the interaction had been retracted";
    const { corrections } = this.#correctionsOf(before);
    corrections.push(event);
    this.interactions[at] = correctedBy(before, event);
    this.correctionCount += 1;
    this.lastPosition = this.lastCorrection = event.position;
    this.lastCorrectedAt = event.recordedAt;
    return undefined;
  }

  /** As the first `size` leaves tell of them. */
  at(size: number): readonly Interaction[] {
    if (this.lastPosition <= size) return this.interactions;
    const known = this.interactions.filter(({ position }) => position <= size);
    return this.lastCorrection <= size ? known : known.map((one) => this.#stateAt(one, size));
  }

  /** The position of the last event that was recorded by then; 0 where there was none. */
  lastBy(at: Instant): number {
    const corrections = [...this.#corrected.values()].flatMap((one) => one.corrections);
    const last = this.interactions.findLast((one) => (one.earlier?.[0] ?? one).recordedAt <= at);
    const corrected = corrections.filter(({ recordedAt }) => recordedAt <= at).map(({ position }) => position);
    return Math.max(last?.position ?? 0, ...corrected);
  }

  #stateAt(one: Interaction, size: number): Interaction {
    const known = this.#corrected.get(one.id);
    if (known === undefined) return one;
    return known.corrections.filter(({ position }) => position <= size).reduce(correctedBy, known.recorded);
  }

  #correctionsOf(recorded: Interaction) {
    const known = this.#corrected.get(recorded.id);
    if (known !== undefined) return known;
    const corrected = { recorded, corrections: [] };
    this.#corrected.set(recorded.id, corrected);
    return corrected;
  }
}

const notHad = "it speaks of an interaction that the account has not had";
const correctedBy = (before: Interaction, event: Correction): Interaction =>
  recordedIn(interaction.evolve({ status: "recorded", ...before }, event));
/** A status more than is asked for is left on it: a copy without it would cost more than it takes. */
const recordedIn = (state: InteractionState): Interaction => state as Extract<InteractionState, { status: "recorded" }>;

export class Evidence {
  readonly #accounts = new Map<string, AccountEvidence>();

  /** Always the same object for an account: what judges it goes on looking there. */
  of(account: string): AccountEvidence {
    const known = this.#accounts.get(account);
    if (known !== undefined) return known;
    const evidence = new AccountEvidence();
    this.#accounts.set(account, evidence);
    return evidence;
  }

  /** @returns why no ledger can have recorded it; undefined where one can. */
  apply(event: Told, work: Work): string | undefined {
    if (event.type === "InteractionRecorded") {
      this.of(event.data.account).recorded(event);
      return undefined;
    }
    const id = event.stream.slice("interaction-".length);
    return this.of(event.account ?? "").corrected(event, id, work);
  }
}
