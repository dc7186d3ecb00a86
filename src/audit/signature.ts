/**
 * Ed25519 (RFC 8032) over raw keys. Verification may answer later, so that a browser build can put WebCrypto in place of this
 * module; signing is the ledger's own and never leaves Node.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

export const seedBytes = 32;
export const publicKeyBytes = 32;

/** What stands before a raw key in its DER form (RFC 8410), which a Node of every age reads. */
const spkiPrefix = Buffer.from("302a300506032b6570032100", "hex");

/**
 * Whether the signature is the key's. Never throws for what others sent: a key that is no point of the curve and a signature
 * of another length verify nothing. About 0.2 ms.
 */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean | Promise<boolean> {
  try {
    const der = Buffer.concat([spkiPrefix, publicKey]);
    if (publicKey.length !== publicKeyBytes) return false;
    return verify(null, message, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
  } catch {
    return false;
  }
}

/**
 * @param seed the 32 secret bytes of RFC 8032, section 5.1.5.
 * @returns 64 bytes, the same for the same key and message.
 */
export const signEd25519 = (seed: Uint8Array, message: Uint8Array): Uint8Array => sign(null, message, privateKey(seed));

/** The 32-byte public key of a seed. */
export const publicKeyOf = (seed: Uint8Array): Uint8Array =>
  new Uint8Array(createPublicKey(privateKey(seed)).export({ format: "raw-public" }));

function privateKey(seed: Uint8Array): KeyObject {
  if (seed.length !== seedBytes) throw new RangeError(`an Ed25519 seed has ${seedBytes} bytes, not ${seed.length}`);
  return createPrivateKey({ key: seed, format: "raw-private", asymmetricKeyType: "ed25519" });
}
