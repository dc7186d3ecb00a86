/** The contract of every store, held by a node of a cluster: on the stand-in, and on the server that `KURRENTDB_URL` names. */
import { afterAll, beforeAll } from "vitest";
import { eventStoreContract } from "../../contract/event-store.contract.ts";
import { aCluster, aNodeFolder, aPrefix, type Cluster, openNode } from "./support/node.ts";

let cluster: Cluster;
beforeAll(async () => void (cluster = await aCluster()));
afterAll(() => cluster.stop());

const contractOf = (name: string, keepsCopy: boolean): void =>
  eventStoreContract(name, async () => {
    const prefix = aPrefix();
    const folders = [aNodeFolder()];
    const open = () => openNode(cluster.connectionString, prefix, folders.at(-1)!);
    let store = await open();
    return {
      store,
      reopen: async () => {
        await store.close();
        if (!keepsCopy) folders.push(aNodeFolder());
        store = await open();
        await store.caughtUp();
        return store;
      },
      dispose: async () => {
        await store.close();
        for (const folder of folders) folder.remove();
      },
    };
  });

contractOf("a node of a cluster", true);
