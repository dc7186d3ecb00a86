/** Everything that concerns an account, in the order in which it happened: where to find each event of its history. */
import { eventSchemas, type EventType } from "../domain/catalogue.ts";
import { defineProjection, type EventFor, type Handlers, type Tables } from "./projection.ts";

const record = (tables: Tables, event: EventFor<EventType>) => {
  if (event.account === undefined) return;
  tables.run(`INSERT INTO activity VALUES (?, ?, ?, ?, ?)`, [
    event.account,
    event.occurredAt,
    event.position,
    event.type,
    event.stream,
  ]);
};

export const activity = defineProjection({
  name: "activity",
  version: 1,
  schema: `
    CREATE TABLE activity (
      account TEXT NOT NULL, occurred_at TEXT NOT NULL, position INTEGER NOT NULL, type TEXT NOT NULL, stream TEXT NOT NULL,
      PRIMARY KEY (account, occurred_at, position)
    ) STRICT, WITHOUT ROWID;`,
  on: Object.fromEntries((Object.keys(eventSchemas) as EventType[]).map((type) => [type, record])) as Handlers,
});
