/** People as they stand, with the places they held: the team of an outcome is the team of that time. */
import type { PersonPlace } from "../domain/person.ts";
import type { Instant } from "../domain/values.ts";
import { defineProjection, idOf, sealedPositions } from "./projection.ts";
import { streamRows } from "./stream-rows.ts";

const columns = ["id", "account", "team", "status", "places", "sealed", "revision", "position"] as const;

export const personRows = streamRows("people", columns, {
  PersonAdded: (_none, event) => ({
    id: idOf(event),
    account: event.data.account ?? null,
    team: event.data.team ?? null,
    status: "here",
    places: JSON.stringify([placeOf(event.data, event.occurredAt)]),
    sealed: sealedPositions(undefined, event),
    revision: event.revision,
    position: event.position,
  }),
  PersonChanged: (before, event) => ({
    ...before,
    sealed: sealedPositions(before.sealed as string, event),
    revision: event.revision,
  }),
  PersonMoved: (before, event) => ({
    ...before,
    account: event.data.account ?? null,
    team: event.data.team ?? null,
    status: "here",
    places: JSON.stringify([...(JSON.parse(before.places as string) as object[]), placeOf(event.data, event.occurredAt)]),
    revision: event.revision,
  }),
  PersonLeft: (before, { revision }) => ({ ...before, status: "left", revision }),
});

export const people = defineProjection({
  name: "people",
  version: 1,
  schema: `
    CREATE TABLE people (
      id TEXT PRIMARY KEY, account TEXT, team TEXT, status TEXT NOT NULL, places TEXT NOT NULL,
      sealed TEXT NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX people_by_account ON people (account, id);`,
  on: personRows.handlers,
});

const placeOf = ({ account, team }: PersonPlace, from: Instant) => ({ account, team, from });
