/** Won, lost, renewed, churned. */
import { defineProjection, idOf, sealedPositions } from "./projection.ts";
import { streamRows } from "./stream-rows.ts";

const columns = ["id", "account", "kind", "value", "currency", "occurred_at", "is_retracted", "sealed", "position"] as const;

export const businessOutcomeRows = streamRows("business_outcomes", columns, {
  OutcomeRecorded: (_none, event) => ({
    id: idOf(event),
    account: event.data.account,
    kind: event.data.kind,
    value: event.data.amount?.value ?? null,
    currency: event.data.amount?.currency ?? null,
    occurred_at: event.occurredAt,
    is_retracted: 0,
    sealed: sealedPositions(undefined, event),
    position: event.position,
  }),
  OutcomeRetracted: (before) => ({ ...before, is_retracted: 1 }),
});

export const businessOutcomes = defineProjection({
  name: "business-outcomes",
  version: 1,
  schema: `
    CREATE TABLE business_outcomes (
      id TEXT PRIMARY KEY, account TEXT NOT NULL, kind TEXT NOT NULL, value TEXT, currency TEXT, occurred_at TEXT NOT NULL,
      is_retracted INTEGER NOT NULL, sealed TEXT NOT NULL, position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX business_outcomes_by_account ON business_outcomes (account, occurred_at);`,
  on: businessOutcomeRows.handlers,
});
