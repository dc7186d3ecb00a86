/** Small files that must be whole, on disk, and for their owner's eyes alone. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";

/** @throws Error that tells the operator what to do where others can read it; what reading throws. */
export function readSecretFile(path: string): string {
  const file = openSync(path, "r");
  try {
    const { mode } = fstatSync(file);
    if ((mode & 0o077) !== 0)
      throw new Error(`${path} can be used by others than its owner: make it 0600, and think about who may have signed with it`);
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

/** The file appears whole and on disk, or not at all, and never in place of another: whoever was first has made it. */
export function makeSecretFile(path: string, content: string | Uint8Array): void {
  const folder = dirname(path);
  if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) syncFolder(dirname(folder));
  const draft = writeDraft(path, content);
  try {
    linkSync(draft, path); // Renaming would replace the file of a process that started at the same moment.
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    unlinkSync(draft);
  }
  syncFolder(folder);
}

/** At every moment there is the old text or the new one, whole. */
export function replaceSecretFile(path: string, text: string): void {
  renameSync(writeDraft(path, text), path);
  syncFolder(dirname(path));
}

export function removeFile(path: string): void {
  rmSync(path, { force: true });
  syncFolder(dirname(path));
}

function writeDraft(path: string, content: string | Uint8Array): string {
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  const file = openSync(draft, "wx", 0o600);
  try {
    fchmodSync(file, 0o600); // An odd umask could have taken even the owner's rights.
    writeFileSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return draft;
}

/** A name that was added to or taken from the folder is on disk when it returns. */
export function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
