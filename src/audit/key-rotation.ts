/**
 * How a log passes from one key to the next: a statement that both keys have signed, and that is itself a leaf of the log. Whoever
 * trusts one of them can go on to the other without asking anybody.
 */
import { hashFromBase64 } from "./encoding.ts";
import { AuditError } from "./errors.ts";
import { noteOf, openNote, signatureLine } from "./signed-note.ts";
import { isSize } from "./sizes.ts";
import {
  formatVerifierKey,
  isSameKey,
  parseVerifierKey,
  signatureType,
  type SignerKey,
  type VerifierKey,
} from "./verifier-key.ts";

/** `data` of the event LogKeyRotated. Keys as verifier keys, the root in base64, signatures as lines of a signed note without their LF. */
export type KeyRotation = {
  origin: string;
  oldKey: string;
  newKey: string;
  treeHead: { size: number; root: string };
  oldKeyUntil: string;
  oldSignature: string;
  newSignature: string;
};

/**
 * What both keys sign. The first line keeps it apart from every tree head: no ledger is called so, and the line after it is no size.
 * The last names the instant until which the old key goes on signing beside the new one.
 */
export const keyRotationText = (rotation: Omit<KeyRotation, "oldSignature" | "newSignature">): string =>
  [
    "troth/log-key-rotation/v1",
    rotation.origin,
    rotation.oldKey,
    rotation.newKey,
    rotation.treeHead.size,
    rotation.treeHead.root,
    rotation.oldKeyUntil,
    "",
  ].join("\n");

/** @throws RangeError for keys that are not two keys of one log: a bug in the caller. */
export function signKeyRotation(
  { treeHead, oldKeyUntil }: Pick<KeyRotation, "treeHead" | "oldKeyUntil">,
  oldKey: SignerKey,
  newKey: SignerKey,
): KeyRotation {
  if (oldKey.name !== newKey.name || isSameKey(oldKey, newKey)) throw new RangeError("a log's keys bear its origin, and differ");
  const names = { origin: oldKey.name, oldKey: formatVerifierKey(oldKey), newKey: formatVerifierKey(newKey) };
  const text = keyRotationText({ ...names, treeHead, oldKeyUntil });
  const [oldSignature = "", newSignature = ""] = [oldKey, newKey].map((key) => signatureLine(text, key).trimEnd());
  return { ...names, treeHead, oldKeyUntil, oldSignature, newSignature };
}

export type VerifiedKeyRotation = { oldKey: VerifierKey; newKey: VerifierKey; treeHead: { size: number; root: Uint8Array } };

/**
 * Whether two keys of one log have agreed on the change, and one of them is trusted. That the event is in the log, and that the log
 * bears out its tree head, is for the caller to check.
 *
 * @throws AuditError bad-rotation where it contradicts itself or a signature is missing; malformed-key; bad-signature;
 * no-trusted-signature where neither key is trusted.
 */
export async function verifyKeyRotation(rotation: KeyRotation, trusted: readonly VerifierKey[]): Promise<VerifiedKeyRotation> {
  const { origin, treeHead, oldSignature, newSignature } = rotation;
  const oldKey = parseVerifierKey(rotation.oldKey);
  const newKey = parseVerifierKey(rotation.newKey);
  const root = hashFromBase64(treeHead.root);
  for (const { name, type } of [oldKey, newKey])
    if (name !== origin || type !== signatureType.ed25519) throw malformed("its keys are not keys of this log");
  if (isSameKey(oldKey, newKey)) throw malformed("the old key is the new one");
  if (!isSize(treeHead.size) || !root) throw malformed("it names no tree head");
  if (!trusted.some((key) => isSameKey(key, oldKey) || isSameKey(key, newKey)))
    throw new AuditError("no-trusted-signature", "neither key of the rotation is trusted");
  const note = noteOf(keyRotationText(rotation), [`${oldSignature}\n`, `${newSignature}\n`]);
  const { text, signatures } = await openNote(note, [oldKey, newKey]);
  if (text !== keyRotationText(rotation) || signatures.length !== 2) throw malformed("it is not signed by both keys");
  return { oldKey, newKey, treeHead: { size: treeHead.size, root } };
}

const malformed = (message: string): AuditError => new AuditError("bad-rotation", message);

/** A key of a log, and from where on it is the log's. */
export type LogKey = {
  key: VerifierKey;
  /** Heads of more leaves than this bear its signature: those that hold the rotation to it. −1 for the log's first key. */
  above: number;
};

/**
 * Every key that a log has had, from the one key that an auditor trusts.
 *
 * @param rotations what the log's LogKeyRotated events say, in order, each with the index of its leaf.
 * @throws AuditError as `verifyKeyRotation` does; bad-rotation where one does not go on from the one before it.
 */
export async function keysOfLog(
  trusted: VerifierKey,
  rotations: readonly { index: number; rotation: KeyRotation }[],
): Promise<LogKey[]> {
  const own = rotations.filter(({ rotation }) => rotation.origin === trusted.name);
  if (own.length === 0) return [{ key: trusted, above: -1 }];
  const known = new Set(own.flatMap(({ rotation }) => [rotation.oldKey, rotation.newKey]));
  if (!known.has(formatVerifierKey(trusted)))
    throw new AuditError("no-trusted-signature", "no change of keys on record goes out from the trusted key, or leads to it");
  const keys: LogKey[] = [{ key: parseVerifierKey(own[0]!.rotation.oldKey), above: -1 }];
  for (const { index, rotation } of own) {
    const before = keys.at(-1)!.key;
    if (formatVerifierKey(before) !== rotation.oldKey) throw malformed("the log's key had been another one");
    // Each link is signed by both of its keys, so trust in any of them reaches all.
    const { newKey, treeHead } = await verifyKeyRotation(rotation, [before]);
    if (treeHead.size > index) throw malformed("it names a tree head that was not there yet");
    keys.push({ key: newKey, above: index });
  }
  return keys;
}

/** The key without whose signature a head of this size is not the log's. The old one may sign beside it for a while. */
export const keyForSize = (keys: readonly LogKey[], size: number): VerifierKey => keys.findLast(({ above }) => above < size)!.key;
