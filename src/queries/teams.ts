/** Which team somebody was in, and when. */
import { type PersonPlace, teamAt } from "../domain/person.ts";
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
};

export function teamsIn(views: Views): Teams {
  const places = new Map(
    views
      .all<{ id: string; places: string }>(`SELECT id, places FROM people WHERE places LIKE '%"team"%'`)
      .map(({ id, places }) => [id, JSON.parse(places) as DatedPlace[]]),
  );
  return {
    teamOf: (party, at) => teamAt(places.get(party ?? "") ?? [], at ?? ("" as Instant)) ?? null,
    movers: [...places].filter(([, some]) => some.length > 1).map(([id]) => id),
    membersOf: (team) => [...places].filter(([, some]) => some.some((place) => place.team === team)).map(([id]) => id),
  };
}
