/** An event as it is answered: the leaf as it was hashed, with its position and, on request, its opened text added at the end. */
import type { KeyId } from "../../domain/values.ts";
import type { StoredEvent } from "../../event-store/event-store.ts";
import type { Commitment, Opened, OpenRequest, Reader, Vault } from "../../vault/vault.ts";
import type { EventId, Instant } from "../../domain/values.ts";

/** Opens the sealed text of events on behalf of a key; every opening is in the vault's access log before it is answered. */
export type Opener = (events: readonly StoredEvent[]) => Promise<(Opened[] | undefined)[]>;

export const openerFor = (vault: Vault, key: KeyId, now: () => Instant): Opener => {
  return async (events) => {
    const reader: Reader = { key, purpose: "events", at: now() };
    return vault.open(events.map(openRequestOf), reader);
  };
};

function openRequestOf({ id, leaf, ciphertext }: StoredEvent): OpenRequest {
  // An envelope of a type that this release does not know has its commitments in the same place.
  const { sealed = [] } = JSON.parse(Buffer.from(leaf).toString("utf8")) as { sealed?: Commitment[] };
  return { event: id as EventId, sealed, ciphertext };
}

/** The leaf's own text is kept, so what is read here is what was signed. */
export function eventText({ leaf, position }: StoredEvent, opened?: readonly Opened[]): string {
  const envelope = Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString("utf8");
  const more = opened === undefined ? "" : `,"opened":${JSON.stringify(opened.map(shown))}`;
  return `${envelope.slice(0, -1)},"position":${position}${more}}`;
}

/** The salt is for those who prove what stands in a leaf, not for those who read. */
const shown = (segment: Opened) =>
  segment.status === "opened"
    ? { subject: segment.subject, field: segment.field, status: segment.status, value: segment.value }
    : { subject: segment.subject, field: segment.field, status: segment.status };

export async function eventTexts(events: readonly StoredEvent[], open: Opener | undefined): Promise<string[]> {
  const opened = open === undefined ? [] : await open(events);
  return events.map((event, index) => eventText(event, opened[index]));
}
