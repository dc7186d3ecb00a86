/** Settlements as rows: one an occurrence, written only where it changed. */
import type { OccurrenceSettlement, Settlement } from "../domain/assess/settle.ts";
import type { MadePromise } from "../domain/promise/facts.ts";
import type { PromiseRow } from "./assessment-input.ts";
import type { Tables } from "./projection.ts";

export function writeOccurrences(
  tables: Tables,
  { id, account, position }: PromiseRow,
  settlement: Settlement,
  facts: MadePromise,
): void {
  const before = new Map(
    tables
      .all<{ occurrence: number; print: number }>(`SELECT occurrence, print FROM occurrences WHERE account = ? AND promise = ?`, [
        account,
        id,
      ])
      .map(({ occurrence, print }) => [occurrence, print]),
  );
  for (const row of occurrenceRows(id, settlement, facts, position)) {
    const values = occurrenceValues(row);
    const print = printOf(JSON.stringify(values));
    if (before.get(row.occurrence) !== print) tables.run(writeRow, [...values, print]);
    before.delete(row.occurrence);
  }
  for (const gone of before.keys())
    tables.run(`DELETE FROM occurrences WHERE account = ? AND promise = ? AND occurrence = ?`, [account, id, gone]);
}

/** 53 bits of what a row says that tell it from another of the same occurrence, so that unchanged rows need neither be read nor written. FNV-1a, twice. */
export function printOf(text: string): number {
  let low = 0x811c9dc5;
  let high = 0x1b873593;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca6b);
  }
  return (high >>> 11) * 4_294_967_296 + (low >>> 0);
}

export type OccurrenceRow = {
  promise: string;
  occurrence: number;
  account: string;
  promisor: string;
  promisee: string;
  direction: string;
  kind: string;
  weight: number;
  form: string;
  date: string | null;
  opens_at: string | null;
  due_at: string | null;
  deadline_at: string | null;
  by_clock: number;
  verdict: string | null;
  at: string | null;
  settles_at: string | null;
  lateness_ms: number | null;
  credit: number | null;
  reason: string | null;
  evidence: string;
  recording_delay_ms: number | null;
  if_upheld: string | null;
  claimed_late: string | null;
  flags: string;
  position: number;
};

const occurrenceColumnNames = [
  "promise",
  "occurrence",
  "account",
  "promisor",
  "promisee",
  "direction",
  "kind",
  "weight",
  "form",
  "date",
  "opens_at",
  "due_at",
  "deadline_at",
  "by_clock",
  "verdict",
  "at",
  "settles_at",
  "lateness_ms",
  "credit",
  "reason",
  "evidence",
  "recording_delay_ms",
  "if_upheld",
  "claimed_late",
  "flags",
  "position",
] as const satisfies readonly (keyof OccurrenceRow)[];
const writeRow = `INSERT OR REPLACE INTO occurrences VALUES (${[...occurrenceColumnNames, "print"].map(() => "?").join(", ")})`;

/** What a settlement says of one occurrence, and the columns of its row, made when they are wanted. Occurrence 0 is the promise as a whole. */
export type Settled = { occurrence: number; said: object; columns(): OccurrenceColumns };

export function settledIn({ exclusion, occurrences }: Settlement): Settled[] {
  const settled = occurrences.map((one): Settled => ({
    occurrence: one.number,
    said: one,
    columns: () => occurrenceColumns(one),
  }));
  if (exclusion === undefined) return settled;
  return [{ occurrence: 0, said: exclusion, columns: () => exclusionColumns(exclusion) }, ...settled];
}

type Common = "promise" | "account" | "promisee" | "direction" | "kind" | "weight" | "position";
/** Without a promisor of its own an occurrence counts to whoever is the promise's. */
type OccurrenceColumns = Omit<OccurrenceRow, Common | "promisor"> & { promisor?: string };

/** @param position of the promise in the log. */
export function occurrenceRow(id: string, columns: OccurrenceColumns, facts: MadePromise, position: number): OccurrenceRow {
  const { account, promisor, promisee, direction, kind, weight } = facts;
  return { promise: id, account, promisor, promisee, direction, kind, weight, position, ...columns };
}

export const occurrenceRows = (id: string, settlement: Settlement, facts: MadePromise, position: number): OccurrenceRow[] =>
  settledIn(settlement).map(({ columns }) => occurrenceRow(id, columns(), facts, position));

/** In the order of the columns, without the print. */
export const occurrenceValues = (row: OccurrenceRow): (string | number | null)[] =>
  occurrenceColumnNames.map((column) => row[column]);

function occurrenceColumns(one: OccurrenceSettlement): OccurrenceColumns {
  const said = one.finding ?? one.clock;
  return {
    occurrence: one.number,
    promisor: one.promisor,
    form: one.kind,
    date: one.date ?? null,
    opens_at: one.opensAt ?? null,
    due_at: one.dueAt ?? null,
    deadline_at: one.deadlineAt ?? null,
    by_clock: Number(one.finding === null && one.clock !== null),
    verdict: said?.verdict ?? null,
    at: said?.at ?? null,
    settles_at: one.finding === null ? (one.clock?.settlesAt ?? null) : null,
    lateness_ms: said?.latenessMs ?? null,
    credit: said?.credit ?? null,
    reason: said?.reason ?? null,
    evidence: JSON.stringify(said?.evidence ?? []),
    recording_delay_ms: said?.recordingDelayMs ?? null,
    if_upheld: one.openDispute === undefined ? null : JSON.stringify(one.openDispute),
    claimed_late: one.claimedLate === undefined ? null : JSON.stringify(one.claimedLate),
    flags: JSON.stringify(one.flags),
  };
}

/** A promise that never came to bind leaves one excluded outcome. Where the clock says so, it waits as for any deadline. */
function exclusionColumns({ verdict, at, settlesAt }: NonNullable<Settlement["exclusion"]>): OccurrenceColumns {
  const byClock = verdict === "offer-lapsed" || verdict === "condition-lapsed";
  const nothing = {
    date: null,
    opens_at: null,
    due_at: null,
    lateness_ms: null,
    credit: null,
    recording_delay_ms: null,
    if_upheld: null,
    claimed_late: null,
  };
  return {
    ...nothing,
    occurrence: 0,
    form: "whole",
    deadline_at: byClock ? at : null,
    by_clock: Number(byClock),
    verdict,
    at,
    settles_at: byClock ? settlesAt : null,
    reason: verdict,
    evidence: "[]",
    flags: "[]",
  };
}
