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
import { StandIn } from "../../../support/kurrentdb-stand-in/stand-in.ts";

export type Cluster = {
  connectionString: string;
  /** Undefined on a real server. */
  standIn: StandIn | undefined;
  stop(): Promise<void>;
};

export async function aCluster(): Promise<Cluster> {
  const url = process.env["KURRENTDB_URL"];
  if (url !== undefined) return { connectionString: url, standIn: undefined, stop: async () => {} };
  const standIn = await StandIn.start();
  return { connectionString: standIn.connectionString, standIn, stop: () => standIn.stop() };
}

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
