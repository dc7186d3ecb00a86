/** What the services of one node share: its log, its faults, and who leads. */
import { setTimeout as delay } from "node:timers/promises";
import type { Fault, Faults } from "./faults.ts";
import type { Log } from "./log.ts";

export type Address = { address: string; port: number };

export type Node = {
  index: number;
  log: Log;
  faults: Faults;
  /** Address of the node that leads now; undefined while none does. */
  leader(): Address | undefined;
  leads(): boolean;
};

export async function lateBy(fault: Fault | undefined): Promise<void> {
  if (fault?.kind === "slow") await delay(fault.delayMs);
}
