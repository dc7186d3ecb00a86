/** What a node does with what others recorded: its clock, its memory and its own copy of erased text follow. */
import type { Instant, SubjectId } from "../domain/values.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import { blanking, type Erasures } from "../ledger/erasures.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Tombstone } from "../vault/vault.ts";

export type HearingParts = {
  ledger: Pick<Ledger, "observe">;
  erasures: Pick<Erasures, "carryOut" | "blankAgain">;
  /** Wakes whoever follows the copy. */
  wake(position: number): void;
  /** Erased before now. */
  erased: readonly SubjectId[];
  /** An erasure could not be carried out here; it is tried again. */
  onTrouble(error: unknown): void;
  retryMs?: number;
};

const retryMsUsual = 10_000;
const decoder = new TextDecoder();

export class Hearing {
  readonly #parts: HearingParts;
  readonly #erased: Set<SubjectId>;
  #retries = new Set<NodeJS.Timeout>();
  #isClosed = false;

  constructor(parts: HearingParts) {
    this.#parts = parts;
    this.#erased = new Set(parts.erased);
  }

  /** @param events that the copy has just taken, this node's own among them. */
  hear(events: readonly StoredEvent[]): void {
    const { ledger, wake } = this.#parts;
    const last = events.at(-1);
    if (last === undefined) return;
    ledger.observe(events);
    for (const event of events) if (event.stream === "ledger") this.#hearOfLedger(event);
    this.#blankLate(events);
    wake(last.position);
  }

  close(): void {
    this.#isClosed = true;
    for (const retry of this.#retries) clearTimeout(retry);
  }

  #hearOfLedger(event: StoredEvent): void {
    const { type, occurredAt, data } = envelopeOf(event);
    if (type !== "SubjectErased") return;
    const { subject } = data as { subject: SubjectId };
    this.#erased.add(subject);
    this.#untilDone(() => this.#parts.erasures.carryOut({ subject, at: occurredAt } satisfies Tombstone));
  }

  /** Sealed on another node just before the key was destroyed, and recorded just after. Nobody can open it; it goes all the same. */
  #blankLate(events: readonly StoredEvent[]): void {
    if (this.#erased.size === 0) return;
    const subjects = [...this.#erased];
    const blanked = blanking(subjects);
    const isLate = (event: StoredEvent): boolean => {
      const replacement = blanked(event);
      return replacement !== undefined && replacement !== event.ciphertext?.trimEnd();
    };
    if (events.some(isLate)) this.#untilDone(() => this.#parts.erasures.blankAgain(subjects));
  }

  #untilDone(work: () => Promise<void>): void {
    const { onTrouble, retryMs = retryMsUsual } = this.#parts;
    work().catch((error: unknown) => {
      if (this.#isClosed) return;
      onTrouble(error);
      const retry = setTimeout(() => {
        this.#retries.delete(retry);
        this.#untilDone(work);
      }, retryMs);
      retry.unref();
      this.#retries.add(retry);
    });
  }
}

type Envelope = { type: string; occurredAt: Instant; data: object };
const envelopeOf = ({ leaf }: StoredEvent): Envelope => JSON.parse(decoder.decode(leaf)) as Envelope;
