/** The contract of every store, held by a real SQLite file. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteEventStore } from "../../../src/event-store/sqlite/sqlite-event-store.ts";
import { eventStoreContract } from "../../contract/event-store.contract.ts";

export function sqliteStoreContract(name: string, options: Parameters<typeof openSqliteEventStore>[1] = {}): void {
  eventStoreContract(name, async () => {
    const folder = mkdtempSync(join(tmpdir(), "troth-event-store-"));
    // No follower may depend on looking now and then: the store's own appends wake it.
    const open = () => openSqliteEventStore(join(folder, "ledger.db"), { pollMs: 3_600_000, ...options });
    let store = open();
    return {
      store,
      reopen: async () => {
        await store.close();
        store = open();
        return store;
      },
      dispose: async () => {
        await store.close();
        rmSync(folder, { recursive: true });
      },
    };
  });
}
