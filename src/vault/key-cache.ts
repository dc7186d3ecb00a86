/** Unwrapped keys in memory, so that sealing asks nobody. */
import type { SubjectId } from "../domain/values.ts";
import type { DataKey } from "./sealing.ts";

/**
 * The newest data keys of the subjects used last, in two generations of half the size: what the older one is asked for
 * moves to the younger, and when that is full the older is dropped. A hit writes nothing, unlike a list in order of use.
 */
export class KeyCache {
  readonly #generationMax: number;
  #young = new Map<SubjectId, DataKey>();
  #old = new Map<SubjectId, DataKey>();

  constructor(max: number) {
    this.#generationMax = Math.max(1, Math.floor(max / 2));
  }

  get(subject: SubjectId): DataKey | undefined {
    const young = this.#young.get(subject);
    if (young) return young;
    const old = this.#old.get(subject);
    if (old) this.set(subject, old);
    return old;
  }

  set(subject: SubjectId, key: DataKey): void {
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(subject, key);
  }

  delete(subject: SubjectId): void {
    this.#young.delete(subject);
    this.#old.delete(subject);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
