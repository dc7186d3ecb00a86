/** What the demo shows, as the API answers it. Nothing in the picture comes from anywhere else. */
import type { ApiClient } from "../api-client.ts";
import type { TrustPoint } from "../chart/trust-chart.ts";
import { storyIds } from "./story.ts";

export type TimelinePoint = TrustPoint & {
  change: { total: number; decay: number; event: number };
  outcome: { promise: string; occurrence: number; verdict: string; credit: number; evidence: string[] } | null;
};
export type TrustAnswer = {
  score: number;
  band: { low: number; high: number };
  outcomes: number;
  rapport: { score: number; selfOrientation: number | null };
  timeline: TimelinePoint[];
  basis: { size: number; asOf: string; policy: number };
};
type Rate = { kept: number; of: number; rate: number; interval: { low: number; high: number } } | null;
export type KeepingAnswer = {
  groups: {
    group: string | null;
    keeping: {
      counts: { kept: number; keptLate: number; partlyKept: number; broken: number };
      pending: number;
      lateAsKept: Rate;
      lateAsNotKept: Rate;
      meanCredit: number | null;
    };
  }[];
};
type Threshold = { state: string };
export type DormancyAnswer = {
  state: string;
  decidedBy: string;
  contacts: number;
  lastContactAt: string | null;
  silenceDays: number | null;
  coolingAt: string | null;
  dormantAt: string | null;
  answers: {
    cadence: (Threshold & { overdue: boolean }) | null;
    rhythm: (Threshold & { medianGapDays: number; silenceRatio: number; silencePercentile: number }) | null;
    alive: (Threshold & { probability: number }) | null;
  };
};
export type BalanceAnswer = { interactions: number; minutes: number; sellingMinutes: number; sellingShare: number | null };
export type OccurrenceAnswer = {
  occurrence: number;
  date: string | null;
  dueAt: string | null;
  standing: string;
  outcome: { verdict: string; at: string; latenessMs: number; credit: number | null; reason: string; evidence: string[] } | null;
};
export type PromiseAnswer = {
  id: string;
  state: string;
  counts: Record<string, number>;
  personal: { text?: { status: string; value?: string } };
  occurrences: OccurrenceAnswer[];
};

export type Answers = {
  trust: TrustAnswer;
  keeping: KeepingAnswer;
  dormancy: DormancyAnswer;
  balance: BalanceAnswer;
  promises: PromiseAnswer[];
};

export async function askAll(api: ApiClient): Promise<Answers> {
  const { account } = storyIds;
  const [trust, keeping, dormancy, balance, ...promises] = await Promise.all([
    api.ask<TrustAnswer>(`/accounts/${account}/trust`),
    api.ask<KeepingAnswer>("/reports/keeping-rates", { account }),
    api.ask<DormancyAnswer>(`/accounts/${account}/dormancy`),
    api.ask<BalanceAnswer>("/reports/balance", { account }),
    api.ask<PromiseAnswer>(`/promises/${storyIds.visits}`),
    api.ask<PromiseAnswer>(`/promises/${storyIds.abstention}`),
  ]);
  return { trust, keeping, dormancy, balance, promises };
}
