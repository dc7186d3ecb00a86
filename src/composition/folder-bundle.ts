/**
 * A bundle from a data folder. Where nobody works on the folder, its log is signed up to its end first; beside a server the bundle
 * ends at the head that the server signed last.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { archived } from "../bundling/archive.ts";
import { accountOfPromise, dossier } from "../bundling/dossier.ts";
import { logBundle } from "../bundling/log-bundle.ts";
import { type BundleSource, type CensusOf, openRequestOf } from "../bundling/source.ts";
import { type Instant, instantAt } from "../domain/values.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import { FolderInUseError, lockFolder } from "../event-store/folder-lock.ts";
import { type Log } from "../event-store/log.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { type AuditLog, TreeBehindError } from "../transparency/audit-log.ts";
import type { CensusReader } from "../transparency/census.ts";
import { headHistoryIn } from "../transparency/head-history.ts";
import { openCensusReader } from "../transparency/sqlite-census.ts";
import { openTileReader } from "../transparency/sqlite-tiles.ts";
import type { SignedHead } from "../transparency/stores.ts";
import type { Vault } from "../vault/vault.ts";
import type { BundleFile } from "../verification/bundle-format.ts";
import { finishErasuresIn } from "./finish-erasures.ts";
import { requireLedger } from "./folder-views.ts";
import { openVaultOf } from "./foundation.ts";
import { censusPath, type FolderOptions, keysFolderOf, treePath } from "./ledger-folder.ts";
import { threadedAuditLog } from "./threaded-audit-log.ts";

export type FolderBundleOptions = Pick<FolderOptions, "folder" | "keysFolder" | "connections"> & {
  /** Which head it ends at: the newest, or the newest that a witness has cosigned. */
  head: "newest" | "cosigned";
  /** Open sealed text, and write so into the access log. */
  open: boolean;
  /** The dossier of one account, or of the account of one promise; the whole log where neither is named. */
  account?: string | undefined;
  promise?: string | undefined;
  /** Sizes of tree heads that the auditor of a dossier keeps. */
  since: readonly number[];
  onProgress(done: number, of: number): void;
};

/** There is no such account or promise. */
export class NothingToTellError extends Error {
  constructor(what: string) {
    super(`there is no ${what} in this ledger`);
    this.name = "NothingToTellError";
  }
}

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
    const vault = options.open ? await openVault(options) : undefined;
    if (vault !== undefined) closers.push(() => vault.close());
    const census = censusIn(options.folder);
    if (census !== undefined) closers.push(() => census.close());
    const source: BundleSource = {
      log,
      readTile: tiles.readTile,
      head: { ...head, note: history.withCosignatures(head.note) },
      earlier: history.notes(),
      open: vault && opener(vault, instantAt(Date.now())),
    };
    const files = filesFor(options, source, (account) => census?.proofOf(account));
    for await (const bytes of archived(files)) await write(bytes);
    return head;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function filesFor(options: FolderBundleOptions, source: BundleSource, censusOf: CensusOf): AsyncIterable<BundleFile> {
  const { promise, since, onProgress } = options;
  if (promise === undefined && options.account === undefined) return logBundle(source, onProgress);
  const account = promise === undefined ? options.account! : accountOfPromise(source.log, promise);
  if (account === undefined) throw new NothingToTellError(`promise ${promise}`);
  if (source.log.readStream(`account-${account}`).length === 0) throw new NothingToTellError(`account ${account}`);
  return dossier({ ...source, censusOf }, { account, promise, since }, onProgress);
}

/** What was counted while the folder was served; undefined where nothing was. */
function censusIn(folder: string): (CensusReader & { close(): void }) | undefined {
  const path = censusPath(resolve(folder));
  return existsSync(path) ? openCensusReader(path) : undefined;
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
    // Nobody is handed the text of somebody whose erasure was begun.
    await finishErasuresIn(resolve(options.folder), keysFolder);
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

const openVault = (options: FolderBundleOptions): Promise<Vault> =>
  openVaultOf({ folder: resolve(options.folder), keysFolder: keysFolderOf(options), connections: options.connections });

const opener = (vault: Vault, at: Instant) => (events: readonly StoredEvent[]) =>
  vault.open(events.map(openRequestOf), { key: "command-line", purpose: "bundle", at }, { orFail: true });
