/** The demo's picture: a section for each question that Troth answers. */
import { shareBar } from "../chart/bar.ts";
import { trustChart } from "../chart/trust-chart.ts";
import type { Look } from "../look.ts";
import type { Answers, BalanceAnswer, DormancyAnswer, KeepingAnswer, TrustAnswer } from "./answers.ts";
import { promiseLines } from "./promise-lines.ts";
import type { VerdictEvent } from "./record.ts";
import { type Step, stepsOf } from "./steps.ts";
import type { Story } from "./story.ts";

export type Picture = { answers: Answers; verdicts: VerdictEvent[]; story: Story; look: Look; width: number };

export function* picture({ answers, verdicts, story, look, width }: Picture): Generator<string> {
  const { trust, keeping, dormancy, balance, promises } = answers;
  const title = (text: string) => ["", look.bold(text)];
  yield* title("How far the account can rely on us");
  yield* trustChart(trust.timeline, { width }, look);
  yield scoreLine(trust, look);
  yield* title("What moved it");
  yield* stepLines(stepsOf(trust.timeline, story), look);
  yield* title("Promises kept");
  yield* keepingLines(keeping, look);
  yield* title("Has the account gone quiet?");
  yield* dormancyLines(dormancy, look);
  yield* title("Selling and the relationship");
  yield* balanceLines(balance, look, width);
  yield* title("Each promise, and what shows it");
  for (const promise of promises) yield* promiseLines(promise, story, look);
  yield* title("Verdicts on record");
  yield* verdictLines(verdicts, look);
}

const three = (value: number): string => value.toFixed(3);
const signed = (value: number): string => `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(3)}`;
const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;
const dayOf = (at: string): string => at.slice(0, 10);
const span = ({ from, to }: Step): string => (from === to ? dayOf(from) : `${dayOf(from)} - ${dayOf(to)}`);

const scoreLine = ({ score, band, outcomes, basis }: TrustAnswer, look: Look): string =>
  `Now ${look.good(three(score))}, with 95 % certainty between ${three(band.low)} and ${three(band.high)}; from ${outcomes} outcomes in ${basis.size} events.`;

function* stepLines(steps: readonly Step[], look: Look): Generator<string> {
  yield look.dim(`${"when".padEnd(24)}${"trust".padEnd(16)}${"outcome".padStart(8)}${"forgetting".padStart(12)}   why`);
  for (const step of steps) {
    const trust = `${three(step.before)} ${look.ascii ? "->" : "→"} ${three(step.after)}`;
    const why = step.count === 1 ? step.reason : `${step.count} visits, each kept`;
    const paint = step.verdict === "kept" ? look.good : look.warn;
    yield `${span(step).padEnd(24)}${trust.padEnd(16)}${signed(step.event).padStart(8)}${signed(step.decay).padStart(12)}   ${paint(why)}`;
  }
}

function* keepingLines({ groups }: KeepingAnswer, look: Look): Generator<string> {
  const keeping = groups[0]?.keeping;
  if (keeping?.lateAsKept == null || keeping.lateAsNotKept == null) return;
  const { lateAsKept, lateAsNotKept, counts, pending, meanCredit } = keeping;
  const interval = ({ low, high }: { low: number; high: number }) => `95 % interval ${percent(low)} to ${percent(high)}`;
  yield `kept at all   ${lateAsKept.kept} of ${lateAsKept.of} = ${look.good(percent(lateAsKept.rate))}, ${interval(lateAsKept.interval)}`;
  yield `kept in time  ${lateAsNotKept.kept} of ${lateAsNotKept.of} = ${percent(lateAsNotKept.rate)}, ${interval(lateAsNotKept.interval)}`;
  yield `mean credit ${meanCredit?.toFixed(4) ?? "none"}; ${counts.keptLate} late, ${counts.broken} broken, ${pending} pending`;
}

function* dormancyLines({ state, decidedBy, answers, silenceDays, coolingAt }: DormancyAnswer, look: Look): Generator<string> {
  const { cadence, rhythm, alive } = answers;
  const names: Record<string, string> = {
    cadence: "promised cadence",
    rhythm: "own rhythm",
    alive: "P(alive)",
    history: "too little history",
  };
  yield `promised cadence  ${cadence === null ? "no contact is promised any more" : `${cadence.overdue ? "overdue" : "not overdue"}: ${cadence.state}`}`;
  yield `own rhythm        ${
    rhythm === null
      ? "too few contacts"
      : `a gap is ${rhythm.medianGapDays.toFixed(1)} days as a rule; silent for ${silenceDays?.toFixed(1)} days, ${rhythm.silenceRatio.toFixed(2)} of that: ${rhythm.state}`
  }`;
  yield `P(alive)          ${alive === null ? "no model is fitted: it takes a hundred accounts" : `${three(alive.probability)}: ${alive.state}`}`;
  const cools = coolingAt === null ? "" : `; cooling from ${dayOf(coolingAt)} on, if nobody calls`;
  yield `Decided by ${names[decidedBy] ?? decidedBy}: ${look.bold(state)}${cools}.`;
}

function* balanceLines(
  { minutes, sellingMinutes, sellingShare, interactions }: BalanceAnswer,
  look: Look,
  width: number,
): Generator<string> {
  const hours = (of: number) => `${(of / 60).toFixed(1)} h`;
  yield shareBar(sellingShare ?? 0, width - 2, look);
  yield `${look.warn(`selling ${hours(sellingMinutes)}`)}, ${look.good(`relationship ${hours(minutes - sellingMinutes)}`)}: ${percent(sellingShare ?? 0)} of ${hours(minutes)} in ${interactions} contacts went into selling.`;
}

function* verdictLines(verdicts: readonly VerdictEvent[], look: Look): Generator<string> {
  const [first] = verdicts;
  if (first === undefined) return;
  const counts = Map.groupBy(verdicts, ({ type }) => type);
  const basis = first.data.basis;
  yield `The keeper recorded ${[...counts].map(([type, some]) => `${some.length} ${type}`).join(" and ")} for subscribers and auditors,`;
  yield `each with its evidence and its basis (the first: ${basis?.size} events, rule ${basis?.rule}, policy ${basis?.policy}).`;
  yield look.dim(`${first.id} at position ${first.position}, by ${first.actor.kind} ${first.actor.id}`);
}
