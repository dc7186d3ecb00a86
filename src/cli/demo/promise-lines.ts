/** A promise in words, where it stands, and for each outcome the fact that shows it. */
import type { Look } from "../look.ts";
import type { OccurrenceAnswer, PromiseAnswer } from "./answers.ts";
import type { Story } from "./story.ts";

export function* promiseLines(
  { personal, state, counts, occurrences }: PromiseAnswer,
  story: Story,
  look: Look,
): Generator<string> {
  const words = personal.text?.value ?? "its words are sealed";
  yield look.accent(`"${words}"`);
  const stands = Object.entries(counts).map(([standing, count]) => `${count} ${standing}`);
  yield `  ${look.bold(state)}: ${stands.join(", ")}`;
  if (occurrences.length === 1) yield `  ${outcomeLine(occurrences[0]!, look)}`;
  else yield* seriesLines(occurrences, story, look);
}

/** The occurrences that say something each; of the others, how many there are. */
function* seriesLines(occurrences: readonly OccurrenceAnswer[], { movedVisit, visits }: Story, look: Look): Generator<string> {
  const isTold = ({ occurrence, standing }: OccurrenceAnswer) =>
    standing !== "kept" || occurrence === 1 || occurrence === movedVisit || occurrence === visits;
  let passedOver = 0;
  for (const one of occurrences) {
    if (!isTold(one)) {
      passedOver += 1;
      continue;
    }
    if (passedOver > 0) yield look.dim(`      ${passedOver} more, each kept on its day and shown by its visit`);
    passedOver = 0;
    const moved = one.occurrence === movedVisit ? `, moved from ${one.date}` : "";
    yield `  ${String(one.occurrence).padStart(2)}. ${outcomeLine(one, look)}${moved}`;
  }
}

function outcomeLine({ standing, outcome, dueAt }: OccurrenceAnswer, look: Look): string {
  if (outcome === null) return `${standing}, due ${dueAt ?? "at no date"}`;
  const { verdict, at, latenessMs, credit, evidence, reason } = outcome;
  const paint = verdict === "kept" ? look.good : verdict === "broken" ? look.bad : look.warn;
  const late = latenessMs > 0 ? `, ${(latenessMs / 3_600_000).toFixed(0)} h late, credit ${credit?.toFixed(4)}` : "";
  const shown = evidence.length > 0 ? `shown by ${evidence.join(", ")}` : `shown by ${reasons[reason] ?? reason}`;
  return `${paint(verdict)} ${at.slice(0, 10)}${late}, ${shown}`;
}

/** What shows an outcome where no single fact does. */
const reasons: Record<string, string> = {
  abstained: "no selling in all of its time",
  deadline: "its deadline, which passed without a fact",
};
