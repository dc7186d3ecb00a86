/** Interactions as they stand, corrected and retracted ones marked. Evidence for promises, and contact for dormancy. */
import type { SQLInputValue } from "node:sqlite";
import { type Interaction, interaction, type InteractionState, type InteractionVersion } from "../domain/interaction.ts";
import type { AccountId, InteractionId } from "../domain/values.ts";
import { defineProjection, type EventFor, idOf, sealedPositions, type Tables, type Touched } from "./projection.ts";
import type { Views } from "./views.ts";

const factColumns =
  "id, account, started_at, kind, purpose, direction, channel, minutes, participants, tags, recorded_at, recorded_for, earlier, is_retracted, is_corrected, position";

export type InteractionRow = {
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
const row = `INTO interactions VALUES (${Array(18).fill("?").join(", ")})`;
const insertRow = `INSERT ${row}`;
const replaceRow = `INSERT OR REPLACE ${row}`;

export const interactions = defineProjection({
  name: "interactions",
  version: 2,
  schema: `
    CREATE TABLE interactions (
      id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, started_at TEXT NOT NULL, kind TEXT NOT NULL, purpose TEXT NOT NULL,
      direction TEXT NOT NULL, channel TEXT, minutes INTEGER, participants TEXT NOT NULL, tags TEXT NOT NULL,
      recorded_at TEXT NOT NULL, recorded_for TEXT, earlier TEXT, is_retracted INTEGER NOT NULL, is_corrected INTEGER NOT NULL,
      sealed TEXT NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL,
      -- An account's lie together: nearly all reads are of one account, and ids are random.
      PRIMARY KEY (account, started_at, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE participations (person TEXT NOT NULL, interaction TEXT NOT NULL, PRIMARY KEY (person, interaction)) STRICT, WITHOUT ROWID;`,
  on: {
    InteractionRecorded: (tables, event, touched) => {
      const recorded = recordedBy(event);
      const sealed = event.sealed.length === 0 ? "{}" : sealedPositions(undefined, event);
      tables.run(insertRow, interactionValues(recorded, sealed, event.revision));
      for (const person of recorded.participants) tables.run(participate, [person, recorded.id]);
      touchNew(recorded, touched);
    },
    InteractionCorrected: update,
    InteractionRetracted: update,
  },
});

type Known = Exclude<InteractionState, { status: "none" }>;

export const recordedBy = (event: EventFor<"InteractionRecorded">): Known =>
  interaction.evolve({ status: "none" }, event) as Known;

/** The domain's own fold says what a correction changes. */
export const changedBy = (before: Interaction, event: EventFor<"InteractionCorrected" | "InteractionRetracted">): Known =>
  interaction.evolve({ status: "recorded", ...before }, event) as Known;

/** In the order of the columns. */
export const interactionValues = (one: Interaction, sealed: string, revision: number): SQLInputValue[] => [
  one.id,
  one.account,
  one.startedAt,
  one.kind,
  one.purpose,
  one.direction,
  one.channel ?? null,
  one.minutes ?? null,
  JSON.stringify(one.participants),
  JSON.stringify(one.tags),
  one.recordedAt,
  one.recordedFor ?? null,
  one.earlier === undefined ? null : JSON.stringify(one.earlier.map(inOrder)),
  Number(one.isRetracted),
  Number(one.isCorrected),
  sealed,
  revision,
  one.position,
];

/** Members in one order, whether they come from a row or from an event. */
const inOrder = (version: InteractionVersion): InteractionVersion => ({
  startedAt: version.startedAt,
  kind: version.kind,
  purpose: version.purpose,
  direction: version.direction,
  channel: version.channel,
  minutes: version.minutes,
  participants: version.participants,
  tags: version.tags,
  recordedAt: version.recordedAt,
  recordedFor: version.recordedFor,
});

function update(tables: Tables, event: EventFor<"InteractionCorrected" | "InteractionRetracted">, touched: Touched): void {
  const row = tables.get<InteractionRow>(byId, [idOf(event)])!;
  const next = changedBy(fromRow(row), event);
  tables.run(replaceRow, interactionValues(next, sealedPositions(row.sealed, event), event.revision));
  tables.run(`DELETE FROM participations WHERE interaction = ? AND person IN (SELECT value FROM json_each(?))`, [
    row.id,
    row.participants,
  ]);
  for (const person of next.participants) tables.run(participate, [person, row.id]);
  touched.accounts.add(next.account);
  touched.evidence.set(next.account, "any");
}

/** Contact for dormancy, and evidence for the promises that listen. */
function touchNew(recorded: Known, touched: Touched): void {
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
