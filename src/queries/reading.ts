/** What queries have in common: on what they rest, whom they concern, outcomes as the models take them. */
import { z } from "zod";
import { outcomeAt } from "../domain/assess/assess.ts";
import type { Finding, OccurrenceSettlement } from "../domain/assess/settle.ts";
import { DomainError } from "../domain/errors.ts";
import type { KeepingOutcome } from "../domain/keeping.ts";
import type { TrustOutcome } from "../domain/trust.ts";
import { type AccountId, type Instant, isPerson, type PartyId } from "../domain/values.ts";
import type { Verdict } from "../domain/verdict.ts";
import { policyInForce } from "../projections/parameters.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import type { Views } from "../projections/views.ts";
import { type Basis, concernsAccount, type Instants, type Reading } from "./query.ts";

/** On what an answer rests. To be called in the snapshot that reads its rows. */
export const basisOf = ({ views, asOf, knownAt, standing }: Reading): Basis => ({
  asOf,
  knownAt,
  size: standing?.size ?? views.position(),
  policy: policyInForce(views).version,
  ...(standing === undefined ? {} : { root: standing.root }),
});

/** A person's account, for keys that speak for a person. */
export const accountOfPerson = (views: Views, party: PartyId): AccountId | undefined =>
  isPerson(party)
    ? (views.get<{ account: AccountId | null }>(`SELECT account FROM people WHERE id = ?`, [party])?.account ?? undefined)
    : undefined;

/** A bound key may ask about its own account. */
export const onOwnAccount = (present: Views, party: PartyId, { account }: { account: AccountId }): boolean =>
  concernsAccount(party, account, accountOfPerson(present, party));

/** @throws DomainError `account-not-found`. */
export function requireAccountRow<Row>(views: Views, id: string): Row {
  const row = views.get<Row>(`SELECT * FROM accounts WHERE id = ?`, [id]);
  if (row === undefined) throw new DomainError("account-not-found", `there is no account ${id}`);
  return row;
}

/** Twelve significant digits: sums in another order, or on another machine, answer the same. */
export const rounded = (value: number): number => Number(value.toPrecision(12));
export const score = z.number().min(0).max(1);
export const band = z.strictObject({ low: score, high: score });

/** The outcome of a stored occurrence at two instants; null while it has none. */
export function outcomeOfRow(row: OccurrenceRow, { asOf, knownAt }: Instants): Finding | null {
  if (row.verdict === null || row.at === null) return null;
  const finding: Finding = {
    verdict: row.verdict as Verdict,
    at: row.at as Instant,
    latenessMs: row.lateness_ms ?? 0,
    credit: row.credit,
    reason: row.reason ?? "",
    evidence: JSON.parse(row.evidence) as string[],
    recordingDelayMs: row.recording_delay_ms ?? undefined,
  };
  if (row.by_clock === 0) return outcomeAt({ finding, clock: null, deadlineAt: undefined }, asOf, knownAt);
  const clock = { ...finding, settlesAt: row.settles_at as Instant | null };
  return outcomeAt({ finding: null, clock, deadlineAt: row.deadline_at as Instant }, asOf, knownAt);
}

/** Deadline and grace have passed and the clock does not speak yet. */
export const isPendingRow = (row: OccurrenceRow, { asOf, knownAt }: Instants): boolean =>
  row.by_clock === 1 &&
  row.deadline_at !== null &&
  row.deadline_at < asOf &&
  (row.settles_at === null || row.settles_at > knownAt) &&
  row.occurrence > 0;

/** Occurrences as the trust model takes them: ended, and counted. In the order of the model. */
export function trustOutcomes(rows: readonly OccurrenceRow[], instants: Instants): TrustOutcome[] {
  return rows.flatMap((row) => {
    const outcome = outcomeOfRow(row, instants);
    if (outcome === null || outcome.credit === null) return [];
    const { at, credit, verdict, evidence } = outcome;
    return [
      {
        at,
        weight: row.weight,
        credit,
        promise: row.promise,
        occurrence: row.occurrence,
        verdict,
        evidence,
        position: row.position,
      },
    ];
  });
}

/** Occurrences as keeping rates take them: ended, excluded and pending ones. */
export function keepingOutcomes(rows: readonly OccurrenceRow[], at: Instants): KeepingOutcome[] {
  return rows.flatMap((row): KeepingOutcome[] => {
    const outcome = outcomeOfRow(row, at);
    if (outcome === null) return isPendingRow(row, at) ? [{ verdict: "pending" }] : [];
    return [{ verdict: outcome.verdict, credit: outcome.credit, ifUpheld: upheldOf(row, at) }];
  });
}

/** Read at the same instants as the verdict: upheld or not, nothing counts before it has ended. */
function upheldOf({ if_upheld, deadline_at }: OccurrenceRow, { asOf, knownAt }: Instants): KeepingOutcome["ifUpheld"] {
  if (if_upheld === null) return undefined;
  const deadlineAt = (deadline_at ?? undefined) as Instant | undefined;
  const { ifUpheld } = JSON.parse(if_upheld) as NonNullable<OccurrenceSettlement["openDispute"]>;
  const outcome = outcomeAt({ ...ifUpheld, deadlineAt }, asOf, knownAt);
  if (outcome !== null) return { verdict: outcome.verdict, credit: outcome.credit };
  return deadlineAt !== undefined && deadlineAt < asOf ? { verdict: "pending" } : null;
}
