/** What judgement rests on: policies, fitted models, loads of history. */
import type { dormancyFit } from "../domain/ledger-record.ts";
import { builtInPolicy, type Policy, type PolicyDocument } from "../domain/policy.ts";
import { isEqual } from "../domain/promise/facts.ts";
import type { TrustPrior } from "../domain/trust.ts";
import type { Instant } from "../domain/values.ts";
import type { z } from "zod";
import { defineProjection, type Tables } from "./projection.ts";

export const parameters = defineProjection({
  name: "parameters",
  version: 1,
  schema: `
    CREATE TABLE policies (version INTEGER PRIMARY KEY, document TEXT NOT NULL, recorded_at TEXT NOT NULL, position INTEGER NOT NULL) STRICT;
    CREATE TABLE priors (position INTEGER PRIMARY KEY, cut_off TEXT NOT NULL, mean REAL NOT NULL, fit TEXT NOT NULL) STRICT;
    CREATE TABLE dormancy_models (position INTEGER PRIMARY KEY, cut_off TEXT NOT NULL, fit TEXT NOT NULL) STRICT;
    CREATE TABLE recordings (id TEXT PRIMARY KEY, source TEXT NOT NULL, started_at TEXT NOT NULL, completed_at TEXT, up_to TEXT) STRICT, WITHOUT ROWID;`,
  on: {
    PolicyAdopted: (tables, { data, recordedAt, position }, touched) => {
      const before = policyInForce(tables);
      tables.run(`INSERT INTO policies VALUES (?, ?, ?, ?)`, [data.version, JSON.stringify(data.policy), recordedAt, position]);
      // Everything else of a policy is asked for when an answer is given: to judge a ledger anew takes seconds.
      const isJudgedAnew = !isEqual(before.promises, data.policy.promises);
      if (isJudgedAnew) touched.everyPromise = true;
      if (isJudgedAnew || !isEqual(before.dormancy, data.policy.dormancy)) touched.everyAccount = true;
    },
    PriorFitted: (tables, { data, position }) =>
      tables.run(`INSERT INTO priors VALUES (?, ?, ?, ?)`, [position, data.cutOff, data.mean, JSON.stringify(data)]),
    DormancyModelFitted: (tables, { data, position }, touched) => {
      tables.run(`INSERT INTO dormancy_models VALUES (?, ?, ?)`, [position, data.cutOff, JSON.stringify(data)]);
      touched.everyAccount = true;
    },
    RecordingStarted: (tables, { data, recordedAt }) =>
      tables.run(`INSERT INTO recordings VALUES (?, ?, ?, NULL, NULL)`, [data.recording, data.source, recordedAt]),
    RecordingCompleted: (tables, { data, recordedAt }, touched) => {
      tables.run(`UPDATE recordings SET completed_at = ?, up_to = ? WHERE id = ?`, [recordedAt, data.upTo, data.recording]);
      if (touched.everyPromise) return;
      for (const { id } of tables.all<{ id: never }>(`SELECT id FROM promises WHERE recording = ?`, [data.recording]))
        touched.promises.add(id);
    },
  },
});

type Readable = Pick<Tables, "all" | "get">;

export function policyInForce(tables: Readable): Policy {
  const row = tables.get<{ version: number; document: string }>(
    `SELECT version, document FROM policies ORDER BY version DESC LIMIT 1`,
  );
  return row === undefined ? builtInPolicy : { ...(JSON.parse(row.document) as PolicyDocument), version: row.version };
}

export const priorsOf = (tables: Readable): TrustPrior[] =>
  tables
    .all<{ cut_off: Instant; mean: number }>(`SELECT cut_off, mean FROM priors ORDER BY position`)
    .map(({ cut_off, mean }) => ({ from: cut_off, mean }));

export type DormancyFit = z.infer<typeof dormancyFit>;

export const dormancyModelOf = (tables: Readable): DormancyFit | null => {
  const row = tables.get<{ fit: string }>(`SELECT fit FROM dormancy_models ORDER BY position DESC LIMIT 1`);
  return row === undefined ? null : (JSON.parse(row.fit) as DormancyFit);
};

/** The load that a promise came with; undefined for one that came with none. */
export function recordingOf(
  tables: Readable,
  id: string | null | undefined,
): { completedAt?: Instant; upTo?: Instant } | undefined {
  if (id == null) return undefined;
  const row = tables.get<{ completed_at: Instant | null; up_to: Instant | null }>(
    `SELECT completed_at, up_to FROM recordings WHERE id = ?`,
    [id],
  );
  // A promise that names a load nobody started is held until somebody does.
  return { completedAt: row?.completed_at ?? undefined, upTo: row?.up_to ?? undefined };
}
