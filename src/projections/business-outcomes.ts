/** Won, lost, renewed, churned. */
import { defineProjection, idOf, sealedPositions } from "./projection.ts";

export const businessOutcomes = defineProjection({
  name: "business-outcomes",
  version: 1,
  schema: `
    CREATE TABLE business_outcomes (
      id TEXT PRIMARY KEY, account TEXT NOT NULL, kind TEXT NOT NULL, value TEXT, currency TEXT, occurred_at TEXT NOT NULL,
      is_retracted INTEGER NOT NULL, sealed TEXT NOT NULL, position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX business_outcomes_by_account ON business_outcomes (account, occurred_at);`,
  on: {
    OutcomeRecorded: (tables, event) => {
      const { account, kind, amount } = event.data;
      const sealed = sealedPositions(undefined, event);
      tables.run(`INSERT INTO business_outcomes VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)`, [
        idOf(event),
        account,
        kind,
        amount?.value ?? null,
        amount?.currency ?? null,
        event.occurredAt,
        sealed,
        event.position,
      ]);
    },
    OutcomeRetracted: (tables, event) => tables.run(`UPDATE business_outcomes SET is_retracted = 1 WHERE id = ?`, [idOf(event)]),
  },
});
