/** Where somebody could do better: what comes late and by how much, what is missed most, what hangs over them now. */
import { z } from "zod";
import { accountId, instant, minuteMs, partyId, promiseId, slug } from "../domain/values.ts";
import type { Views } from "../projections/views.ts";
import { type CountedOutcome, hasEnded, isPending } from "./counted-outcomes.ts";
import type { Instants } from "./query.ts";
import { rounded } from "./reading.ts";
import { isWithin, type Within } from "./teams.ts";

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
        missedShare: z.number(),
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
type Coaching = z.output<typeof coachingAnswer>;

/** @param counted the outcomes of those within, with their kinds as `and`. */
export function coachingOver(views: Views, within: Within, counted: readonly CountedOutcome[], instants: Instants): Coaching {
  const lateness = Map.groupBy(latenessIn(views, within, instants), ({ kind }) => kind);
  const kinds = [...Map.groupBy(counted, ({ and }) => and!)].map(([kind, some]) => ({
    kind: kind as z.output<typeof slug>,
    ...countsOf(some),
    medianLatenessMinutes: medianOf((lateness.get(kind) ?? []).map(({ lateness_ms }) => lateness_ms / minuteMs)),
  }));
  return {
    kinds: kinds.filter(({ of }) => of > 0).sort((a, b) => b.missed - a.missed || b.late - a.late || (a.kind < b.kind ? -1 : 1)),
    pending: pendingIn(views, within, instants),
  };
}

function countsOf(outcomes: readonly CountedOutcome[]) {
  const count = (...verdicts: string[]): number =>
    outcomes.reduce((sum, { verdict, times = 1 }) => (verdicts.includes(verdict) ? sum + times : sum), 0);
  const of = count("kept", "kept-late", "partly-kept", "broken");
  const missed = count("broken");
  return { of, late: count("kept-late"), missed, missedShare: of === 0 ? 0 : rounded(missed / of) };
}

/** In order of lateness. */
const latenessIn = (views: Views, within: Within, { asOf, knownAt }: Instants) =>
  views.all<{ kind: string; lateness_ms: number }>(
    `SELECT kind, lateness_ms FROM occurrences WHERE verdict = 'kept-late' AND ${isWithin("?3")} AND ${hasEnded} ORDER BY lateness_ms`,
    [asOf, knownAt, within],
  );

/** @param ordered in ascending order. */
function medianOf(ordered: readonly number[]): number | null {
  if (ordered.length === 0) return null;
  const middle = ordered.length >> 1;
  return rounded(ordered.length % 2 === 1 ? ordered[middle]! : (ordered[middle - 1]! + ordered[middle]!) / 2);
}

const pendingIn = (views: Views, within: Within, { asOf, knownAt }: Instants) =>
  views.all<Coaching["pending"][number]>(
    `SELECT promise, occurrence, account, promisor, kind, due_at AS dueAt, deadline_at AS deadlineAt FROM occurrences
     WHERE verdict IS NOT NULL AND ${isPending} AND NOT (${hasEnded}) AND ${isWithin("?3")}
     ORDER BY deadline_at, promise, occurrence LIMIT ${pendingCountMax}`,
    [asOf, knownAt, within],
  );
