/** Faults of the stand-in: which call goes wrong, and how. Faults of the network are those of a `Line`. */

import type { Expected } from "./log.ts";

export type Method = "append" | "read" | "subscribe" | "gossip" | "features";

/** A call as a schedule sees it. */
export type Call = {
  method: Method;
  /** Counts the calls of its method from 1. */
  number: number;
  /** `$all` where it is about all of them. */
  stream: string;
  node: number;
  /** Of an append: where the stream is to stand. */
  expected?: Expected;
  /** Of a read: how many events it asks for at most. */
  maxCount?: number;
  /** Of a subscription: the commit position behind which it begins; undefined for the start or the end. */
  from?: bigint;
};

export type Fault =
  /** Answers late. */
  | { kind: "slow"; delayMs: number }
  /** Says that another node leads. An append, read or subscription ends with it. */
  | { kind: "not-leader" }
  /** A node without a leader. */
  | { kind: "not-ready" }
  /** The call ends as when its connection breaks: an append before it is stored, a read after `afterEvents` events. */
  | { kind: "cut"; afterEvents?: number }
  /** Stores the append, or doesn't, and never answers it. */
  | { kind: "unanswered"; stored: boolean }
  /** Stores the append, or doesn't, and says that it took too long. */
  | { kind: "timeout"; stored: boolean }
  /** Stores the append and says that the stream was elsewhere. */
  | { kind: "wrong-version-though-stored" }
  /** A subscription delivers the last `events` before its position once more. */
  | { kind: "repeat"; events: number }
  /** A subscription leaves out one event for ever. */
  | { kind: "gap"; stream: string; revision: number }
  /** A subscription says nothing more after `afterEvents` events, and stays open. */
  | { kind: "silent"; afterEvents?: number };

type Scheduled = { method: Method; when: (call: Call) => boolean; fault: Fault; times: number };

export class Faults {
  readonly #scheduled: Scheduled[] = [];
  readonly #counts = new Map<Method, number>();

  /**
   * @param when the number of the call, counted from 1 since the start, or a question asked of each; every call if left out.
   * @param times how many calls it meets, the next ones that fit.
   */
  schedule(method: Method, fault: Fault, when: number | ((call: Call) => boolean) = () => true, times = 1): void {
    const fits = typeof when === "number" ? ({ number }: Call) => number === when : when;
    this.#scheduled.push({ method, when: fits, fault, times });
  }

  /** How many calls of this method were made. */
  calls(method: Method): number {
    return this.#counts.get(method) ?? 0;
  }

  /** Counts a call. @returns the fault that it meets, if any. */
  meet(uncounted: Omit<Call, "number">): Fault | undefined {
    const { method } = uncounted;
    const call = { ...uncounted, number: this.calls(method) + 1 };
    this.#counts.set(method, call.number);
    const met = this.#scheduled.find((each) => each.method === method && each.times > 0 && each.when(call));
    if (met === undefined) return undefined;
    met.times--;
    return met.fault;
  }

  /** No further call meets a fault. */
  clear(): void {
    this.#scheduled.length = 0;
  }
}
