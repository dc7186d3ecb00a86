/** API keys, for listing. Whether a key may pass is read from its stream, never from here. */
import { defineProjection, idOf } from "./projection.ts";

export const keys = defineProjection({
  name: "keys",
  version: 1,
  schema: `
    CREATE TABLE keys (id TEXT PRIMARY KEY, label TEXT NOT NULL, scopes TEXT NOT NULL, party TEXT, issued_at TEXT NOT NULL, revoked_at TEXT, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
  on: {
    KeyIssued: (tables, event) => {
      const { label, scopes, party } = event.data;
      tables.run(`INSERT INTO keys VALUES (?, ?, ?, ?, ?, NULL, ?)`, [
        idOf(event),
        label,
        JSON.stringify(scopes),
        party ?? null,
        event.recordedAt,
        event.position,
      ]);
    },
    KeyRevoked: (tables, event) => tables.run(`UPDATE keys SET revoked_at = ? WHERE id = ?`, [event.recordedAt, idOf(event)]),
  },
});
