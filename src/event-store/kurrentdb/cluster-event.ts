/**
 * How an event stands on the cluster. Its data are the bytes of the leaf, declared as bytes: what is declared as JSON the client
 * parses, and no writer gives the same bytes again for certain. What lies beside the leaf is the metadata.
 */
import { createHash } from "node:crypto";
import type { BinaryEventData, RecordedEvent } from "@kurrent/kurrentdb-client";
import { type NewEvent } from "../event-store.ts";

/** Where an event stands in the whole log of the cluster. The commit position alone does not tell all events apart. */
export type Place = { commit: bigint; prepare: bigint };

/** An event as the cluster gave it, under its logical name. */
export type ReceivedEvent = {
  stream: string;
  revision: number;
  id: string;
  leaf: Uint8Array;
  ciphertext: string | null;
  /** Missing only where a server before 22.6 was asked for a single stream. */
  place: Place | undefined;
};

export const isAfter = (place: Place, other: Place): boolean =>
  place.commit > other.commit || (place.commit === other.commit && place.prepare > other.prepare);

export const physicalStream = (prefix: string, stream: string): string => `${prefix}/${stream}`;

/** The cluster takes UUIDs alone. Version 8, RFC 9562: 122 bits of the SHA-256 of Troth's id. */
export function clusterId(id: string): string {
  const bytes = createHash("sha256").update(id).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

const encoder = new TextEncoder();

/** All of it is bytes and strings by now: a value that the client can't serialise would leave its promise open for ever. */
export const clusterEvent = ({ id, type, leaf, ciphertext }: NewEvent): BinaryEventData => ({
  id: clusterId(id),
  contentType: "application/octet-stream",
  type,
  data: new Uint8Array(leaf.buffer, leaf.byteOffset, leaf.byteLength),
  metadata: encoder.encode(JSON.stringify({ id, ciphertext })),
});

/** An event that another program wrote under the prefix is a leaf like any other, on every node the same. */
export function receivedEvent(prefix: string, event: RecordedEvent): ReceivedEvent {
  const { id, ciphertext } = (event.metadata ?? {}) as { id?: unknown; ciphertext?: unknown };
  return {
    stream: event.streamId.slice(prefix.length + 1),
    revision: Number(event.revision),
    id: typeof id === "string" ? id : event.id,
    leaf: event.data instanceof Uint8Array ? event.data : encoder.encode(JSON.stringify(event.data)),
    ciphertext: typeof ciphertext === "string" ? ciphertext : null,
    place: event.position,
  };
}
