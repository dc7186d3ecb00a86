/** Occurrences under two policies: where they stand, and which rule makes the difference. */
import { settle } from "../domain/assess/settle.ts";
import type { Instant, PromiseId } from "../domain/values.ts";
import { assessmentInputOf } from "../projections/assessment-input.ts";
import { type OccurrenceRow, occurrenceRows } from "../projections/occurrences.ts";
import type { Views } from "../projections/views.ts";
import { isPendingRow, outcomeOfRow } from "../queries/reading.ts";
import type { DifferenceOf, Reading, Reason, Standing } from "./what-if.ts";
import { type Replaced, type Rules, together, withGrace } from "./what-if-rules.ts";

type VerdictDifference = DifferenceOf<"verdict">;

export function standingOf(row: OccurrenceRow, reading: Reading): Standing {
  const outcome = outcomeOfRow(row, reading);
  return {
    standing: outcome?.verdict ?? (isPendingRow(row, reading) ? "pending" : "open"),
    at: outcome?.at ?? null,
    credit: outcome?.credit ?? null,
    reason: outcome?.reason ?? null,
    deadlineAt: row.deadline_at as Instant | null,
    settlesAt: row.settles_at as Instant | null,
  };
}

const isSame = (a: Standing, b: Standing): boolean =>
  a.standing === b.standing && a.at === b.at && a.credit === b.credit && a.reason === b.reason;

/** Both sides of one account, occurrence by occurrence: a policy neither adds one nor takes one away, but for promises that never came to bind. */
export function* verdictDifferences(
  views: Views,
  before: readonly OccurrenceRow[],
  after: readonly OccurrenceRow[],
  reading: Reading,
  rules: readonly Replaced[],
): Generator<VerdictDifference> {
  const wereRows = new Map(before.map((row) => [nameOf(row), row]));
  const why = reasonsFor(views, reading, rules);
  for (const row of after) {
    const wasRow = wereRows.get(nameOf(row));
    if (wasRow === undefined) continue;
    const [was, would] = [standingOf(wasRow, reading), standingOf(row, reading)];
    if (isSame(was, would)) continue;
    const { account, promise, occurrence, promisor } = row;
    yield { kind: "verdict", account, promise, occurrence, promisor, before: was, after: would, why: why(row, was) };
  }
}

const nameOf = ({ promise, occurrence }: OccurrenceRow): string => `${promise} ${occurrence}`;

/** Each rule is tried alone, unless there is but one. A promise is settled once for each. */
function reasonsFor(views: Views, reading: Reading, rules: readonly Replaced[]) {
  if (rules.length === 1) return () => rules.map(({ reason }) => reason);
  const tried = new Map<string, OccurrenceRow[][]>();
  return ({ promise, occurrence }: OccurrenceRow, was: Standing): Reason[] => {
    let sides = tried.get(promise);
    if (sides === undefined) {
      tried.clear();
      tried.set(promise, (sides = rules.map((replaced) => rowsUnder(views, promise as PromiseId, replaced.rules))));
    }
    const reasons = rules.flatMap(({ reason }, index) => {
      const row = sides[index]!.find((one) => one.occurrence === occurrence);
      return row === undefined || isSame(standingOf(row, reading), was) ? [] : [reason];
    });
    return reasons.length === 0 ? [together] : reasons;
  };
}

function rowsUnder(views: Views, id: PromiseId, { policy, graceMinutes }: Rules): OccurrenceRow[] {
  const input = assessmentInputOf(views, id, policy)!;
  const promise = withGrace(input.promise, graceMinutes);
  return occurrenceRows(id, settle({ ...input, promise }), promise, 0);
}

/** How large a change is: by how much credit it moves, where what has not ended stands in the middle. */
export const sizeOfVerdict = ({ before, after }: VerdictDifference): number => Math.abs(worth(after) - worth(before));
const worth = ({ credit }: Standing): number => credit ?? 0.5;
