/** Where somebody could do better: what comes late and by how much, what is missed most, what hangs over them now. */
import { z } from "zod";
import { accountId, instant, minuteMs, partyId, promiseId, slug } from "../domain/values.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import type { Instants } from "./query.ts";
import { isPendingRow, outcomeOfRow, rounded } from "./reading.ts";

const pendingCountMax = 100;

export const coachingAnswer = z.strictObject({
  kinds: z
    .array(
      z.strictObject({
        kind: slug,
        of: z.int().describe("Outcomes that count."),
        late: z.int().describe("Kept after they were due."),
        medianLatenessMinutes: z.number().nullable().describe("Of the late ones; null where there are none."),
        missed: z.int().describe("Broken."),
        missedShare: z.number().nullable(),
      }),
    )
    .describe("Kinds of promises, the one most often missed first, then the one most often late."),
  pending: z
    .array(
      z.strictObject({
        promise: promiseId,
        occurrence: z.int(),
        account: accountId,
        promisor: partyId,
        kind: slug,
        dueAt: instant.nullable(),
        deadlineAt: instant,
      }),
    )
    .describe(`Past their deadline and not settled, the oldest first; at most ${pendingCountMax}.`),
});

export function coachingOver(rows: readonly OccurrenceRow[], instants: Instants): z.output<typeof coachingAnswer> {
  const kinds = [...Map.groupBy(rows, ({ kind }) => kind)].map(([kind, some]) => kindOf(kind, some, instants));
  const pending = rows.filter((row) => isPendingRow(row, instants)).sort((a, b) => (a.deadline_at! < b.deadline_at! ? -1 : 1));
  return {
    kinds: kinds.filter(({ of }) => of > 0).sort((a, b) => b.missed - a.missed || b.late - a.late || (a.kind < b.kind ? -1 : 1)),
    pending: pending.slice(0, pendingCountMax).map(({ promise, occurrence, account, promisor, kind, due_at, deadline_at }) => ({
      ...{ promise, occurrence, account, promisor, kind, dueAt: due_at, deadlineAt: deadline_at },
    })),
  } as z.output<typeof coachingAnswer>;
}

function kindOf(kind: string, rows: readonly OccurrenceRow[], instants: Instants) {
  const outcomes = rows.flatMap((row) => outcomeOfRow(row, instants) ?? []).filter(({ credit }) => credit !== null);
  const late = outcomes.filter(({ verdict }) => verdict === "kept-late").map(({ latenessMs }) => latenessMs / minuteMs);
  const missed = outcomes.filter(({ verdict }) => verdict === "broken").length;
  return {
    ...{ kind, of: outcomes.length, late: late.length, missed },
    medianLatenessMinutes: medianOf(late),
    missedShare: outcomes.length === 0 ? null : rounded(missed / outcomes.length),
  };
}

function medianOf(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const ordered = values.toSorted((a, b) => a - b);
  const middle = ordered.length >> 1;
  return rounded(ordered.length % 2 === 1 ? ordered[middle]! : (ordered[middle - 1]! + ordered[middle]!) / 2);
}
