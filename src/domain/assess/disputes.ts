/** Disputes lie over a verdict: the verdict stays the headline until one is conceded or upheld. */
import type { Dispute, MadePromise } from "../promise/facts.ts";
import type { Occurrence } from "../promise/occurrences.ts";
import { delayMs, brokenFinding, keptFinding } from "./finding.ts";
import type { Finding, OccurrenceSettlement } from "./settlement.ts";

/** The last dispute on an occurrence that went the way of the party that opened it. */
export const rulingOn = ({ number }: Occurrence, { disputes }: MadePromise): Dispute | undefined =>
  disputes.findLast(({ occurrence, status }) => occurrence === number && (status === "conceded" || status === "upheld"));

export const ruledFinding = (one: Occurrence, ruling: Dispute): Finding =>
  asserted(one, ruling, ruling.status === "upheld" ? "ruled" : "conceded");

function asserted(one: Occurrence, { asserts, contestedAt, recordedAt, event }: Dispute, reason: string): Finding {
  const basis = { reason, evidence: [event], recordingDelayMs: delayMs(contestedAt, recordedAt) };
  if (asserts.verdict !== "broken")
    return keptFinding(one, asserts.keptAt, asserts.verdict === "kept" ? 1 : asserts.fraction, basis);
  const isPastDue = one.dueAt !== undefined && one.dueAt < contestedAt;
  return brokenFinding(isPastDue ? one.dueAt! : contestedAt, basis);
}

/** The dispute that is open, with what would be found if it were upheld, at the instant of what it disputes. */
export function openDisputeOn(
  one: Occurrence,
  promise: MadePromise,
  headline: Finding | null,
): OccurrenceSettlement["openDispute"] {
  const dispute = promise.disputes.findLast(({ occurrence, status }) => occurrence === one.number && status === "open");
  if (dispute === undefined) return undefined;
  const ifUpheld = asserted(one, dispute, "contested");
  return {
    number: dispute.number,
    by: dispute.by,
    contestedAt: dispute.contestedAt,
    ifUpheld: headline === null ? ifUpheld : { ...ifUpheld, at: headline.at },
  };
}
