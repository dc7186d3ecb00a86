/** How findings are built. Lateness counts from the due instant; grace does not shorten it. */
import { latenessCredit } from "../lateness.ts";
import type { Word } from "../promise/facts.ts";
import type { Occurrence } from "../promise/occurrences.ts";
import { epochMs, type Instant } from "../values.ts";
import type { ExcludedVerdict } from "../verdict.ts";
import type { Finding } from "./settlement.ts";

type Basis = Pick<Finding, "reason" | "evidence" | "recordingDelayMs">;

/** Kept at an instant, on time or late. A part that was kept earns just that part. */
export function keptFinding(one: Occurrence, keptAt: Instant, fraction: number, basis: Basis): Finding {
  const isLate = one.dueAt !== undefined && keptAt > one.dueAt;
  const latenessMs = isLate ? epochMs(keptAt) - epochMs(one.dueAt!) : 0;
  if (fraction < 1) return { verdict: "partly-kept", at: keptAt, latenessMs, credit: fraction, ...basis };
  return { verdict: isLate ? "kept-late" : "kept", at: keptAt, latenessMs, credit: latenessCredit(latenessMs), ...basis };
}

export const brokenFinding = (at: Instant, basis: Basis): Finding => ({
  verdict: "broken",
  at,
  latenessMs: 0,
  credit: 0,
  ...basis,
});

/** An end that doesn't count in any rate; by somebody's word, or by what follows from the facts. */
export const excludedFinding = (verdict: ExcludedVerdict, at: Instant, word?: Word): Finding => ({
  verdict,
  at,
  latenessMs: 0,
  credit: null,
  ...(word === undefined ? { reason: verdict, evidence: [] } : byWord(verdict, word)),
});

export const byWord = (reason: string, { event, at, recordedAt }: Word): Basis => ({
  reason,
  evidence: [event],
  recordingDelayMs: delayMs(at, recordedAt),
});

export const delayMs = (from: Instant, to: Instant): number => (to > from ? epochMs(to) - epochMs(from) : 0);
