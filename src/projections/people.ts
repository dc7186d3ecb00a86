/** People as they stand, with the places they held: the team of an outcome is the team of that time. */
import type { Recorded } from "../domain/decider.ts";
import { person, type PersonEvent, type PersonState } from "../domain/person.ts";
import type { LedgerEvent } from "../ledger/envelope.ts";
import { defineProjection, idOf, sealedPositions } from "./projection.ts";
import { type Row, streamRows } from "./stream-rows.ts";

const columns = ["id", "account", "team", "status", "left_at", "places", "sealed", "revision", "position"] as const;
type PersonRow = Row<(typeof columns)[number]>;
type KnownPerson = Exclude<PersonState, { status: "none" }>;

export const personRows = streamRows("people", columns, {
  PersonAdded: told,
  PersonChanged: told,
  PersonMoved: told,
  PersonLeft: told,
});

/** The domain's own fold says where a person is: a move that is told late changes where it was. */
function told(before: PersonRow | undefined, event: LedgerEvent): PersonRow {
  const state = before === undefined ? person.initialState : stateOf(before);
  const { account, team, status, leftAt, places } = person.evolve(state, event as Recorded<PersonEvent>) as KnownPerson;
  return {
    id: idOf(event),
    account: account ?? null,
    team: team ?? null,
    status,
    left_at: leftAt ?? null,
    places: JSON.stringify(places),
    sealed: sealedPositions(before?.sealed as string | undefined, event),
    revision: event.revision,
    position: before?.position ?? event.position,
  };
}

const stateOf = ({ account, team, status, left_at, places }: PersonRow): KnownPerson =>
  ({
    account: account ?? undefined,
    team: team ?? undefined,
    status,
    leftAt: left_at ?? undefined,
    places: JSON.parse(places as string) as unknown,
  }) as KnownPerson;

export const people = defineProjection({
  name: "people",
  version: 2,
  schema: `
    CREATE TABLE people (
      id TEXT PRIMARY KEY, account TEXT, team TEXT, status TEXT NOT NULL, left_at TEXT, places TEXT NOT NULL,
      sealed TEXT NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX people_by_account ON people (account, id);`,
  on: personRows.handlers,
});
