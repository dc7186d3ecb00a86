/** Faults of the stand-in: which call goes wrong, and how. Faults of the network are those of a `Line`. */

export type Method = "append" | "read" | "subscribe" | "gossip" | "features";

/** A call as a schedule sees it. `number` counts the calls of its method from 1; `stream` is `$all` for reads of all. */
export type Call = { method: Method; number: number; stream: string; node: number };

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
  meet(method: Method, stream: string, node: number): Fault | undefined {
    const number = this.calls(method) + 1;
    this.#counts.set(method, number);
    const met = this.#scheduled.find(
      (each) => each.method === method && each.times > 0 && each.when({ method, number, stream, node }),
    );
    if (met === undefined) return undefined;
    met.times--;
    return met.fault;
  }

  /** No further call meets a fault. */
  clear(): void {
    this.#scheduled.length = 0;
  }
}
