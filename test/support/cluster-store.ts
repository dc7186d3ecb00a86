/**
 * A ledger's store on a real cluster, for suites that know nothing of it: where `KURRENTDB_URL` names a server, they run on it
 * unchanged. Opening takes a moment, and whoever appends or reads first waits for it; until then the log is empty.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoredEvent } from "../../src/event-store/event-store.ts";
import { openClusterEventStore } from "../../src/event-store/kurrentdb/cluster-event-store.ts";
import type { LocalEventStore, Log } from "../../src/event-store/log.ts";

export function clusterStore(connectionString: string): LocalEventStore {
  const folder = mkdtempSync(join(tmpdir(), "troth-specs-"));
  let opened: LocalEventStore | undefined;
  const opening = (async () => {
    const store = await openClusterEventStore({
      ...{ connectionString, prefix: `specs-${randomUUID()}`, copyPath: join(folder, "copy.db") },
    });
    await store.caughtUp();
    return (opened = store);
  })();
  opening.catch(() => undefined);
  const none: StoredEvent[] = [];
  const log: Log = {
    head: () => opened?.log.head() ?? 0,
    readStream: (...place) => opened?.log.readStream(...place) ?? none,
    readAll: (...place) => opened?.log.readAll(...place) ?? none,
    readById: (id) => opened?.log.readById(id),
    readPositions: (positions) => opened?.log.readPositions(positions) ?? none,
  };
  return {
    log,
    append: async (...append) => (await opening).append(...append),
    readStream: async (...place) => (await opening).readStream(...place),
    readAll: async (...place) => (await opening).readAll(...place),
    head: async () => (await opening).head(),
    follow: async (...following) => (await opening).follow(...following),
    catchUp: async (stream) => (await opening).catchUp!(stream),
    overwriteCiphertext: async (...overwriting) => (await opening).overwriteCiphertext(...overwriting),
    overwritten: () => opened?.overwritten() ?? [],
    async close() {
      await (await opening).close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
