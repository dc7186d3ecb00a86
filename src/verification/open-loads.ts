/** Loads of history that were never completed: an operator who leaves one open silences the clock for all its promises. */
import { dayMs, epochMs, type Instant } from "../domain/values.ts";
import type { Recomputation } from "./recomputation.ts";
import type { Inquiry } from "./report.ts";

/** A load takes hours, and one that broke off is taken up again within days. */
export const openLoadDaysMax = 7;

/** @param size of the log, at log time `now`. */
export function tellOpenLoads(inquiry: Inquiry, recomputation: Recomputation, size: number, now: Instant): void {
  for (const { recording, startedAt, promises, held } of recomputation.openLoads(size, now)) {
    const message = `the load of history ${recording}, started at ${startedAt}, was not completed: ${promises} promises came with it, and ${held} verdicts on them are held back`;
    const isOverdue = epochMs(now) - epochMs(startedAt) > openLoadDaysMax * dayMs;
    if (isOverdue && held > 0)
      inquiry.unmet("verdicts", `${message}; a load of more than ${openLoadDaysMax} days hides what is due`);
    else inquiry.note("load-open", message);
  }
}
