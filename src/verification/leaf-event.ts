/** A leaf taken apart: the envelope that its bytes must be the canonical form of, and the event at its type's current version. */
import { textOf } from "../audit/encoding.ts";
import { isCanonical } from "../canonical/canonical-json.ts";
import { accountEvents } from "../domain/account.ts";
import { anchorEvents } from "../domain/anchor.ts";
import { agreementEvents } from "../domain/agreement.ts";
import { eventSchemas, type EventType, isEventType, schemaVersion, type TrothEvent } from "../domain/catalogue.ts";
import type { Recorded } from "../domain/decider.ts";
import { interactionEvents } from "../domain/interaction.ts";
import { keyEvents } from "../domain/key.ts";
import { ledgerEvents } from "../domain/ledger-record.ts";
import { outcomeEvents } from "../domain/outcome.ts";
import { personEvents } from "../domain/person.ts";
import { policyEvents } from "../domain/policy.ts";
import { promiseEvents } from "../domain/promise/events.ts";
import { opaqueText } from "../domain/values.ts";
import type { Envelope } from "../ledger/envelope.ts";
import { upcast } from "../ledger/upcast.ts";
import type { LeafName } from "./report.ts";

/** Of a ledger, as its first event names it. */
export const formatKnown = 1;

/** An event as a verifier reads it. */
export type LeafEvent = Recorded<TrothEvent> & Pick<Envelope, "sealed">;

export type ReadLeaf =
  | { kind: "event"; event: LeafEvent }
  /** Its form is right, and its meaning is known to later releases alone. */
  | { kind: "newer"; envelope: Envelope; reason: string }
  | { kind: "bad"; message: string; name: LeafName };

/** @param index of the leaf in the log. */
export function readLeaf(bytes: Uint8Array, index: number): ReadLeaf {
  const bad = (message: string, name: LeafName = { index }): ReadLeaf => ({ kind: "bad", message, name });
  const text = textOf(bytes);
  if (text === undefined) return bad("the leaf is not UTF-8");
  const value = parsed(text);
  const envelope = isEnvelope(value) ? value : undefined;
  const name = envelope === undefined ? { index } : nameOf(envelope, index);
  if (value === undefined) return bad("the leaf is not JSON");
  if (!isCanonical(text, value)) return bad("the leaf is not canonical JSON", name);
  if (envelope === undefined) return bad("the leaf is no envelope of an event");
  return readEnvelope(envelope, index, (message) => bad(message, name));
}

export const nameOf = ({ id, stream, type }: Pick<Envelope, "id" | "stream" | "type">, index: number): LeafName => ({
  index,
  event: id,
  stream,
  type,
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function readEnvelope(envelope: Envelope, index: number, bad: (message: string) => ReadLeaf): ReadLeaf {
  const { type, v, stream } = envelope;
  if (!isEventType(type)) return { kind: "newer", envelope, reason: `events of the type ${String(type).slice(0, 60)}` };
  if (!isInItsStream(type, stream)) return bad(`no ${type} belongs into the stream ${stream.slice(0, 80)}`);
  if (v > schemaVersion(type)) return { kind: "newer", envelope, reason: `version ${v} of ${type}` };
  const current = upcast(envelope);
  const shape = eventSchemas[type].safeParse(current.data);
  if (!shape.success) {
    const [issue] = shape.error.issues;
    return bad(`${type} has a form that no ledger records: /data/${issue!.path.join("/")} ${issue!.message}`);
  }
  return { kind: "event", event: placed(current, index) };
}

const placed = (envelope: Envelope, index: number): LeafEvent =>
  Object.assign(envelope, { position: index + 1 }) as unknown as LeafEvent;

/** The form of a stream's name, and what belongs there. */
const categories: [form: RegExp, schemas: object][] = [
  [idIn("account-acc"), accountEvents],
  [idIn("person-per"), personEvents],
  [idIn("interaction-int"), interactionEvents],
  [idIn("agreement-agr"), agreementEvents],
  [idIn("promise-prm"), promiseEvents],
  [idIn("outcome-out"), outcomeEvents],
  [/^policy-default$/, policyEvents],
  [idIn("key-key"), keyEvents],
  [/^ledger$/, ledgerEvents],
  [/^anchor-[1-9][0-9]{0,15}$/, anchorEvents],
];
const formByType = new Map(categories.flatMap(([form, schemas]) => Object.keys(schemas).map((type) => [type, form] as const)));

/** An event in another stream than its own would be missed by whoever folds that stream. */
const isInItsStream = (type: EventType, stream: string): boolean => formByType.get(type)!.test(stream);

function idIn(prefix: string): RegExp {
  return new RegExp(`^${prefix}_${opaqueText}$`);
}

const members = new Set<string>([
  ...["v", "id", "type", "stream", "revision", "occurredAt", "recordedAt", "account", "actor"],
  ...["correlation", "causation", "request", "data", "sealed"],
]);

/**
 * By hand, because this is asked of every leaf. Each member has a closed form, so that no sentence and no name fits in where the record
 * promises that there is none.
 */
function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  for (const member in value) if (!members.has(member)) return false;
  const { v, id, type, stream, revision, occurredAt, recordedAt, account, actor, data, sealed, correlation, causation, request } =
    value as Partial<Record<keyof Envelope, unknown>>;
  return (
    isWhole(v) &&
    v > 0 &&
    isEventId(id) &&
    isTypeName(type) &&
    isName(stream) &&
    isWhole(revision) &&
    isInstant(occurredAt) &&
    isInstant(recordedAt) &&
    (account === undefined || isAccountId(account)) &&
    isActor(actor) &&
    isCorrelation(correlation) &&
    (causation === undefined || isEventId(causation)) &&
    (request === undefined || isFingerprint(request)) &&
    typeof data === "object" &&
    data !== null &&
    Array.isArray(sealed) &&
    sealed.every(isCommitment)
  );
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isName = (value: unknown): value is string => typeof value === "string" && value !== "" && value.length <= 200;
const isTyped =
  (pattern: RegExp) =>
  (value: unknown): value is string =>
    typeof value === "string" && pattern.test(value);
const isEventId = isTyped(idIn("evt"));
const isAccountId = isTyped(idIn("acc"));
const isSubject = isTyped(idIn("(?:acc|per)"));
const isParty = (value: unknown): boolean => value === "house" || isSubject(value);
const isTypeName = isTyped(/^[A-Za-z][A-Za-z0-9]{0,79}$/);
const isKind = isTyped(/^[a-z]{1,40}$/);
const isField = isTyped(/^[A-Za-z][A-Za-z0-9]{0,39}$/);
const isActorId = isTyped(/^[\w-]{1,100}$/);
const isCorrelation = isTyped(/^[\w.:-]{1,150}$/);
const isDigest = isTyped(/^[0-9a-f]{64}$/);
/** Of a census its root, of a fit the instant up to which it counts. */
const isFingerprint = (value: unknown): boolean => isDigest(value) || isHash(value) || isInstant(value);
/** 32 bytes in base64, whose last character before the padding has two bits left over. */
const isHash = isTyped(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/);

const days = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const instantPattern = /^(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;
/** Events of one append bear one instant, and most others one that has just been. */
let lastInstant = "";

/** Written as it is read: the 31st of February and 24:00 are other days to whoever compares texts than to whoever counts. */
function isInstant(value: unknown): boolean {
  if (value === lastInstant) return true;
  if (typeof value !== "string" || value.length !== 24) return false;
  const [, year, month, day] = instantPattern.exec(value) ?? [];
  const last = days[Number(month) - 1];
  if (last === undefined || Number(day) < 1 || Number(day) > last) return false;
  if (month === "02" && day === "29" && !isLeapYear(Number(year))) return false;
  lastInstant = value;
  return true;
}

const isLeapYear = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);

function isActor(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { kind, id, onBehalfOf, ...more } = value as Record<string, unknown>;
  return isKind(kind) && isActorId(id) && (onBehalfOf === undefined || isParty(onBehalfOf)) && isEmpty(more);
}

function isCommitment(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { subject, field, commitment, ...more } = value as Record<string, unknown>;
  return isSubject(subject) && isField(field) && isHash(commitment) && isEmpty(more);
}

function isEmpty(more: object): boolean {
  for (const _ in more) return false;
  return true;
}
