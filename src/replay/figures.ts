/** All that the projections say of one account at two instants: what a step of its history can change. */
import { assess } from "../domain/assess/assess.ts";
import { keepingRate, type KeepingRate } from "../domain/keeping.ts";
import { type AccountId, type PromiseDirection, promiseDirection } from "../domain/values.ts";
import { assessmentInputOf } from "../projections/assessment-input.ts";
import { aliveModelOf, contactsOf, dormancyOf } from "../projections/dormancy.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import { policyInForce } from "../projections/parameters.ts";
import { contactTime } from "../queries/balance.ts";
import type { Reading } from "../queries/query.ts";
import { keepingOutcomes, rounded } from "../queries/reading.ts";
import { trustOptions, trustOver } from "../queries/trust.ts";

type At = Pick<Reading, "views" | "asOf" | "knownAt">;

/** A tree of plain values, by projection. Nothing where there is no such account. */
export type Figures = Record<string, unknown>;

/** Figures, and for some of them (by their path) why they are so. */
export type Explained = { figures: Figures; reasons: ReadonlyMap<string, string> };

export const nothingYet: Explained = { figures: {}, reasons: new Map() };

export function figuresOf(at: At, account: AccountId): Explained {
  return at.views.snapshot(() => {
    const row = at.views.get<AccountRow>(`SELECT status, owner, time_zone, tags FROM accounts WHERE id = ?`, [account]);
    if (row === undefined) return nothingYet;
    const { promises, reasons } = promisesOf(at, account);
    const figures = {
      account: { status: row.status, owner: row.owner, timeZone: row.time_zone, tags: row.tags },
      promises,
      keeping: byDirection((direction) => keepingOf(keepingRate(keepingOutcomes(outcomesOf(at, account, direction), at)))),
      trust: byDirection((direction) => trustOf(at, outcomesOf(at, account, direction))),
      dormancy: dormancyFigures(at, account),
      balance: balanceOf(at, account),
      outcomes: businessOf(at, account),
    };
    return { figures, reasons };
  });
}

type AccountRow = { status: string; owner: string | null; time_zone: string; tags: string };

const byDirection = <Value>(of: (direction: PromiseDirection) => Value) =>
  Object.fromEntries(promiseDirection.options.map((direction) => [direction, of(direction)]));

const outcomesOf = ({ views }: At, account: string, direction: string): OccurrenceRow[] =>
  views.all<OccurrenceRow>(`SELECT * FROM occurrences WHERE account = ? AND direction = ? ORDER BY at, position, occurrence`, [
    account,
    direction,
  ]);

function promisesOf(at: At, account: string) {
  const { views, asOf, knownAt } = at;
  const policy = policyInForce(views);
  const reasons = new Map<string, string>();
  const promises: Record<string, unknown> = {};
  for (const { id } of views.all<{ id: string }>(`SELECT id FROM promises WHERE account = ? ORDER BY position`, [account])) {
    const input = assessmentInputOf(views, id, policy)!;
    const { state, isDisputed, occurrences } = assess(input, asOf, knownAt);
    const standings: Record<string, string> = {};
    for (const { number, standing, outcome } of occurrences) {
      // A series of hundreds has one that stands open.
      if (standing !== "upcoming") standings[number] = standing;
      if (outcome !== null) reasons.set(`promises.${id}.occurrences.${number}`, [outcome.reason, ...outcome.evidence].join(" "));
    }
    promises[id] = {
      state,
      direction: input.promise.direction,
      promisor: input.promise.promisor,
      isDisputed,
      occurrences: standings,
    };
  }
  return { promises, reasons };
}

function keepingOf({ counts, excluded, pending, lateAsKept }: KeepingRate) {
  const left = Object.values(excluded).reduce((sum, count) => sum + count, 0);
  return { ...counts, excluded: left, pending, rate: lateAsKept === null ? null : rounded(lateAsKept.rate) };
}

function trustOf(at: At, rows: readonly OccurrenceRow[]) {
  const { score, band } = trustOver(rows, trustOptions(at.views, policyInForce(at.views)), at);
  return { score, low: band.low, high: band.high };
}

function dormancyFigures({ views, asOf }: At, account: AccountId) {
  const policy = policyInForce(views);
  const contacts = contactsOf(views, account, policy);
  const dormancy = dormancyOf(views, account, contacts, asOf, policy, aliveModelOf(views));
  const { state, decidedBy, coolingAt, dormantAt, lastContactAt } = dormancy;
  return { state, decidedBy, coolingAt, dormantAt, contacts: dormancy.contacts, lastContactAt };
}

function balanceOf({ views }: At, account: string) {
  const { interactions, minutes, sellingMinutes, sellingShare } = contactTime(views, policyInForce(views), { account });
  return { interactions, minutes, sellingMinutes, sellingShare };
}

const businessOf = ({ views }: At, account: string) =>
  Object.fromEntries(
    views
      .all<{ kind: string; count: number }>(
        `SELECT kind, count(*) AS count FROM business_outcomes WHERE account = ? AND is_retracted = 0 GROUP BY kind ORDER BY kind`,
        [account],
      )
      .map(({ kind, count }) => [kind, count]),
  );
