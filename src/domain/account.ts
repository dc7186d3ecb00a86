/** A company or household that we have a relationship with. Stream: `account-<accountId>`. Its name is a sealed segment of its own. */
import { z } from "zod";
import type { At, Decider, Draft, EventOf, PersonalField } from "./decider.ts";
import { DomainError } from "./errors.ts";
import { type AccountId, type PersonId, personId, type Slug, slug, type SubjectId, timeZone } from "./values.ts";

export const accountEvents = {
  AccountOpened: z.strictObject({ timeZone, owner: personId.optional(), source: slug.optional(), tags: z.array(slug).max(50) }),
  AccountChanged: z.strictObject({ timeZone: timeZone.optional(), tags: z.array(slug).max(50).optional() }),
  AccountAssigned: z.strictObject({ owner: personId.nullable() }),
  AccountClosed: z.strictObject({}),
  AccountReopened: z.strictObject({}),
};
export type AccountEvent = EventOf<typeof accountEvents>;

/** Sealed fields of an account or a person, by name. */
export type SealedFields = Partial<Record<"name" | "email" | "phone" | "note" | "externalId", string>>;

export type AccountCommand =
  | ({ type: "OpenAccount"; timeZone: string; owner?: PersonId; source?: Slug; tags: Slug[]; sealed: SealedFields } & At)
  | ({ type: "ChangeAccount"; timeZone?: string; tags?: Slug[]; sealed: SealedFields } & At)
  | ({ type: "AssignAccount"; owner: PersonId | null } & At)
  | ({ type: "CloseAccount" } & At)
  | ({ type: "ReopenAccount" } & At);

export type AccountState =
  { status: "none" } | { status: "open" | "closed"; timeZone: string; owner: PersonId | null; tags: Slug[] };

export const account: Decider<AccountCommand & { id: AccountId }, AccountEvent, AccountState> = {
  initialState: { status: "none" },
  decide,
  evolve,
};

function decide(command: AccountCommand & { id: AccountId }, state: AccountState): Draft<AccountEvent>[] {
  const about = { account: command.id };
  if (command.type === "OpenAccount") {
    if (state.status !== "none") throw new DomainError("account-exists");
    const { timeZone, owner, source, tags } = command;
    return [
      {
        type: "AccountOpened",
        data: { timeZone, owner, source, tags },
        ...about,
        personal: sealedFields(command.id, command.sealed),
      },
    ];
  }
  if (state.status === "none") throw new DomainError("account-not-found");
  if (command.type === "ReopenAccount") return state.status === "open" ? [] : [{ type: "AccountReopened", data: {}, ...about }];
  if (command.type === "CloseAccount") return state.status === "closed" ? [] : [{ type: "AccountClosed", data: {}, ...about }];
  if (state.status === "closed") throw new DomainError("account-closed");
  if (command.type === "AssignAccount")
    return state.owner === command.owner ? [] : [{ type: "AccountAssigned", data: { owner: command.owner }, ...about }];
  const { timeZone, tags, sealed } = command;
  const isSame =
    (timeZone ?? state.timeZone) === state.timeZone && JSON.stringify(tags ?? state.tags) === JSON.stringify(state.tags);
  if (isSame && sealedFields(command.id, sealed).length === 0) return [];
  return [{ type: "AccountChanged", data: { timeZone, tags }, ...about, personal: sealedFields(command.id, sealed) }];
}

export const sealedFields = (subject: SubjectId, fields: SealedFields): PersonalField[] =>
  Object.entries(fields).flatMap(([field, value]) => (value === undefined ? [] : [{ subject, field, value }]));

function evolve(state: AccountState, event: AccountEvent): AccountState {
  if (event.type === "AccountOpened")
    return { status: "open", timeZone: event.data.timeZone, owner: event.data.owner ?? null, tags: event.data.tags };
  if (state.status === "none") return state;
  switch (event.type) {
    case "AccountChanged":
      return { ...state, timeZone: event.data.timeZone ?? state.timeZone, tags: event.data.tags ?? state.tags };
    case "AccountAssigned":
      return { ...state, owner: event.data.owner };
    case "AccountClosed":
      return { ...state, status: "closed" };
    case "AccountReopened":
      return { ...state, status: "open" };
  }
}
