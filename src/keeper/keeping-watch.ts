/** Runs the keeper as time passes and facts arrive. */
import { setTimeout as delay } from "node:timers/promises";
import type { Keeper } from "./keeper.ts";

/** How long a verdict that the clock settles may wait to be put on record. Read models do not wait for it. */
const restMs = 1_000;
/** After a failure: the store may be full or the clock behind, and neither mends within milliseconds. */
const failureRestMs = 5_000;

/** Resolves when `signal` aborts. Failures are reported and tried again; they never end the watch. */
export async function watch(keeper: Keeper, signal: AbortSignal, onFailure: (error: unknown) => void): Promise<void> {
  while (!signal.aborted) {
    let restFor = restMs;
    try {
      await keeper.settle();
    } catch (error) {
      if (signal.aborted) return;
      onFailure(error);
      restFor = failureRestMs;
    }
    await delay(restFor, undefined, { signal }).catch(() => undefined);
  }
}
