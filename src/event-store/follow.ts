/** Following a log that can be read synchronously: the one loop behind `follow` of every adapter and of the workers. */
import { setImmediate } from "node:timers/promises";
import { type StoredEvent } from "./event-store.ts";
import { type Log } from "./log.ts";

/** Bounds both memory and how long one read keeps the event loop from anything else. */
const batchCountMax = 500;

/**
 * Calls `onBatch` with every event after `afterPosition`, in order, each exactly once, one batch at a time.
 *
 * @param waitForMore resolves when there may be more or `signal` has aborted; early is fine, never is not. It is called in
 *   the same turn of the event loop as the read that found nothing, so nothing can be appended unseen in between.
 * @returns when `signal` aborts; rejects when `onBatch` or the log throws.
 */
export async function followLog(
  log: Pick<Log, "readAll">,
  afterPosition: number,
  onBatch: (events: readonly StoredEvent[]) => Promise<void> | void,
  signal: AbortSignal,
  waitForMore: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  let position = afterPosition;
  for (;;) {
    // Nobody is called back before `follow` has returned, and a long catch-up with a synchronous `onBatch` must not starve
    // requests, nor the abort itself.
    await setImmediate();
    if (signal.aborted) return;
    const events = log.readAll(position, batchCountMax);
    const last = events.at(-1);
    if (last === undefined) {
      await waitForMore(signal);
    } else {
      await onBatch(events);
      position = last.position;
    }
  }
}
