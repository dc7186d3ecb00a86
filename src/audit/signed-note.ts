/** Signed notes (C2SP signed-note): a text, and lines of signatures by those who stand by it. */
import { concatBytes, fromBase64, textOf, toBase64, utf8 } from "./encoding.ts";
import { AuditError } from "./errors.ts";
import { signEd25519, verifyEd25519 } from "./signature.ts";
import { isKeyName, isSameKey, signatureType, type SignerKey, type VerifierKey } from "./verifier-key.ts";

/** More than any log or witness writes; what comes from others is refused above these, before it costs anything. */
const noteBytesMax = 1_000_000;
const signaturesMax = 100;

/** One line of signature, taken apart and not yet believed. */
export type NoteSignature = { name: string; id: number; bytes: Uint8Array; line: string };

/** The parts of a note. Nothing of it may be relied on before `openNote`. */
export type UnopenedNote = { text: string; signatures: NoteSignature[] };

/** A signature that was checked. Cosignatures say when they were made, in seconds since 1970. */
export type VerifiedSignature = { key: VerifierKey; line: string; time?: number };

export type OpenedNote = {
  /** What was signed, ending in LF. */
  text: string;
  /** One for each trusted key that signed, in the order of their lines. Of several by one key, the first. */
  signatures: VerifiedSignature[];
  /** Lines of keys that are not trusted here, which say nothing. */
  unknown: NoteSignature[];
};

/**
 * Takes a note apart at its last empty line.
 *
 * @param note bytes as they came, or their text.
 * @throws AuditError malformed-note where it is not UTF-8, holds a control character but LF, has no line of signature or one in
 * another form, more than 100 of them, or more than a million bytes.
 */
export function parseNote(note: string | Uint8Array): UnopenedNote {
  if (note.length > noteBytesMax) throw malformed("the note is too long");
  const whole = textOf(note);
  if (whole === undefined) throw malformed("the note is not UTF-8");
  if (/[\x00-\x09\x0b-\x1f]/.test(whole)) throw malformed("the note holds a control character");
  const split = whole.lastIndexOf("\n\n");
  const lines = split < 0 ? [] : whole.slice(split + 2).split("\n");
  if (lines.length < 2 || lines.pop() !== "") throw malformed("no lines of signatures end the note");
  if (lines.length > signaturesMax) throw malformed(`the note has more than ${signaturesMax} signatures`);
  return { text: whole.slice(0, split + 1), signatures: lines.map(parseSignatureLine) };
}

function parseSignatureLine(line: string): NoteSignature {
  const [, name = "", base64 = ""] = /^— ([^ ]+) ([^ ]+)$/.exec(line) ?? [];
  const payload = fromBase64(base64);
  if (!isKeyName(name) || !payload || payload.length <= idBytes) throw malformed("a line of signature has another form");
  const id = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
  return { name, id, bytes: payload.subarray(idBytes), line };
}

const idBytes = 4;

const malformed = (message: string): AuditError => new AuditError("malformed-note", message);

/**
 * The text of a note, once a trusted key has signed it. Lines of other keys are set aside, even where they share a name or an
 * id with a trusted one. Every line of a trusted key is verified, repeated ones too.
 *
 * @param keys those trusted here. ML-DSA-44 keys may be among them; their lines are set aside as unknown.
 * @throws AuditError malformed-note; bad-signature where a line names a trusted key and is not its signature;
 * no-trusted-signature where no trusted key signed; malformed-key where two keys share name and id.
 */
export async function openNote(note: string | Uint8Array, keys: readonly VerifierKey[]): Promise<OpenedNote> {
  const { text, signatures } = parseNote(note);
  const opened: OpenedNote = { text, signatures: [], unknown: [] };
  for (const signature of signatures) {
    const key = keyOf(signature, keys);
    if (!key) {
      opened.unknown.push(signature);
      continue;
    }
    const verified = await verifySignature(text, signature, key);
    if (!verified) throw new AuditError("bad-signature", `the signature of ${key.name} is not its own`);
    if (!opened.signatures.some((earlier) => isSameKey(earlier.key, key))) opened.signatures.push(verified);
  }
  if (opened.signatures.length === 0) throw new AuditError("no-trusted-signature", "no trusted key has signed the note");
  return opened;
}

function keyOf({ name, id }: NoteSignature, keys: readonly VerifierKey[]): VerifierKey | undefined {
  const [key, ...others] = keys.filter((candidate) => candidate.name === name && candidate.id === id);
  if (others.some((other) => !isSameKey(other, key!))) {
    throw new AuditError("malformed-key", `two trusted keys are called ${name} and share an id`);
  }
  return key?.type === signatureType.mlDsa44Cosignature ? undefined : key;
}

async function verifySignature(
  text: string,
  { bytes, line }: NoteSignature,
  key: VerifierKey,
): Promise<VerifiedSignature | undefined> {
  if (key.type === signatureType.ed25519) {
    return (await verifyEd25519(key.publicKey, utf8(text), bytes)) ? { key, line } : undefined;
  }
  const time = bytes.length > timeBytes ? timeOf(bytes) : undefined;
  if (time === undefined) return undefined;
  const verified = await verifyEd25519(key.publicKey, cosignedMessage(text, time), bytes.subarray(timeBytes));
  return verified ? { key, line, time } : undefined;
}

const timeBytes = 8;

/** Undefined past 2^53 − 1 seconds: every such instant lies in the future, and verifiers may refuse those. */
function timeOf(timestamped: Uint8Array): number | undefined {
  const seconds = Number(new DataView(timestamped.buffer, timestamped.byteOffset).getBigUint64(0));
  return Number.isSafeInteger(seconds) ? seconds : undefined;
}

/** What an Ed25519 cosignature signs (C2SP tlog-cosignature). */
const cosignedMessage = (text: string, time: number): Uint8Array => utf8(`cosignature/v1\ntime ${time}\n${text}`);

/**
 * The line of signature by one key, ending in LF.
 *
 * @param text what is signed, ending in LF.
 * @param time whole seconds since 1970: for a cosignature (type 04), and for nothing else.
 * @throws RangeError for a text that no note may have, or a time missing or too much: a bug in the caller.
 */
export function signatureLine(text: string, key: SignerKey, time?: number): string {
  if (!text.endsWith("\n") || !text.isWellFormed() || /[\x00-\x09\x0b-\x1f]/.test(text)) {
    throw new RangeError("the text of a note ends in LF, has no other control character, and is valid Unicode");
  }
  if ((time !== undefined) !== (key.type === signatureType.ed25519Cosignature)) {
    throw new RangeError("a cosignature says when it was made, and no other signature does");
  }
  return `— ${key.name} ${toBase64(concatBytes(uint(key.id, 4), signatureBytes(text, key, time)))}\n`;
}

function signatureBytes(text: string, key: SignerKey, time: number | undefined): Uint8Array {
  if (time === undefined) return signEd25519(key.seed, utf8(text));
  if (!Number.isSafeInteger(time) || time < 0) throw new RangeError(`${time} is no time in whole seconds since 1970`);
  return concatBytes(uint(time, timeBytes), signEd25519(key.seed, cosignedMessage(text, time)));
}

/** The note with these lines of signature, each ending in LF, in that order. */
export const noteOf = (text: string, lines: readonly string[]): string => `${text}\n${lines.join("")}`;

/** Big-endian. */
function uint(value: number, bytes: number): Uint8Array {
  const eight = new Uint8Array(8);
  new DataView(eight.buffer).setBigUint64(0, BigInt(value));
  return eight.subarray(8 - bytes);
}
