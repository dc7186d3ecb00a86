/**
 * A bundle from a data folder. Where nobody works on the folder, its log is signed up to its end first; beside a server the bundle
 * ends at the head that the server signed last.
 */
import { resolve } from "node:path";
import { archived } from "../bundling/archive.ts";
import { logBundle } from "../bundling/log-bundle.ts";
import { type BundleSource, openRequestOf } from "../bundling/source.ts";
import { type Instant, instantAt } from "../domain/values.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import { FolderInUseError, lockFolder } from "../event-store/folder-lock.ts";
import { type Log } from "../event-store/log.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { type AuditLog, TreeBehindError } from "../transparency/audit-log.ts";
import { headHistoryIn } from "../transparency/head-history.ts";
import { openTileReader } from "../transparency/sqlite-tiles.ts";
import type { SignedHead } from "../transparency/stores.ts";
import { keyEncryptionKey } from "../vault/keys-folder.ts";
import { openSqliteVault } from "../vault/sqlite.ts";
import type { Vault } from "../vault/vault.ts";
import { requireLedger } from "./folder-views.ts";
import { type FolderOptions, keysFolderOf, treePath, vaultPath } from "./ledger-folder.ts";
import { threadedAuditLog } from "./threaded-audit-log.ts";

export type FolderBundleOptions = Pick<FolderOptions, "folder" | "keysFolder"> & {
  /** Which head it ends at: the newest, or the newest that a witness has cosigned. */
  head: "newest" | "cosigned";
  /** Open sealed text, and write so into the access log. */
  open: boolean;
  onProgress(done: number, of: number): void;
};

/** Nothing was ever signed, or cosigned, that a bundle could end at. */
export class NoHeadError extends Error {
  constructor(head: FolderBundleOptions["head"]) {
    super(
      head === "newest"
        ? "nothing of this ledger was ever signed; serve it once"
        : "no witness has cosigned a tree head of this ledger yet",
    );
    this.name = "NoHeadError";
  }
}

/**
 * @param write is given the bytes as they come, and waited for.
 * @returns the head that the bundle ends at.
 * @throws NoLedgerError, NoHeadError, LogDivergedError, Error for keys that do not fit.
 */
export async function bundleFolder(
  options: FolderBundleOptions,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<SignedHead> {
  const path = requireLedger(options.folder);
  const log = openSqliteLog(path);
  const closers: (() => unknown)[] = [() => log.close()];
  try {
    await signWhereNobodyElseDoes(options, path, log);
    const history = headHistoryIn(path);
    const head = options.head === "newest" ? history.newest() : history.cosigned();
    if (head === undefined) throw new NoHeadError(options.head);
    const tiles = openTileReader(treePath(resolve(options.folder)));
    closers.push(() => tiles.close());
    const vault = options.open ? openVault(options) : undefined;
    if (vault !== undefined) closers.push(() => vault.close());
    const source: BundleSource = {
      log,
      readTile: tiles.readTile,
      head: { ...head, note: history.withCosignatures(head.note) },
      earlier: history.notes(),
      open: vault && opener(vault, instantAt(Date.now())),
    };
    for await (const bytes of archived(logBundle(source, options.onProgress))) await write(bytes);
    return head;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function signWhereNobodyElseDoes(options: FolderBundleOptions, logPath: string, log: Log): Promise<void> {
  let lock;
  try {
    lock = lockFolder(resolve(options.folder));
  } catch (error) {
    if (error instanceof FolderInUseError) return;
    throw error;
  }
  const keysFolder = keysFolderOf(options);
  const auditLog = threadedAuditLog({ logPath, treePath: treePath(resolve(options.folder)), keysFolder });
  try {
    let trouble: string | undefined;
    auditLog.start((message) => (trouble = message));
    // A tree that was lost is built anew first, however long that takes.
    while (!(await isSignedUpTo(auditLog, log.head()))) if (trouble !== undefined) throw new Error(trouble);
  } finally {
    await auditLog.close();
    lock.release();
  }
}

async function isSignedUpTo(auditLog: AuditLog, size: number): Promise<boolean> {
  try {
    await auditLog.treeHeadOf(size);
    return true;
  } catch (error) {
    if (error instanceof TreeBehindError) return false;
    throw error;
  }
}

const openVault = (options: FolderBundleOptions): Vault =>
  openSqliteVault(
    vaultPath(resolve(options.folder)),
    keyEncryptionKey(keysFolderOf(options), vaultPath(resolve(options.folder))),
  );

const opener = (vault: Vault, at: Instant) => (events: readonly StoredEvent[]) =>
  vault.open(events.map(openRequestOf), { key: "command-line", purpose: "bundle", at });
