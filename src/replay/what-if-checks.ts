/** What a schema alone can't say of a question: whether what it names is there. */
import { DomainError } from "../domain/errors.ts";
import { checkPolicy } from "../domain/policy.ts";
import { isAccount, isPerson } from "../domain/values.ts";
import type { Views } from "../projections/views.ts";
import type { WhatIfRequest } from "./what-if.ts";

/**
 * @param views that have caught up with the log.
 * @param head how many events there are.
 * @throws DomainError naming the field.
 */
export function checkWhatIf(views: Views, head: number, { policy, slice, knownAt }: WhatIfRequest): void {
  checkPolicy(policy, "/policy");
  if (knownAt !== undefined && knownAt > head)
    throw new DomainError("in-the-future", `the log has ${head} events and not ${knownAt} yet`, "/knownAt");
  const { accounts = [], owner, promisor, team } = slice;
  accounts.forEach((account, index) => requireRow(views, "accounts", account, `/slice/accounts/${index}`));
  if (owner !== undefined) requireRow(views, "people", owner, "/slice/owner");
  if (promisor !== undefined && isPerson(promisor)) requireRow(views, "people", promisor, "/slice/promisor");
  if (promisor !== undefined && isAccount(promisor)) requireRow(views, "accounts", promisor, "/slice/promisor");
  if (team !== undefined && views.get(`SELECT 1 FROM people WHERE team = ? LIMIT 1`, [team]) === undefined)
    throw new DomainError("person-not-found", `nobody is in a team ${team}`, "/slice/team");
}

function requireRow(views: Views, table: "accounts" | "people", id: string, field: string): void {
  if (views.get(`SELECT 1 FROM ${table} WHERE id = ?`, [id]) !== undefined) return;
  const [code, what] =
    table === "accounts" ? (["account-not-found", "account"] as const) : (["person-not-found", "person"] as const);
  throw new DomainError(code, `there is no ${what} ${id}`, field);
}
