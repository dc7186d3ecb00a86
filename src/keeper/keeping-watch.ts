/** Runs the keeper as time passes and facts arrive. */
import { setTimeout as delay } from "node:timers/promises";
import type { Keeper } from "./keeper.ts";

/** How long a verdict that the clock settles may wait to be put on record. Read models do not wait for it. */
const restMs = 1_000;
/** Between rounds that found something, so that the views can take in what was recorded. */
const busyRestMs = 100;
/** It judges in the thread that answers requests, and takes at most a fifth of its time. */
const restPerWork = 4;
/** After a failure: the store may be full or the clock behind, and neither mends within milliseconds. */
const failureRestMs = 5_000;

/** Resolves when `signal` aborts. Failures are reported and tried again; they never end the watch. */
export async function watch(keeper: Keeper, signal: AbortSignal, onFailure: (error: unknown) => void): Promise<void> {
  while (!signal.aborted) {
    let restFor = restMs;
    const startedAt = performance.now();
    try {
      // A full round has more behind it; an empty one means that time has to pass.
      if ((await keeper.round()) > 0) restFor = Math.max(busyRestMs, (performance.now() - startedAt) * restPerWork);
    } catch (error) {
      if (signal.aborted) return;
      onFailure(error);
      restFor = failureRestMs;
    }
    await delay(restFor, undefined, { signal }).catch(() => undefined);
  }
}
