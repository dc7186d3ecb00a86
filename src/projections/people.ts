/** People as they stand, with the places they held: the team of an outcome is the team of that time. */
import type { PersonPlace } from "../domain/person.ts";
import type { Instant } from "../domain/values.ts";
import { defineProjection, idOf, sealedPositions } from "./projection.ts";

const rowOf = `SELECT places, sealed FROM people WHERE id = ?`;
type PersonRow = { places: string; sealed: string };

export const people = defineProjection({
  name: "people",
  version: 1,
  schema: `
    CREATE TABLE people (
      id TEXT PRIMARY KEY, account TEXT, team TEXT, status TEXT NOT NULL, places TEXT NOT NULL,
      sealed TEXT NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX people_by_account ON people (account, id);`,
  on: {
    PersonAdded: (tables, event) =>
      tables.run(`INSERT INTO people VALUES (?, ?, ?, 'here', ?, ?, ?, ?)`, [
        idOf(event),
        event.data.account ?? null,
        event.data.team ?? null,
        JSON.stringify([placeOf(event.data, event.occurredAt)]),
        sealedPositions(undefined, event),
        event.revision,
        event.position,
      ]),
    PersonChanged: (tables, event) => {
      const { sealed } = tables.get<PersonRow>(rowOf, [idOf(event)])!;
      tables.run(`UPDATE people SET sealed = ?, revision = ? WHERE id = ?`, [
        sealedPositions(sealed, event),
        event.revision,
        idOf(event),
      ]);
    },
    PersonMoved: (tables, event) => {
      const { places } = tables.get<PersonRow>(rowOf, [idOf(event)])!;
      const held = [...(JSON.parse(places) as object[]), placeOf(event.data, event.occurredAt)];
      tables.run(`UPDATE people SET account = ?, team = ?, status = 'here', places = ?, revision = ? WHERE id = ?`, [
        event.data.account ?? null,
        event.data.team ?? null,
        JSON.stringify(held),
        event.revision,
        idOf(event),
      ]);
    },
    PersonLeft: (tables, event) =>
      tables.run(`UPDATE people SET status = 'left', revision = ? WHERE id = ?`, [event.revision, idOf(event)]),
  },
});

const placeOf = ({ account, team }: PersonPlace, from: Instant) => ({ account, team, from });
