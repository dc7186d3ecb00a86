/** Serving a ledger. The API is the larger half of the program, so it is loaded only by the subcommands that serve one. */
import type { OpenLedger } from "../composition/ledger-folder.ts";
import type { RunningServer, ServerOptions } from "../composition/serve.ts";
import { version } from "./version.ts";

export async function served(ledger: OpenLedger, options: Omit<ServerOptions, "version">): Promise<RunningServer> {
  const { serveLedger } = await import("../composition/serve.ts");
  return serveLedger(ledger, { ...options, version });
}

/** A server for this process's own use: on loopback, on a free port, without log lines, and never too busy for its one caller. */
export const servedForOneself = (ledger: OpenLedger): Promise<RunningServer> =>
  served(ledger, { host: "127.0.0.1", port: 0, processMetrics: false, upkeep: false, limits: { eventLoopDelayMsMax: 0 } });
