/**
 * How personal text is sealed: a commitment for the leaf, a ciphertext to lie beside it, and keys wrapped for the vault.
 * AES-256-GCM throughout, as nonce[12] ‖ ciphertext ‖ tag[16]. It keeps nothing and takes only randomness from outside.
 */
import { type KeyObject, createCipheriv, createDecipheriv, createSecretKey, hash, randomBytes } from "node:crypto";
import { canonicalText } from "../canonical/canonical-json.ts";
import type { EventId, SubjectId } from "../domain/values.ts";

export const keyBytes = 32;
const saltBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const commitmentDomain = Buffer.from("troth/commit/v1\n");

/** A data subject's key. Versions count from 1; the ciphertext says which one sealed it. */
export type DataKey = { version: number; key: KeyObject };

/** Where a segment stands. A ciphertext opens at its own place alone. */
export type Place = { event: EventId; subject: SubjectId; field: string };

/** One entry of the ciphertext column: key version and base64 of nonce ‖ ciphertext ‖ tag. */
export type CiphertextEntry = { k: number; c: string };

/**
 * The commitment to a text: base64 of SHA-256("troth/commit/v1\n" ‖ salt ‖ canonical JSON of the text). Whoever holds the
 * salt can check a disclosed text against the leaf; without it, nobody can try likely texts.
 *
 * @param salt 32 random bytes, fresh for each segment.
 */
export const commitmentTo = (salt: Uint8Array, text: string): string => hashOf(committedBytes(salt, text));

/** The bytes under the commitment. What is encrypted is their tail: salt ‖ canonical text. */
function committedBytes(salt: Uint8Array, text: string): Buffer {
  if (salt.length !== saltBytes) throw new RangeError(`a salt has ${saltBytes} bytes, not ${salt.length}`);
  const canonical = canonicalText(text);
  const saltAt = commitmentDomain.length;
  const committed = Buffer.allocUnsafe(saltAt + saltBytes + Buffer.byteLength(canonical, "utf8"));
  committed.set(commitmentDomain);
  committed.set(salt, saltAt);
  committed.write(canonical, saltAt + saltBytes, "utf8");
  return committed;
}

const hashOf = (committed: Uint8Array): string => hash("sha256", committed, "base64");

/**
 * Seals one text with a fresh salt and nonce.
 * @throws Error where the text holds a lone surrogate, which has no canonical form.
 */
export function sealSegment(
  { version, key }: DataKey,
  place: Place,
  text: string,
): { commitment: string; entry: CiphertextEntry } {
  const random = freshBytes(saltBytes + nonceBytes);
  const committed = committedBytes(random.subarray(0, saltBytes), text);
  const commitment = hashOf(committed);
  const plaintext = committed.subarray(commitmentDomain.length);
  const sealed = encrypt(key, random.subarray(saltBytes), plaintext, associatedData(place, version, commitment));
  return { commitment, entry: { k: version, c: sealed.toString("base64") } };
}

/** The text and its salt (base64), or undefined where key, place or commitment are not those of the sealing. */
export function openSegment(
  { version, key }: DataKey,
  place: Place,
  commitment: string,
  { k, c }: CiphertextEntry,
): { value: string; salt: string } | undefined {
  if (k !== version) return undefined;
  const plaintext = decrypt(key, Buffer.from(c, "base64"), associatedData(place, version, commitment));
  // The tag already covers the commitment; only a sealer that lied about it fails here.
  if (plaintext === undefined || hashOf(Buffer.concat([commitmentDomain, plaintext])) !== commitment) return undefined;
  const value: unknown = JSON.parse(plaintext.toString("utf8", saltBytes));
  return typeof value === "string" ? { value, salt: plaintext.toString("base64", 0, saltBytes) } : undefined;
}

const associatedData = ({ event, subject, field }: Place, version: number, commitment: string): string =>
  canonicalText([event, subject, field, version, commitment]);

/** What a wrapped key is for; a wrapped key put in another's place does not unwrap. */
export type KeyUse = readonly ["data-key", subject: SubjectId, version: number] | readonly ["id-key"];

/** A key wrapped under the key-encryption key: 60 bytes that tell nothing to whoever lacks that key. */
export const wrapKey = (keyEncryptionKey: KeyObject, key: KeyObject, use: KeyUse): Buffer =>
  encrypt(keyEncryptionKey, freshBytes(nonceBytes), key.export(), canonicalText(use));

/** The key, or undefined where it was wrapped under another key or for another use, or is damaged. */
export function unwrapKey(keyEncryptionKey: KeyObject, wrapped: Uint8Array, use: KeyUse): KeyObject | undefined {
  const bytes = decrypt(keyEncryptionKey, wrapped, canonicalText(use));
  return bytes?.length === keyBytes ? createSecretKey(bytes) : undefined;
}

/** 32 fresh random bytes as a key. */
export const newKey = (): KeyObject => createSecretKey(randomBytes(keyBytes));

let pool = Buffer.alloc(0);
let poolUsed = 0;

/**
 * Random bytes for a salt or a nonce, each handed out once. They are drawn from the system 8 KB at a time, because a draw
 * costs more than the encryption. Keys don't come from here, so that none lies in memory among what is given away.
 */
function freshBytes(count: number): Uint8Array {
  if (poolUsed + count > pool.length) {
    pool = randomBytes(8_192);
    poolUsed = 0;
  }
  return pool.subarray(poolUsed, (poolUsed += count));
}

function encrypt(key: KeyObject, nonce: Uint8Array, plaintext: Uint8Array, associated: string): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(associated, "utf8"));
  const ciphertext = cipher.update(plaintext);
  cipher.final(); // A stream mode: nothing is left to give, but the tag is made here.
  return Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]);
}

function decrypt(key: KeyObject, sealed: Uint8Array, associated: string): Buffer | undefined {
  const tagAt = sealed.length - tagBytes;
  if (tagAt < nonceBytes) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(associated, "utf8"));
  decipher.setAuthTag(sealed.subarray(tagAt));
  const plaintext = decipher.update(sealed.subarray(nonceBytes, tagAt));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plaintext;
}
