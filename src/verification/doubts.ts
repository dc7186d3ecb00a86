/**
 * Events whose meaning is known to later releases alone, and what may rest on them. An event of an aggregate changes that aggregate and
 * what is judged by it; one of the ledger as a whole, of a policy or of something unheard-of may change anything.
 */
import type { Envelope } from "../ledger/envelope.ts";

/** What an event may bear on: one stream, one account, or everything. */
export type Doubt = { stream?: string; account?: string };

/** What a finding is about: an event, or a promise that something is missing of. */
type About = { stream: string; account?: string | undefined; actor?: { id: string } };

const ofAccounts = /^(account|person|interaction|agreement|promise|outcome)-/;

/** What an event that nobody knows puts in doubt. */
export function doubtOf({ stream, revision, account }: Pick<Envelope, "stream" | "revision" | "account">): Doubt {
  // Of a promise that nobody knows to have been made, agreements may speak too.
  if (stream.startsWith("key-") || (stream.startsWith("promise-") && revision > 0)) return { stream };
  return ofAccounts.test(stream) && account !== undefined ? { account } : {};
}

export class Doubts {
  /** Positions from which a stream, an account or everything is in doubt. */
  readonly #streams = new Map<string, number>();
  readonly #accounts = new Map<string, number>();
  #everything = Infinity;

  get isEmpty(): boolean {
    return this.#everything === Infinity && this.#streams.size === 0 && this.#accounts.size === 0;
  }

  has({ stream, account }: Doubt): boolean {
    if (this.#everything < Infinity) return true;
    return stream === undefined ? account !== undefined && this.#accounts.has(account) : this.#streams.has(stream);
  }

  add({ stream, account }: Doubt, position: number): void {
    if (stream !== undefined) this.#streams.set(stream, position);
    else if (account !== undefined) this.#accounts.set(account, position);
    else this.#everything = position;
  }

  /**
   * The leaf that may explain why what is known does not agree; undefined where none can.
   * @param size of the log on which it rests.
   */
  about({ stream, account, actor }: About, size = Infinity): number | undefined {
    if (this.isEmpty) return undefined;
    const first = Math.min(
      this.#everything,
      this.#streams.get(stream) ?? Infinity,
      this.#accounts.get(account ?? "") ?? Infinity,
      this.#streams.get(`key-${actor?.id}`) ?? Infinity,
    );
    return first <= size && first < Infinity ? first - 1 : undefined;
  }
}
