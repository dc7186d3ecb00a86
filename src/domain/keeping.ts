/** How often a party keeps its promises: counts, rates with their intervals, and what open disputes could make of them. */
import { logBeta } from "./beta.ts";
import { minimisePositive } from "./nelder-mead.ts";
import { type ExcludedVerdict, excludedVerdicts, type Verdict } from "./verdict.ts";

export type { CountedVerdict, ExcludedVerdict, Verdict } from "./verdict.ts";

/** A verdict, or `pending`: past its deadline and not settled yet. */
export type KeepingVerdict = Verdict | "pending";

export type Judgement = {
  verdict: KeepingVerdict;
  /** In 0..1 and needed for `kept-late` and `partly-kept`; `kept` is worth 1 and `broken` 0 whatever is given. */
  credit?: number | null;
  /** How many were judged so; 1 where absent. */
  times?: number | undefined;
};

/**
 * `ifUpheld` stands where a dispute is open: what the verdict becomes if the contesting party is right; null where it would then
 * not have ended yet, as an abstention that is cleared of an act before the end of its window.
 */
export type KeepingOutcome = Judgement & { ifUpheld?: Judgement | null };

export type Interval = { low: number; high: number };
/** `kept` of `of`, `of` at least 1, with the rate's 95 % Wilson interval. */
export type Proportion = { kept: number; of: number; rate: number; interval: Interval };

export type KeepingFigures = {
  counts: { kept: number; keptLate: number; partlyKept: number; broken: number };
  excluded: Record<ExcludedVerdict, number>;
  /** Past their deadline and not settled: no part of any rate. */
  pending: number;
  /** Null without a counted outcome. A partly kept promise is in `of` and never in `kept`. */
  lateAsKept: Proportion | null;
  lateAsNotKept: Proportion | null;
  /** Mean credit of the counted outcomes; null without any. */
  meanCredit: number | null;
};

export type KeepingRate = KeepingFigures & {
  /** The recorded verdict is the headline; these are the figures if every open dispute went one way. */
  disputes: { open: number; allUpheld: KeepingFigures; allDismissed: KeepingFigures };
};

const z95 = 1.959963984540054;

/** Counted beside a rate and no part of it. A pending one is neither counted nor excluded. */
export const isExcluded = (verdict: KeepingVerdict): verdict is ExcludedVerdict =>
  (excludedVerdicts as readonly string[]).includes(verdict);

/**
 * Keeping rate of a set of outcomes, such as those of one promisor in one quarter. No outcomes give no rate, not 0 and not 1.
 *
 * @throws RangeError when a `kept-late` or `partly-kept` one has no credit in 0..1: a bug in the caller.
 */
export function keepingRate(outcomes: readonly KeepingOutcome[]): KeepingRate {
  const recorded = figuresOf(outcomes);
  const open = outcomes.reduce((sum, { ifUpheld, times = 1 }) => (ifUpheld === undefined ? sum : sum + times), 0);
  const allUpheld = open === 0 ? recorded : figuresOf(outcomes.flatMap(upheld));
  return { ...recorded, disputes: { open, allUpheld, allDismissed: recorded } };
}

const upheld = ({ ifUpheld, ...recorded }: KeepingOutcome): Judgement[] =>
  ifUpheld === undefined ? [recorded] : ifUpheld === null ? [] : [{ ...ifUpheld, times: recorded.times }];

/**
 * Wilson's score interval for `kept` of `of`; null for none of none.
 *
 * @param z standard score; 95 % by default.
 * @returns within 0..1.
 * @see Wilson 1927; Newcombe, "Two-sided confidence intervals for the single proportion", 1998, method 3.
 */
export function wilsonInterval(kept: number, of: number, z = z95): Interval | null {
  if (of === 0) return null;
  const rate = kept / of;
  const middle = rate + z ** 2 / (2 * of);
  const reach = z * Math.sqrt((rate * (1 - rate)) / of + z ** 2 / (4 * of ** 2));
  const scale = 1 + z ** 2 / of;
  return { low: Math.max(0, (middle - reach) / scale), high: Math.min(1, (middle + reach) / scale) };
}

/** One peer's record for the fit below: `kept` of `of`, both counts. */
export type PeerRecord = { kept: number; of: number };

/** Beta(alpha, beta), both positive: how keeping rates differ among peers. `peers` counts those with a record. */
export type PeerPrior = { alpha: number; beta: number; logLikelihood: number; peers: number };

/** Peers who differ no more than chance makes them draw alpha + beta to infinity; this is as good, and finite. */
const concentrationMax = 1e6;
const oddsMax = 1e6;

/**
 * Beta-binomial maximum likelihood over peers, without the binomial coefficients.
 *
 * @returns null with fewer than two peers that have a record, or where the search does not settle.
 * @throws RangeError when a peer kept more than it promised: a bug in the caller.
 */
export function fitPeerPrior(peers: readonly PeerRecord[]): PeerPrior | null {
  const records = peers.filter(({ of }) => of > 0);
  if (records.some(({ kept, of }) => kept < 0 || kept > of)) throw new RangeError("a peer can't keep more than it promised");
  if (records.length < 2) return null;
  const groups = grouped(records);
  const { parameters, loss, converged } = minimisePositive(
    (guess) => -peerLogLikelihood(groups, priorOf(guess)),
    startOf(records),
  );
  return converged ? { ...priorOf(parameters), logLikelihood: -loss, peers: records.length } : null;
}

/** Empirical-Bayes estimate of a rate, for ranking: a short record stays near the peers' mean. */
export const shrunkRate = ({ kept, of }: PeerRecord, { alpha, beta }: Pick<PeerPrior, "alpha" | "beta">): number =>
  (kept + alpha) / (of + alpha + beta);

function figuresOf(judgements: readonly Judgement[]): KeepingFigures {
  const byVerdict = new Map<KeepingVerdict, number>();
  let credit = 0;
  for (const judgement of judgements) {
    const { verdict, times = 1 } = judgement;
    byVerdict.set(verdict, (byVerdict.get(verdict) ?? 0) + times);
    credit += times * creditOf(judgement);
  }
  const count = (verdict: KeepingVerdict) => byVerdict.get(verdict) ?? 0;
  const counts = { kept: count("kept"), keptLate: count("kept-late"), partlyKept: count("partly-kept"), broken: count("broken") };
  const of = counts.kept + counts.keptLate + counts.partlyKept + counts.broken;
  return {
    counts,
    excluded: Object.fromEntries(excludedVerdicts.map((verdict) => [verdict, count(verdict)])) as Record<ExcludedVerdict, number>,
    pending: count("pending"),
    lateAsKept: proportion(counts.kept + counts.keptLate, of),
    lateAsNotKept: proportion(counts.kept, of),
    meanCredit: of === 0 ? null : credit / of,
  };
}

function proportion(kept: number, of: number): Proportion | null {
  const interval = wilsonInterval(kept, of);
  return interval === null ? null : { kept, of, rate: kept / of, interval };
}

/** What it adds to the sum of credits: nothing where the verdict is no part of the rate. */
function creditOf({ verdict, credit }: Judgement): number {
  if (verdict === "kept") return 1;
  if (verdict !== "kept-late" && verdict !== "partly-kept") return 0;
  if (typeof credit === "number" && credit >= 0 && credit <= 1) return credit;
  throw new RangeError(`a ${verdict} outcome needs a credit in 0..1`);
}

type PeerGroup = PeerRecord & { count: number };

/** Equal records are computed once: peers with short records are many and alike. */
function grouped(records: readonly PeerRecord[]): PeerGroup[] {
  const groups = Map.groupBy(records, ({ kept, of }) => `${kept}/${of}`);
  return [...groups.values()].map((alike) => ({ ...alike[0]!, count: alike.length }));
}

/** The search runs over odds and concentration: for alike peers only the second is unbounded, and it can be held. */
function priorOf(guess: readonly number[]): { alpha: number; beta: number } {
  const odds = Math.min(Math.max(guess[0]!, 1 / oddsMax), oddsMax);
  const concentration = Math.min(guess[1]!, concentrationMax);
  return { alpha: (concentration * odds) / (1 + odds), beta: concentration / (1 + odds) };
}

function startOf(records: readonly PeerRecord[]): number[] {
  const kept = records.reduce((sum, record) => sum + record.kept, 0);
  const notKept = records.reduce((sum, record) => sum + record.of - record.kept, 0);
  return [(kept + 0.5) / (notKept + 0.5), 2];
}

function peerLogLikelihood(groups: readonly PeerGroup[], { alpha, beta }: { alpha: number; beta: number }): number {
  const base = logBeta(alpha, beta);
  return groups.reduce((sum, { kept, of, count }) => sum + count * (logBeta(kept + alpha, of - kept + beta) - base), 0);
}
