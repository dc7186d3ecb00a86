/**
 * What the keeper puts on record. A verdict is known by its digest, so that the keeper can tell whether what it would say has
 * been said. Nothing here is input to `assess`.
 */
import type { Finding, OccurrenceSettlement } from "./assess/settlement.ts";
import type { VerdictEvent } from "./promise/events.ts";
import type { Instant } from "./values.ts";
import { isCounted } from "./verdict.ts";

/** Stands for "nothing holds": a withdrawn verdict, or none yet. */
export const noVerdict = "";

/** The digest of what is to be attested for an occurrence; verdicts that do not count are not attested. */
export function digestOf(outcome: Pick<Finding, "verdict" | "at" | "reason" | "evidence"> | null): string {
  if (outcome === null || !isCounted(outcome.verdict)) return noVerdict;
  const kind = outcome.verdict === "broken" ? "broken" : outcome.verdict;
  return [kind, outcome.at, outcome.reason, ...outcome.evidence].join(" ");
}

/** The digest that an attestation stands for. */
export function attestedDigest(event: VerdictEvent): string {
  switch (event.type) {
    case "PromiseKept":
      return digestOf({ ...event.data, at: event.data.keptAt });
    case "PromiseBroken":
      return digestOf({ ...event.data, verdict: "broken", at: event.data.brokenAt });
    case "PromiseConditionLapsed":
      return lapsedDigest(event.data.lapsedAt);
    case "VerdictWithdrawn":
      return noVerdict;
    case "PromiseConcluded":
      return concludedDigest(event.data.counts);
  }
}

export const concludedDigest = (counts: Record<string, number>): string =>
  `concluded ${Object.keys(counts)
    .sort()
    .map((verdict) => `${verdict}=${counts[verdict]}`)
    .join(" ")}`;

export const lapsedDigest = (lapsedAt: Instant): string => `condition-lapsed ${lapsedAt}`;

/** How many occurrences ended with each verdict. */
export function countsOf(verdicts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const verdict of verdicts) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}

/** An attestation as it lies on record: its digest, and as of when it was assessed. */
export type Attestation = { digest: string; asOf: Instant };

/** When what a settlement says of an occurrence holds: at once for what was said or done; null where nothing ever will as things stand. */
export function holdsFrom({
  finding,
  clock,
  deadlineAt,
}: Pick<OccurrenceSettlement, "finding" | "clock" | "deadlineAt">): Instant | null {
  if (finding !== null) return finding.at;
  if (clock === null || clock.settlesAt === null || deadlineAt === undefined) return null;
  return clock.settlesAt > deadlineAt ? clock.settlesAt : deadlineAt;
}

/**
 * What an attestation is worth now. One that was reached before its verdict holds under the terms and the policy of today (a longer
 * allowance was adopted, a deadline moved) stands for nothing: the keeper withdraws it, or reaches it anew.
 */
export function worthOf(attestation: Attestation | undefined, holdsFrom: Instant | null): string {
  if (attestation === undefined || attestation.digest === noVerdict) return noVerdict;
  return holdsFrom !== null && attestation.asOf < holdsFrom ? `outrun ${attestation.digest}` : attestation.digest;
}
