/** Accounts as they stand. Names stay sealed: `sealed` says at which position each field's latest value lies. */
import { defineProjection, idOf, sealedPositions } from "./projection.ts";

const sealedOf = `SELECT sealed FROM accounts WHERE id = ?`;

export const accounts = defineProjection({
  name: "accounts",
  version: 1,
  schema: `
    CREATE TABLE accounts (
      id TEXT PRIMARY KEY, opened_at TEXT NOT NULL, time_zone TEXT NOT NULL, owner TEXT, status TEXT NOT NULL,
      tags TEXT NOT NULL, sealed TEXT NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX accounts_by_owner ON accounts (owner, id);`,
  on: {
    AccountOpened: (tables, event) =>
      tables.run(`INSERT INTO accounts VALUES (?, ?, ?, ?, 'open', ?, ?, ?, ?)`, [
        idOf(event),
        event.occurredAt,
        event.data.timeZone,
        event.data.owner ?? null,
        JSON.stringify(event.data.tags),
        sealedPositions(undefined, event),
        event.revision,
        event.position,
      ]),
    AccountChanged: (tables, event) => {
      const { sealed } = tables.get<{ sealed: string }>(sealedOf, [idOf(event)])!;
      tables.run(
        `UPDATE accounts SET time_zone = coalesce(?, time_zone), tags = coalesce(?, tags), sealed = ?, revision = ? WHERE id = ?`,
        [
          event.data.timeZone ?? null,
          event.data.tags === undefined ? null : JSON.stringify(event.data.tags),
          sealedPositions(sealed, event),
          event.revision,
          idOf(event),
        ],
      );
    },
    AccountAssigned: (tables, event) =>
      tables.run(`UPDATE accounts SET owner = ?, revision = ? WHERE id = ?`, [event.data.owner, event.revision, idOf(event)]),
    AccountClosed: (tables, event) =>
      tables.run(`UPDATE accounts SET status = 'closed', revision = ? WHERE id = ?`, [event.revision, idOf(event)]),
    AccountReopened: (tables, event) =>
      tables.run(`UPDATE accounts SET status = 'open', revision = ? WHERE id = ?`, [event.revision, idOf(event)]),
  },
});
