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
import { promiseEvents, verdictTypes } from "../domain/promise/events.ts";
import {
  accountId,
  agreementId,
  eventId,
  instantAt,
  interactionId,
  keyId,
  outcomeId,
  personId,
  promiseId,
} from "../domain/values.ts";
import type { Envelope } from "../ledger/envelope.ts";
import { upcast } from "../ledger/upcast.ts";
import type { LeafName } from "./report.ts";

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
  if (reachedAgain.has(type)) return { kind: "event", event: placed(current, index) };
  const shape = eventSchemas[type].safeParse(current.data);
  if (!shape.success) {
    const [issue] = shape.error.issues;
    return bad(`${type} has a form that no ledger records: /data/${issue!.path.join("/")} ${issue!.message}`);
  }
  return { kind: "event", event: placed(current, index) };
}

/** Each member of these must come out again as it stands, which says more than any shape. */
const reachedAgain: ReadonlySet<string> = new Set(verdictTypes);

const placed = (envelope: Envelope, index: number): LeafEvent =>
  Object.assign(envelope, { position: index + 1 }) as unknown as LeafEvent;

/** What stands in front of a stream's id, the form of that id, and what belongs there. */
const categories: [category: string, isId: (id: string) => boolean, schemas: object][] = [
  ["account-", isOf(accountId), accountEvents],
  ["person-", isOf(personId), personEvents],
  ["interaction-", isOf(interactionId), interactionEvents],
  ["agreement-", isOf(agreementId), agreementEvents],
  ["promise-", isOf(promiseId), promiseEvents],
  ["outcome-", isOf(outcomeId), outcomeEvents],
  ["policy-", (id) => id === "default", policyEvents],
  ["key-", isOf(keyId), keyEvents],
  ["ledger", (id) => id === "", ledgerEvents],
  ["anchor-", (id) => /^[1-9][0-9]{0,15}$/.test(id), anchorEvents],
];
const placeByType = new Map(
  categories.flatMap(([category, isId, schemas]) => Object.keys(schemas).map((type) => [type, { category, isId }] as const)),
);

/** An event in another stream than its own would be missed by whoever folds that stream. */
function isInItsStream(type: EventType, stream: string): boolean {
  const { category, isId } = placeByType.get(type)!;
  return stream.startsWith(category) && isId(stream.slice(category.length));
}

function isOf(schema: { safeParse(value: unknown): { success: boolean } }): (value: unknown) => boolean {
  return (value) => schema.safeParse(value).success;
}

const members = new Set<string>([
  ...["v", "id", "type", "stream", "revision", "occurredAt", "recordedAt", "account", "actor"],
  ...["correlation", "causation", "request", "data", "sealed"],
]);
const instantPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** By hand, because this is asked of every leaf. */
function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  for (const member in value) if (!members.has(member)) return false;
  const { v, id, type, stream, revision, occurredAt, recordedAt, account, actor, data, sealed, correlation } = value as Partial<
    Record<keyof Envelope, unknown>
  >;
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
    typeof correlation === "string" &&
    typeof data === "object" &&
    data !== null &&
    Array.isArray(sealed) &&
    sealed.every(isCommitment)
  );
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isName = (value: unknown): value is string => typeof value === "string" && value !== "" && value.length <= 200;
const isEventId = isOf(eventId);
const isAccountId = isOf(accountId);
const isTypeName = (value: unknown): boolean => typeof value === "string" && /^[A-Za-z][A-Za-z0-9]{0,79}$/.test(value);

/** Written as it is read: the 31st of February and 24:00 are other days to whoever compares texts than to whoever counts. */
function isInstant(value: unknown): boolean {
  if (typeof value !== "string" || value.length !== 24 || !instantPattern.test(value)) return false;
  const ms = Date.parse(value);
  return !Number.isNaN(ms) && instantAt(ms) === value;
}
function isActor(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { kind, id } = value as { kind?: unknown; id?: unknown };
  return typeof kind === "string" && /^[a-z]{1,40}$/.test(kind) && typeof id === "string" && /^[\w-]{1,100}$/.test(id);
}
const isCommitment = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return false;
  const { subject, field, commitment } = value as Record<string, unknown>;
  return isName(subject) && isName(field) && isName(commitment);
};
