/** Lists across all accounts: who has gone quiet, and what falls due. */
import { z } from "zod";
import { assessOccurrence, standings } from "../domain/assess/assess.ts";
import type { OccurrenceSettlement } from "../domain/assess/settle.ts";
import {
  accountId,
  addMs,
  dayMs,
  type Instant,
  instant,
  partyId,
  personId,
  promiseDirection,
  promiseId,
  slug,
} from "../domain/values.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import { listedState } from "./accounts.ts";
import { decodeCursor, defineQuery, encodeCursor, type Instants, page, pageOf } from "./query.ts";
import { basisOf, outcomeOfRow } from "./reading.ts";

const dormantItem = z.strictObject({
  account: accountId,
  owner: personId.nullable(),
  state: z.enum(["new", "active", "cooling", "dormant"]),
  decidedBy: z.enum(["cadence", "rhythm", "alive", "history"]),
  since: instant.nullable().describe("Since when it is in this state; null for an account never contacted."),
  contacts: z.int(),
  lastContactAt: instant.nullable(),
});

type DormancyRow = {
  account: string;
  owner: string | null;
  contacts: number;
  first_contact_at: string | null;
  last_contact_at: string | null;
  decided_by: string;
  cooling_at: string | null;
  dormant_at: string | null;
};

export const dormancyReport = defineQuery({
  name: "dormancy-report",
  path: "/reports/dormancy",
  tag: "Reports",
  summary: "Accounts by how quiet they have gone, the longest silence first",
  description: "Open accounts alone. The state is read off thresholds that were stored when the account was last contacted.",
  scope: "read",
  isHeavy: true,
  params: z.strictObject({}),
  query: z.strictObject({
    ...page,
    state: z.enum(["new", "active", "cooling", "dormant"]).optional(),
    owner: personId.optional(),
  }),
  answer: pageOf(dormantItem),
  refusals: [],
  run(reading, { query }) {
    const { views, asOf } = reading;
    const [lastContactAt = "", account = ""] = decodeCursor(query.after) ?? [];
    const state = query.state === undefined ? { sql: "TRUE", instants: 0 } : stateConditions[query.state];
    const owner = query.owner === undefined ? [] : [query.owner];
    return views.snapshot(() => {
      const rows = views.all<DormancyRow>(
        `SELECT d.*, a.owner FROM dormancy d JOIN accounts a ON a.id = d.account
         WHERE a.status = 'open' AND (coalesce(d.last_contact_at, ''), d.account) > (?, ?) AND ${state.sql} ${owner.length > 0 ? "AND a.owner = ?" : ""}
         ORDER BY coalesce(d.last_contact_at, ''), d.account LIMIT ?`,
        [lastContactAt, account, ...Array<string>(state.instants).fill(asOf), ...owner, query.limit + 1],
      );
      const shown = rows.slice(0, query.limit);
      const last = shown.at(-1);
      const next =
        rows.length > query.limit && last !== undefined ? encodeCursor([last.last_contact_at ?? "", last.account]) : null;
      return { items: shown.map((row) => itemOf(row, asOf)), next, basis: basisOf(reading) };
    });
  },
});

/** What each state means in terms of the stored thresholds, and how often the instant stands in it. */
const stateConditions = {
  new: { sql: "d.decided_by = 'history'", instants: 0 },
  active: {
    sql: "d.decided_by <> 'history' AND coalesce(d.cooling_at, '9') > ? AND coalesce(d.dormant_at, '9') > ?",
    instants: 2,
  },
  cooling: { sql: "d.decided_by <> 'history' AND d.cooling_at <= ? AND coalesce(d.dormant_at, '9') > ?", instants: 2 },
  dormant: { sql: "d.decided_by <> 'history' AND d.dormant_at <= ?", instants: 1 },
};

function itemOf(row: DormancyRow, asOf: Instant): z.output<typeof dormantItem> {
  const state = listedState(row, asOf);
  const since = { new: row.first_contact_at, active: row.last_contact_at, cooling: row.cooling_at, dormant: row.dormant_at }[
    state
  ];
  return {
    account: row.account,
    owner: row.owner,
    state,
    decidedBy: row.decided_by,
    since,
    contacts: row.contacts,
    lastContactAt: row.last_contact_at,
  } as z.output<typeof dormantItem>;
}

const dueItem = z.strictObject({
  promise: promiseId,
  occurrence: z.int(),
  account: accountId,
  promisor: partyId,
  promisee: partyId,
  direction: promiseDirection,
  kind: slug,
  opensAt: instant.nullable(),
  dueAt: instant,
  deadlineAt: instant,
  settlesAt: instant.nullable(),
  standing: z.enum(standings),
});

export const dueReport = defineQuery({
  name: "due-report",
  path: "/reports/due",
  tag: "Reports",
  summary: "What falls due, and what is overdue, earliest first",
  description: "Abstentions are left out: nothing needs doing for them.",
  scope: "read",
  isHeavy: true,
  params: z.strictObject({}),
  query: z
    .strictObject({
      ...page,
      until: instant.optional().describe("Up to this instant; two weeks from `asOf` where absent."),
      account: accountId.optional(),
      promisor: partyId.optional(),
      direction: promiseDirection.optional(),
    })
    .refine((asked) => !endsBefore(asked), { path: ["until"], error: "must not be earlier than `asOf`" }),
  answer: pageOf(dueItem),
  refusals: [],
  run(reading, { query }) {
    const { views, asOf } = reading;
    const [dueAt = "", promise = "", occurrence = 0] = decodeCursor(query.after) ?? [];
    const filters = (["account", "promisor", "direction"] as const).filter((column) => query[column] !== undefined);
    return views.snapshot(() => {
      const rows = views.all<OccurrenceRow>(
        `SELECT * FROM occurrences WHERE by_clock = 1 AND (settles_at >= ? OR settles_at IS NULL) AND due_at <= ? AND form IN ('once', 'recurring') AND verdict = 'broken'
         AND (due_at, promise, occurrence) > (?, ?, ?) ${filters.map((column) => `AND ${column} = ?`).join(" ")} ORDER BY due_at, promise, occurrence LIMIT ?`,
        [
          // None settles before its deadline, so what has not ended settles no earlier.
          asOf,
          query.until ?? addMs(asOf, 14 * dayMs),
          dueAt,
          promise,
          occurrence,
          ...filters.map((column) => query[column]!),
          query.limit + 1,
        ],
      );
      const shown = rows.slice(0, query.limit);
      const last = shown.at(-1);
      const next =
        rows.length > query.limit && last !== undefined ? encodeCursor([last.due_at!, last.promise, last.occurrence]) : null;
      return {
        items: shown.filter((row) => outcomeOfRow(row, reading) === null).map((row) => dueOf(row, reading)),
        next,
        basis: basisOf(reading),
      };
    });
  },
});

/** Where no `asOf` is asked for, an `until` of just now is behind the clock by the time that it arrives. */
function endsBefore({ until, asOf }: { until?: unknown; asOf?: unknown }): boolean {
  return typeof until === "string" && typeof asOf === "string" && until < asOf;
}

function dueOf(row: OccurrenceRow, { asOf, knownAt }: Instants): z.output<typeof dueItem> {
  const { standing } = assessOccurrence(settlementOf(row), asOf, knownAt);
  return {
    promise: row.promise,
    occurrence: row.occurrence,
    account: row.account,
    promisor: row.promisor,
    promisee: row.promisee,
    direction: row.direction,
    kind: row.kind,
    opensAt: row.opens_at,
    dueAt: row.due_at,
    deadlineAt: row.deadline_at,
    settlesAt: row.settles_at,
    standing,
  } as z.output<typeof dueItem>;
}

/** A stored occurrence on which only the clock has a say, as `assess` takes it. */
const settlementOf = (row: OccurrenceRow): OccurrenceSettlement =>
  ({
    number: row.occurrence,
    kind: row.form,
    opensAt: row.opens_at ?? undefined,
    dueAt: row.due_at ?? undefined,
    deadlineAt: row.deadline_at ?? undefined,
    bindsFrom: row.opens_at ?? undefined,
    promisor: row.promisor,
    finding: null,
    clock: {
      verdict: row.verdict,
      at: row.at,
      latenessMs: 0,
      credit: row.credit,
      reason: row.reason,
      evidence: [],
      settlesAt: row.settles_at,
    },
    flags: [],
  }) as unknown as OccurrenceSettlement;
