/** The keys that were issued, as the log tells of them: whether whoever is said to have recorded an event could have. */
import { strangerIn, trespassOf } from "../domain/key-authority.ts";
import type { IssuedKey } from "../domain/key.ts";
import { epochMs } from "../domain/values.ts";
import type { LeafEvent } from "./leaf-event.ts";

type KnownKey = Pick<IssuedKey, "scopes" | "party"> & { revokedAtMs?: number };

/**
 * So long after it was revoked a key may still be seen to record: 30 s are given to a body to arrive, another node knows of the
 * revocation a second later, and clocks differ by 5 s.
 */
export const revokedKeyMsMax = 60_000;

export class Keys {
  readonly #keys = new Map<string, KnownKey>();
  readonly #knowsKeysOf: (event: LeafEvent) => boolean;

  /** @param knowsKeysOf whether the key that recorded an event must have come before it; in a dossier not every key does. */
  constructor(knowsKeysOf: (event: LeafEvent) => boolean) {
    this.#knowsKeysOf = knowsKeysOf;
  }

  /** Takes up an event. @returns why its key can't have recorded it; undefined where it can. */
  apply(event: LeafEvent, isVerdict: boolean): string | undefined {
    const fault = isVerdict ? undefined : this.#faultOf(event);
    return this.#take(event) ?? fault;
  }

  #take(event: LeafEvent): string | undefined {
    const id = event.stream.slice("key-".length);
    if (event.type === "KeyIssued") {
      if (this.#keys.has(id)) return "the key had been issued before";
      this.#keys.set(id, { scopes: event.data.scopes, party: event.data.party });
    }
    if (event.type === "KeyRevoked") {
      const key = this.#keys.get(id);
      if (key === undefined) return this.#knowsKeysOf(event) ? "the key was never issued" : undefined;
      if (key.revokedAtMs !== undefined) return "the key had been revoked before";
      key.revokedAtMs = epochMs(event.recordedAt);
    }
    return undefined;
  }

  #faultOf(event: LeafEvent): string | undefined {
    const { kind, id } = event.actor;
    if (kind !== "key") return strangerIn(event);
    const key = this.#keys.get(id);
    // Both keys of the log have signed it, whoever recorded it. From the command line it once named a key that nobody had issued.
    if (key === undefined && event.type === "LogKeyRotated") return undefined;
    if (key === undefined) return this.#knowsKeysOf(event) ? `its key ${id} had not been issued` : undefined;
    if (key.revokedAtMs !== undefined && epochMs(event.recordedAt) > key.revokedAtMs + revokedKeyMsMax)
      return `its key ${id} had been revoked`;
    return trespassOf(key, event);
  }
}
