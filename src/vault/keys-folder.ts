/**
 * The keys folder lies beside the data folder and is backed up apart from it: whoever holds one of them alone reads no
 * personal text. The vault's part of it is the key-encryption key, 32 random bytes in `kek.bin`.
 */
import { type KeyObject, createSecretKey } from "node:crypto";
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { makeSecretFile } from "../secret-files/secret-files.ts";
import { keyBytes, newKey } from "./sealing.ts";

const fileName = "kek.bin";

/**
 * The key-encryption key, made where there is neither a key nor a vault.
 *
 * @param vaultPath the file of the vault that the key is for; it need not exist yet.
 * @throws Error that tells the operator what to do: the key is lost, is readable by others, or has the wrong length.
 */
export function keyEncryptionKey(folder: string, vaultPath: string): KeyObject {
  const path = join(folder, fileName);
  if (!existsSync(path)) {
    // A new key would leave every text that the vault ever sealed unreadable, and nobody would notice until one is asked for.
    if (existsSync(vaultPath))
      throw new Error(`${path} is missing, but the vault ${vaultPath} exists: restore the keys folder from its backup`);
    makeSecretFile(path, newKey().export());
  }
  return readKeyFile(path);
}

/**
 * The key-encryption key of a vault that several nodes share, which each of them is given.
 * @throws Error that tells the operator what to do.
 */
export function suppliedKeyEncryptionKey(folder: string): KeyObject {
  const path = join(folder, fileName);
  if (!existsSync(path))
    throw new Error(`${path} is missing: a node needs the keys folder of the others, with the key that wraps their vault's keys`);
  return readKeyFile(path);
}

function readKeyFile(path: string): KeyObject {
  const file = openSync(path, "r");
  try {
    const { mode } = fstatSync(file);
    if ((mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, "0");
      throw new Error(
        `${path} has mode ${octal}, so others than its owner can use it: make it 0600, and think about who has read it`,
      );
    }
    const bytes = readFileSync(file);
    if (bytes.length !== keyBytes)
      throw new Error(`${path} holds ${bytes.length} bytes instead of ${keyBytes}: restore it from its backup`);
    return createSecretKey(bytes);
  } finally {
    closeSync(file);
  }
}
