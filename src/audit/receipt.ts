/** Receipts: proof that a leaf is in the log, in one small text that needs no server to check (C2SP tlog-proof). */
import { fromBase64, fromDecimal, hashFromBase64, textOf, toBase64 } from "./encoding.ts";
import { AuditError } from "./errors.ts";
import { hashBytes, leafHash } from "./hashing.ts";
import { verifyInclusion } from "./merkle.ts";
import { openUnderPolicy, type Policy, type Quorum } from "./policy.ts";
import { parseNote } from "./signed-note.ts";
import { isSize } from "./sizes.ts";
import type { OpenedTreeHead } from "./tree-head.ts";

export type Receipt = {
  /** 0-based place of the leaf in the log. */
  index: number;
  /** From the leaf's sibling up to the child of the root. */
  proof: Uint8Array[];
  /** The signed tree head, verbatim. */
  note: string;
  /** Whatever the application adds. Nothing vouches for it. */
  extra?: Uint8Array;
};

const firstLine = "c2sp.org/tlog-proof@v1";
/** No path in a tree of 2^53 leaves is longer; the limit is that of a witness's requests. */
const proofHashesMax = 63;
const receiptBytesMax = 2_000_000;

/** @throws RangeError for an index, proof or extra that no receipt may have: a bug in the caller. */
export function formatReceipt({ index, proof, note, extra }: Receipt): string {
  if (!isSize(index) || proof.length > proofHashesMax || proof.some((hash) => hash.length !== hashBytes) || extra?.length === 0) {
    throw new RangeError("a receipt has an index, at most 63 hashes of 32 bytes, and no empty extra data");
  }
  const extraLines = extra ? [`extra ${toBase64(extra)}`] : [];
  return [firstLine, ...extraLines, `index ${index}`, ...proof.map(toBase64), "", note].join("\n");
}

/**
 * Takes a receipt apart. Nothing of it is proved before `verifyReceipt`.
 * @throws AuditError malformed-receipt with the line at fault; malformed-note for what follows the empty line.
 */
export function parseReceipt(receipt: string | Uint8Array): Receipt {
  if (receipt.length > receiptBytesMax) throw malformed("the receipt is too long");
  const text = textOf(receipt);
  if (text === undefined) throw malformed("the receipt is not UTF-8");
  const split = text.indexOf("\n\n");
  if (split < 0) throw malformed("no empty line stands before the signed tree head");
  const [first, ...rest] = text.slice(0, split).split("\n");
  if (first !== firstLine) throw malformed(`it does not begin with ${firstLine}`, 1);
  const extraLines = rest[0]?.startsWith("extra ") ? 1 : 0;
  const extra = extraLines === 1 ? fromBase64(rest[0]!.slice("extra ".length)) : undefined;
  if (extraLines === 1 && !extra) throw malformed("extra data is not in base64", 2);
  const [indexLine = "", ...hashLines] = rest.slice(extraLines);
  const index = indexLine.startsWith("index ") ? fromDecimal(indexLine.slice("index ".length)) : undefined;
  if (index === undefined) throw malformed("write index and the place of the leaf in decimal", 2 + extraLines);
  if (hashLines.length > proofHashesMax) throw malformed(`a proof has at most ${proofHashesMax} hashes`);
  const proof = hashLines.map((line, at) => {
    const hash = hashFromBase64(line);
    if (!hash) throw malformed("the line is no hash of 32 bytes in base64", 3 + extraLines + at);
    return hash;
  });
  const note = text.slice(split + 2);
  parseNote(note);
  return { index, proof, note, ...(extra ? { extra } : {}) };
}

const malformed = (message: string, line?: number): AuditError => new AuditError("malformed-receipt", message, line);

export type VerifiedReceipt = {
  index: number;
  treeHead: OpenedTreeHead;
  /** Not thrown where it is not met: the leaf is in the log, and nobody independent has seen that. */
  quorum: Quorum;
};

/**
 * Whether the leaf stands where the receipt says, in a log that the policy trusts.
 *
 * @param leaf the stored bytes of the event, never encoded anew.
 * @throws AuditError malformed-receipt, malformed-note or malformed-tree-head for a receipt that can't be used; bad-signature,
 * no-trusted-signature or proof-failed for one that does not prove it.
 */
export async function verifyReceipt(leaf: Uint8Array, receipt: string | Uint8Array, policy: Policy): Promise<VerifiedReceipt> {
  const { index, proof, note } = parseReceipt(receipt);
  const { treeHead, quorum } = await openUnderPolicy(note, policy);
  if (!verifyInclusion(leafHash(leaf), index, treeHead.size, proof, treeHead.root)) {
    throw new AuditError("proof-failed", `leaf ${index} of the tree head is not this one`);
  }
  return { index, treeHead, quorum };
}
