/**
 * The census: a tree over one line for each account, which says how many events concern it and the root over their leaves. An
 * inclusion proof shows what is there; the line in a census shows that this is all.
 */
import { canonicalText } from "../canonical/canonical-json.ts";
import { CompactRange } from "./compact-range.ts";
import { equalBytes, hashFromBase64, textOf, toBase64, utf8 } from "./encoding.ts";
import { AuditError } from "./errors.ts";
import { leafHash } from "./hashing.ts";
import { inclusionProof, rootHash, verifyInclusion } from "./merkle.ts";
import { isSize } from "./sizes.ts";

/** All events of one account: how many, at least one, and the root over their leaf hashes in log order. */
export type CensusLine = { account: string; events: number; root: Uint8Array };

/** The bytes of a line, a leaf of the census tree: canonical JSON of `{account, events, root}` with the root in base64. */
export const encodeCensusLine = ({ account, events, root }: CensusLine): Uint8Array =>
  utf8(canonicalText({ account, events, root: toBase64(root) }));

/** @throws AuditError malformed-census for bytes that `encodeCensusLine` does not write. */
export function decodeCensusLine(bytes: Uint8Array): CensusLine {
  const line = lineOf(parsed(bytes));
  if (!line || !equalBytes(encodeCensusLine(line), bytes))
    throw new AuditError("malformed-census", "this is no line of a census");
  return line;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(bytes) ?? "");
  } catch {
    return undefined;
  }
}

function lineOf(value: unknown): CensusLine | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { account, events, root: rootText } = value as Record<string, unknown>;
  const root = typeof rootText === "string" ? hashFromBase64(rootText) : undefined;
  if (typeof account !== "string" || !account.isWellFormed() || !root) return undefined;
  return typeof events === "number" && isSize(events) && events > 0 ? { account, events, root } : undefined;
}

/** What is counted of one account so far: enough to go on counting, and to be stored. */
export type AccountCount = { account: string; events: number; hashes: readonly Uint8Array[] };

/** Counts leaves as they come, account by account. One compact range each: 32 bytes times log2 of its events at most. */
export class CensusCounter {
  readonly #ranges = new Map<string, CompactRange>();

  /** Goes on from counts that were stored. @throws RangeError for counts that are no such thing. */
  static of(counts: Iterable<AccountCount>): CensusCounter {
    const counter = new CensusCounter();
    for (const { account, events, hashes } of counts) counter.#ranges.set(account, CompactRange.of(0, events, hashes));
    return counter;
  }

  /** The next leaf that concerns the account, in log order. */
  add(account: string, leafHash: Uint8Array): void {
    const range = this.#ranges.get(account) ?? new CompactRange();
    range.append(leafHash);
    this.#ranges.set(account, range);
  }

  /** To be stored, of these accounts or of all. */
  *counts(accounts: Iterable<string> = this.#ranges.keys()): Generator<AccountCount> {
    for (const account of accounts) {
      const range = this.#ranges.get(account);
      if (range) yield { account, events: range.end, hashes: [...range.hashes] };
    }
  }

  /** A census as of now; what is counted later does not change it. Sorts and hashes one line an account. */
  census(): Census {
    return new Census([...this.#ranges].map(([account, range]) => ({ account, events: range.end, root: range.root() })));
  }
}

/** The line of one account, and the proof that it stands in a census. */
export type CensusProof = { line: Uint8Array; index: number; accounts: number; proof: Uint8Array[] };

export class Census {
  /** In order of account id, by code units. */
  readonly lines: readonly CensusLine[];
  /** Root over the lines; that of the empty tree where there is no account. */
  readonly root: Uint8Array;
  readonly #hashes: Uint8Array[];

  /** @throws RangeError where an account comes twice. */
  constructor(lines: Iterable<CensusLine>) {
    this.lines = [...lines].sort((a, b) => (a.account < b.account ? -1 : 1));
    for (const [at, { account }] of this.lines.entries()) {
      if (this.lines[at + 1]?.account === account) throw new RangeError(`account ${account} comes twice`);
    }
    this.#hashes = this.lines.map((line) => leafHash(encodeCensusLine(line)));
    this.root = rootHash(this.#hashes);
  }

  /** How many accounts have events. */
  get accounts(): number {
    return this.lines.length;
  }

  /** The account's line and its proof; undefined for an account without events. */
  proofOf(account: string): CensusProof | undefined {
    const index = this.#indexOf(account);
    if (index === undefined) return undefined;
    const line = encodeCensusLine(this.lines[index]!);
    return { line, index, accounts: this.accounts, proof: inclusionProof(this.#hashes, index) };
  }

  #indexOf(account: string): number | undefined {
    let [low, high] = [0, this.lines.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.lines[middle]!.account < account) low = middle + 1;
      else high = middle;
    }
    return this.lines[low]?.account === account ? low : undefined;
  }
}

/**
 * What a census says of an account.
 *
 * @param recorded of `CensusTaken`, whose own receipt was checked: how many accounts, and the root.
 * @throws AuditError malformed-census for a line in another form; proof-failed where it is not in that census.
 */
export function verifyCensusProof(
  { line, index, accounts, proof }: CensusProof,
  recorded: { accounts: number; root: Uint8Array },
): CensusLine {
  const decoded = decodeCensusLine(line);
  const stands = accounts === recorded.accounts && verifyInclusion(leafHash(line), index, accounts, proof, recorded.root);
  if (!stands) throw new AuditError("proof-failed", `the line of account ${decoded.account} is not in the census`);
  return decoded;
}

/**
 * Whether these leaf hashes are all events of an account that its line counts, in log order. Others of the account may have
 * been recorded after the census.
 */
export const coversAll = ({ events, root }: CensusLine, leafHashes: readonly Uint8Array[]): boolean =>
  leafHashes.length === events && equalBytes(rootHash(leafHashes), root);
