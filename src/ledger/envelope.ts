/** The stored form of an event: an envelope whose canonical JSON is its leaf, hashed and kept as bytes for ever. */
import { canonicalBytes } from "../canonical/canonical-json.ts";
import { type EventType, isEventType, schemaVersion, type TrothEvent } from "../domain/catalogue.ts";
import type { Actor, Recorded } from "../domain/decider.ts";
import type { AccountId, EventId, Instant } from "../domain/values.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import type { Commitment } from "../vault/vault.ts";
import { upcast } from "./upcast.ts";

export type Envelope = {
  /** Version of this type's schema. */
  v: number;
  id: EventId;
  type: EventType;
  stream: string;
  revision: number;
  occurredAt: Instant;
  recordedAt: Instant;
  account?: AccountId;
  actor: Actor;
  /** Ties together what one request caused. */
  correlation: string;
  causation?: EventId;
  /** Fingerprint of the request, so that the same key with another body is noticed. */
  request?: string;
  data: unknown;
  /** Commitments to personal text, whose ciphertext lies beside the leaf. */
  sealed: Commitment[];
};

/** An event as read back: the domain's view of it, and what only the edges need. */
export type LedgerEvent = Recorded<TrothEvent> &
  Pick<Envelope, "correlation" | "causation" | "request" | "sealed"> & { ciphertext: string | null };

/** The tiles of the log hold at most 65,535 bytes a leaf; the rest is room for what a later format may add. */
export const leafBytesMax = 60_000;

/** The event does not fit its leaf. */
export class EventTooLargeError extends Error {
  readonly type: string;
  readonly bytes: number;
  constructor(type: string, bytes: number) {
    super(`${type} would take ${bytes} bytes; an event holds at most ${leafBytesMax}`);
    this.name = "EventTooLargeError";
    this.type = type;
    this.bytes = bytes;
  }
}

/** Members stand in the order of the leaf, which spares its encoding to bring them into it. */
export const newEnvelope = (of: Omit<Envelope, "v">): Envelope => ({
  account: of.account,
  actor: of.actor,
  causation: of.causation,
  correlation: of.correlation,
  data: of.data,
  id: of.id,
  occurredAt: of.occurredAt,
  recordedAt: of.recordedAt,
  request: of.request,
  revision: of.revision,
  sealed: of.sealed,
  stream: of.stream,
  type: of.type,
  v: schemaVersion(of.type),
});

/** @throws EventTooLargeError past `leafBytesMax`. */
export function encodeLeaf(envelope: Envelope): Uint8Array {
  const leaf = canonicalBytes(envelope);
  if (leaf.byteLength > leafBytesMax) throw new EventTooLargeError(envelope.type, leaf.byteLength);
  return leaf;
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** What a stored leaf says, at its type's current version; null for a type that this release does not know. */
export function decode(stored: StoredEvent): LedgerEvent | null {
  const envelope = JSON.parse(decoder.decode(stored.leaf)) as Envelope;
  if (!isEventType(envelope.type)) return null;
  const { v: _, ...event } = upcast(envelope);
  return { ...event, position: stored.position, ciphertext: stored.ciphertext } as unknown as LedgerEvent;
}

export const decodeAll = (stored: readonly StoredEvent[]): LedgerEvent[] => stored.map(decode).filter((event) => event !== null);
