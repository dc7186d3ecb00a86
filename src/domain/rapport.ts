/**
 * How close the two sides are, and how much of the contact serves selling. Both stand beside the trust score and never go into
 * it: a warm relationship and a kept promise are different facts. The names follow Maister's trust equation (intimacy and
 * self-orientation).
 */
import { decayFactor, inLogOrder } from "./trust.ts";
import { epochMs, type Instant } from "./values.ts";

export type RapportInteraction = {
  at: Instant;
  kind: string;
  purpose: string;
  /** Who sought whom. Two-way is what the account sought or took part in: `inbound` or `mutual`. */
  direction: "inbound" | "outbound" | "mutual";
  /** Not negative; absent or 0 where no duration is known, and then no part of the contact time. */
  minutes?: number;
  /** 1-based place in the log. */
  position: number;
};

export type RapportOptions = {
  /** Days in which an interaction loses half its weight; 90 by default. */
  halfLifeDays: number;
  /** Not negative, multiplied with each other; 1 for what is not listed. */
  weightByKind: Readonly<Record<string, number>>;
  weightByPurpose: Readonly<Record<string, number>>;
  /** Purposes that count as selling. */
  sellingPurposes: ReadonlySet<string>;
};

export type Rapport = {
  at: Instant;
  /** Decayed weight of all interactions: 0 without any, with no upper bound. */
  rapport: number;
  /** Part of that weight, 0..1, that comes from two-way interactions; null where there is none to divide. */
  twoWayShare: number | null;
  /** Part of the decayed contact minutes, 0..1, that served selling; null where no minutes are known. */
  selfOrientation: number | null;
  /** How many interactions went in. */
  interactions: number;
};

export const rapportDefaults: RapportOptions = {
  halfLifeDays: 90,
  weightByKind: {},
  weightByPurpose: {},
  sellingPurposes: new Set(["sales"]),
};

/** Rapport at an instant. Interactions later than `at` are left out; sums run in the order (at, position). Linear. */
export function rapportAt(interactions: readonly RapportInteraction[], options: RapportOptions, at: Instant): Rapport {
  const counted = inLogOrder(interactions, at);
  const nowMs = epochMs(at);
  let [weight, twoWayWeight, minutes, sellingMinutes] = [0, 0, 0, 0];
  for (const interaction of counted) {
    const left = decayFactor(nowMs - epochMs(interaction.at), options.halfLifeDays);
    const itsWeight = left * weightOf(interaction, options);
    const itsMinutes = left * (interaction.minutes ?? 0);
    weight += itsWeight;
    minutes += itsMinutes;
    if (interaction.direction !== "outbound") twoWayWeight += itsWeight;
    if (options.sellingPurposes.has(interaction.purpose)) sellingMinutes += itsMinutes;
  }
  return {
    at,
    rapport: weight,
    twoWayShare: share(twoWayWeight, weight),
    selfOrientation: share(sellingMinutes, minutes),
    interactions: counted.length,
  };
}

function weightOf({ kind, purpose }: RapportInteraction, { weightByKind, weightByPurpose }: RapportOptions): number {
  return listed(weightByKind, kind) * listed(weightByPurpose, purpose);
}

/** A kind named like a property that every object has, such as `constructor`, is still not listed. */
const listed = (weights: Readonly<Record<string, number>>, name: string) => (Object.hasOwn(weights, name) ? weights[name]! : 1);

const share = (part: number, whole: number) => (whole > 0 ? part / whole : null);
