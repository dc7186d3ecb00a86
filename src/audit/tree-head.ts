/**
 * Tree heads: the size and root that a log stands by, as a signed note (C2SP tlog-checkpoint), and the cosignatures with
 * which witnesses say that they saw it grow by appending alone (C2SP tlog-cosignature).
 */
import { fromDecimal, hashFromBase64, toBase64 } from "./encoding.ts";
import { AuditError } from "./errors.ts";
import { hashBytes } from "./hashing.ts";
import { type NoteSignature, noteOf, openNote, signatureLine, type VerifiedSignature } from "./signed-note.ts";
import { requireSize } from "./sizes.ts";
import { isKeyName, isSameKey, signatureType, type SignerKey, type VerifierKey } from "./verifier-key.ts";

/** The origin names the log for ever, as the name of its key. */
export type TreeHead = { origin: string; size: number; root: Uint8Array };

/** @throws RangeError for what can't be a head of ours: a bug in the caller. No extension lines are ever written. */
export function treeHeadText({ origin, size, root }: TreeHead): string {
  if (!isKeyName(origin)) throw new RangeError("an origin is the name of a key: no spaces, no plus sign, not empty");
  requireSize(size);
  if (root.length !== hashBytes) throw new RangeError(`a root has ${hashBytes} bytes, not ${root.length}`);
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/**
 * The head of a note's text. Extension lines, which other logs may write, are kept and mean nothing here.
 * @throws AuditError malformed-tree-head, also for a size above 2^53 − 1.
 */
export function parseTreeHeadText(text: string): TreeHead & { extensions: string[] } {
  const lines = text.split("\n");
  const ended = lines.pop() === "";
  const [origin = "", sizeText = "", rootText = "", ...extensions] = lines;
  const size = fromDecimal(sizeText);
  const root = hashFromBase64(rootText);
  if (!ended || lines.includes("") || origin === "")
    throw malformed("a tree head is lines that are not empty, each ending in LF");
  if (size === undefined) throw malformed("its second line is no size up to 2^53 − 1 in decimal");
  if (!root) throw malformed("its third line is no root of 32 bytes in base64");
  return { origin, size, root, extensions };
}

const malformed = (message: string): AuditError => new AuditError("malformed-tree-head", message);

/**
 * The signed tree head. Whoever calls this has made sure that it is consistent with every head signed before.
 *
 * @param keys those of the log, of type 01, named by its origin: one, or old and new while a key is rotated.
 * @throws RangeError for a key of another name or type, or none: a bug in the caller.
 */
export function signTreeHead(head: TreeHead, keys: readonly SignerKey[]): string {
  const text = treeHeadText(head);
  if (keys.length === 0 || keys.some(({ name, type }) => name !== head.origin || type !== signatureType.ed25519)) {
    throw new RangeError("a tree head is signed by the keys of its log, which bear its origin as their name");
  }
  return noteOf(
    text,
    keys.map((key) => signatureLine(text, key)),
  );
}

/**
 * A witness's line of signature for the text of a tree head, ending in LF.
 *
 * @param text the whole text that the log signed, extension lines and all.
 * @param time whole seconds since 1970.
 */
export const cosign = (text: string, witness: SignerKey, time: number): string => signatureLine(text, witness, time);

/** A witness that saw the head, and when, in seconds since 1970. */
export type Cosignature = { key: VerifierKey; line: string; time: number };

export type OpenedTreeHead = TreeHead & {
  /** What was signed. */
  text: string;
  /** Lines by keys of the log: at least one. */
  signatures: VerifiedSignature[];
  /** By trusted witnesses, one each. Whether they are enough, the policy says. */
  cosignatures: Cosignature[];
  unknown: NoteSignature[];
};

/**
 * A tree head, once a trusted key of the log that it names has signed it.
 *
 * @param logs keys whose names are the origins that they may sign for.
 * @throws AuditError as `openNote` does; malformed-tree-head; no-trusted-signature too where trusted keys have signed and none
 * of them is of this origin.
 */
export async function openTreeHead(
  note: string | Uint8Array,
  logs: readonly VerifierKey[],
  witnesses: readonly VerifierKey[] = [],
): Promise<OpenedTreeHead> {
  const { text, signatures, unknown } = await openNote(note, [...logs, ...witnesses]);
  const { origin, size, root } = parseTreeHeadText(text);
  const own = signatures.filter(({ key }) => key.name === origin && logs.some((log) => isSameKey(log, key)));
  if (own.length === 0) throw new AuditError("no-trusted-signature", "no trusted key of the log has signed its tree head");
  const cosignatures = signatures.flatMap(({ key, line, time }) =>
    time !== undefined && witnesses.some((witness) => isSameKey(witness, key)) ? [{ key, line, time }] : [],
  );
  return { origin, size, root, text, signatures: own, cosignatures, unknown };
}
