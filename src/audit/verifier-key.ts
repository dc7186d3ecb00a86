/** Keys of signed notes: how they are named, written and told apart (C2SP signed-note). */
import { concatBytes, equalBytes, fromBase64, toBase64, utf8 } from "./encoding.ts";
import { AuditError } from "./errors.ts";
import { sha256 } from "./sha256.ts";
import { publicKeyBytes, publicKeyOf, seedBytes } from "./signature.ts";

/** Signature types by their identifier byte. ML-DSA-44 is known by name alone: its signatures count as an unknown key's. */
export const signatureType = { ed25519: 0x01, ed25519Cosignature: 0x04, mlDsa44Cosignature: 0x06 } as const;
export type SignatureType = (typeof signatureType)[keyof typeof signatureType];

const publicKeyBytesOf: ReadonlyMap<number, number> = new Map([
  [signatureType.ed25519, publicKeyBytes],
  [signatureType.ed25519Cosignature, publicKeyBytes],
  [signatureType.mlDsa44Cosignature, 1312],
]);

/** Who may have signed. Name and id together stand in a signature line; the public key is what is trusted. */
export type VerifierKey = { name: string; id: number; type: SignatureType; publicKey: Uint8Array };

/** A key that signs: type 01 as a log, 04 as a witness. */
export type SignerKey = VerifierKey & { type: 0x01 | 0x04; seed: Uint8Array };

/** Names have no space of any script, no plus sign and no control character, and are not empty. */
export const isKeyName = (name: string): boolean => /^[^\p{White_Space}+\x00-\x1f]+$/u.test(name) && name.isWellFormed();

/** The key's number in signature lines: the first four bytes, big-endian, of SHA-256(name ‖ LF ‖ type ‖ public key). */
export function keyId(name: string, type: number, publicKey: Uint8Array): number {
  const digest = sha256(concatBytes(utf8(`${name}\n`), Uint8Array.of(type), publicKey));
  return new DataView(digest.buffer, digest.byteOffset).getUint32(0);
}

/** `name+hex(id)+base64(type ‖ public key)`. */
export const formatVerifierKey = ({ name, id, type, publicKey }: VerifierKey): string => formatKey(name, id, type, publicKey);

/** @throws AuditError malformed-key for anything that `formatVerifierKey` does not write, such as an id that is not the key's. */
export function parseVerifierKey(text: string): VerifierKey {
  const { name, id, type, material: publicKey } = parseKey(text, "");
  if (publicKey.length !== publicKeyBytesOf.get(type)) throw malformed(`a public key of type ${type} has another length`);
  if (id !== keyId(name, type, publicKey)) throw malformed("the id is not that of the key");
  return { name, id, type, publicKey };
}

/**
 * @param seed 32 random bytes, kept secret.
 * @throws RangeError for a name that no key may have or a seed of another length: a bug in the caller.
 */
export function signerKey(name: string, type: SignerKey["type"], seed: Uint8Array): SignerKey {
  if (!isKeyName(name)) throw new RangeError("the name of a key has no spaces and no plus sign, and is not empty");
  const publicKey = publicKeyOf(seed);
  return { name, id: keyId(name, type, publicKey), type, publicKey, seed };
}

/** The public half, to be handed out. */
export const verifierOf = ({ name, id, type, publicKey }: SignerKey): VerifierKey => ({ name, id, type, publicKey });

const secretPrefix = "PRIVATE+KEY+";

/** `PRIVATE+KEY+name+hex(id)+base64(type ‖ seed)`, as Go's note package writes it. A secret: for the keys folder alone. */
export const formatSignerKey = ({ name, id, type, seed }: SignerKey): string => secretPrefix + formatKey(name, id, type, seed);

/** @throws AuditError malformed-key, which never quotes what it was given: that may be a secret. */
export function parseSignerKey(text: string): SignerKey {
  const { name, id, type, material: seed } = parseKey(text, secretPrefix);
  if (type === signatureType.mlDsa44Cosignature || seed.length !== seedBytes) throw malformed("no such key can sign here");
  const key = signerKey(name, type, seed);
  if (id !== key.id) throw malformed("the id is not that of the key");
  return key;
}

/** Whether two keys are one: same name, same id, same public key. */
export const isSameKey = (a: VerifierKey, b: VerifierKey): boolean =>
  a.name === b.name && a.id === b.id && equalBytes(a.publicKey, b.publicKey);

const formatKey = (name: string, id: number, type: number, material: Uint8Array): string =>
  `${name}+${id.toString(16).padStart(8, "0")}+${toBase64(concatBytes(Uint8Array.of(type), material))}`;

function parseKey(text: string, prefix: string): { name: string; id: number; type: SignatureType; material: Uint8Array } {
  if (!text.startsWith(prefix)) throw malformed("it does not begin as such a key does");
  // The base64 may hold plus signs too, so the first two alone part the key.
  const [, name = "", id = "", base64 = ""] = /^([^+]*)\+([0-9a-f]{8})\+(.*)$/s.exec(text.slice(prefix.length)) ?? [];
  const bytes = fromBase64(base64);
  if (!isKeyName(name) || !bytes) throw malformed("a key is its name, eight hexadecimal digits and base64, joined by plus signs");
  const [type = 0] = bytes;
  if (!isSignatureType(type)) throw malformed(`keys of type ${type} are not known here`);
  return { name, id: Number.parseInt(id, 16), type, material: bytes.subarray(1) };
}

const isSignatureType = (type: number): type is SignatureType => publicKeyBytesOf.has(type);

const malformed = (message: string): AuditError => new AuditError("malformed-key", message);
