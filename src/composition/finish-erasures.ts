/** Finishing erasures in a folder that nobody serves, for whatever reads text there without serving it. */
import type { SubjectId } from "../domain/values.ts";
import { openSqliteEventStore } from "../event-store/sqlite/sqlite-event-store.ts";
import { Erasures } from "../ledger/erasures.ts";
import { Ledger } from "../ledger/ledger.ts";
import { LogClock } from "../ledger/log-clock.ts";
import { keyEncryptionKey } from "../vault/keys-folder.ts";
import { openSqliteVault } from "../vault/sqlite.ts";
import { openTombstones } from "../vault/tombstones.ts";
import { isNode } from "./cluster-node.ts";
import { vaultPath } from "./foundation.ts";
import { ledgerPath, logTimeOf } from "./ledger-folder.ts";

/**
 * The caller holds the folder's lock.
 * @returns the subjects for which something was left to do. @throws Error for keys that do not fit; StoreUnavailableError.
 */
export async function finishErasuresIn(folder: string, keysFolder: string): Promise<SubjectId[]> {
  // What was erased has no key in the vault that the nodes share, and the next start of the node blanks its copy.
  if (isNode(folder)) return [];
  const vault = openSqliteVault(vaultPath(folder), keyEncryptionKey(keysFolder, vaultPath(folder)));
  try {
    const store = openSqliteEventStore(ledgerPath(folder), { create: false });
    try {
      const ledger = new Ledger({ store, vault, clock: new LogClock(Date.now, logTimeOf(store)) });
      return await new Erasures({ ledger, store, vault, tombstones: openTombstones(keysFolder) }).finish();
    } finally {
      await store.close();
    }
  } finally {
    await vault.close();
  }
}
