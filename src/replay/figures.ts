/** All that the projections say of one account at two instants: what a step of its history can change. */
import { read } from "../domain/assess/assess.ts";
import { type AssessmentInput, settle, type Settlement } from "../domain/assess/settle.ts";
import { keepingRate, type KeepingRate } from "../domain/keeping.ts";
import type { Policy } from "../domain/policy.ts";
import type { TrustOptions, TrustOutcome } from "../domain/trust.ts";
import type { AccountId, Instant, PromiseDirection } from "../domain/values.ts";
import { evidenceReader, inputOf, type PromiseRow, selectPromise } from "../projections/assessment-input.ts";
import { aliveModelOf, contactsOf, dormancyOf } from "../projections/dormancy.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import { policyInForce } from "../projections/parameters.ts";
import { contactTime } from "../queries/balance.ts";
import type { Views } from "../projections/views.ts";
import type { Instants } from "../queries/query.ts";
import { keepingOutcomes, rounded } from "../queries/reading.ts";
import { contactEvidence, trustOptions, trustOver } from "../queries/trust.ts";

/** A tree of plain values, by projection. Nothing where there is no such account. */
export type Figures = Record<string, unknown>;

/** Figures, and for some of them (by their path) why they are so. */
export type Explained = { figures: Figures; reasons: ReadonlyMap<string, string> };

export const nothingYet: Explained = { figures: {}, reasons: new Map() };

/**
 * The figures of an account. Rows are read when they may have changed, and looked at as often as time has passed. What the last
 * reading settled is settled anew only where its rows have changed.
 */
export class AccountFigures {
  readonly #account: AccountId;
  #promises = new Map<string, Settled>();
  #rows: { print: string; rows: readonly OccurrenceRow[] } = { print: "", rows: [] };
  #held: Held | undefined;

  constructor(account: AccountId) {
    this.#account = account;
  }

  /** Takes what these views hold now. */
  read(views: Views): this {
    this.#held = views.snapshot(() => this.#read(views));
    return this;
  }

  #read(views: Views): Held | undefined {
    const account = views.get<AccountRow>(`SELECT status, owner, time_zone, tags FROM accounts WHERE id = ?`, [this.#account]);
    if (account === undefined) return undefined;
    this.#settle(views);
    const policy = policyInForce(views);
    return {
      ...{ account, views, policy },
      outcomes: Map.groupBy(this.#rows.rows, ({ direction }) => direction),
      options: trustOptions(views, policy),
      evidence: byDirection((direction) => contactEvidence(views, this.#account, direction, policy)),
      contacts: contactsOf(views, this.#account, policy),
      balance: balanceOf(views, policy, this.#account),
      business: businessOf(views, this.#account),
    };
  }

  /** What was read last, at two instants. */
  at(instants: Instants): Explained {
    if (this.#held === undefined) return nothingYet;
    const { account, views, outcomes, options, evidence, balance, business } = this.#held;
    const { promises, reasons } = promisesOf(this.#promises, instants);
    const figures = {
      account: { status: account.status, owner: account.owner, timeZone: account.time_zone, tags: account.tags },
      promises,
      keeping: byDirection((direction) => keepingOf(keepingRate(keepingOutcomes(outcomes.get(direction) ?? [], instants)))),
      trust: byDirection((direction) =>
        trustOf(trustOver(outcomes.get(direction) ?? [], options, instants, evidence[direction])),
      ),
      dormancy: views.snapshot(() => dormancyFigures(this.#held!, this.#account, instants)),
      balance,
      outcomes: business,
    };
    return { figures, reasons };
  }

  /** The rows of a promise's occurrences say all that follows from its settlement: the same rows, the same settlement. */
  #settle(views: Views): void {
    const policy = policyInForce(views);
    const read = evidenceReader(views);
    const prints = new Map(
      views
        .all<{ promise: string; print: string }>(
          `SELECT promise, group_concat(print) AS print FROM occurrences WHERE account = ? GROUP BY promise`,
          [this.#account],
        )
        .map(({ promise, print }) => [promise, print]),
    );
    const settled = new Map<string, Settled>();
    for (const row of views.all<PromiseRow>(`${selectPromise} WHERE account = ? ORDER BY position`, [this.#account])) {
      const agreed = row.agreement === null ? "" : agreedAt(views, row.agreement);
      const print = `${row.facts} ${agreed} ${prints.get(row.id) ?? ""}`;
      const before = this.#promises.get(row.id);
      settled.set(row.id, before?.print === print ? before : settledNow(print, inputOf(views, row, policy, read)));
    }
    this.#promises = settled;
    const whole = [...prints.values()].join();
    if (whole !== this.#rows.print) this.#rows = { print: whole, rows: rowsOf(views, this.#account) };
  }
}

/** What an account's figures rest on, but for promises. */
type Held = {
  account: AccountRow;
  views: Views;
  policy: Policy;
  outcomes: ReadonlyMap<string, readonly OccurrenceRow[]>;
  options: TrustOptions;
  evidence: Record<PromiseDirection, readonly TrustOutcome[]>;
  contacts: readonly Instant[];
  balance: Record<string, unknown>;
  business: Record<string, number>;
};

type Settled = { print: string; input: AssessmentInput; settlement: Settlement };

const settledNow = (print: string, input: AssessmentInput): Settled => ({ print, input, settlement: settle(input) });

const agreedAt = (views: Views, agreement: string): string =>
  views.get<{ made_at: string }>(`SELECT made_at FROM agreements WHERE id = ?`, [agreement])?.made_at ?? "";

type AccountRow = { status: string; owner: string | null; time_zone: string; tags: string };

const byDirection = <Value>(of: (direction: PromiseDirection) => Value): Record<PromiseDirection, Value> => ({
  given: of("given"),
  received: of("received"),
});

const rowsOf = (views: Views, account: string): OccurrenceRow[] =>
  views.all<OccurrenceRow>(`SELECT * FROM occurrences WHERE account = ? ORDER BY at, position, occurrence`, [account]);

function promisesOf(settled: ReadonlyMap<string, Settled>, { asOf, knownAt }: Instants) {
  const reasons = new Map<string, string>();
  const promises: Record<string, unknown> = {};
  for (const [id, { input, settlement }] of settled) {
    const { state, isDisputed, occurrences } = read(input, settlement, asOf, knownAt);
    const standings: Record<string, string> = {};
    for (const { number, standing, outcome } of occurrences) {
      // A series of hundreds has one that stands open.
      if (standing !== "upcoming") standings[number] = standing;
      if (outcome !== null) reasons.set(`promises.${id}.occurrences.${number}`, [outcome.reason, ...outcome.evidence].join(" "));
    }
    const { direction, promisor } = input.promise;
    promises[id] = { state, direction, promisor, isDisputed, occurrences: standings };
  }
  return { promises, reasons };
}

function keepingOf({ counts, excluded, pending, lateAsKept }: KeepingRate) {
  const left = Object.values(excluded).reduce((sum, count) => sum + count, 0);
  return { ...counts, excluded: left, pending, rate: lateAsKept === null ? null : rounded(lateAsKept.rate) };
}

const trustOf = ({ score, band }: ReturnType<typeof trustOver>) => ({ score, low: band.low, high: band.high });

function dormancyFigures({ views, contacts, policy }: Held, account: AccountId, { asOf }: Instants) {
  const dormancy = dormancyOf(views, account, contacts, asOf, policy, aliveModelOf(views));
  const { state, decidedBy, coolingAt, dormantAt, lastContactAt } = dormancy;
  return { state, decidedBy, coolingAt, dormantAt, contacts: dormancy.contacts, lastContactAt };
}

function balanceOf(views: Views, policy: Policy, account: string) {
  const { interactions, minutes, sellingMinutes, sellingShare } = contactTime(views, policy, { account });
  return { interactions, minutes, sellingMinutes, sellingShare };
}

const businessOf = (views: Views, account: string): Record<string, number> =>
  Object.fromEntries(
    views
      .all<{ kind: string; count: number }>(
        `SELECT kind, count(*) AS count FROM business_outcomes WHERE account = ? AND is_retracted = 0 GROUP BY kind ORDER BY kind`,
        [account],
      )
      .map(({ kind, count }) => [kind, count]),
  );
