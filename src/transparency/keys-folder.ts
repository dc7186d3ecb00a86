/**
 * The log's part of the keys folder: its key in `log.key`, and in `log.head` the head that was signed last. The head lies here
 * too because the data folder may be restored from a backup, and the key must not sign a log that has forgotten something.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { seedBytes } from "../audit/signature.ts";
import { formatSignerKey, parseSignerKey, signatureType, signerKey, type SignerKey } from "../audit/verifier-key.ts";
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
    makeFile(path, formatSignerKey(signerKey(origin, signatureType.ed25519, randomBytes(seedBytes))));
  }
  const key = readKey(path);
  if (key.name !== origin) throw new Error(`${path} is the key of ${key.name}, not of ${origin}`);
  return key;
}

function readKey(path: string): SignerKey {
  const file = openSync(path, "r");
  try {
    const { mode } = fstatSync(file);
    if ((mode & 0o077) !== 0)
      throw new Error(`${path} can be used by others than its owner: make it 0600, and think about who may have signed with it`);
    return parseSignerKey(readFileSync(file, "utf8").trimEnd());
  } finally {
    closeSync(file);
  }
}

/** The head beside the key. */
export function headBesideKey(folder: string): HeadStore {
  const path = join(folder, headFile);
  return {
    last: () => (existsSync(path) ? readFileSync(path, "utf8") : undefined),
    keep({ note }) {
      const draft = writeDraft(path, note);
      renameSync(draft, path);
      syncFolder(folder);
    },
    close: () => undefined,
  };
}

/** The file appears whole and on disk, or not at all, and never in place of another. */
function makeFile(path: string, text: string): void {
  const folder = dirname(path);
  if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) syncFolder(dirname(folder));
  const draft = writeDraft(path, `${text}\n`);
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    unlinkSync(draft);
  }
  syncFolder(folder);
}

function writeDraft(path: string, text: string): string {
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  const file = openSync(draft, "wx", 0o600);
  try {
    fchmodSync(file, 0o600); // An odd umask could have taken even the owner's rights.
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return draft;
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
