/** The witness's own key, in `witness.key` of its folder. Its name is the witness's for ever. */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { seedBytes } from "../audit/signature.ts";
import { formatSignerKey, isKeyName, parseSignerKey, signatureType, type SignerKey, signerKey } from "../audit/verifier-key.ts";
import { makeSecretFile, readSecretFile } from "../secret-files/secret-files.ts";

const pathIn = (folder: string): string => join(folder, "witness.key");

/** There is no key in the folder, and nobody said what the witness is to be called. */
export class NoWitnessError extends Error {
  constructor(folder: string) {
    super(`there is no witness in ${folder}; \`troth witness init --name <name> --data ${folder}\` makes one`);
    this.name = "NoWitnessError";
  }
}

export const isWitnessFolder = (folder: string): boolean => existsSync(pathIn(folder));

/**
 * The key, made where there is none yet.
 *
 * @param name what it is to be called; of no account where there is a key.
 * @throws NoWitnessError; Error for a name that no key may have, or a key that others can read.
 */
export function witnessKey(folder: string, name?: string): SignerKey {
  if (!isWitnessFolder(folder)) {
    if (name === undefined) throw new NoWitnessError(folder);
    if (!isKeyName(name)) throw new Error(`${name} is no name of a key: no spaces, no plus sign`);
    makeSecretFile(
      pathIn(folder),
      `${formatSignerKey(signerKey(name, signatureType.ed25519Cosignature, randomBytes(seedBytes)))}\n`,
    );
  }
  const key = parseSignerKey(readSecretFile(pathIn(folder)).trimEnd());
  if (key.type !== signatureType.ed25519Cosignature) throw new Error(`${pathIn(folder)} is the key of a log, not of a witness`);
  return key;
}
