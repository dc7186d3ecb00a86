/** The contract of every store, held by a node of a cluster: on the stand-in, and on the server that `KURRENTDB_URL` names. */
import { afterAll, beforeAll } from "vitest";
import { eventStoreContract } from "../../contract/event-store.contract.ts";
import { aCluster, aNodeFolder, aPrefix, type Cluster, openNode } from "./support/node.ts";

let cluster: Cluster;
beforeAll(async () => void (cluster = await aCluster()));
afterAll(() => cluster.stop());

eventStoreContract("a node of a cluster", async () => {
  const prefix = aPrefix();
  const folder = aNodeFolder();
  const open = () => openNode(cluster.connectionString, prefix, folder);
  let store = await open();
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await open();
      return store;
    },
    dispose: async () => {
      await store.close();
      folder.remove();
    },
  };
});
