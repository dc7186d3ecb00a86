/** What a ledger stands on: its log and the keys of its data subjects. Adapters are picked here. */
import { join } from "node:path";
import { type LocalEventStore } from "../event-store/log.ts";
import { openSqliteEventStore } from "../event-store/sqlite/sqlite-event-store.ts";
import { keyEncryptionKey } from "../vault/keys-folder.ts";
import { openSqliteVault } from "../vault/sqlite.ts";
import type { ErasableVault } from "../vault/vault.ts";
import { threadedAppends } from "./threaded-appends.ts";

export type Foundation = { store: LocalEventStore; vault: ErasableVault };

/** Closed in the reverse order, each whatever became of the others. */
export type Closers = (() => unknown)[];

export const vaultPath = (folder: string): string => join(folder, "vault.db");

/** Everything in the folder itself. @throws StoreUnavailableError for a damaged log, Error for keys that do not fit. */
export function embedded(
  { folder, keysFolder, logPath, isNew }: { folder: string; keysFolder: string; logPath: string; isNew: boolean },
  closers: Closers,
): Foundation {
  const vault = openSqliteVault(vaultPath(folder), keyEncryptionKey(keysFolder, vaultPath(folder)));
  closers.push(() => vault.close());
  const store = openSqliteEventStore(logPath, { create: isNew, elsewhere: threadedAppends });
  closers.push(() => store.close());
  return { store, vault };
}
