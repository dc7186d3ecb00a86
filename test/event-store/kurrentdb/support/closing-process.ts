/** A process that opens a node, appends and closes it. It has nothing that ends it but that there is nothing more to do. */
import { createRequire } from "node:module";
import { openClusterEventStore } from "../../../../src/event-store/kurrentdb/cluster-event-store.ts";
import { anEvent } from "../../support/events.ts";

const [connectionString, prefix, copyPath] = process.argv.slice(2) as [string, string, string];
const isLoaded = () =>
  Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes("@kurrent/kurrentdb-client"));

console.log(`loaded before: ${isLoaded()}`);
const node = await openClusterEventStore({ connectionString, prefix, copyPath });
console.log(`loaded after: ${isLoaded()}`);
await node.append("promise-1", -1, [anEvent("promise-1", 0)]);
console.log(`head: ${node.log.head()}`);
await node.close();
