/**
 * A backup made while the ledger is in use: snapshots of the log and of the vault, checked after they were written. The log comes
 * first: a key is on disk before any event that it seals, so the later snapshot of the vault has every key that is needed.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { backup as copyPages, DatabaseSync } from "node:sqlite";
import { toBase64 } from "../audit/encoding.ts";
import type { Instant } from "../domain/values.ts";
import type { Log } from "../event-store/log.ts";
import { checkLog } from "../event-store/sqlite/check-log.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { decodeAll } from "../ledger/envelope.ts";
import { headHistoryIn } from "../transparency/head-history.ts";
import {
  type BackupFile,
  BackupDamagedError,
  describeFile,
  headIn,
  keysSubfolder,
  ledgerFile,
  type Manifest,
  manifestFile,
  nodeFile,
  rootsOf,
  syncPath,
  vaultFile,
  writeDurably,
} from "./backup-manifest.ts";
import { isNode, membershipPath } from "./cluster-node.ts";
import { requireLedger } from "./folder-views.ts";
import { vaultPath } from "./foundation.ts";
import { keysFolderOf } from "./ledger-folder.ts";

export type BackupOptions = {
  folder: string;
  keysFolder?: string;
  target: string;
  /** Copies of the keys too: whoever holds such a backup reads everything in it, and can sign as the log. */
  withKeys: boolean;
  /** Of this program. */
  version: string;
  now(): Instant;
  onProgress(part: string, share: number): void;
};

/** The folder that was named can't be written to as was asked. */
export class TargetError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TargetError";
  }
}

/** @throws NoLedgerError, TargetError, BackupDamagedError where what was written is not sound, StoreUnavailableError. */
export async function backupFolder(options: BackupOptions): Promise<Manifest> {
  const source = requireLedger(options.folder);
  const target = resolve(options.target);
  refuseTarget(target, resolve(options.folder));
  const isNew = mkdirSync(target, { recursive: true, mode: 0o700 }) !== undefined;
  try {
    return await made(options, source, target);
  } catch (error) {
    for (const name of isNew ? [""] : readdirSync(target)) rmSync(join(target, name), { recursive: true, force: true });
    throw error;
  }
}

function refuseTarget(target: string, folder: string): void {
  if (!relative(folder, target).startsWith("..")) throw new TargetError(`${target} lies in the data folder itself`);
  requireEmpty(target);
}

/** @throws TargetError for what is no folder, or one that holds anything. */
export function requireEmpty(folder: string): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isDirectory()) throw new TargetError(`${folder} is no folder`);
  if (readdirSync(folder).length > 0) throw new TargetError(`${folder} is not empty; nothing is overwritten`);
}

async function made(options: BackupOptions, source: string, target: string): Promise<Manifest> {
  const { onProgress, now, version } = options;
  // Before the log: a head beside the key that is newer than the log would look like a log that was rewound.
  const names = options.withKeys ? copyKeys(keysFolderOf(options), target) : [];
  const madeAt = now();
  await snapshot(source, join(target, ledgerFile), (share) => onProgress("copying the log", share));
  const besideLog = isNode(resolve(options.folder)) ? copyMembership(options, target) : await copyVault(options, target);
  const facts = await checkedFacts(target, keysFolderOf(options), onProgress);
  const files = await described(target, [ledgerFile, besideLog, ...names], onProgress);
  const manifest: Manifest = { format: 1, troth: version, madeAt, ...facts, files };
  writeDurably(join(target, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const folder of [target, dirname(target)]) syncPath(folder);
  return manifest;
}

async function copyVault({ folder, onProgress }: BackupOptions, target: string): Promise<string> {
  const vault = vaultPath(resolve(folder));
  if (!existsSync(vault)) throw new BackupDamagedError(vault, "is missing, so nothing that is sealed could ever be opened");
  await snapshot(vault, join(target, vaultFile), (share) => onProgress("copying the vault", share));
  requireSoundPages(join(target, vaultFile));
  return vaultFile;
}

function copyMembership({ folder }: BackupOptions, target: string): string {
  copyFileSync(membershipPath(resolve(folder)), join(target, nodeFile));
  syncPath(join(target, nodeFile));
  return nodeFile;
}

const pagesAtOnce = 2_000;

/**
 * One state of a database as a file of its own, without a write-ahead log. The transaction keeps that state while others write;
 * without it, each write would begin the copy anew.
 */
export async function snapshot(from: string, to: string, onProgress: (share: number) => void): Promise<void> {
  const source = new DatabaseSync(from, { readOnly: true, timeout: 5_000 });
  try {
    source.exec("BEGIN");
    source.prepare("SELECT count(*) FROM sqlite_schema").get();
    await copyPages(source, to, {
      rate: pagesAtOnce,
      progress: ({ totalPages, remainingPages }) => onProgress(1 - remainingPages / totalPages),
    });
  } finally {
    source.close();
  }
  chmodSync(to, 0o600);
  const copy = new DatabaseSync(to);
  copy.exec("PRAGMA journal_mode = DELETE");
  copy.close();
  syncPath(to);
}

/** Everything but drafts that a killed process left. */
export const keyFilesIn = (keysFolder: string): string[] =>
  readdirSync(keysFolder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.[0-9a-f]{12}$/.test(entry.name))
    .map(({ name }) => name);

function copyKeys(keysFolder: string, target: string): string[] {
  mkdirSync(join(target, keysSubfolder), { mode: 0o700 });
  const names = keyFilesIn(keysFolder).map((name) => `${keysSubfolder}/${name}`);
  for (const name of names) {
    copyFileSync(join(keysFolder, name.slice(keysSubfolder.length + 1)), join(target, name));
    chmodSync(join(target, name), 0o600);
    syncPath(join(target, name));
  }
  syncPath(join(target, keysSubfolder));
  return names;
}

type Facts = Pick<Manifest, "ledger" | "head" | "root" | "treeHead">;

/** Reads what was written as a restore would: pages, events, and the root over the leaves against what was signed. */
async function checkedFacts(target: string, keysFolder: string, onProgress: BackupOptions["onProgress"]): Promise<Facts> {
  const path = join(target, ledgerFile);
  const [finding] = await checkLog(path, (done, total) => onProgress("checking the log", done / total));
  if (finding !== undefined) throw new BackupDamagedError(path, `is damaged, as the ledger is: ${finding.message}`);
  const log = openSqliteLog(path);
  try {
    return await factsOf(log, path, keysFolder, onProgress);
  } finally {
    log.close();
  }
}

function requireSoundPages(path: string): void {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const { integrity_check: finding } = database.prepare("PRAGMA integrity_check(1)").get() as { integrity_check: string };
    if (finding !== "ok") throw new BackupDamagedError(path, `is damaged: ${finding}`);
  } finally {
    database.close();
  }
}

async function factsOf(log: Log, path: string, keysFolder: string, onProgress: BackupOptions["onProgress"]): Promise<Facts> {
  const head = log.head();
  const treeHead = headHistoryIn(path).newest()?.note ?? null;
  const signed = treeHead === null ? undefined : await headIn(treeHead, keysFolder);
  const sizes = signed === undefined ? [head] : [head, signed.size];
  const roots = await rootsOf(log, sizes, (done, total) => onProgress("hashing the log", done / total));
  if (signed !== undefined && roots.get(signed.size) !== toBase64(signed.root))
    throw new BackupDamagedError(path, `is not the log of which ${signed.size} events were signed last`);
  return { ledger: nameIn(log), head, root: roots.get(head)!, treeHead };
}

export function nameIn(log: Log): string | null {
  const opened = decodeAll(log.readStream("ledger")).find(({ type }) => type === "LedgerOpened");
  return opened === undefined ? null : (opened.data as { ledger: string }).ledger;
}

async function described(
  target: string,
  names: readonly string[],
  onProgress: BackupOptions["onProgress"],
): Promise<BackupFile[]> {
  const total = names.reduce((bytes, name) => bytes + statSync(join(target, name)).size, 0);
  let done = 0;
  const files: BackupFile[] = [];
  for (const name of names)
    files.push(await describeFile(target, name, (count) => onProgress("hashing the files", (done += count) / total)));
  return files;
}
