/** A process that erases a person and is killed at one point of it. Arguments: data folder, subject, point. */
import { join } from "node:path";
import type { LocalEventStore } from "../../../src/event-store/log.ts";
import { openSqliteEventStore } from "../../../src/event-store/sqlite/sqlite-event-store.ts";
import { Erasures } from "../../../src/ledger/erasures.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { LogClock } from "../../../src/ledger/log-clock.ts";
import { keyEncryptionKey } from "../../../src/vault/keys-folder.ts";
import { openSqliteVault } from "../../../src/vault/sqlite.ts";
import { openTombstones } from "../../../src/vault/tombstones.ts";
import type { ErasableVault, Tombstones } from "../../../src/vault/vault.ts";
import { keysOf, run } from "./ledger-with-text.ts";

export const killPoints = [
  "recorded",
  "tombstone beside the key",
  "key destroyed",
  "first step overwritten",
  "all steps overwritten",
  "done",
] as const;

const [, , data = "", subject = "", point = ""] = process.argv;

if (import.meta.main) {
  const reached = (at: (typeof killPoints)[number]) => {
    if (at === point) process.kill(process.pid, "SIGKILL");
  };
  const path = join(data, "vault.db");
  const vault = openSqliteVault(path, keyEncryptionKey(keysOf(data), path));
  const store = openSqliteEventStore(join(data, "ledger.db"));
  const tombstones = openTombstones(keysOf(data));
  const ledger = new Ledger({ store, vault, clock: new LogClock(Date.now, undefined) });

  const killing: { vault: ErasableVault; tombstones: Tombstones; store: LocalEventStore } = {
    tombstones: {
      ...tombstones,
      add(tombstone) {
        reached("recorded");
        tombstones.add(tombstone);
        reached("tombstone beside the key");
      },
    },
    vault: {
      ...vault,
      async erase(...args) {
        await vault.erase(...args);
        reached("key destroyed");
      },
    },
    store: {
      ...store,
      async overwriteCiphertext(marks, replacement) {
        const last = store.log.readAll(0, store.log.head()).findLast(({ ciphertext }) => ciphertext !== null)!;
        let seen = 0;
        await store.overwriteCiphertext(marks, (event) => {
          seen += 1;
          // The first event of the second step: the first one is on disk.
          if (event.position > 1_000) reached("first step overwritten");
          // The last step is written before the loop turns again; the write-ahead log is emptied after that.
          if (event.position === last.position) process.nextTick(() => reached("all steps overwritten"));
          return replacement(event);
        });
        if (seen === 0) throw new Error("nothing was looked at");
        reached("done");
      },
    },
  };
  const erasures = new Erasures({ ledger, ...killing });
  await run({ ledger, erasures, host: undefined as never, timeZoneData: "test" }, "erase-subject", {}, { subject });
}
