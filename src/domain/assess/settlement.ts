/** What a settlement is made from and what it says. */
import type { Interaction } from "../interaction.ts";
import type { Policy } from "../policy.ts";
import type { MadePromise } from "../promise/facts.ts";
import type { Occurrence } from "../promise/occurrences.ts";
import type { Instant, PartyId } from "../values.ts";
import type { ExcludedVerdict, Verdict } from "../verdict.ts";

export type AssessmentInput = {
  promise: MadePromise;
  /** When the agreement that the promise belongs to was made; without it such a promise binds nobody yet. */
  agreementMadeAt?: Instant;
  /** Of the promise's account, as known; retracted ones included. */
  interactions: readonly Interaction[];
  /** The load that the promise came with. While it is open the clock says nothing. */
  recording?: { completedAt?: Instant; upTo?: Instant };
  policy: Policy;
};

/** How an occurrence ended. `credit` is null where the verdict does not count. */
export type Finding = {
  verdict: Verdict;
  at: Instant;
  latenessMs: number;
  credit: number | null;
  /** Which rule of the lifecycle says so: `evidence`, `claim`, `confirmation`, `deadline`, `violation`, `reneged`, `ruled` … */
  reason: string;
  evidence: string[];
  /** From the keeping, the act or the word to its recording; absent where the clock speaks or nothing was recorded. */
  recordingDelayMs?: number;
};

/** What the clock says when nothing else is known by `settlesAt`; null while a load is open. */
export type ClockFinding = Finding & { settlesAt: Instant | null };

export type OccurrenceSettlement = {
  number: number;
  kind: Occurrence["kind"];
  date?: string;
  opensAt?: Instant;
  dueAt?: Instant;
  /** Due and grace: not broken before. */
  deadlineAt?: Instant;
  /** Since when the promise binds; absent while it doesn't, and then nothing is open, overdue or broken. */
  bindsFrom?: Instant;
  promisor: PartyId;
  finding: Finding | null;
  /** Null without a deadline, and where what was found came before it. */
  clock: ClockFinding | null;
  /** A keeping that was recorded too late to count unless the promisee confirms. */
  claimedLate?: Finding;
  /** `ifUpheld` is what would be found, or what the clock would say and when, had it been upheld. */
  openDispute?: OpenDispute<Pick<OccurrenceSettlement, "finding" | "clock">>;
  flags: SettlementFlag[];
};

export type OpenDispute<Upheld> = { number: number; by: PartyId; contestedAt: Instant; ifUpheld: Upheld };

export const settlementFlags = [
  "due-before-made",
  "kept-before-made",
  "changed-after-settlement",
  "claimed-late",
  "claimed-unconfirmed",
  "evidence-unfit",
  /** It rests on a word of the promisee that a key of somebody else recorded. */
  "asserted",
] as const;
export type SettlementFlag = (typeof settlementFlags)[number];

/** Why a promise never came to bind. */
export type NeverBound = Extract<ExcludedVerdict, "declined" | "withdrawn" | "released" | "offer-lapsed" | "condition-lapsed">;

export type Settlement = {
  /**
   * Set when the promise never came to bind: the one excluded outcome that it leaves, from `at` on. `settlesAt` is when it may
   * be said: at once where somebody said it, after the allowance where the clock does, null while a load is open.
   */
  exclusion?: { verdict: NeverBound; at: Instant; settlesAt: Instant | null };
  occurrences: OccurrenceSettlement[];
};
