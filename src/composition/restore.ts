/**
 * A backup made a ledger again. Nothing is written before every file was found as the manifest has it, and the log stands under its
 * own name only once all of it is there; what was erased since the backup is erased again before anybody reads.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { toBase64 } from "../audit/encoding.ts";
import type { TreeHead } from "../audit/tree-head.ts";
import type { SubjectId } from "../domain/values.ts";
import { lockFolder } from "../event-store/folder-lock.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { headBesideKey } from "../transparency/keys-folder.ts";
import { keyEncryptionKey, suppliedKeyEncryptionKey } from "../vault/keys-folder.ts";
import { openSqliteVault } from "../vault/sqlite.ts";
import { openTombstones, tombstonesPath } from "../vault/tombstones.ts";
import { requireEmpty, TargetError } from "./backup.ts";
import {
  BackupDamagedError,
  headIn,
  keysSubfolder,
  ledgerFile,
  type Manifest,
  nodeFile,
  readManifest,
  rootsOf,
  syncPath,
  vaultFile,
  verifyFile,
} from "./backup-manifest.ts";
import { isNode, membershipPath } from "./cluster-node.ts";
import { finishErasuresIn } from "./finish-erasures.ts";
import { vaultPath } from "./foundation.ts";
import { keysFolderOf, ledgerPath } from "./ledger-folder.ts";

export type RestoreOptions = {
  backup: string;
  /** The data folder to be made. */
  folder: string;
  keysFolder?: string;
  /** The copy of the vault has expired, as it must after an erasure: what is sealed can't be opened any more. */
  withoutVault: boolean;
  onProgress(part: string, share: number): void;
};

export type Restored = {
  manifest: Manifest;
  keysFolder: string;
  /** Whether the keys came from the backup; else they were there. */
  keysRestored: boolean;
  /** Erased again, or for the first time in this copy. */
  erased: SubjectId[];
  /** The head beside the key that this log does not bear out: nothing is signed until that is declared. */
  lastKnownHead?: { size: number; root: string };
};

/** @throws FolderInUseError, TargetError, BackupDamagedError; Error where the keys are missing or do not fit. */
export async function restoreBackup(options: RestoreOptions): Promise<Restored> {
  const { withoutVault, onProgress } = options;
  const backup = resolve(options.backup);
  const folder = resolve(options.folder);
  requireFree(folder);
  const manifest = readManifest(backup);
  await verifyFiles(backup, manifest, withoutVault, onProgress);
  const keysFolder = keysFolderOf(options);
  const keysRestored = takeKeys(backup, keysFolder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  try {
    return await whileLocked(folder, async () => {
      if (isOfNode(manifest)) place(join(backup, nodeFile), membershipPath(folder));
      else if (!withoutVault) place(join(backup, vaultFile), vaultPath(folder));
      const draft = `${ledgerPath(folder)}.restoring`;
      place(join(backup, ledgerFile), draft);
      const lastKnownHead = await verifyLog(draft, manifest, keysFolder, onProgress);
      requireKeysThatFit(folder, keysFolder, withoutVault);
      renameSync(draft, ledgerPath(folder));
      syncPath(folder);
      onProgress("erasing what was erased since", 0);
      const erased = await finishErasuresIn(folder, keysFolder);
      return { manifest, keysFolder, keysRestored, erased, ...(lastKnownHead === undefined ? {} : { lastKnownHead }) };
    });
  } catch (error) {
    // The folder was empty, so all that is in it is ours.
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { force: true });
    throw error;
  }
}

async function whileLocked<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  const lock = lockFolder(folder);
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** @throws FolderInUseError for the folder of a running server, TargetError for any other that is not empty. */
function requireFree(folder: string): void {
  if (existsSync(join(folder, "troth.lock"))) lockFolder(folder).release();
  requireEmpty(folder);
}

async function verifyFiles(
  backup: string,
  manifest: Manifest,
  withoutVault: boolean,
  onProgress: RestoreOptions["onProgress"],
): Promise<void> {
  const { files } = manifest;
  for (const name of [ledgerFile, isOfNode(manifest) ? nodeFile : vaultFile])
    if (!files.some((file) => file.name === name)) throw new BackupDamagedError(join(backup, name), "is not in the manifest");
  const vault = join(backup, vaultFile);
  if (!withoutVault && !isOfNode(manifest) && !existsSync(vault))
    throw new BackupDamagedError(
      vault,
      "is missing. If it has expired, as copies of the vault must after an erasure, restore --without-vault: what is sealed can't be opened then",
    );
  const wanted = files.filter(({ name }) => !(withoutVault && name === vaultFile));
  const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const file of wanted) await verifyFile(backup, file, (count) => onProgress("checking the files", (done += count) / total));
}

/**
 * Keys that are there stay: they are newer than any backup. Of the tombstones all are kept, whichever side knows them.
 * @returns whether the keys come from the backup.
 * @throws TargetError where there are none.
 */
function takeKeys(backup: string, keysFolder: string): boolean {
  const copies = join(backup, keysSubfolder);
  const isThere = existsSync(join(keysFolder, "kek.bin"));
  if (!isThere && !existsSync(copies))
    throw new TargetError(
      `there are no keys in ${keysFolder}, and none in the backup: restore the keys folder from its own backup first, or name it with --keys-folder`,
    );
  if (!existsSync(copies)) return false;
  mkdirSync(keysFolder, { recursive: true, mode: 0o700 });
  if (existsSync(tombstonesPath(copies))) {
    const known = openTombstones(keysFolder);
    for (const tombstone of openTombstones(copies).all()) known.add(tombstone);
  }
  if (isThere) return false;
  for (const name of readdirSync(copies))
    if (!existsSync(join(keysFolder, name))) place(join(copies, name), join(keysFolder, name));
  syncPath(keysFolder);
  return true;
}

function place(from: string, to: string): void {
  copyFileSync(from, to);
  chmodSync(to, 0o600);
  syncPath(to);
}

/**
 * The root over the leaves, against the manifest, the head that was signed last, and the one beside the key.
 * @returns the head beside the key where the log does not bear it out.
 */
async function verifyLog(
  path: string,
  { head, root, treeHead }: Manifest,
  keysFolder: string,
  onProgress: RestoreOptions["onProgress"],
): Promise<Restored["lastKnownHead"]> {
  const signed = treeHead === null ? undefined : await headIn(treeHead, keysFolder);
  const note = headBesideKey(keysFolder).last();
  const besideKey = note === undefined ? undefined : await headIn(note, keysFolder);
  const log = openSqliteLog(path);
  try {
    const sizes = [head, signed?.size ?? head, besideKey?.size ?? head];
    const roots = await rootsOf(log, sizes, (done, total) => onProgress("hashing the log", done / total));
    const bears = (one: TreeHead) => roots.get(one.size) === toBase64(one.root);
    if (log.head() !== head || roots.get(head) !== root) throw new BackupDamagedError(path, "is not the log of the manifest");
    if (signed !== undefined && !bears(signed))
      throw new BackupDamagedError(path, `is not the log of which ${signed.size} events were signed`);
    return besideKey === undefined || bears(besideKey) ? undefined : { size: besideKey.size, root: toBase64(besideKey.root) };
  } finally {
    log.close();
  }
}

const isOfNode = ({ files }: Manifest): boolean => files.some(({ name }) => name === nodeFile);

/** Also makes the new vault where the copy has expired. @throws Error saying which file does not fit. */
function requireKeysThatFit(folder: string, keysFolder: string, withoutVault: boolean): void {
  if (isNode(folder)) return void suppliedKeyEncryptionKey(keysFolder);
  const path = vaultPath(folder);
  if (!withoutVault && statSync(path, { throwIfNoEntry: false }) === undefined) throw new BackupDamagedError(path, "is missing");
  void openSqliteVault(path, keyEncryptionKey(keysFolder, path)).close();
}
