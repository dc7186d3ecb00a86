/**
 * Counts the log for its censuses. A census counts the leaves up to a size and is recorded a little later, so the count trails
 * behind: it goes up to the size of a census when that census comes.
 */
import { CompactRange } from "../audit/compact-range.ts";
import { encodeCensusLine } from "../audit/census.ts";
import { equalBytes } from "../audit/encoding.ts";
import { leafHash } from "../audit/hashing.ts";

type Counted = { account: string; range: CompactRange; lineHash: Uint8Array | undefined };

/** Leaves that may stand between what a census counts and its record; 9 MiB. */
const trailingCount = 1 << 18;

export class CensusRecount {
  readonly #trailing: number;
  readonly #hashes: Uint8Array;
  /** The account's number and one; 0 for a leaf that concerns none. */
  readonly #accounts: Uint32Array;
  readonly #numbers = new Map<string, number>();
  readonly #byNumber: Counted[] = [];
  #ordered: Counted[] = [];
  /** Leaves that came, and leaves that are counted. */
  #size = 0;
  #counted = 0;

  constructor(size: number, trailing = trailingCount) {
    this.#trailing = Math.max(1, Math.min(trailing, size));
    this.#hashes = new Uint8Array(this.#trailing * 32);
    this.#accounts = new Uint32Array(this.#trailing);
  }

  /** Accounts that were named so far. */
  get accountCount(): number {
    return this.#byNumber.length;
  }

  append(account: string | undefined, hash: Uint8Array): void {
    if (this.#size - this.#counted === this.#trailing) this.#count(this.#counted + 1);
    const at = this.#size % this.#trailing;
    this.#hashes.set(hash, at * 32);
    this.#accounts[at] = account === undefined ? 0 : this.#numberOf(account) + 1;
    this.#size += 1;
  }

  /** The census of the first `treeSize` leaves; undefined where the count has gone past it. */
  censusAt(treeSize: number): { accounts: number; root: Uint8Array } | undefined {
    if (treeSize < this.#counted || treeSize > this.#size) return undefined;
    this.#count(treeSize);
    const tree = new CompactRange();
    let accounts = 0;
    for (const one of this.#inOrder()) {
      if (one.range.end === 0) continue;
      one.lineHash ??= leafHash(encodeCensusLine({ account: one.account, events: one.range.end, root: one.range.root() }));
      tree.append(one.lineHash);
      accounts += 1;
    }
    return { accounts, root: tree.root() };
  }

  #count(size: number): void {
    for (; this.#counted < size; this.#counted++) {
      const at = this.#counted % this.#trailing;
      const number = this.#accounts[at]!;
      if (number === 0) continue;
      const one = this.#byNumber[number - 1]!;
      one.range.append(this.#hashes.slice(at * 32, at * 32 + 32));
      one.lineHash = undefined;
    }
  }

  #numberOf(account: string): number {
    const known = this.#numbers.get(account);
    if (known !== undefined) return known;
    const number = this.#byNumber.length;
    this.#numbers.set(account, number);
    this.#byNumber.push({ account, range: new CompactRange(), lineHash: undefined });
    return number;
  }

  /** By account id, in code units. */
  #inOrder(): readonly Counted[] {
    if (this.#ordered.length < this.#byNumber.length)
      this.#ordered = this.#byNumber.toSorted((a, b) => (a.account < b.account ? -1 : 1));
    return this.#ordered;
  }
}

export const isSameCensus = (a: { accounts: number; root: Uint8Array }, b: { accounts: number; root: Uint8Array }): boolean =>
  a.accounts === b.accounts && equalBytes(a.root, b.root);
