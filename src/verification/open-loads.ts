/**
 * Loads of history hold back what the clock would say of their promises. One that is open for long, or was when promises fell due that were
 * made meanwhile, hides breaches instead of bringing history.
 */
import { dayMs, epochMs, type Instant } from "../domain/values.ts";
import { openLoadMsMax } from "./held-over.ts";
import type { Recomputation } from "./recomputation.ts";
import type { Inquiry } from "./report.ts";
import { whileOf } from "./witness-bounds.ts";

/**
 * @param size of the log, at log time `now`.
 * @param keptSize of the largest tree head that the auditor kept: loads that were completed below it have been looked at.
 */
export function tellLoads(
  inquiry: Inquiry,
  recomputation: Recomputation,
  { size, now, keptSize }: { size: number; now: Instant; keptSize: number },
): void {
  for (const { recording, startedAt, promises, held } of recomputation.openLoads(size, now)) {
    const message = `the load of history ${recording}, started at ${startedAt}, was not completed: ${promises} promises came with it, and ${held} verdicts on them are held back`;
    const openMs = epochMs(now) - epochMs(startedAt);
    inquiry.note("load-open", message, undefined, { promises, held, openMs });
    if (openMs > openLoadMsMax && held > 0)
      inquiry.unmet("verdicts", `${message}; a load of more than ${openLoadMsMax / dayMs} days hides what is due`);
  }
  for (const { id, position, promises, live, longestMs } of recomputation.heldOver()) {
    const message = `${promises} promises of the load of history ${id} fell due while it was open and were not kept by then, and for up to ${whileOf(longestMs)} nobody could see it: ${live} of them had been made while it was open, or the day before`;
    const leaf = { index: position - 1 };
    inquiry.note("load-held", message, leaf, { promises, live, longestMs });
    if (live > 0 && position > keptSize)
      inquiry.unmet(
        "verdicts",
        `${message}; a load brings what was before it: look into it, and then give a tree head from after it (--since)`,
        { leaf },
      );
  }
}
