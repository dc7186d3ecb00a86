/** Questions about promises: what was said, where each occurrence stands, and why. */
import { z } from "zod";
import { assess, type Assessment, promiseStandings, standings } from "../domain/assess/assess.ts";
import { settlementFlags } from "../domain/assess/settle.ts";
import { DomainError } from "../domain/errors.ts";
import type { MadePromise } from "../domain/promise/facts.ts";
import { matcher, proof, terms } from "../domain/terms.ts";
import {
  accountId,
  agreementId,
  type Instant,
  instant,
  partyId,
  type PartyId,
  promiseDirection,
  promiseId,
  recordingId,
  slug,
} from "../domain/values.ts";
import { verdicts } from "../domain/verdict.ts";
import { decodeAll } from "../ledger/envelope.ts";
import { policyInForce } from "../projections/parameters.ts";
import { assessmentInputOf, evidenceReader } from "../projections/assessment-input.ts";
import type { Views } from "../projections/views.ts";
import { openPersonal, personalFields, type SealedAt } from "./personal.ts";
import { basis, decodeCursor, defineQuery, encodeCursor, page, type Instants, pageOf, type Reading } from "./query.ts";
import { basisOf, onOwnAccount, rounded } from "./reading.ts";
import { happenedBy } from "./vantage.ts";

const outcomeAnswer = z.strictObject({
  verdict: z.enum(verdicts),
  at: instant,
  latenessMs: z.int(),
  credit: z.number().nullable(),
  reason: z.string(),
  evidence: z.array(z.string()).describe("Ids of the interactions or events that show it."),
  recordingDelayMs: z.number().nullable(),
});

const occurrenceAnswer = z.strictObject({
  occurrence: z.int(),
  date: z.string().nullable(),
  opensAt: instant.nullable(),
  dueAt: instant.nullable(),
  deadlineAt: instant.nullable().describe("Due and grace."),
  settlesAt: instant.nullable().describe("From when on the clock may settle it; null while a load of history is open."),
  promisor: partyId,
  standing: z.enum(standings).describe("Still to come, to be done, waiting for records, or its verdict."),
  outcome: outcomeAnswer.nullable(),
  claimedLate: outcomeAnswer.nullable(),
  dispute: z.strictObject({ dispute: z.int(), by: partyId, contestedAt: instant, ifUpheld: outcomeAnswer.nullable() }).nullable(),
  flags: z.array(z.enum(settlementFlags)),
});

const promiseSummary = z.strictObject({
  id: promiseId,
  account: accountId,
  promisor: partyId,
  promisee: partyId,
  direction: promiseDirection,
  kind: slug,
  weight: z.number(),
  state: z.enum(promiseStandings).describe("What it reads as a whole: a promise with one occurrence reads as that one does."),
  isDisputed: z.boolean(),
  madeAt: instant,
  counts: z.record(z.string(), z.int()).describe("Occurrences by where they stand."),
  nextDueAt: instant.nullable(),
  personal: personalFields,
  revision: z.int(),
});

const promiseAnswer = z.strictObject({
  ...promiseSummary.shape,
  terms,
  matcher: matcher.nullable(),
  proof,
  timeZone: z.string().nullable(),
  timeZoneData: z.string().nullable(),
  acceptedAt: instant.nullable(),
  inForceAt: instant.nullable(),
  offerExpiresAt: instant.nullable(),
  agreement: agreementId.nullable(),
  recording: recordingId.nullable(),
  asserted: z.boolean().describe("Something said of it was stated by a key that does not speak for that party alone."),
  pendingChange: z.strictObject({ change: z.int(), by: partyId, proposal: z.record(z.string(), z.unknown()) }).nullable(),
  occurrences: z.array(occurrenceAnswer),
  basis,
});

type Assessed = { id: string; facts: MadePromise; assessment: Assessment; sealed: SealedAt; revision: number; position: number };

/** The promise as judged at two instants, by what the views hold. To be called in a snapshot. @throws DomainError `promise-not-found`. */
function assessed(
  views: Views,
  id: string,
  { asOf, knownAt }: Instants,
  evidenceOf?: ReturnType<typeof evidenceReader>,
): Assessed {
  const row = views.get<{ sealed: string; revision: number; position: number }>(
    `SELECT sealed, revision, position FROM promises WHERE id = ?`,
    [id],
  );
  const input = assessmentInputOf(views, id, policyInForce(views), evidenceOf);
  if (row === undefined || input === undefined) throw new DomainError("promise-not-found", `there is no promise ${id}`);
  return {
    id,
    facts: input.promise,
    assessment: assess(input, asOf, knownAt),
    sealed: JSON.parse(row.sealed) as SealedAt,
    revision: row.revision,
    position: row.position,
  };
}

function summaryOf(
  { id, facts, assessment, revision }: Assessed,
  personal: z.output<typeof personalFields>,
): z.output<typeof promiseSummary> {
  const counts: Record<string, number> = {};
  for (const { standing } of assessment.occurrences) counts[standing] = (counts[standing] ?? 0) + 1;
  const { account, promisor, promisee, direction, kind, weight, madeAt } = facts;
  const due = assessment.occurrences
    .filter(({ outcome, dueAt }) => outcome === null && dueAt !== undefined)
    .map(({ dueAt }) => dueAt!);
  return {
    id: id as z.output<typeof promiseId>,
    account,
    promisor,
    promisee,
    direction,
    kind,
    weight,
    state: assessment.state,
    isDisputed: assessment.isDisputed,
    madeAt,
    counts,
    nextDueAt: due.toSorted()[0] ?? null,
    personal,
    revision,
  };
}

type Outcome = NonNullable<Assessment["occurrences"][number]["outcome"]>;

const outcomeOf = ({
  verdict,
  at,
  latenessMs,
  credit,
  reason,
  evidence,
  recordingDelayMs,
}: Outcome): z.output<typeof outcomeAnswer> => ({
  verdict,
  at,
  latenessMs,
  credit: credit === null ? null : rounded(credit),
  reason,
  evidence,
  recordingDelayMs: recordingDelayMs ?? null,
});

const occurrenceOf = (one: Assessment["occurrences"][number]): z.output<typeof occurrenceAnswer> => ({
  occurrence: one.number,
  date: one.date ?? null,
  opensAt: one.opensAt ?? null,
  dueAt: one.dueAt ?? null,
  deadlineAt: one.deadlineAt ?? null,
  settlesAt: one.clock?.settlesAt ?? null,
  promisor: one.promisor,
  standing: one.standing,
  outcome: one.outcome === null ? null : outcomeOf(one.outcome),
  claimedLate: one.claimedLate === undefined ? null : outcomeOf(one.claimedLate),
  dispute:
    one.openDispute === undefined
      ? null
      : {
          dispute: one.openDispute.number,
          by: one.openDispute.by,
          contestedAt: one.openDispute.contestedAt,
          ifUpheld: one.openDispute.ifUpheld === null ? null : outcomeOf(one.openDispute.ifUpheld),
        },
  flags: one.flags,
});

/** A bound key may ask about promises of its party, and about those that concern its account. */
function onOwnPromise(present: Views, party: PartyId, { promise }: { promise: string }): boolean {
  const row = present.get<{ account: string; promisor: string; promisee: string }>(
    `SELECT account, promisor, promisee FROM promises WHERE id = ?`,
    [promise],
  );
  return row !== undefined && [row.account, row.promisor, row.promisee].includes(party);
}

const onPromise = z.strictObject({ promise: promiseId });

export const getPromise = defineQuery({
  name: "get-promise",
  path: "/promises/:promise",
  tag: "Promises",
  summary: "A promise, and where each occurrence of it stands",
  scope: "read",
  boundTo: onOwnPromise,
  params: onPromise,
  query: z.strictObject({}),
  answer: promiseAnswer,
  refusals: ["promise-not-found"],
  async run(reading, { params, caller }) {
    const { one, rests } = reading.views.snapshot(() => ({
      one: assessed(reading.views, params.promise, reading),
      rests: basisOf(reading),
    }));
    const [personal] = await openPersonal(reading, caller, "get-promise", [one.sealed]);
    const { facts } = one;
    return {
      ...summaryOf(one, personal!),
      terms: facts.offer.terms,
      matcher: facts.offer.matcher ?? null,
      proof: facts.offer.proof,
      timeZone: facts.offer.schedule.timeZone ?? null,
      timeZoneData: facts.offer.schedule.timeZoneData ?? null,
      acceptedAt: facts.acceptedAt ?? null,
      inForceAt: facts.inForceAt ?? null,
      offerExpiresAt: facts.offerExpiresAt ?? null,
      agreement: facts.agreement ?? null,
      recording: facts.recording ?? null,
      asserted: facts.asserted,
      pendingChange: pendingOf(facts),
      occurrences: one.assessment.occurrences.map(occurrenceOf),
      basis: rests,
    };
  },
});

const pendingOf = ({ proposal }: MadePromise): z.output<typeof promiseAnswer>["pendingChange"] =>
  proposal === undefined ? null : { change: proposal.change, by: proposal.by, proposal: proposal.proposal };

const listQuery = {
  ...page,
  account: accountId.optional(),
  promisor: partyId.optional(),
  promisee: partyId.optional(),
  direction: promiseDirection.optional(),
  kind: slug.optional(),
};

async function listOf(
  reading: Reading,
  caller: Parameters<typeof openPersonal>[1],
  query: z.output<z.ZodObject<typeof listQuery>>,
) {
  const { views } = reading;
  const after = decodeCursor(query.after)?.[0] ?? 0;
  const filters = (["account", "promisor", "promisee", "direction", "kind"] as const).filter(
    (column) => query[column] !== undefined,
  );
  const sql = `SELECT id FROM promises WHERE position > ? ${filters.map((column) => `AND ${column} = ?`).join(" ")} ORDER BY position LIMIT ?`;
  const { found, rests, more } = views.snapshot(() => {
    const rows = views.all<{ id: string }>(sql, [after, ...filters.map((column) => query[column]!), query.limit + 1]);
    // The promises of an account rest on the same interactions.
    const evidenceOf = evidenceReader(views);
    return {
      found: rows.slice(0, query.limit).map(({ id }) => assessed(views, id, reading, evidenceOf)),
      rests: basisOf(reading),
      more: rows.length > query.limit,
    };
  });
  const personal = await openPersonal(
    reading,
    caller,
    "list-promises",
    found.map(({ sealed }) => sealed),
  );
  const items = found.map((one, index) => summaryOf(one, personal[index]!));
  return { items, next: more ? encodeCursor([found.at(-1)!.position]) : null, basis: rests };
}

export const listPromises = defineQuery({
  name: "list-promises",
  path: "/promises",
  tag: "Promises",
  summary: "Promises, oldest first",
  scope: "read",
  params: z.strictObject({}),
  query: z.strictObject(listQuery),
  answer: pageOf(promiseSummary),
  refusals: [],
  run: (reading, { query, caller }) => listOf(reading, caller, query),
});

export const accountPromises = defineQuery({
  name: "account-promises",
  path: "/accounts/:account/promises",
  tag: "Promises",
  summary: "The promises of an account, in both directions",
  scope: "read",
  boundTo: onOwnAccount,
  params: z.strictObject({ account: accountId }),
  query: z.strictObject({ ...page, direction: promiseDirection.optional(), kind: slug.optional() }),
  answer: pageOf(promiseSummary),
  refusals: [],
  run: (reading, { params, query, caller }) => listOf(reading, caller, { ...query, account: params.account }),
});

const historyItem = z.strictObject({
  id: z.string(),
  type: z.string(),
  revision: z.int(),
  position: z.int(),
  occurredAt: instant,
  recordedAt: instant,
  actor: z.strictObject({ kind: z.string(), id: z.string(), onBehalfOf: z.string().optional() }),
  data: z.record(z.string(), z.unknown()),
  personal: personalFields,
});

export const promiseHistory = defineQuery({
  name: "promise-history",
  path: "/promises/:promise/history",
  tag: "Promises",
  summary: "All that was said of a promise, and every verdict put on record, in order",
  scope: "read",
  boundTo: onOwnPromise,
  params: onPromise,
  query: z.strictObject({}),
  answer: z.strictObject({ items: z.array(historyItem), basis }),
  refusals: ["promise-not-found"],
  async run(reading, { params, caller }) {
    const { views, log, standing } = reading;
    const rests = views.snapshot(() => basisOf(reading));
    const isRead = (at: { position: number; occurredAt: Instant }) =>
      at.position <= rests.size && (standing === undefined || at.occurredAt <= happenedBy(standing));
    const [made, ...said] = decodeAll(log.readStream(`promise-${params.promise}`));
    if (made === undefined || !isRead(made)) throw new DomainError("promise-not-found", `there is no promise ${params.promise}`);
    const events = [made, ...said.filter(isRead)];
    const personal = await openPersonal(
      reading,
      caller,
      "promise-history",
      events.map(({ sealed, position }) => Object.fromEntries(sealed.map(({ field }) => [field, position]))),
    );
    const items = events.map(({ id, type, revision, position, occurredAt, recordedAt, actor, data }, index) => ({
      id,
      type,
      revision,
      position,
      occurredAt,
      recordedAt,
      actor,
      data: data as Record<string, unknown>,
      personal: personal[index]!,
    }));
    return { items, basis: rests };
  },
});

const agreementAnswer = z.strictObject({
  id: agreementId,
  account: accountId,
  madeAt: instant,
  promises: z.array(promiseId),
  personal: personalFields,
  basis,
});

type AgreementRow = { account: string; made_at: string; promises: string; sealed: string };

export const getAgreement = defineQuery({
  name: "get-agreement",
  path: "/agreements/:agreement",
  tag: "Promises",
  summary: "An agreement and its promises",
  scope: "read",
  params: z.strictObject({ agreement: agreementId }),
  query: z.strictObject({}),
  answer: agreementAnswer,
  refusals: ["agreement-not-found"],
  async run(reading, { params, caller }) {
    const { row, rests } = reading.views.snapshot(() => ({
      row: reading.views.get<AgreementRow>(`SELECT * FROM agreements WHERE id = ?`, [params.agreement]),
      rests: basisOf(reading),
    }));
    if (row === undefined) throw new DomainError("agreement-not-found", `there is no agreement ${params.agreement}`);
    const [personal] = await openPersonal(reading, caller, "get-agreement", [JSON.parse(row.sealed) as SealedAt]);
    return {
      id: params.agreement,
      account: row.account,
      madeAt: row.made_at,
      promises: JSON.parse(row.promises) as never,
      personal: personal!,
      basis: rests,
    } as unknown as z.output<typeof agreementAnswer>;
  },
});
