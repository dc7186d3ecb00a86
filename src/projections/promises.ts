/** Promises: what has been said of each, and what that settles. `assess` judges; this keeps its settlements, so that no list needs a sweep. */
import { concerns } from "../domain/assess/matching.ts";
import { settle } from "../domain/assess/settle.ts";
import { attestedDigest } from "../domain/attestation.ts";
import type { Recorded } from "../domain/decider.ts";
import type { Interaction } from "../domain/interaction.ts";
import type { PromiseEvent, VerdictEvent } from "../domain/promise/events.ts";
import type { MadePromise, PromiseFacts } from "../domain/promise/facts.ts";
import { promise } from "../domain/promise/promise.ts";
import type { PromiseId } from "../domain/values.ts";
import { evidenceReader, inputOf, type PromiseRow, selectPromise } from "./assessment-input.ts";
import { writeOccurrences } from "./occurrences.ts";
import { policyInForce } from "./parameters.ts";
import { defineProjection, type EventFor, idOf, sealedPositions, type Tables, type Touched } from "./projection.ts";
import { writeUnattested } from "./unattested.ts";

type Said = Exclude<PromiseEvent["type"], VerdictEvent["type"] | "PromiseMade">;

const factsOfRow = `SELECT facts, sealed FROM promises WHERE id = ?`;

export const promises = defineProjection({
  name: "promises",
  version: 4,
  schema: `
    CREATE TABLE promises (
      id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, promisor TEXT NOT NULL, promisee TEXT NOT NULL, direction TEXT NOT NULL,
      kind TEXT NOT NULL, status TEXT NOT NULL, made_at TEXT NOT NULL, agreement TEXT, recording TEXT, listens INTEGER NOT NULL,
      facts TEXT NOT NULL, sealed TEXT NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL,
      PRIMARY KEY (account, position)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX promises_by_promisor ON promises (promisor, position);
    CREATE INDEX promises_by_promisee ON promises (promisee, position);
    CREATE INDEX promises_by_position ON promises (position);
    CREATE INDEX promises_by_recording ON promises (recording) WHERE recording IS NOT NULL;
    CREATE INDEX promises_by_agreement ON promises (agreement) WHERE agreement IS NOT NULL;

    CREATE TABLE agreements (id TEXT PRIMARY KEY, account TEXT NOT NULL, promises TEXT NOT NULL, made_at TEXT NOT NULL, sealed TEXT NOT NULL, position INTEGER NOT NULL) STRICT, WITHOUT ROWID;

    -- One row an occurrence; occurrence 0 is the promise as a whole, where it never came to bind.
    -- by_clock: the verdict holds once deadline_at and settles_at have passed, unless something else is recorded before.
    CREATE TABLE occurrences (
      promise TEXT NOT NULL, occurrence INTEGER NOT NULL, account TEXT NOT NULL, promisor TEXT NOT NULL, promisee TEXT NOT NULL,
      direction TEXT NOT NULL, kind TEXT NOT NULL, weight REAL NOT NULL, form TEXT NOT NULL, date TEXT, opens_at TEXT, due_at TEXT, deadline_at TEXT,
      by_clock INTEGER NOT NULL, verdict TEXT, at TEXT, settles_at TEXT, lateness_ms INTEGER, credit REAL, reason TEXT, evidence TEXT NOT NULL,
      recording_delay_ms INTEGER, if_upheld TEXT, claimed_late TEXT, flags TEXT NOT NULL, position INTEGER NOT NULL, print INTEGER NOT NULL,
      PRIMARY KEY (account, promise, occurrence)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX occurrences_by_deadline ON occurrences (account, deadline_at) WHERE by_clock = 1;
    CREATE INDEX occurrences_by_promisor ON occurrences (promisor, at);
    CREATE INDEX occurrences_unsettled ON occurrences (settles_at, due_at) WHERE by_clock = 1;

    CREATE TABLE attestations (promise TEXT NOT NULL, occurrence INTEGER NOT NULL, digest TEXT NOT NULL, as_of TEXT NOT NULL, PRIMARY KEY (promise, occurrence)) STRICT, WITHOUT ROWID;
    -- From when on the keeper has something to put on record of a promise. No row where there is nothing, or a load is open.
    CREATE TABLE unattested (promise TEXT PRIMARY KEY, ready_at TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX unattested_ready ON unattested (ready_at);`,
  on: {
    PromiseMade: (tables, event, touched) => {
      const facts = promise.evolve(promise.initialState, event) as MadePromise;
      const { account, promisor, promisee, direction, kind, agreement, recording } = event.data;
      tables.run(`INSERT INTO promises VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, [
        idOf(event),
        account,
        promisor,
        promisee,
        direction,
        kind,
        facts.status,
        facts.madeAt,
        agreement ?? null,
        recording ?? null,
        listens(facts),
        JSON.stringify(facts),
        sealedPositions(undefined, event),
        event.revision,
        event.position,
      ]);
      touched.promises.add(idOf<PromiseId>(event));
    },
    AgreementMade: (tables, event, touched) => {
      const { account, promises } = event.data;
      tables.run(`INSERT INTO agreements VALUES (?, ?, ?, ?, ?, ?)`, [
        idOf(event),
        account,
        JSON.stringify(promises),
        event.occurredAt,
        sealedPositions(undefined, event),
        event.position,
      ]);
      for (const id of promises) touched.promises.add(id);
    },
    ...onEach(
      [
        "PromiseAccepted",
        "PromiseDeclined",
        "PromiseCountered",
        "PromiseWithdrawn",
        "PromiseConditionMet",
        "ChangeProposed",
        "ChangeAccepted",
        "ChangeDeclined",
        "ChangeWithdrawn",
        "PromiseSuspended",
        "PromiseResumed",
        "PromiseReleased",
        "OccurrenceWaived",
        "KeepingClaimed",
        "PromiseConfirmed",
        "PromiseReneged",
        "VerdictContested",
        "ContestWithdrawn",
        "ContestConceded",
        "DisputeRuled",
      ] as const satisfies readonly Said[],
      said,
    ),
    ...onEach(
      ["PromiseKept", "PromiseBroken", "PromiseConditionLapsed", "VerdictWithdrawn", "PromiseConcluded"] as const,
      attested,
    ),
  },
  settle(tables, touched) {
    for (const [id, revision] of touched.revisions)
      tables.run(`UPDATE promises SET revision = ? WHERE id = ? AND revision < ?`, [revision, id, revision]);
    const policy = policyInForce(tables);
    const read = evidenceReader(tables);
    for (const row of promisesToJudge(tables, touched)) {
      const input = inputOf(tables, row, policy, read);
      const settlement = settle(input);
      writeOccurrences(tables, row, settlement, input.promise);
      writeUnattested(tables, row.id, settlement, input);
      touched.accounts.add(row.account);
    }
  },
});

/** Account by account, so that an account's interactions are read once for all of its promises. */
function* promisesToJudge(tables: Tables, touched: Touched): Generator<PromiseRow> {
  if (touched.everyPromise) {
    for (const { account } of tables.all<{ account: string }>(`SELECT DISTINCT account FROM promises`))
      yield* tables.all<PromiseRow>(`${selectPromise} WHERE account = ?`, [account]);
    return;
  }
  for (const [account, evidence] of touched.evidence) {
    for (const row of tables.all<PromiseRow>(`${selectPromise} WHERE account = ? AND listens = 1`, [account])) {
      const isConcerned = touched.promises.delete(row.id) || evidence === "any" || isAnyConcern(evidence, row);
      if (isConcerned) yield row;
    }
  }
  for (const id of touched.promises) yield* tables.all<PromiseRow>(`${selectPromise} WHERE id = ?`, [id]);
}

function isAnyConcern(evidence: readonly Interaction[], { facts }: PromiseRow): boolean {
  const made = JSON.parse(facts) as MadePromise;
  return evidence.some((interaction) => concerns(interaction, made));
}

function onEach<Type extends string, Handler>(types: readonly Type[], handler: Handler): Record<Type, Handler> {
  return Object.fromEntries(types.map((type) => [type, handler])) as Record<Type, Handler>;
}

function said(tables: Tables, event: EventFor<Said>, touched: Touched): void {
  const row = tables.get<{ facts: string; sealed: string }>(factsOfRow, [idOf(event)])!;
  const facts = promise.evolve(JSON.parse(row.facts) as PromiseFacts, event as Recorded<PromiseEvent>) as MadePromise;
  tables.run(`UPDATE promises SET promisor = ?, status = ?, listens = ?, facts = ?, sealed = ?, revision = ? WHERE id = ?`, [
    facts.promisor,
    facts.status,
    listens(facts),
    JSON.stringify(facts),
    sealedPositions(row.sealed, event),
    event.revision,
    idOf(event),
  ]);
  touched.promises.add(idOf<PromiseId>(event));
}

/** Whether interactions can change what holds of it. */
export const listens = (facts: MadePromise): number => Number(facts.occurrences.some(({ matcher }) => matcher !== undefined));

/** Occurrence 0 stands for the promise as a whole. */
function attested(tables: Tables, event: EventFor<VerdictEvent["type"]>, touched: Touched): void {
  const occurrence = "occurrence" in event.data ? event.data.occurrence : 0;
  tables.run(`INSERT OR REPLACE INTO attestations VALUES (?, ?, ?, ?)`, [
    idOf(event),
    occurrence,
    attestedDigest(event),
    event.data.basis.asOf,
  ]);
  touched.revisions.set(idOf<PromiseId>(event), event.revision);
  touched.promises.add(idOf<PromiseId>(event));
}
