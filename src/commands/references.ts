/** Checks that what a command refers to is there, and says what it needs to know of it. Each is one stream's state, never a read model. */
import { account, type AccountState } from "../domain/account.ts";
import { DomainError } from "../domain/errors.ts";
import { isOurs, person, type PersonState } from "../domain/person.ts";
import { ledgerRecord } from "../domain/ledger-record.ts";
import { policy } from "../domain/policy.ts";
import {
  type AccountId,
  isAccount,
  isPerson,
  type PartyId,
  type PersonId,
  type PromiseDirection,
  type RecordingId,
  type SubjectId,
} from "../domain/values.ts";
import type { SubjectText } from "../domain/promise/commands.ts";
import type { Awaitable } from "../ledger/ledger.ts";
import { type Desk, type PersonalText, toSubjectText } from "./command.ts";

type There<State> = Exclude<State, { status: "none" }>;

const afterwards = <State, Result>(state: Awaitable<State>, check: (state: State) => Result): Awaitable<Result> =>
  state instanceof Promise ? state.then(check) : check(state);

/** @throws DomainError `account-not-found` naming the field. */
export const requireAccount = (desk: Desk, id: AccountId, field = "/account"): Awaitable<There<AccountState>> =>
  afterwards(desk.ledger.refer(account, `account-${id}`), (state) => {
    if (state.status === "none") throw new DomainError("account-not-found", `there is no account ${id}`, field);
    return state;
  });

/** @throws DomainError `person-not-found` naming the field. */
export const requirePerson = (desk: Desk, id: PersonId, field: string): Awaitable<There<PersonState>> =>
  afterwards(desk.ledger.refer(person, `person-${id}`), (state) => {
    if (state.status === "none") throw new DomainError("person-not-found", `there is no person ${id}`, field);
    return state;
  });

/** @throws DomainError `parties-unfit` for somebody of our own, `person-not-found` or `account-not-found`. */
export async function requireOurs(desk: Desk, id: PersonId, field: string): Promise<void> {
  if (!isOurs(await requirePerson(desk, id, field))) throw new DomainError("parties-unfit", "must be somebody of ours", field);
}

/** @throws DomainError `account-not-found` or `person-not-found` naming the field. */
export async function requireParty(desk: Desk, party: PartyId, field: string): Promise<void> {
  if (isAccount(party)) await requireAccount(desk, party, field);
  if (isPerson(party)) await requirePerson(desk, party, field);
}

/** Which side a party is on: ours, or the account's. A person at another account is on neither. */
export async function sideOf(desk: Desk, party: PartyId, accountId: AccountId, field: string): Promise<"ours" | "theirs"> {
  if (party === "house") return "ours";
  if (isAccount(party)) {
    if (party !== accountId) throw new DomainError("parties-unfit", `${party} is not the account concerned`, field);
    return "theirs";
  }
  const there = await requirePerson(desk, party, field);
  if (isOurs(there)) return "ours";
  if (there.account !== accountId) throw new DomainError("parties-unfit", `${party} belongs to another account`, field);
  return "theirs";
}

/** @throws DomainError `parties-unfit` when both stand on one side: a promise runs between us and the account. */
export async function directionOf(
  desk: Desk,
  accountId: AccountId,
  promisor: PartyId,
  promisee: PartyId,
): Promise<PromiseDirection> {
  const [from, to] = [await sideOf(desk, promisor, accountId, "/promisor"), await sideOf(desk, promisee, accountId, "/promisee")];
  if (from === to) throw new DomainError("parties-unfit", "a promise runs between our side and the account's", "/promisee");
  return from === "ours" ? "given" : "received";
}

/** The one person of the account's side among several, to whom text about them belongs; else the account. */
export async function subjectAmong(desk: Desk, accountId: AccountId, parties: readonly PartyId[]): Promise<SubjectId> {
  const theirs: PersonId[] = [];
  for (const party of parties) {
    if (!isPerson(party)) continue;
    const known = requirePerson(desk, party, "/participants");
    if (!isOurs(known instanceof Promise ? await known : known)) theirs.push(party);
  }
  return theirs.length === 1 ? theirs[0]! : accountId;
}

/** Personal text with its data subject. @throws DomainError `account-not-found` or `person-not-found` for one that is not there. */
export async function subjectText(
  desk: Desk,
  text: PersonalText | undefined,
  fallback: SubjectId,
  field: string,
): Promise<SubjectText | undefined> {
  if (typeof text === "object") await requireParty(desk, text.subject, `${field}/subject`);
  return toSubjectText(text, fallback);
}

/** @throws DomainError `recording-not-found`. */
export async function requireRecording(desk: Desk, id: RecordingId): Promise<void> {
  const { recordings } = await desk.ledger.refer(ledgerRecord, "ledger");
  if (recordings.has(id)) return;
  // Another node may have started it since.
  const { state } = await desk.ledger.load(ledgerRecord, "ledger");
  if (!state.recordings.has(id)) throw new DomainError("recording-not-found", `there is no load of history ${id}`, "/recording");
}

/** Every interaction asks for it, and most ledgers never adopt one. */
export const policyInForce = (desk: Desk) => desk.ledger.refer(policy, "policy-default", { keepsEmpty: true });

/** A policy may close the vocabulary. @throws DomainError `terms-invalid` naming the field. */
export async function requireVocabulary(
  desk: Desk,
  words: { kinds?: readonly string[]; purposes?: readonly string[]; tags?: readonly string[]; channels?: readonly string[] },
): Promise<void> {
  const known = policyInForce(desk);
  const { vocabulary } = known instanceof Promise ? await known : known;
  for (const list of ["kinds", "purposes", "tags", "channels"] as const) {
    const allowed = vocabulary[list] as readonly string[] | undefined;
    const stranger = allowed === undefined ? undefined : words[list]?.find((word) => !allowed.includes(word));
    if (stranger !== undefined)
      throw new DomainError(
        "terms-invalid",
        `\`${stranger}\` is not among the ${list} of the policy`,
        `/${list === "tags" ? "tags" : list.slice(0, -1)}`,
      );
  }
}
