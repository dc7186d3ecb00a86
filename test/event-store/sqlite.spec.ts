import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSqliteEventStore } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { eventStoreContract } from "../contract/event-store.contract.ts";

eventStoreContract("sqlite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "troth-event-store-"));
  // No follower may depend on looking now and then: the store's own appends wake it.
  const open = () => openSqliteEventStore(join(folder, "ledger.db"), { pollMs: 3_600_000 });
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
