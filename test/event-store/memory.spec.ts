import { memoryEventStore } from "../../src/event-store/memory/memory.ts";
import { eventStoreContract } from "../contract/event-store.contract.ts";

eventStoreContract("memory", async () => {
  const store = memoryEventStore();
  return { store, dispose: () => store.close() };
});
