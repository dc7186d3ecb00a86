/**
 * Tombstones in the keys folder: a line for each erased subject, only ever added. Data folder and vault may both be restored from
 * copies that are older than an erasure; the keys folder is not part of those, and says whom to erase again.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { instant, subjectId } from "../domain/values.ts";
import { syncFolder } from "../secret-files/secret-files.ts";
import type { Tombstone, Tombstones } from "./vault.ts";

const fileName = "tombstones";

export const tombstonesPath = (keysFolder: string): string => join(keysFolder, fileName);

/**
 * @param keysFolder exists.
 * @throws Error for a line that can't be read: nobody knows whom it would erase.
 */
export function openTombstones(keysFolder: string): Tombstones {
  const path = tombstonesPath(keysFolder);
  const { known, isTorn } = existsSync(path) ? tombstonesIn(readFileSync(path, "utf8"), path) : { known: [], isTorn: false };
  const subjects = new Set(known.map(({ subject }) => subject));
  let begins = isTorn ? "\n" : "";
  return {
    all: () => [...known],
    add(tombstone) {
      if (subjects.has(tombstone.subject)) return;
      appendDurably(path, `${begins}${tombstone.subject} ${tombstone.at}\n`);
      begins = "";
      subjects.add(tombstone.subject);
      known.push(tombstone);
    },
  };
}

/**
 * A process killed in the midst of a line leaves a part of one. The log names its subject already, so it is added again, and
 * the part is passed over ever after.
 */
function tombstonesIn(text: string, path: string): { known: Tombstone[]; isTorn: boolean } {
  const lines = text.split("\n");
  const isTorn = lines.pop() !== "";
  const known: Tombstone[] = [];
  for (const line of lines) {
    const [subject, at] = line.split(" ");
    const parsed = { at: instant.safeParse(at), subject: subjectId.safeParse(subject) };
    if (parsed.at.success && parsed.subject.success) known.push({ at: parsed.at.data, subject: parsed.subject.data });
    else if (!isPart(line)) throw new Error(`${path} has a line that is no tombstone: restore it from its backup`);
  }
  return { known, isTorn };
}

/** The beginning of `per_0123456789abcdef 2026-01-31T12:00:00.000Z`: the instant stands last, so no part passes for a whole. */
const isPart = (line: string): boolean => /^[a-z]{0,3}(_[0-9a-z]{0,40}( [-\d:.TZ]{0,23})?)?$/.test(line);

function appendDurably(path: string, text: string): void {
  const isNew = !existsSync(path);
  const file = openSync(path, "a", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  if (isNew) syncFolder(join(path, ".."));
}
