/** The server of event-store specs: the real one that `KURRENTDB_URL` names, or else the stand-in. */
import { StandIn } from "./kurrentdb-stand-in/stand-in.ts";

export type KurrentDb = {
  connectionString: string;
  /** Undefined for a real server. What needs faults is said of the stand-in alone. */
  standIn: StandIn | undefined;
  stop(): Promise<void>;
};

export async function kurrentDb(): Promise<KurrentDb> {
  const real = process.env["KURRENTDB_URL"];
  if (real !== undefined) return { connectionString: real, standIn: undefined, stop: async () => undefined };
  const standIn = await StandIn.start();
  return { connectionString: standIn.connectionString, standIn, stop: () => standIn.stop() };
}
