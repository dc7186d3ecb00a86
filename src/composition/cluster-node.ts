/**
 * A node of a ledger whose truth lies on a cluster. Its data folder holds `cluster.json`, which says of which ledger it is a node,
 * and a copy of the log; how to reach the cluster and the vault comes from the environment, since it holds secrets.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { makeSecretFile } from "../secret-files/secret-files.ts";

const membership = z.strictObject({
  v: z.literal(1),
  /** Physical streams are called `<prefix>/<stream>`. */
  prefix: z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, "lower-case words joined by hyphens are wanted"),
});
/** Of which ledger a folder is a node. */
export type Membership = z.infer<typeof membership>;

/** Connection strings. They hold credentials and are never logged. */
export type ClusterConnections = {
  /** Of the cluster: `kurrentdb://…`. */
  events?: string | undefined;
  /** Of the PostgreSQL database with the keys of data subjects. */
  vault?: string | undefined;
};

/** A node can't be opened as it is set up. */
export class ClusterSettingsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ClusterSettingsError";
  }
}

export const membershipPath = (folder: string): string => join(folder, "cluster.json");
/** The node's own copy of the log. It may be deleted while nothing runs: it comes back from the cluster. */
export const copyPath = (folder: string): string => join(folder, "copy.db");
export const isNode = (folder: string): boolean => existsSync(membershipPath(folder));

/** @returns undefined for an embedded ledger. @throws ClusterSettingsError for a file that can't be read as what it should be. */
export function membershipOf(folder: string): Membership | undefined {
  const path = membershipPath(folder);
  if (!existsSync(path)) return undefined;
  try {
    return membership.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    const reason =
      error instanceof z.ZodError
        ? error.issues.map((issue) => `/${issue.path.join("/")} ${issue.message}`).join("; ")
        : "it is no JSON";
    throw new ClusterSettingsError(`${path} does not say of which ledger this is a node: ${reason}`);
  }
}

export const joinCluster = (folder: string, prefix: string): void =>
  makeSecretFile(membershipPath(folder), `${JSON.stringify(membership.parse({ v: 1, prefix }), null, 2)}\n`);

/** For a node that could not be made: nothing but its copy is left, which the next attempt goes on with. */
export const leaveCluster = (folder: string): void => rmSync(membershipPath(folder), { force: true });

/** In which the vault's tables lie: several ledgers may share a database. */
export const vaultSchemaOf = ({ prefix }: Membership): string => `troth_${prefix.replaceAll("-", "_")}`;

/** @throws ClusterSettingsError naming the variable that is missing. */
export function requireConnections({ events, vault }: ClusterConnections): { events: string; vault: string } {
  if (events === undefined) throw missing("the cluster", "TROTH_KURRENTDB_URL");
  if (vault === undefined) throw missing("the vault that the nodes share", "TROTH_VAULT_URL");
  return { events, vault };
}

const missing = (what: string, variable: string): ClusterSettingsError =>
  new ClusterSettingsError(
    `this is a node of a cluster, and nothing says how to reach ${what}: set ${variable}, or ${variable}_FILE to a file that holds it`,
  );
