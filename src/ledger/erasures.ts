/**
 * Making a data subject unreadable for good: the one place that knows the order of the steps. The log says first that the subject
 * is erased, so that whatever is interrupted after that is known to be unfinished; that the ciphertext is gone is marked last.
 */
import { type Erasure, erasuresOf, ledgerRecord } from "../domain/ledger-record.ts";
import { type SubjectId } from "../domain/values.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import type { LocalEventStore } from "../event-store/log.ts";
import type { Commitment, ErasableVault, Tombstone, Tombstones } from "../vault/vault.ts";
import type { Ledger } from "./ledger.ts";
import { ClockBehindError } from "./log-clock.ts";

export type ErasuresDeps = {
  ledger: Ledger;
  store: Pick<LocalEventStore, "overwriteCiphertext" | "overwritten">;
  vault: ErasableVault;
  /** Beside the key. */
  tombstones: Tombstones;
};

export class Erasures {
  readonly #deps: ErasuresDeps;
  /** One at a time: each reads the whole log. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: ErasuresDeps) {
    this.#deps = deps;
  }

  /**
   * Carries out the erasure of a subject of which the log says that it is erased; all of it is on disk when this resolves.
   * Repeating it does nothing, or what an earlier attempt left undone. Costs one reading of the log, in small steps.
   * @throws StoreUnavailableError, VaultUnavailableError; repeating it goes on from there.
   */
  carryOut(tombstone: Tombstone): Promise<void> {
    return this.#inTurn(async () => void (await this.#destroy([tombstone])));
  }

  /** Blanks what was recorded of them after they had been erased, by a process that had sealed it before. */
  blankAgain(subjects: readonly SubjectId[]): Promise<void> {
    return this.#inTurn(() => this.#deps.store.overwriteCiphertext(subjects, blanking(subjects)));
  }

  /**
   * Finishes what an earlier process began, and erases again what a restored copy brought back: whatever the log, the vault or
   * the tombstones beside the key say is erased. To be called before anything is read. One reading of the log at most.
   * @returns the subjects for which something was left to do.
   */
  finish(): Promise<SubjectId[]> {
    return this.#inTurn(async () => {
      const logged = await this.#logged();
      const known = new Map<SubjectId, Tombstone>();
      const { tombstones, vault } = this.#deps;
      for (const one of [...logged, ...vault.tombstones(), ...tombstones.all()])
        if (!known.has(one.subject)) known.set(one.subject, one);
      const changed = await this.#destroy([...known.values()]);
      const isLogged = new Set(logged.map(({ subject }) => subject));
      const unlogged = [...known.values()].filter(({ subject }) => !isLogged.has(subject));
      await this.#recordAll(unlogged);
      return [...new Set([...changed, ...unlogged.map(({ subject }) => subject)])];
    });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const running = this.#last.then(work);
    this.#last = running.catch(() => undefined);
    return running;
  }

  async #logged(): Promise<Erasure[]> {
    const { state } = await this.#deps.ledger.load(ledgerRecord, "ledger");
    return [...erasuresOf(state)];
  }

  /** @returns the subjects for which something was left to do. */
  async #destroy(erased: readonly Tombstone[]): Promise<SubjectId[]> {
    const { tombstones, vault, store, ledger } = this.#deps;
    for (const { subject, at } of erased) tombstones.add({ subject, at });
    const overwritten = new Set(store.overwritten());
    // The vault alone may have come from an older copy, with the key in it.
    const buried = new Set(vault.tombstones().map(({ subject }) => subject));
    const unfinished = erased.filter(({ subject }) => !overwritten.has(subject) || !buried.has(subject));
    for (const { subject, at } of unfinished) await vault.erase(subject, at);
    const subjects = unfinished.map(({ subject }) => subject).filter((subject) => !overwritten.has(subject));
    if (subjects.length > 0) {
      // Nothing is sealed for them from here on; what was sealed before must be in the log for its ciphertext to be found.
      await ledger.sealedAppendsSettled();
      await store.overwriteCiphertext(subjects, blanking(subjects));
    }
    return unfinished.map(({ subject }) => subject);
  }

  /** An older log was restored: auditors must be able to tell what is erased from what is withheld. */
  async #recordAll(erased: readonly Tombstone[]): Promise<void> {
    const { ledger } = this.#deps;
    try {
      for (const { subject, at } of erased) {
        const meta = { actor: { kind: "system", id: "tombstone" } as const, correlation: `erased-${subject}` };
        await ledger.handle(ledgerRecord, "ledger", { type: "EraseSubject", subject, at }, meta);
      }
    } catch (error) {
      // The text is gone already. A server that did not start for this could not be told that its clock is right.
      if (!(error instanceof ClockBehindError)) throw error;
    }
  }
}

/** To look for a few subjects in the bytes costs less than to parse every leaf. */
const needleCountMax = 4;
const decoder = new TextDecoder();

/**
 * What is to stand in the place of an event's ciphertext: the same, with `null` for each segment of these subjects. Undefined
 * where it holds none of them.
 */
export function blanking(subjects: readonly SubjectId[]): (event: StoredEvent) => string | undefined {
  const erased = new Set<string>(subjects);
  const needles = subjects.map((subject) => Buffer.from(`"${subject}"`));
  return ({ leaf, ciphertext }) => {
    if (ciphertext === null) return undefined;
    const bytes = Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength);
    if (needles.length <= needleCountMax && !needles.some((needle) => bytes.includes(needle))) return undefined;
    // An envelope of a type that this release does not know has its commitments in the same place.
    const { sealed = [] } = JSON.parse(decoder.decode(leaf)) as { sealed?: Commitment[] };
    if (!sealed.some(({ subject }) => erased.has(subject))) return undefined;
    const entries = entriesIn(ciphertext);
    // What can't be read is nothing that anybody could open.
    if (entries === undefined) return "";
    return JSON.stringify(entries.map((entry, index) => (erased.has(sealed[index]?.subject ?? "") ? null : entry)));
  };
}

function entriesIn(ciphertext: string): unknown[] | undefined {
  try {
    const entries: unknown = JSON.parse(ciphertext);
    return Array.isArray(entries) ? entries : undefined;
  } catch {
    return undefined;
  }
}
