/** Nodes of a cluster for one test: a store with a copy of its own, on the stand-in or on the server that `KURRENTDB_URL` names. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type ClusterEventStore,
  type ClusterEventStoreOptions,
  openClusterEventStore,
} from "../../../../src/event-store/kurrentdb/cluster-event-store.ts";

export { type KurrentDb as Cluster, kurrentDb as aCluster } from "../../../support/kurrentdb.ts";

/** A prefix that nothing else uses. */
export const aPrefix = (): string => `t-${randomUUID()}`;

export type Folder = { path: string; remove(): void };

export function aNodeFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "troth-node-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export const openNode = (
  connectionString: string,
  prefix: string,
  { path }: Folder,
  options: Partial<ClusterEventStoreOptions> = {},
): Promise<ClusterEventStore> => openClusterEventStore({ connectionString, prefix, copyPath: join(path, "copy.db"), ...options });
