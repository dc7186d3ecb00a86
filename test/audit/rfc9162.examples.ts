/** The definitions of RFC 9162, section 2.1, word for word: recursive and slow, to be held against what the ledger uses. */
import { createHash } from "node:crypto";

type Hash = Uint8Array;
const hash = (...parts: Uint8Array[]): Hash => parts.reduce((h, part) => h.update(part), createHash("sha256")).digest();
const splitOf = (n: number): number => (n > 2 ** 20 ? NaN : 2 ** Math.ceil(Math.log2(n) - 1));

/** MTH(D[from:to]) over leaf hashes; remembers, as one list of leaves serves a whole spec. */
export function definitions(leaves: readonly Hash[]) {
  const known = new Map<string, Hash>();
  function mth(from: number, to: number): Hash {
    if (to === from) return hash();
    if (to - from === 1) return leaves[from]!;
    const key = `${from}-${to}`;
    const k = from + splitOf(to - from);
    if (!known.has(key)) known.set(key, hash(Buffer.of(1), mth(from, k), mth(k, to)));
    return known.get(key)!;
  }
  function path(m: number, from: number, to: number): Hash[] {
    if (to - from === 1) return [];
    const k = splitOf(to - from);
    return m < k ? [...path(m, from, from + k), mth(from + k, to)] : [...path(m - k, from + k, to), mth(from, from + k)];
  }
  function subproof(m: number, from: number, to: number, complete: boolean): Hash[] {
    const n = to - from;
    if (m === n) return complete ? [] : [mth(from, to)];
    const k = splitOf(n);
    return m <= k
      ? [...subproof(m, from, from + k, complete), mth(from + k, to)]
      : [...subproof(m - k, from + k, to, false), mth(from, from + k)];
  }
  return {
    root: (size: number) => mth(0, size),
    inclusion: (index: number, size: number) => path(index, 0, size),
    consistency: (first: number, second: number) => subproof(first, 0, second, true),
  };
}

/** The turns of PATH, from the leaf up: a proof fits every tree size whose path has the same. */
export function turns(index: number, size: number): string {
  if (size === 1) return "";
  const k = splitOf(size);
  return index < k ? turns(index, k) + "R" : turns(index - k, size - k) + "L";
}

/** The turns of SUBPROOF, and whether it begins with the first root itself. */
export function subproofTurns(first: number, second: number, complete = true): string {
  if (first === second) return complete ? "=" : ".";
  const k = splitOf(second);
  return first <= k ? subproofTurns(first, k, complete) + "R" : subproofTurns(first - k, second - k, false) + "L";
}
