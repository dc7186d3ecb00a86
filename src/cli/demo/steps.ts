/** What moved trust, step by step: the steps that say something each, the others in runs. */
import type { TimelinePoint } from "./answers.ts";
import { type Story, storyIds } from "./story.ts";

export type Step = {
  from: string;
  to: string;
  /** How many outcomes it stands for. */
  count: number;
  before: number;
  after: number;
  event: number;
  decay: number;
  reason: string;
  verdict: string;
  evidence: string[];
};

type Told = Pick<Story, "movedVisit" | "lateVisit" | "visits">;

export function stepsOf(timeline: readonly TimelinePoint[], story: Told): Step[] {
  const steps: Step[] = [];
  for (const point of timeline) {
    if (point.outcome === null) continue;
    const step = stepOf(point, story);
    const last = steps.at(-1);
    if (last !== undefined && isPlain(last) && isPlain(step)) steps[steps.length - 1] = merged(last, step);
    else steps.push(step);
  }
  return steps;
}

/** A visit like the others. */
const plainReason = "kept";
const isPlain = ({ reason, verdict }: Step): boolean => reason === plainReason && verdict === "kept";

function stepOf({ at, score, change, outcome }: TimelinePoint, story: Told): Step {
  const { verdict, evidence } = outcome!;
  return {
    ...{ from: at, to: at, count: 1, verdict, evidence },
    ...{ before: score - change.total, after: score, event: change.event, decay: change.decay },
    reason: reasonOf(outcome!, story),
  };
}

function reasonOf({ promise, occurrence, verdict }: NonNullable<TimelinePoint["outcome"]>, { movedVisit, visits }: Told): string {
  if (promise === storyIds.abstention) return verdict === "kept" ? "a year without selling" : "tried to sell";
  if (verdict === "kept-late") return `visit ${occurrence} came late`;
  if (verdict !== "kept") return `visit ${occurrence}: ${verdict}`;
  if (occurrence === 1) return "first visit of the promise";
  if (occurrence === movedVisit) return `visit ${occurrence}, moved by agreement`;
  if (occurrence === visits) return "last visit of the promise";
  return plainReason;
}

const merged = (first: Step, next: Step): Step => ({
  ...first,
  to: next.to,
  count: first.count + next.count,
  after: next.after,
  event: first.event + next.event,
  decay: first.decay + next.decay,
  evidence: [...first.evidence, ...next.evidence],
});
