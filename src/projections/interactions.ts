/** Interactions as they stand, corrected and retracted ones marked. Evidence for promises, and contact for dormancy. */
import { type Interaction, interaction, type InteractionState } from "../domain/interaction.ts";
import type { AccountId, InteractionId } from "../domain/values.ts";
import { defineProjection, type EventFor, idOf, sealedPositions, type Tables, type Touched } from "./projection.ts";
import type { Views } from "./views.ts";

const factColumns =
  "id, account, started_at, kind, purpose, direction, channel, minutes, participants, tags, recorded_at, recorded_for, earlier, is_retracted, is_corrected, position";

type InteractionRow = {
  id: string;
  account: string;
  started_at: string;
  kind: string;
  purpose: string;
  direction: string;
  channel: string | null;
  minutes: number | null;
  participants: string;
  tags: string;
  recorded_at: string;
  recorded_for: string | null;
  /** What corrections replaced, as JSON; null where none did. */
  earlier: string | null;
  is_retracted: number;
  is_corrected: number;
  sealed: string;
  revision: number;
  position: number;
};

const participate = `INSERT OR IGNORE INTO participations VALUES (?, ?)`;
const byId = `SELECT * FROM interactions WHERE id = ?`;

export const interactions = defineProjection({
  name: "interactions",
  version: 1,
  schema: `
    CREATE TABLE interactions (
      id TEXT PRIMARY KEY, account TEXT NOT NULL, started_at TEXT NOT NULL, kind TEXT NOT NULL, purpose TEXT NOT NULL,
      direction TEXT NOT NULL, channel TEXT, minutes INTEGER, participants TEXT NOT NULL, tags TEXT NOT NULL,
      recorded_at TEXT NOT NULL, recorded_for TEXT, earlier TEXT, is_retracted INTEGER NOT NULL, is_corrected INTEGER NOT NULL,
      sealed TEXT NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX interactions_by_account ON interactions (account, started_at);
    CREATE TABLE participations (person TEXT NOT NULL, interaction TEXT NOT NULL, PRIMARY KEY (person, interaction)) STRICT, WITHOUT ROWID;`,
  on: {
    InteractionRecorded: (tables, event, touched) => {
      const { account, kind, purpose, direction, channel, minutes, participants, tags, startedAt, recordedFor } = event.data;
      tables.run(`INSERT INTO interactions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 0, 0, ?, ?, ?)`, [
        idOf(event),
        account,
        startedAt,
        kind,
        purpose,
        direction,
        channel ?? null,
        minutes ?? null,
        JSON.stringify(participants),
        JSON.stringify(tags),
        event.recordedAt,
        recordedFor ?? null,
        event.sealed.length === 0 ? "{}" : sealedPositions(undefined, event),
        event.revision,
        event.position,
      ]);
      for (const person of participants) tables.run(participate, [person, idOf(event)]);
      touchNew(event, touched);
    },
    InteractionCorrected: update,
    InteractionRetracted: update,
  },
});

/** The domain's own fold says what a correction changes. */
function update(tables: Tables, event: EventFor<"InteractionCorrected" | "InteractionRetracted">, touched: Touched): void {
  const row = tables.get<InteractionRow>(byId, [idOf(event)])!;
  const next = interaction.evolve({ status: "recorded", ...fromRow(row) }, event) as Exclude<
    InteractionState,
    { status: "none" }
  >;
  tables.run(
    `UPDATE interactions SET started_at = ?, kind = ?, purpose = ?, direction = ?, channel = ?, minutes = ?, participants = ?, tags = ?,
       recorded_at = ?, recorded_for = ?, earlier = ?, is_retracted = ?, is_corrected = ?, sealed = ?, revision = ? WHERE id = ?`,
    [
      next.startedAt,
      next.kind,
      next.purpose,
      next.direction,
      next.channel ?? null,
      next.minutes ?? null,
      JSON.stringify(next.participants),
      JSON.stringify(next.tags),
      next.recordedAt,
      next.recordedFor ?? null,
      next.earlier === undefined ? null : JSON.stringify(next.earlier),
      Number(next.isRetracted),
      Number(next.isCorrected),
      sealedPositions(row.sealed, event),
      event.revision,
      row.id,
    ],
  );
  tables.run(`DELETE FROM participations WHERE interaction = ? AND person IN (SELECT value FROM json_each(?))`, [
    row.id,
    row.participants,
  ]);
  for (const person of next.participants) tables.run(participate, [person, row.id]);
  touched.accounts.add(next.account);
  touched.evidence.set(next.account, "any");
}

/** Contact for dormancy, and evidence for the promises that listen. */
function touchNew(event: EventFor<"InteractionRecorded">, touched: Touched): void {
  const recorded = interaction.evolve({ status: "none" }, event) as Exclude<InteractionState, { status: "none" }>;
  const { account } = recorded;
  touched.accounts.add(account);
  if (touched.everyPromise) return;
  const known = touched.evidence.get(account);
  if (known === undefined) touched.evidence.set(account, [recorded]);
  else if (known !== "any") known.push(recorded);
}

export function fromRow(row: InteractionRow): Interaction {
  return {
    id: row.id as InteractionId,
    account: row.account as AccountId,
    startedAt: row.started_at as Interaction["startedAt"],
    kind: row.kind as Interaction["kind"],
    purpose: row.purpose as Interaction["purpose"],
    direction: row.direction as Interaction["direction"],
    channel: (row.channel ?? undefined) as Interaction["channel"],
    minutes: row.minutes ?? undefined,
    participants: JSON.parse(row.participants) as Interaction["participants"],
    tags: JSON.parse(row.tags) as Interaction["tags"],
    recordedAt: row.recorded_at as Interaction["recordedAt"],
    recordedFor: (row.recorded_for ?? undefined) as Interaction["recordedFor"],
    earlier: row.earlier === null ? undefined : (JSON.parse(row.earlier) as Interaction["earlier"]),
    isRetracted: row.is_retracted === 1,
    isCorrected: row.is_corrected === 1,
    position: row.position,
  };
}

/** All of an account's interactions, in order of when they began. */
export const interactionsOf = (views: Pick<Views, "all">, account: string): Interaction[] =>
  views
    .all<InteractionRow>(`SELECT ${factColumns} FROM interactions WHERE account = ? ORDER BY started_at, position`, [account])
    .map(fromRow);

export const interactionById = (
  views: Pick<Views, "get">,
  id: string,
): (Interaction & { sealed: Record<string, number>; revision: number }) | undefined => {
  const row = views.get<InteractionRow>(byId, [id]);
  return row === undefined
    ? undefined
    : { ...fromRow(row), sealed: JSON.parse(row.sealed) as Record<string, number>, revision: row.revision };
};
