/** Accounts as they stand. Names stay sealed: `sealed` says at which position each field's latest value lies. */
import { defineProjection, idOf, sealedPositions } from "./projection.ts";
import { streamRows } from "./stream-rows.ts";

const columns = ["id", "opened_at", "time_zone", "owner", "status", "tags", "sealed", "revision", "position"] as const;

export const accountRows = streamRows("accounts", columns, {
  AccountOpened: (_none, event) => ({
    id: idOf(event),
    opened_at: event.occurredAt,
    time_zone: event.data.timeZone,
    owner: event.data.owner ?? null,
    status: "open",
    tags: JSON.stringify(event.data.tags),
    sealed: sealedPositions(undefined, event),
    revision: event.revision,
    position: event.position,
  }),
  AccountChanged: (before, event) => ({
    ...before,
    time_zone: event.data.timeZone ?? before.time_zone,
    tags: event.data.tags === undefined ? before.tags : JSON.stringify(event.data.tags),
    sealed: sealedPositions(before.sealed as string, event),
    revision: event.revision,
  }),
  AccountAssigned: (before, { data, revision }) => ({ ...before, owner: data.owner, revision }),
  AccountClosed: (before, { revision }) => ({ ...before, status: "closed", revision }),
  AccountReopened: (before, { revision }) => ({ ...before, status: "open", revision }),
});

export const accounts = defineProjection({
  name: "accounts",
  version: 1,
  schema: `
    CREATE TABLE accounts (
      id TEXT PRIMARY KEY, opened_at TEXT NOT NULL, time_zone TEXT NOT NULL, owner TEXT, status TEXT NOT NULL,
      tags TEXT NOT NULL, sealed TEXT NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX accounts_by_owner ON accounts (owner, id);`,
  on: accountRows.handlers,
});
