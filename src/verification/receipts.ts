/** Receipts that were kept, and those of a dossier: each must lead from its leaf to a head that the log stands by. */
import { equalBytes, utf8 } from "../audit/encoding.ts";
import { AuditError } from "../audit/errors.ts";
import { leafHash } from "../audit/hashing.ts";
import { verifyInclusion } from "../audit/merkle.ts";
import { parseReceipt, type Receipt } from "../audit/receipt.ts";
import type { KeptReceipt } from "./auditor.ts";
import type { ClaimedHead, Heads } from "./heads.ts";
import type { Inquiry } from "./report.ts";

type Waiting = Receipt & { name: string; leaf: Uint8Array | undefined; head: ClaimedHead };

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

  /** To be called once every leaf has come. */
  conclude(): void {
    for (const one of this.#waiting) {
      const { name, index } = one;
      this.#inquiry.checked("receipts");
      const fault = this.#faultOf(one);
      if (fault !== undefined) this.#inquiry.failed("receipts", `${name}: ${fault}`, { leaf: { index } });
    }
  }

  #faultOf({ index, proof, leaf, head }: Waiting): string | undefined {
    const inLog = this.#hashes.get(index);
    const kept = leaf === undefined ? undefined : leafHash(leaf);
    if (inLog === undefined && head.size > index && kept === undefined) return `the log has no leaf ${index} here`;
    if (inLog !== undefined && kept !== undefined && !equalBytes(inLog, kept))
      return `the event that you kept is not the one that stands at leaf ${index} of the log`;
    if (!verifyInclusion(kept ?? inLog!, index, head.size, proof, head.root))
      return `leaf ${index} is not the one that the receipt was given for`;
    return undefined;
  }

  #add({ name, receipt, leaf }: KeptReceipt, heads: Heads): void {
    try {
      const parsed = parseReceipt(receipt);
      const head = heads.claim(`the head in ${name}`, utf8(parsed.note), "receipts");
      if (head === undefined) return;
      this.#waiting.push({ ...parsed, name, leaf, head });
      this.#hashes.set(parsed.index, undefined);
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      this.#inquiry.failed("receipts", `${name}: ${error.message}`, { file: name });
    }
  }
}
