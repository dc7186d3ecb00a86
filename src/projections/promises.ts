/** Promises: what has been said of each, and what that settles. `assess` judges; this keeps its settlements, so that no list needs a sweep. */
import { concerns } from "../domain/assess/matching.ts";
import { type AssessmentInput, type OccurrenceSettlement, settle, type Settlement } from "../domain/assess/settle.ts";
import {
  type Attestation,
  attestedDigest,
  concludedDigest,
  countsOf,
  digestOf,
  holdsFrom,
  lapsedDigest,
  noVerdict,
  worthOf,
} from "../domain/attestation.ts";
import type { Recorded } from "../domain/decider.ts";
import type { Interaction } from "../domain/interaction.ts";
import type { PromiseEvent, VerdictEvent } from "../domain/promise/events.ts";
import { type MadePromise, type PromiseFacts } from "../domain/promise/facts.ts";
import { promise } from "../domain/promise/promise.ts";
import type { AccountId, Instant, PromiseId } from "../domain/values.ts";
import { interactionsOf } from "./interactions.ts";
import { policyInForce, recordingOf } from "./parameters.ts";
import { defineProjection, type EventFor, idOf, sealedPositions, type Tables, type Touched } from "./projection.ts";

type Said = Exclude<PromiseEvent["type"], VerdictEvent["type"] | "PromiseMade">;

const factsOfRow = `SELECT facts, sealed FROM promises WHERE id = ?`;

export const promises = defineProjection({
  name: "promises",
  version: 1,
  schema: `
    CREATE TABLE promises (
      id TEXT PRIMARY KEY, account TEXT NOT NULL, promisor TEXT NOT NULL, promisee TEXT NOT NULL, direction TEXT NOT NULL,
      kind TEXT NOT NULL, status TEXT NOT NULL, made_at TEXT NOT NULL, agreement TEXT, recording TEXT, listens INTEGER NOT NULL,
      facts TEXT NOT NULL, sealed TEXT NOT NULL, revision INTEGER NOT NULL, position INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX promises_by_account ON promises (account, position);
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
      PRIMARY KEY (promise, occurrence)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX occurrences_by_account ON occurrences (account, at);
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
    const policy = policyInForce(tables);
    const read = evidenceReader(tables);
    for (const row of promisesToJudge(tables, touched)) {
      writeSettlement(tables, row, inputOf(tables, row, policy, read));
      touched.accounts.add(row.account);
    }
  },
});

/** A promise as judging needs it. */
type PromiseRow = {
  id: PromiseId;
  account: AccountId;
  agreement: string | null;
  recording: string | null;
  listens: number;
  facts: string;
  position: number;
};
const selectPromise = `SELECT id, account, agreement, recording, listens, facts, position FROM promises`;

/** Account by account, so that an account's interactions are read once for all of its promises. */
function* promisesToJudge(tables: Tables, touched: Touched): Generator<PromiseRow> {
  if (touched.everyPromise) return yield* tables.all<PromiseRow>(`${selectPromise} ORDER BY account`);
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

/** Remembers the interactions of the last account asked for. */
function evidenceReader(tables: Tables): (account: string) => Interaction[] {
  let last: { account: string; interactions: Interaction[] } | undefined;
  return (account) => {
    if (last?.account !== account) last = { account, interactions: interactionsOf(tables, account) };
    return last.interactions;
  };
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
const listens = (facts: MadePromise): number => Number(facts.occurrences.some(({ matcher }) => matcher !== undefined));

/** Occurrence 0 stands for the promise as a whole. */
function attested(tables: Tables, event: EventFor<VerdictEvent["type"]>, touched: Touched): void {
  const occurrence = "occurrence" in event.data ? event.data.occurrence : 0;
  tables.run(`INSERT OR REPLACE INTO attestations VALUES (?, ?, ?, ?)`, [
    idOf(event),
    occurrence,
    attestedDigest(event),
    event.data.basis.asOf,
  ]);
  tables.run(`UPDATE promises SET revision = ? WHERE id = ?`, [event.revision, idOf(event)]);
  touched.promises.add(idOf<PromiseId>(event));
}

/** All that `assess` needs of a promise, at the position of the views. */
export function assessmentInputOf(
  tables: Pick<Tables, "all" | "get">,
  id: string,
  policy: AssessmentInput["policy"],
): AssessmentInput | undefined {
  const row = tables.get<PromiseRow>(`${selectPromise} WHERE id = ?`, [id]);
  return row === undefined ? undefined : inputOf(tables, row, policy, (account) => interactionsOf(tables, account));
}

function inputOf(
  tables: Pick<Tables, "all" | "get">,
  row: PromiseRow,
  policy: AssessmentInput["policy"],
  evidenceOf: (account: string) => Interaction[],
): AssessmentInput {
  const agreement =
    row.agreement === null
      ? undefined
      : tables.get<{ made_at: Instant }>(`SELECT made_at FROM agreements WHERE id = ?`, [row.agreement]);
  return {
    promise: JSON.parse(row.facts) as MadePromise,
    agreementMadeAt: agreement?.made_at,
    interactions: row.listens === 1 ? evidenceOf(row.account) : [],
    recording: recordingOf(tables, row.recording),
    policy,
  };
}

function writeSettlement(tables: Tables, { id, position }: PromiseRow, input: AssessmentInput): void {
  const settlement = settle(input);
  const before = new Map(
    tables
      .all<{ occurrence: number; print: number }>(`SELECT occurrence, print FROM occurrences WHERE promise = ?`, [id])
      .map(({ occurrence, print }) => [occurrence, print]),
  );
  for (const row of rowsOf(id, settlement, input.promise, position)) {
    const values = columns.map((column) => row[column]);
    const print = printOf(values);
    if (before.get(row.occurrence) !== print) tables.run(writeRow, [...values, print]);
    before.delete(row.occurrence);
  }
  for (const gone of before.keys()) tables.run(`DELETE FROM occurrences WHERE promise = ? AND occurrence = ?`, [id, gone]);
  writeUnattested(tables, id, settlement, input);
}

/** 53 bits that tell one row from another of the same occurrence, so that unchanged rows need neither be read nor written. FNV-1a, twice. */
function printOf(values: readonly (string | number | null)[]): number {
  const text = JSON.stringify(values);
  let low = 0x811c9dc5;
  let high = 0x1b873593;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca6b);
  }
  return (high >>> 11) * 4_294_967_296 + (low >>> 0);
}

export type OccurrenceRow = {
  promise: string;
  occurrence: number;
  account: string;
  promisor: string;
  promisee: string;
  direction: string;
  kind: string;
  weight: number;
  form: string;
  date: string | null;
  opens_at: string | null;
  due_at: string | null;
  deadline_at: string | null;
  by_clock: number;
  verdict: string | null;
  at: string | null;
  settles_at: string | null;
  lateness_ms: number | null;
  credit: number | null;
  reason: string | null;
  evidence: string;
  recording_delay_ms: number | null;
  if_upheld: string | null;
  claimed_late: string | null;
  flags: string;
  position: number;
};

const columns = [
  "promise",
  "occurrence",
  "account",
  "promisor",
  "promisee",
  "direction",
  "kind",
  "weight",
  "form",
  "date",
  "opens_at",
  "due_at",
  "deadline_at",
  "by_clock",
  "verdict",
  "at",
  "settles_at",
  "lateness_ms",
  "credit",
  "reason",
  "evidence",
  "recording_delay_ms",
  "if_upheld",
  "claimed_late",
  "flags",
  "position",
] as const satisfies readonly (keyof OccurrenceRow)[];
const writeRow = `INSERT OR REPLACE INTO occurrences VALUES (${[...columns, "print"].map(() => "?").join(", ")})`;

function rowsOf(id: PromiseId, settlement: Settlement, facts: MadePromise, position: number): OccurrenceRow[] {
  const common = {
    promise: id,
    account: facts.account,
    promisee: facts.promisee,
    direction: facts.direction,
    kind: facts.kind,
    weight: facts.weight,
    position,
  };
  const rows = settlement.occurrences.map((one) => ({ ...common, ...occurrenceColumns(one) }));
  return settlement.exclusion === undefined ? rows : [{ ...common, ...exclusionColumns(settlement.exclusion, facts) }, ...rows];
}

function occurrenceColumns(one: OccurrenceSettlement) {
  const said = one.finding ?? one.clock;
  return {
    occurrence: one.number,
    promisor: one.promisor,
    form: one.kind,
    date: one.date ?? null,
    opens_at: one.opensAt ?? null,
    due_at: one.dueAt ?? null,
    deadline_at: one.deadlineAt ?? null,
    by_clock: Number(one.finding === null && one.clock !== null),
    verdict: said?.verdict ?? null,
    at: said?.at ?? null,
    settles_at: one.finding === null ? (one.clock?.settlesAt ?? null) : null,
    lateness_ms: said?.latenessMs ?? null,
    credit: said?.credit ?? null,
    reason: said?.reason ?? null,
    evidence: JSON.stringify(said?.evidence ?? []),
    recording_delay_ms: said?.recordingDelayMs ?? null,
    if_upheld: one.openDispute === undefined ? null : JSON.stringify(one.openDispute),
    claimed_late: one.claimedLate === undefined ? null : JSON.stringify(one.claimedLate),
    flags: JSON.stringify(one.flags),
  };
}

/** A promise that never came to bind leaves one excluded outcome. Where the clock says so, it waits as for any deadline. */
function exclusionColumns({ verdict, at, settlesAt }: NonNullable<Settlement["exclusion"]>, { promisor }: MadePromise) {
  const byClock = verdict === "offer-lapsed" || verdict === "condition-lapsed";
  const nothing = {
    date: null,
    opens_at: null,
    due_at: null,
    lateness_ms: null,
    credit: null,
    recording_delay_ms: null,
    if_upheld: null,
    claimed_late: null,
  };
  return {
    ...nothing,
    occurrence: 0,
    promisor,
    form: "whole",
    deadline_at: byClock ? at : null,
    by_clock: Number(byClock),
    verdict,
    at,
    settles_at: byClock ? settlesAt : null,
    reason: verdict,
    evidence: "[]",
    flags: "[]",
  };
}

/** What the keeper has put on record of a promise, by occurrence; 0 is the promise as a whole. */
export const attestationsOf = (tables: Pick<Tables, "all">, id: string): Map<number, Attestation> =>
  new Map(
    tables
      .all<{ occurrence: number; digest: string; as_of: Instant }>(
        `SELECT occurrence, digest, as_of FROM attestations WHERE promise = ?`,
        [id],
      )
      .map(({ occurrence, digest, as_of }) => [occurrence, { digest, asOf: as_of }]),
  );

/** Ready from the beginning of time. */
const atOnce = "0000-01-01T00:00:00.000Z";

/** Compares what holds, or will hold when the clock speaks, with what the keeper has put on record. */
function writeUnattested(
  tables: Tables,
  id: PromiseId,
  settlement: Settlement,
  { promise: facts, recording }: AssessmentInput,
): void {
  const isHeld = facts.recording !== undefined && recording?.completedAt === undefined;
  const readyAt = isHeld ? null : firstReadyAt(settlement, attestationsOf(tables, id));
  if (readyAt === null) tables.run(`DELETE FROM unattested WHERE promise = ?`, [id]);
  else tables.run(`INSERT OR REPLACE INTO unattested VALUES (?, ?)`, [id, readyAt]);
}

function firstReadyAt(settlement: Settlement, attestations: ReadonlyMap<number, Attestation>): string | null {
  let first: string | null = null;
  const put = (readyAt: string | null) => {
    if (readyAt !== null && (first === null || readyAt < first)) first = readyAt;
  };
  for (const one of settlement.occurrences) {
    const readyAt = holdsFrom(one);
    const onRecord = worthOf(attestations.get(one.number), readyAt);
    if (onRecord === digestOf(one.finding ?? one.clock)) continue;
    // What is on record and holds no more is withdrawn at once, even while the clock has not spoken anew.
    put(onRecord === noVerdict ? readyAt : atOnce);
  }
  const conclusion = conclusionOf(settlement);
  if (conclusion !== undefined && worthOf(attestations.get(0), conclusion.readyAt) !== conclusion.digest) put(conclusion.readyAt);
  return first;
}

/** What there is to put on record of the promise as a whole: a lapsed condition, or the end of a promise that bound. */
function conclusionOf({ exclusion, occurrences }: Settlement): { digest: string; readyAt: Instant | null } | undefined {
  if (exclusion !== undefined) {
    return exclusion.verdict === "condition-lapsed"
      ? { digest: lapsedDigest(exclusion.at), readyAt: exclusion.settlesAt }
      : undefined;
  }
  const verdicts = occurrences.flatMap(({ finding, clock }) => (finding ?? clock)?.verdict ?? []);
  const ends = occurrences.map(holdsFrom);
  if (verdicts.length < occurrences.length || occurrences.length === 0 || ends.includes(null)) return undefined;
  return {
    digest: concludedDigest(countsOf(verdicts)),
    readyAt: (ends as Instant[]).reduce((last, end) => (end > last ? end : last)),
  };
}
