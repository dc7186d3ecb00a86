/** What a reader should know beside a verdict. */
import type { MadePromise } from "../promise/facts.ts";
import type { Occurrence } from "../promise/occurrences.ts";
import type { Instant } from "../values.ts";
import { settlementOf } from "./clock.ts";
import { suspensionOver } from "./letting-go.ts";
import type { Served } from "./serving.ts";
import type { AssessmentInput, Finding, SettlementFlag } from "./settlement.ts";

export function flagsOf(
  one: Occurrence,
  input: AssessmentInput,
  found: { finding: Finding | null; claimedLate: Finding | undefined; served: Served | undefined },
): SettlementFlag[] {
  const { promise } = input;
  const { finding, claimedLate, served } = found;
  const isKept = finding !== null && finding.credit !== null && finding.credit > 0;
  const flags: SettlementFlag[] = [];
  if (one.dueAt !== undefined && one.dueAt < promise.madeAt) flags.push("due-before-made");
  if (isKept && finding.at < promise.madeAt) flags.push("kept-before-made");
  if (claimedLate !== undefined) flags.push("claimed-late");
  if (isClaimedOnly(one, promise)) flags.push("claimed-unconfirmed");
  if (served === undefined && isEvidenceUnfit(one, promise)) flags.push("evidence-unfit");
  if (wasChangedAfterSettlement(one, finding, input)) flags.push("changed-after-settlement");
  if (finding !== null && isAssertedFor(promise, finding)) flags.push("asserted");
  return flags;
}

const isClaimedOnly = ({ proof, number }: Occurrence, { claims, confirmations }: MadePromise) =>
  proof === "confirmation" &&
  claims.some(({ occurrence }) => occurrence === number) &&
  !confirmations.some(({ occurrence }) => occurrence === number);

const isEvidenceUnfit = ({ proof, number }: Occurrence, { claims }: MadePromise) =>
  proof === "evidence" && claims.some(({ occurrence }) => occurrence === number);

/** A change, a suspension or a release counts by when it is said to have happened; this tells that its record came afterwards. */
function wasChangedAfterSettlement(one: Occurrence, finding: Finding | null, input: AssessmentInput): boolean {
  const { changed, deadlineAt, termsRecordedAt } = one;
  if (changed !== undefined) {
    if (finding?.credit != null && finding.verdict !== "broken" && finding.at < changed.at) return true;
    if (isAfterSettlement(changed.recordedAt, changed.deadlineAt, changed.termsRecordedAt, input)) return true;
  }
  const lettingGo = lettingGoRecordedAt(one, finding, input.promise);
  return lettingGo !== undefined && isAfterSettlement(lettingGo, deadlineAt, termsRecordedAt, input);
}

function isAfterSettlement(
  recordedAt: Instant,
  deadlineAt: Instant | undefined,
  termsRecordedAt: Instant,
  input: AssessmentInput,
): boolean {
  if (deadlineAt === undefined) return false;
  const settledAt = settlementOf(deadlineAt, termsRecordedAt, input);
  return settledAt !== null && recordedAt > settledAt;
}

function lettingGoRecordedAt(one: Occurrence, finding: Finding | null, promise: MadePromise): Instant | undefined {
  if (finding?.verdict === "suspended") return suspensionOver(one, promise)?.recordedAt;
  return finding?.verdict === "released" ? promise.release?.recordedAt : undefined;
}

/** Whether a finding rests on the promisee's word, or a concession, that somebody else's key recorded. */
function isAssertedFor({ confirmations, waived, release, disputes }: MadePromise, { reason, evidence }: Finding): boolean {
  const isIt = ({ event }: { event: string }) => event === evidence[0];
  switch (reason) {
    case "confirmation":
      return confirmations.some((one) => isIt(one) && one.asserted);
    case "waived":
      return waived.some((one) => isIt(one) && one.asserted);
    case "released":
      return release?.asserted === true;
    case "conceded":
      return disputes.some((one) => isIt(one) && one.isConcessionAsserted === true);
    default:
      return false;
  }
}
