/**
 * Clients of the cluster. One is in use at a time and makes way for a new one as soon as it can't be trusted: a client whose first
 * read met a server that was down fails all later reads, and one whose discovery failed once fails all later appends.
 */
import type { KurrentDBClient } from "@kurrent/kurrentdb-client";
import { isSpoiling } from "./retry.ts";

export type MakeClient = () => KurrentDBClient;

type Held = { client: KurrentDBClient; useCount: number };

export class Connection {
  readonly #make: MakeClient;
  #current: Held | undefined;
  readonly #retired = new Set<Held>();
  #renewals = 0;

  constructor(make: MakeClient) {
    this.#make = make;
  }

  /** How often a client made way for a new one. */
  get renewals(): number {
    return this.#renewals;
  }

  /** Runs `work` with the client in use, which makes way for a new one when `work` fails in a way that may be the client's fault. */
  async use<Result>(work: (client: KurrentDBClient) => Promise<Result>): Promise<Result> {
    const held = (this.#current ??= { client: this.#make(), useCount: 0 });
    held.useCount += 1;
    try {
      return await work(held.client);
    } catch (error) {
      if (isSpoiling(error)) this.#retire(held);
      throw error;
    } finally {
      held.useCount -= 1;
      this.#disposeUnused();
    }
  }

  /** Ends what is under way. Without it the process does not end. */
  async dispose(): Promise<void> {
    const all = [...this.#retired, ...(this.#current === undefined ? [] : [this.#current])];
    this.#retired.clear();
    this.#current = undefined;
    await Promise.allSettled(all.map(({ client }) => client.dispose()));
  }

  /** Others may still wait for answers on it: each of them has a deadline, so it is disposed of in the end. */
  #retire(held: Held): void {
    if (this.#current !== held) return;
    this.#current = undefined;
    this.#renewals += 1;
    this.#retired.add(held);
  }

  #disposeUnused(): void {
    for (const held of this.#retired) {
      if (held.useCount > 0) continue;
      this.#retired.delete(held);
      void held.client.dispose().catch(() => {});
    }
  }
}

/** What the client knows of; it looks at neither case nor hyphens nor underscores. */
const knownOptions = new Set([
  ...["usercertfile", "userkeyfile", "maxdiscoverattempts", "connectionname", "defaultdeadline", "discoveryinterval"],
  ...["gossiptimeout", "nodepreference", "tls", "tlsverifycert", "tlscafile", "keepaliveinterval", "keepalivetimeout"],
]);

/**
 * What the client is told unless the string says otherwise. Before it first looks for a node to read from it would wait for half a second,
 * and it would read from any node, of which most may lag behind what was just acknowledged.
 */
const usualOptions = [
  ["discoveryinterval", "discoveryInterval=50"],
  ["nodepreference", "nodePreference=leader"],
] as const;

/** A password may hold a question mark. */
const beforeHosts = /^[^:]+:\/\/(?:[^:]+:[^@]+@)?/;

function optionsIn(connectionString: string): Set<string> {
  const [, query = ""] = connectionString.trim().replace(beforeHosts, "").split("?");
  const options = query.split("&").filter((option) => option !== "");
  return new Set(options.map((option) => option.split("=")[0]!.toLowerCase().replaceAll(/[-_]/g, "")));
}

function withUsualOptions(connectionString: string, named: Set<string>): string {
  const missing = usualOptions.filter(([name]) => !named.has(name)).map(([, option]) => option);
  const whole = connectionString.trim().replace(/[/?]+$/, "");
  return missing.length === 0 ? whole : `${whole}${named.size === 0 ? "?" : "&"}${missing.join("&")}`;
}

/**
 * Loads the client library, which no other engine needs, and checks the connection string without showing any of it: the library
 * itself prints the whole string, password included, when it meets an option that it does not know.
 *
 * @throws Error for a string that can't be read, without the string.
 */
export async function clientMaker(connectionString: string): Promise<MakeClient> {
  const names = optionsIn(connectionString);
  for (const name of names)
    if (!knownOptions.has(name))
      throw new Error(`the connection string of the cluster has an option that is unknown here: ${name}`);
  const { KurrentDBClient } = await import("@kurrent/kurrentdb-client");
  const whole = withUsualOptions(connectionString, names);
  const make = (): KurrentDBClient => KurrentDBClient.connectionString(whole);
  try {
    await make().dispose();
  } catch {
    // The library's own error holds the string.
    throw new Error("the connection string of the cluster can't be read, or a file that it names is not there");
  }
  return make;
}
