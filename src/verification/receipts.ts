/** Receipts that were kept, and those of a dossier: each must lead from its leaf to a head that the log stands by. */
import { equalBytes, utf8 } from "../audit/encoding.ts";
import { AuditError } from "../audit/errors.ts";
import { leafHash } from "../audit/hashing.ts";
import { verifyInclusion } from "../audit/merkle.ts";
import { parseReceipt, type Receipt } from "../audit/receipt.ts";
import type { KeptReceipt } from "./auditor.ts";
import { UnusableError } from "./bundle-format.ts";
import type { ClaimedHead, Heads } from "./heads.ts";
import { nameOf, readLeaf } from "./leaf-event.ts";
import type { Inquiry } from "./report.ts";

type Waiting = Receipt & { name: string; leaf: Uint8Array | undefined; head: ClaimedHead };

/** Of the whole log a dossier shows the leaves of one account, and some of others. */
export type DossierScope = { account: string; size: number };

export class Receipts {
  readonly #inquiry: Inquiry;
  readonly #waiting: Waiting[] = [];
  readonly #hashes = new Map<number, Uint8Array | undefined>();

  /** Their tree heads are held against the log with all others. */
  constructor(inquiry: Inquiry, heads: Heads, kept: readonly KeptReceipt[]) {
    this.#inquiry = inquiry;
    for (const one of kept) this.#add(one, heads);
  }

  /** A leaf of the log has come. */
  passed(index: number, hash: Uint8Array): void {
    if (this.#hashes.size > 0 && this.#hashes.has(index)) this.#hashes.set(index, hash);
  }

  /** To be called once every leaf has come. @param scope where they were not all that there are. */
  conclude(scope?: DossierScope): void {
    for (const one of this.#waiting) {
      const { name, index } = one;
      this.#inquiry.checked("receipts");
      const fault = this.#faultOf(one, scope);
      if (fault !== undefined) this.#inquiry.failed("receipts", `${name}: ${fault}`, { leaf: { index } });
      else if (scope !== undefined && this.#hashes.get(index) === undefined) this.#tellMissing(one, scope);
    }
  }

  #faultOf({ index, proof, leaf, head }: Waiting, scope: DossierScope | undefined): string | undefined {
    const inLog = this.#hashes.get(index);
    const kept = leaf === undefined ? undefined : leafHash(leaf);
    if (inLog !== undefined && kept !== undefined && !equalBytes(inLog, kept))
      return `the event that you kept is not the one that stands at leaf ${index} of the log`;
    const hash = kept ?? inLog;
    // A dossier leaves out what concerns others, and a receipt alone does not say whom it concerns.
    if (hash === undefined) return scope === undefined ? `the log has no leaf ${index} here` : undefined;
    return verifyInclusion(hash, index, head.size, proof, head.root)
      ? undefined
      : `leaf ${index} is not the one that the receipt was given for`;
  }

  /** A leaf that was kept, and that the dossier does not hold. */
  #tellMissing({ name, index, leaf }: Waiting, { account, size }: DossierScope): void {
    if (leaf === undefined)
      return this.#inquiry.unmet(
        "receipts",
        `${name}: the dossier does not hold leaf ${index}, so nothing here says whether it should: give its event too (--leaf)`,
        { leaf: { index } },
      );
    const read = readLeaf(leaf, index);
    const event = read.kind === "event" ? read.event : read.kind === "newer" ? read.envelope : undefined;
    if (event?.account === account && index < size)
      this.#inquiry.failed("leaves", `${name}: you hold an event of ${account}, and the dossier leaves it out`, {
        leaf: nameOf(event, index),
      });
  }

  /** @throws UnusableError for what is no receipt: a slip of the auditor's says nothing about the log. */
  #add({ name, receipt, leaf }: KeptReceipt, heads: Heads): void {
    const parsed = parsedReceipt(name, receipt);
    const head = heads.claimOwn(`the head in ${name}`, utf8(parsed.note), "receipts");
    if (head === undefined) return;
    this.#waiting.push({ ...parsed, name, leaf, head });
    this.#hashes.set(parsed.index, undefined);
  }
}

function parsedReceipt(name: string, receipt: Uint8Array): Receipt {
  try {
    return parseReceipt(receipt);
  } catch (error) {
    if (error instanceof AuditError) throw new UnusableError(`${name} is no receipt: ${error.message}`);
    throw error;
  }
}
