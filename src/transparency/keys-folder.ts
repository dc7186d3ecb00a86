/**
 * The log's part of the keys folder: its key in `log.key`, and in `log.head` the head that was signed last. The head lies here
 * too because the data folder may be restored from a backup, and the key must not sign a log that has forgotten something.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { seedBytes } from "../audit/signature.ts";
import { formatSignerKey, parseSignerKey, signatureType, signerKey, type SignerKey } from "../audit/verifier-key.ts";
import { makeSecretFile, readSecretFile, replaceSecretFile } from "./secret-files.ts";
import type { HeadStore } from "./stores.ts";

const keyFile = "log.key";
const headFile = "log.head";

/**
 * The key of the log, made where there is none yet. Its name is the log's origin for ever.
 *
 * @param isSigned whether heads of this log are kept: a new key would leave every receipt without a log.
 * @throws Error that tells the operator what to do: the key is lost, is another log's, or can be read by others.
 */
export function logKey(folder: string, origin: string, isSigned: boolean): SignerKey {
  const path = join(folder, keyFile);
  if (!existsSync(path)) {
    if (isSigned || existsSync(join(folder, headFile)))
      throw new Error(`${path} is missing, but tree heads were signed with it: restore the keys folder from its backup`);
    makeSecretFile(path, `${formatSignerKey(signerKey(origin, signatureType.ed25519, randomBytes(seedBytes)))}\n`);
  }
  const key = parseSignerKey(readSecretFile(path).trimEnd());
  if (key.name !== origin) throw new Error(`${path} is the key of ${key.name}, not of ${origin}`);
  return key;
}

/** The head beside the key. */
export function headBesideKey(folder: string): HeadStore {
  const path = join(folder, headFile);
  return {
    last: () => (existsSync(path) ? readFileSync(path, "utf8") : undefined),
    keep: ({ note }) => replaceSecretFile(path, note),
    close: () => undefined,
  };
}
