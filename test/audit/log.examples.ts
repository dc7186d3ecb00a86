/** A small log with its keys, for the specs of the audit log. */
import { createHash } from "node:crypto";
import { AuditError } from "../../src/audit/errors.ts";
import { leafHash } from "../../src/audit/hashing.ts";
import { signerKey, type SignerKey, verifierOf } from "../../src/audit/verifier-key.ts";

export const origin = "ledger.example/troth";

const seed = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
export const logKey = signerKey(origin, 0x01, seed(1));
export const nextLogKey = signerKey(origin, 0x01, seed(2));
export const otherLogKey = signerKey("other.example/log", 0x01, seed(3));
export const witnessNamed = (name: string, fill: number): SignerKey => signerKey(`${name}.example/witness`, 0x04, seed(fill));
export const east = witnessNamed("east", 11);
export const west = witnessNamed("west", 12);
export const north = witnessNamed("north", 13);

/** A witness whose signatures are of a kind that is not verified here. */
export const mlDsaKeyText = (() => {
  const key = Buffer.concat([Buffer.of(0x06), Buffer.alloc(1312, 9)]);
  const id = createHash("sha256").update("pq.example/witness\n").update(key).digest("hex").slice(0, 8);
  return `pq.example/witness+${id}+${key.toString("base64")}`;
})();

export const keys = { log: verifierOf(logKey), east: verifierOf(east), west: verifierOf(west), north: verifierOf(north) };

export const leafAt = (index: number): Uint8Array => Buffer.from(`{"event":${index}}`);

/** Leaf hashes 0 to count − 1; the same ones each time. */
export const leafHashes = (count: number): Uint8Array[] => Array.from({ length: count }, (_, index) => leafHash(leafAt(index)));

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const hexes = (hashes: readonly Uint8Array[]): string[] => hashes.map(hex);

/** The bytes with one bit of the byte at `at` changed. */
export function flipped(bytes: Uint8Array, at: number, bit = at % 8): Uint8Array {
  const changed = new Uint8Array(bytes);
  changed[at]! ^= 1 << bit;
  return changed;
}

/** The code of the AuditError that this throws; anything else thrown goes through. */
export async function auditError(attempt: () => unknown): Promise<{ code: string; line?: number } | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    if (!(error instanceof AuditError)) throw error;
    return error.line === undefined ? { code: error.code } : { code: error.code, line: error.line };
  }
}
