/** Who has gone quiet: thresholds stored as instants, so that a list at any moment needs no sweep. */
import { type AliveModel, dormancyState, type Dormancy, weekMs } from "../domain/dormancy.ts";
import type { Interaction } from "../domain/interaction.ts";
import type { Policy } from "../domain/policy.ts";
import { type AccountId, endOfTime, type Instant } from "../domain/values.ts";
import { dormancyModelOf, policyInForce } from "./parameters.ts";
import { defineProjection, type Tables } from "./projection.ts";

export const dormancy = defineProjection({
  name: "dormancy",
  version: 1,
  schema: `
    CREATE TABLE dormancy (
      account TEXT PRIMARY KEY, contacts INTEGER NOT NULL, first_contact_at TEXT, last_contact_at TEXT,
      decided_by TEXT NOT NULL, cooling_at TEXT, dormant_at TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX dormancy_by_dormant_at ON dormancy (dormant_at);`,
  on: {
    AccountOpened: (_tables, event, touched) => void touched.accounts.add(event.account!),
  },
  settle(tables, touched) {
    const accounts = touched.everyAccount
      ? tables.all<{ id: AccountId }>(`SELECT id FROM accounts`).map(({ id }) => id)
      : touched.accounts;
    const thresholds = thresholdsOf(tables);
    for (const account of accounts) {
      const row = thresholds(account);
      tables.run(writeRow, [account, ...thresholdColumns.map((column) => row[column])]);
    }
  },
});

export const thresholdColumns = [
  "contacts",
  "first_contact_at",
  "last_contact_at",
  "decided_by",
  "cooling_at",
  "dormant_at",
] as const;
export type Thresholds = Record<(typeof thresholdColumns)[number], string | number | null>;

const writeRow = `INSERT OR REPLACE INTO dormancy VALUES (?, ${thresholdColumns.map(() => "?").join(", ")})`;

/** What tells whether an account has gone quiet, by the policy and the model of the views as they are. */
export function thresholdsOf(tables: Pick<Tables, "all" | "get">): (account: string) => Thresholds {
  const policy = policyInForce(tables);
  const model = aliveModelOf(tables);
  return (account) => {
    const contacts = contactsOf(tables, account, policy);
    // Far past every contact and deadline, thresholds are those of the last contact, whenever a list asks.
    const found = dormancyOf(tables, account, contacts, endOfTime, policy, model);
    return {
      contacts: found.contacts,
      first_contact_at: contacts[0] ?? null,
      last_contact_at: found.lastContactAt,
      decided_by: found.decidedBy,
      cooling_at: found.coolingAt,
      dormant_at: found.dormantAt,
    };
  };
}

export type FittedModel = { model: AliveModel; regularity: number | null } | null;

export function aliveModelOf(tables: Pick<Tables, "all" | "get">): FittedModel {
  const fit = dormancyModelOf(tables);
  if (fit === null) return null;
  const { r, alpha, a, b, unitMs, regularity } = fit;
  return { model: { family: "mbg-nbd", r, alpha: (alpha * unitMs) / weekMs, a, b }, regularity };
}

/** The answer for one account at an instant, with all three answers beside the state. */
export function dormancyOf(
  tables: Pick<Tables, "all" | "get">,
  account: string,
  contacts: readonly Instant[],
  at: Instant,
  policy: Policy,
  fitted: FittedModel,
): Dormancy {
  const last = contacts.findLast((contact) => contact <= at) ?? null;
  const overdueFrom = last === null ? null : overdueAfter(tables, account, last);
  return dormancyState(
    { contacts, at, overdueFrom, model: fitted?.model ?? null, regularity: fitted?.regularity ?? null },
    policy.dormancy,
  );
}

/** The first deadline of a promised contact after the last one that took place. */
export function overdueAfter(tables: Pick<Tables, "get">, account: string, last: Instant): Instant | null {
  const row = tables.get<{ deadline_at: Instant | null }>(
    `SELECT min(deadline_at) AS deadline_at FROM occurrences
     WHERE account = ?1 AND by_clock = 1 AND form <> 'abstain' AND direction = 'given' AND deadline_at > ?2
       AND promise IN (SELECT id FROM promises WHERE account = ?1 AND listens = 1)`,
    [account, last],
  );
  return row?.deadline_at ?? null;
}

type ContactRow = { started_at: Instant; kind: string; direction: string };

/** Instants of the interactions that count as contact under a policy, in order. */
export function contactsOf(tables: Pick<Tables, "all">, account: string, policy: Policy): Instant[] {
  return tables
    .all<ContactRow>(
      `SELECT started_at, kind, direction FROM interactions WHERE account = ? AND is_retracted = 0 ORDER BY started_at`,
      [account],
    )
    .filter((row) => isContact({ kind: row.kind, direction: row.direction } as Interaction, policy))
    .map(({ started_at }) => started_at);
}

export const isContact = ({ kind, direction }: Pick<Interaction, "kind" | "direction">, { dormancy }: Policy): boolean =>
  (dormancy.kinds === undefined || dormancy.kinds.includes(kind)) && (!dormancy.twoWayOnly || direction !== "outbound");
