/** Somebody of ours, or at an account. Stream: `person-<personId>`. Name and contact details are sealed segments. */
import { z } from "zod";
import { type SealedFields, sealedFields } from "./account.ts";
import type { At, Decider, Draft, EventOf, Recorded } from "./decider.ts";
import { DomainError } from "./errors.ts";
import { type AccountId, accountId, type Instant, type PersonId, type Slug, slug } from "./values.ts";

/** Where a person belongs: to us, in a team, or to an account. */
const place = {
  account: accountId.optional().describe("The account it belongs to; absent for somebody of ours."),
  team: slug.optional(),
};

export const personEvents = {
  PersonAdded: z.strictObject({ ...place, source: slug.optional() }),
  PersonChanged: z.strictObject({}),
  PersonMoved: z.strictObject(place),
  PersonLeft: z.strictObject({}),
};
export type PersonEvent = EventOf<typeof personEvents>;

export type PersonPlace = { account?: AccountId; team?: Slug };
/** Where a person belonged from an instant on. */
type DatedPlace = PersonPlace & { from: Instant };
export type PersonCommand = { id: PersonId } & (
  | ({ type: "AddPerson"; source?: Slug; sealed: SealedFields } & PersonPlace & At)
  | ({ type: "ChangePerson"; sealed: SealedFields } & At)
  | ({ type: "MovePerson" } & PersonPlace & At)
  | ({ type: "LeavePerson" } & At)
);

export type PersonState =
  { status: "none" } | ({ status: "here" | "left"; leftAt?: Instant; places: DatedPlace[] } & PersonPlace);

export const person: Decider<PersonCommand, PersonEvent, PersonState> = { initialState: { status: "none" }, decide, evolve };

function decide(command: PersonCommand, state: PersonState): Draft<PersonEvent>[] {
  if (command.type === "AddPerson") {
    if (state.status !== "none") throw new DomainError("person-exists");
    const { account, team, source } = command;
    return [
      { type: "PersonAdded", data: { account, team, source }, account, personal: sealedFields(command.id, command.sealed) },
    ];
  }
  if (state.status === "none") throw new DomainError("person-not-found");
  if (command.type === "LeavePerson")
    return state.status === "left" ? [] : [{ type: "PersonLeft", data: {}, account: state.account }];
  if (command.type === "MovePerson") {
    const { account, team } = command;
    const before = placeAt(state.places, command.at);
    if (state.status === "here" && before.account === account && before.team === team) return [];
    return [{ type: "PersonMoved", data: { account, team }, account: account ?? state.account }];
  }
  if (state.status === "left") throw new DomainError("person-left");
  if (sealedFields(command.id, command.sealed).length === 0) return [];
  return [{ type: "PersonChanged", data: {}, account: state.account, personal: sealedFields(command.id, command.sealed) }];
}

function evolve(state: PersonState, event: Recorded<PersonEvent>): PersonState {
  switch (event.type) {
    case "PersonAdded":
      return { status: "here", ...placeOf(event.data), places: [{ ...placeOf(event.data), from: event.occurredAt }] };
    case "PersonMoved":
      return state.status === "none" ? state : moved(state, { ...placeOf(event.data), from: event.occurredAt });
    case "PersonLeft":
      return state.status === "none" ? state : { ...state, status: "left", leftAt: event.occurredAt };
    case "PersonChanged":
      return state;
  }
}

/** Moves are dated: one that is told late changes where a person was, not where it is. Moving after having left is a return. */
function moved(state: Exclude<PersonState, { status: "none" }>, place: DatedPlace): PersonState {
  const places = inOrderOfDate([...state.places, place]);
  const isBack = state.leftAt === undefined || state.leftAt <= place.from;
  const { status, leftAt } = isBack ? { status: "here" as const, leftAt: undefined } : state;
  return { status, leftAt, ...placeOf(places.at(-1)!), places };
}

const placeOf = ({ account, team }: PersonPlace): PersonPlace => ({ account, team });

/** Whose side a person is on: ours, or an account's. */
export const isOurs = (state: PersonPlace): boolean => state.account === undefined;

/** The team at an instant; a move counts from its date. Before the first date the first team. */
export const teamAt = (places: readonly DatedPlace[], at: Instant): Slug | undefined => placeAt(places, at).team;

function placeAt(places: readonly DatedPlace[], at: Instant): PersonPlace {
  const ordered = inOrderOfDate(places);
  return ordered.findLast(({ from }) => from <= at) ?? ordered[0] ?? {};
}

export const inOrderOfDate = (places: readonly DatedPlace[]): DatedPlace[] =>
  places.toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
