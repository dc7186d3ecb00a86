/** A server of its own process, seen from the benchmark. */
import type { ClusterConnections } from "../../src/composition/cluster-node.ts";
import { start } from "./asking.ts";
import type { ServerArgument, Stats } from "./server.ts";

export type Served = {
  url: string;
  /** Of a key with every scope. */
  secret: string;
  stats(): Promise<Stats>;
  /** Resolves when the views reflect everything that the log holds now. */
  catchUp(): Promise<Stats>;
  /** Resolves when the views have caught up and every verdict that is due is on record. */
  settle(): Promise<Stats>;
  close(): Promise<void>;
};

/** @param past whether it is asked of the past. @param connections of a node. */
export async function serve(
  folder: string,
  profileFolder?: string,
  past = false,
  connections?: ClusterConnections,
): Promise<Served> {
  const argument: ServerArgument = { folder, past, ...(connections === undefined ? {} : { connections }) };
  const { ask, close } = start(new URL("./server.ts", import.meta.url), argument, profileFolder);
  const { url, secret } = await ask<{ url: string; secret: string }>("listen");
  return { url, secret, stats: () => ask("stats"), catchUp: () => ask("catchUp"), settle: () => ask("settle"), close };
}
