/** What a backup holds, and what it says of itself. The manifest is written last: a folder without one is no backup. */
import { createHash } from "node:crypto";
import { closeSync, createReadStream, existsSync, fsyncSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { z } from "zod";
import { CompactRange } from "../audit/compact-range.ts";
import { toBase64 } from "../audit/encoding.ts";
import { leafHash } from "../audit/hashing.ts";
import { parseNote } from "../audit/signed-note.ts";
import { openTreeHead, parseTreeHeadText, type TreeHead } from "../audit/tree-head.ts";
import { instant } from "../domain/values.ts";
import type { Log } from "../event-store/log.ts";
import { verifiersIn } from "../transparency/keys-folder.ts";

export const manifestFile = "manifest.json";
export const ledgerFile = "ledger.db";
export const vaultFile = "vault.db";
/** Only in the backup of a node, in the place of a vault: the nodes share one, which is backed up by itself. */
export const nodeFile = "cluster.json";
/** Below the backup, only where it was asked for. */
export const keysSubfolder = "keys";

const file = z.strictObject({
  /** Below the backup. No path leads out of it. */
  name: z.string().regex(/^(keys\/)?[a-z0-9][a-z0-9.-]*$/),
  bytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type BackupFile = z.infer<typeof file>;

export const manifest = z.strictObject({
  format: z.literal(1),
  /** Of the program that made it. */
  troth: z.string(),
  ledger: z.string().nullable(),
  madeAt: instant,
  /** Position of the last event. */
  head: z.int().min(0),
  /** Of the tree over all its leaves, in base64. */
  root: z.string(),
  /** The head that was signed last, as it stands in the log's file; null where none was signed yet. */
  treeHead: z.string().nullable(),
  files: z.array(file),
});
export type Manifest = z.infer<typeof manifest>;

/** The backup, or one of its files, is not what it was when it was made. */
export class BackupDamagedError extends Error {
  constructor(path: string, reason: string, options?: ErrorOptions) {
    super(`${path} ${reason}`, options);
    this.name = "BackupDamagedError";
  }
}

/** @throws BackupDamagedError */
export function readManifest(backup: string): Manifest {
  const path = join(backup, manifestFile);
  if (!existsSync(path)) throw new BackupDamagedError(path, "is missing: the backup was never finished, or this is none");
  try {
    return manifest.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    throw new BackupDamagedError(path, "can't be read: it was changed, or belongs to a later release", { cause: error });
  }
}

export function writeDurably(path: string, text: string): void {
  const handle = openSync(path, "wx", 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

export function syncPath(path: string): void {
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

export async function describeFile(folder: string, name: string, onBytes: (count: number) => void): Promise<BackupFile> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(join(folder, name), { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    onBytes(chunk.length);
  }
  return { name, bytes: statSync(join(folder, name)).size, sha256: hash.digest("hex") };
}

/** @throws BackupDamagedError naming the file. */
export async function verifyFile(backup: string, expected: BackupFile, onBytes: (count: number) => void): Promise<void> {
  const path = join(backup, expected.name);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new BackupDamagedError(path, "is missing");
  if (found.size !== expected.bytes) throw new BackupDamagedError(path, `has ${found.size} bytes instead of ${expected.bytes}`);
  const { sha256 } = await describeFile(backup, expected.name, onBytes);
  if (sha256 !== expected.sha256) throw new BackupDamagedError(path, "was changed since it was written");
}

const pageCount = 2_000;

/** Roots of the trees over the first so many leaves, by size, in one reading of the log. Sizes beyond its end are left out. */
export async function rootsOf(
  log: Pick<Log, "readAll" | "head">,
  sizes: readonly number[],
  onProgress: (done: number, total: number) => void,
): Promise<Map<number, string>> {
  const wanted = new Set(sizes);
  const head = log.head();
  const range = new CompactRange();
  const roots = new Map<number, string>();
  const keep = (size: number) => {
    if (wanted.has(size)) roots.set(size, toBase64(range.root()));
  };
  keep(0);
  while (range.end < head) {
    for (const { leaf } of log.readAll(range.end, Math.min(pageCount, head - range.end))) {
      range.append(leafHash(leaf));
      keep(range.end);
    }
    onProgress(range.end, head);
    await turn();
  }
  return roots;
}

/** A signed head's size and root. Its signature is checked where the log's key is there. @throws AuditError for another log's. */
export async function headIn(note: string, keysFolder: string): Promise<TreeHead> {
  const verifiers = verifiersIn(keysFolder);
  return verifiers === undefined ? parseTreeHeadText(parseNote(note).text) : openTreeHead(note, verifiers);
}
