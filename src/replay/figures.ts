/** All that the projections say of one account at two instants: what a step of its history can change. */
import { read } from "../domain/assess/assess.ts";
import { type AssessmentInput, settle, type Settlement } from "../domain/assess/settle.ts";
import { keepingRate, type KeepingRate } from "../domain/keeping.ts";
import { type AccountId, type PromiseDirection, promiseDirection } from "../domain/values.ts";
import { evidenceReader, inputOf, type PromiseRow, selectPromise } from "../projections/assessment-input.ts";
import { aliveModelOf, contactsOf, dormancyOf } from "../projections/dormancy.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import { policyInForce } from "../projections/parameters.ts";
import { contactTime } from "../queries/balance.ts";
import type { Views } from "../projections/views.ts";
import type { Instants, Reading } from "../queries/query.ts";
import { keepingOutcomes, rounded } from "../queries/reading.ts";
import { trustOptions, trustOver } from "../queries/trust.ts";

type At = Pick<Reading, "views" | "asOf" | "knownAt">;

/** A tree of plain values, by projection. Nothing where there is no such account. */
export type Figures = Record<string, unknown>;

/** Figures, and for some of them (by their path) why they are so. */
export type Explained = { figures: Figures; reasons: ReadonlyMap<string, string> };

export const nothingYet: Explained = { figures: {}, reasons: new Map() };

/** The figures of an account by what these views hold at the time. What the last look settled is settled anew only where its rows have changed. */
export class AccountFigures {
  readonly #views: Views;
  readonly #account: AccountId;
  #promises = new Map<string, Settled>();
  #rows: { print: string; rows: readonly OccurrenceRow[] } = { print: "", rows: [] };

  constructor(views: Views, account: AccountId) {
    this.#views = views;
    this.#account = account;
  }

  at(instants: Instants): Explained {
    return this.#views.snapshot(() => this.#look({ ...instants, views: this.#views }));
  }

  #look(at: At): Explained {
    const { views } = at;
    const row = views.get<AccountRow>(`SELECT status, owner, time_zone, tags FROM accounts WHERE id = ?`, [this.#account]);
    if (row === undefined) return nothingYet;
    this.#settle(views);
    const { promises, reasons } = promisesOf(this.#promises, at);
    const outcomes = Map.groupBy(this.#rows.rows, ({ direction }) => direction);
    const options = trustOptions(views, policyInForce(views));
    const figures = {
      account: { status: row.status, owner: row.owner, timeZone: row.time_zone, tags: row.tags },
      promises,
      keeping: byDirection((direction) => keepingOf(keepingRate(keepingOutcomes(outcomes.get(direction) ?? [], at)))),
      trust: byDirection((direction) => trustOf(trustOver(outcomes.get(direction) ?? [], options, at))),
      dormancy: dormancyFigures(at, this.#account),
      balance: balanceOf(at, this.#account),
      outcomes: businessOf(at, this.#account),
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

export const figuresOf = ({ views, asOf, knownAt }: At, account: AccountId): Explained =>
  new AccountFigures(views, account).at({ asOf, knownAt });

type Settled = { print: string; input: AssessmentInput; settlement: Settlement };

const settledNow = (print: string, input: AssessmentInput): Settled => ({ print, input, settlement: settle(input) });

const agreedAt = (views: Views, agreement: string): string =>
  views.get<{ made_at: string }>(`SELECT made_at FROM agreements WHERE id = ?`, [agreement])?.made_at ?? "";

type AccountRow = { status: string; owner: string | null; time_zone: string; tags: string };

const byDirection = <Value>(of: (direction: PromiseDirection) => Value) =>
  Object.fromEntries(promiseDirection.options.map((direction) => [direction, of(direction)]));

const rowsOf = (views: Views, account: string): OccurrenceRow[] =>
  views.all<OccurrenceRow>(`SELECT * FROM occurrences WHERE account = ? ORDER BY at, position, occurrence`, [account]);

function promisesOf(settled: ReadonlyMap<string, Settled>, { asOf, knownAt }: At) {
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
