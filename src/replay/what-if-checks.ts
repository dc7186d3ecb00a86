/** What a schema alone can't say of a question: whether what it names is there. */
import { DomainError } from "../domain/errors.ts";
import { checkPolicy } from "../domain/policy.ts";
import { isAccount, isPerson } from "../domain/values.ts";
import type { Views } from "../projections/views.ts";
import type { ReadingDesk } from "../queries/query.ts";
import { VantageError, vantageOf } from "../queries/vantage.ts";
import type { Known, WhatIfRequest, WhatIfSlice } from "./what-if.ts";

/**
 * @param views that have caught up with the log.
 * @returns what `knownAt` means; undefined where it is absent.
 * @throws DomainError naming the field, VantageError.
 */
export function checkWhatIf(
  { views, times, log, now }: Pick<ReadingDesk, "views" | "times" | "log" | "now">,
  { policy, slice, knownAt }: WhatIfRequest,
): Known | undefined {
  checkPolicy(policy, "/policy");
  checkSlice(views, slice);
  if (knownAt === undefined) return undefined;
  try {
    return vantageOf({ knownAt: String(knownAt) }, times, log.head(), now());
  } catch (error) {
    throw error instanceof VantageError ? new VantageError(error.code, error.field, error.message, "body") : error;
  }
}

function checkSlice(views: Views, slice: WhatIfSlice): void {
  const { accounts = [], owner, promisor, team } = slice;
  accounts.forEach((account, index) => requireRow(views, "accounts", account, `/slice/accounts/${index}`));
  if (owner !== undefined) requireRow(views, "people", owner, "/slice/owner");
  if (promisor !== undefined && isPerson(promisor)) requireRow(views, "people", promisor, "/slice/promisor");
  if (promisor !== undefined && isAccount(promisor)) requireRow(views, "accounts", promisor, "/slice/promisor");
  if (team !== undefined && views.get(`SELECT 1 FROM people WHERE team = ? LIMIT 1`, [team]) === undefined)
    throw new DomainError("team-not-found", `nobody is in a team ${team}`, "/slice/team");
}

function requireRow(views: Views, table: "accounts" | "people", id: string, field: string): void {
  if (views.get(`SELECT 1 FROM ${table} WHERE id = ?`, [id]) !== undefined) return;
  const [code, what] =
    table === "accounts" ? (["account-not-found", "account"] as const) : (["person-not-found", "person"] as const);
  throw new DomainError(code, `there is no ${what} ${id}`, field);
}
