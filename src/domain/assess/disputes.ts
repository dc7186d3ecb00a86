/** Disputes lie over a verdict: the verdict stays the headline until one is conceded or upheld. */
import type { Dispute, MadePromise } from "../promise/facts.ts";
import type { Occurrence } from "../promise/occurrences.ts";
import { delayMs, brokenFinding, keptFinding } from "./finding.ts";
import type { Finding } from "./settlement.ts";

/** The last dispute on an occurrence that went the way of the party that opened it. */
export const rulingOn = ({ number }: Occurrence, { disputes }: MadePromise): Dispute | undefined =>
  disputes.findLast(({ occurrence, status }) => occurrence === number && (status === "conceded" || status === "upheld"));

/** What was conceded or ruled; without an ending, what is asserted as long as the dispute is open. */
export function ruledFinding(one: Occurrence, ruling: Dispute): Finding {
  const { asserts, contestedAt, recordedAt, event, endedBy } = ruling;
  const evidence = endedBy === undefined ? [event] : [event, endedBy];
  const basis = { reason: reasonOf(ruling), evidence, recordingDelayMs: delayMs(contestedAt, recordedAt) };
  if (asserts.verdict !== "broken")
    return keptFinding(one, asserts.keptAt, asserts.verdict === "kept" ? 1 : asserts.fraction, basis);
  const isPastDue = one.dueAt !== undefined && one.dueAt < contestedAt;
  return brokenFinding(isPastDue ? one.dueAt! : contestedAt, basis);
}

function reasonOf({ status, endedBy }: Dispute): "contested" | "conceded" | "ruled" {
  if (endedBy === undefined) return "contested";
  return status === "conceded" ? "conceded" : "ruled";
}

/** The dispute on an occurrence that is open. There is one at most, and it is the last. */
export const openDisputeOn = ({ number }: Occurrence, { disputes }: MadePromise): Dispute | undefined =>
  disputes.findLast(({ occurrence, status }) => occurrence === number && status === "open");

/** The same facts, had a dispute been ruled upheld. */
export const hadBeenUpheld = (promise: MadePromise, open: Dispute): MadePromise => ({
  ...promise,
  disputes: promise.disputes.map((one) => (one === open ? { ...one, status: "upheld" } : one)),
});
