/** Which team somebody was in, and when. */
import { inOrderOfDate, type PersonPlace, teamAt } from "../domain/person.ts";
import type { Instant, Slug } from "../domain/values.ts";
import type { Views } from "../projections/views.ts";

type DatedPlace = PersonPlace & { from: Instant };

export type Teams = {
  /** Of somebody at an instant; without one for those who never moved. Null for parties without a team. */
  teamOf(party: string | null, at: Instant | null): Slug | null;
  /** Those whose team depends on the instant. */
  movers: string[];
  /** Whoever is or was in a team. */
  membersOf(team: string): string[];
  /** What fell due to members of a team while they were in it. */
  within(team: string): Within;
};

/** Whose outcomes are meant, and of whoever moved from when to when: a parameter for `isWithin`. */
export type Within = string & { readonly brand: "Within" };

const withinText = (within: { members: string[]; movers: string[]; spans: [string, string, string][] }): Within =>
  JSON.stringify(within) as Within;

export const ofPerson = (person: string): Within => withinText({ members: [person], movers: [], spans: [] });

/** A condition on occurrences. @param parameter where the text of a `Within` stands, such as `?5`. */
export const isWithin = (parameter: string): string =>
  `promisor IN (SELECT value FROM json_each(${parameter}, '$.members')) AND
   (promisor NOT IN (SELECT value FROM json_each(${parameter}, '$.movers')) OR
    EXISTS (SELECT 1 FROM json_each(${parameter}, '$.spans') AS span WHERE span.value ->> 0 = promisor
      AND coalesce(due_at, at) >= span.value ->> 1 AND coalesce(due_at, at) < span.value ->> 2))`;

export function teamsIn(views: Views): Teams {
  const places = new Map(
    views
      .all<{ id: string; places: string }>(`SELECT id, places FROM people WHERE places LIKE '%"team"%'`)
      .map(({ id, places }) => [id, inOrderOfDate(JSON.parse(places) as DatedPlace[])]),
  );
  const movers = [...places].filter(([, some]) => some.length > 1).map(([id]) => id);
  const membersOf = (team: string) =>
    [...places].filter(([, some]) => some.some((place) => place.team === team)).map(([id]) => id);
  return {
    teamOf: (party, at) => teamAt(places.get(party ?? "") ?? [], at ?? ("" as Instant)) ?? null,
    movers,
    membersOf,
    within(team) {
      const members = membersOf(team);
      const moved = members.filter((id) => places.get(id)!.length > 1);
      return withinText({ members, movers: moved, spans: moved.flatMap((id) => spansOf(id, places.get(id)!, team)) });
    },
  };
}

/** What lies before the first date belongs to the first place. */
const spansOf = (id: string, places: readonly DatedPlace[], team: string): [string, string, string][] =>
  places.flatMap((place, index) =>
    place.team === team ? [[id, index === 0 ? "" : place.from, places[index + 1]?.from ?? "9"]] : [],
  );
