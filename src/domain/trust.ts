/**
 * How far one party's record lets another rely on it, and what moved that, step by step.
 *
 * Beta reputation (Jøsang and Ismail, 2002) with exponential forgetting in time: Σ w·y·2^(−age/H) for, Σ w·(1−y)·2^(−age/H)
 * against, on top of a prior of weight 2. Silence leads back to the prior, never to 0. The sums add up and commute, so a fact
 * learned late is one more term, and the outcomes of several pairs of parties together give the trust among all of them.
 */
import { betaQuantile } from "./beta.ts";
import { dayMs, epochMs, type Instant } from "./values.ts";

/** One promise, or one occurrence of it, that came out one way or the other. Excluded verdicts are no outcomes. */
export type TrustOutcome = {
  at: Instant;
  /** Not negative. */
  weight: number;
  /** 0 broken, 1 kept, in between kept late or in part. */
  credit: number;
  promise: string;
  /** 0-based place in the promise's schedule. */
  occurrence: number;
  verdict: string;
  /** Ids of what shows it, such as interactions. */
  evidence: readonly string[];
  /** 1-based place in the log of the event that settled it. */
  position: number;
};

/** A recorded fit of the portfolio's mean, in force from an instant on. `mean` lies strictly between 0 and 1. */
export type TrustPrior = { from: Instant; mean: number };

export type TrustOptions = {
  /** Days in which an outcome loses half its weight; Infinity forgets nothing. */
  halfLifeDays: number;
  /** Prior mean, strictly between 0 and 1, before the first fitted one; ½ by default. */
  priorMean?: number;
  /** In any order. */
  priors: readonly TrustPrior[];
};

export type Band = { low: number; high: number };

/** Subjective logic with a prior weight of 2: the three add up to 1, and score = belief + uncertainty · prior. */
export type Opinion = { belief: number; disbelief: number; uncertainty: number };

export type Trust = {
  at: Instant;
  /** Mean of the posterior, in 0..1. */
  score: number;
  /** The middle 95 % of the posterior. */
  band: Band;
  /** Decayed weight for: r. */
  positive: number;
  /** Decayed weight against: s. */
  negative: number;
  opinion: Opinion;
  /** Prior mean in force. */
  prior: number;
  /** How many outcomes went in. */
  outcomes: number;
};

/** `total` = `decay` + `event` + `prior`, added in this order: why the score is not what it was at the point before. */
export type TrustChange = { total: number; decay: number; event: number; prior: number };

export type TrustPoint = {
  at: Instant;
  score: number;
  band: Band;
  change: TrustChange;
  /** What happened; null at the last point, where only time has passed. */
  outcome: TrustOutcome | null;
};

type Sums = { positive: number; negative: number; prior: number };
type Standing = Sums & { atMs: number };

const priorWeight = 2;
const priorMeanDefault = 0.5;

/**
 * Trust at an instant. Outcomes later than `at` are left out. Sums run in the order (at, position), so that equal facts give
 * equal digits whatever order they come in.
 */
export function trustAt(outcomes: readonly TrustOutcome[], options: TrustOptions, at: Instant): Trust {
  const priorAt = priorLookup(options);
  const counted = inLogOrder(outcomes, at);
  let standing = untouched(counted[0]?.at ?? at, priorAt);
  for (const outcome of counted) standing = withOutcome(aged(standing, outcome.at, options), outcome);
  const { positive, negative } = aged(standing, at, options);
  return trustOfSums({ positive, negative, prior: priorAt(at), outcomes: counted.length }, at);
}

/** Weights for and against, decayed to the instant that is spoken of. */
export type TrustSums = Pick<Trust, "positive" | "negative" | "prior" | "outcomes">;

/** Trust from sums that were made elsewhere, such as in a database. */
export function trustOfSums(sums: TrustSums, at: Instant): Trust {
  return { at, score: trustScore(sums), band: bandOf(sums), ...sums, opinion: opinionOf(sums) };
}

/** The prior mean in force at an instant. */
export const priorMeanAt = (options: TrustOptions, at: Instant): number => priorLookup(options)(at);

/**
 * The score's course: one point for each outcome up to `until`, in the order (at, position), and one at `until`. Each explains
 * itself against the point before, the first against the prior at its own instant: first time passes under the prior as it was
 * (`decay`), then a newly fitted prior takes over (`prior`), then the outcome comes in (`event`). The last point has no event.
 * Linear in the number of outcomes once they are in order.
 */
export function trustTimeline(outcomes: readonly TrustOutcome[], options: TrustOptions, until: Instant): TrustPoint[] {
  const priorAt = priorLookup(options);
  const counted = inLogOrder(outcomes, until);
  let standing = untouched(counted[0]?.at ?? until, priorAt);
  const pointAt = (at: Instant, outcome: TrustOutcome | null): TrustPoint => {
    const before = standing;
    const decayed = aged(before, at, options);
    const rebased = { ...decayed, prior: priorAt(at) };
    standing = outcome === null ? rebased : withOutcome(rebased, outcome);
    return {
      at,
      score: trustScore(standing),
      band: bandOf(standing),
      change: changeOf(before, decayed, rebased, standing),
      outcome,
    };
  };
  return [...counted.map((outcome) => pointAt(outcome.at, outcome)), pointAt(until, null)];
}

/** Those up to `until`, by (at, position). The sort is stable: what one event settled together stays as it came. */
export function inLogOrder<Item extends { at: Instant; position: number }>(items: readonly Item[], until: Instant): Item[] {
  return items.filter(({ at }) => at <= until).sort((a, b) => (a.at === b.at ? a.position - b.position : a.at < b.at ? -1 : 1));
}

/** What is left of a weight of 1 after `ageMs`. */
export const decayFactor = (ageMs: number, halfLifeDays: number): number => 2 ** (-ageMs / (halfLifeDays * dayMs));

const untouched = (at: Instant, priorAt: (at: Instant) => number): Standing => ({
  atMs: epochMs(at),
  positive: 0,
  negative: 0,
  prior: priorAt(at),
});

function aged({ atMs, positive, negative, prior }: Standing, at: Instant, { halfLifeDays }: TrustOptions): Standing {
  const nowMs = epochMs(at);
  const left = decayFactor(nowMs - atMs, halfLifeDays);
  return { atMs: nowMs, positive: positive * left, negative: negative * left, prior };
}

const withOutcome = (standing: Standing, { weight, credit }: TrustOutcome): Standing => ({
  ...standing,
  positive: standing.positive + weight * credit,
  negative: standing.negative + weight * (1 - credit),
});

/** The mean alone, where bands of many would take time. */
export const trustScore = ({ positive, negative, prior }: Sums): number =>
  (priorWeight * prior + positive) / (priorWeight + positive + negative);

function bandOf({ positive, negative, prior }: Sums): Band {
  const a = priorWeight * prior + positive;
  const b = priorWeight * (1 - prior) + negative;
  return { low: betaQuantile(0.025, a, b), high: betaQuantile(0.975, a, b) };
}

function opinionOf({ positive, negative }: Sums): Opinion {
  const all = positive + negative + priorWeight;
  return { belief: positive / all, disbelief: negative / all, uncertainty: priorWeight / all };
}

function changeOf(before: Standing, decayed: Standing, rebased: Standing, after: Standing): TrustChange {
  const decay = trustScore(decayed) - trustScore(before);
  const event = trustScore(after) - trustScore(rebased);
  const prior = trustScore(rebased) - trustScore(decayed);
  return { total: decay + event + prior, decay, event, prior };
}

/** The prior mean in force at an instant, in time logarithmic in the number of fits. */
function priorLookup({ priors, priorMean = priorMeanDefault }: TrustOptions): (at: Instant) => number {
  const ordered = priors.toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  return (at) => {
    let [first, end] = [0, ordered.length];
    while (first < end) {
      const middle = (first + end) >> 1;
      if (ordered[middle]!.from <= at) first = middle + 1;
      else end = middle;
    }
    return ordered[first - 1]?.mean ?? priorMean;
  };
}
