/** What bundles are made from, at one signed tree head. */
import type { CensusProof } from "../audit/census.ts";
import type { TileReader } from "../audit/tile-proofs.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import type { Log } from "../event-store/log.ts";
import type { SignedHead } from "../transparency/stores.ts";
import type { EventId } from "../domain/values.ts";
import type { Commitment, Opened, OpenRequest } from "../vault/vault.ts";
import type { Opening } from "../verification/bundle-format.ts";

export type BundleSource = {
  log: Pick<Log, "readAll" | "readStream" | "readPositions">;
  readTile: TileReader;
  /** The bundle ends here, whatever is appended meanwhile. */
  head: SignedHead;
  /** Notes of earlier signed heads, in any order; those that the log does not bear out are left out. */
  earlier: readonly string[];
  /** Opens sealed text, and has written the access log when it resolves; absent where nothing is disclosed. */
  open?: ((events: readonly StoredEvent[]) => Promise<Opened[][]>) | undefined;
};

/** The account's line in the last census on record. */
export type CensusOf = (account: string) => (CensusProof & { census: { position: number; treeSize: number } }) | undefined;

/** What is told of an event's sealed text. What can't be opened just now is left out, and counts as withheld. */
export const openingsOf = (event: StoredEvent, opened: readonly Opened[]): Opening[] =>
  opened.flatMap((segment): Opening[] => {
    const place = { event: event.id, subject: segment.subject, field: segment.field };
    if (segment.status === "opened") return [{ ...place, salt: Uint8Array.fromBase64(segment.salt), value: segment.value }];
    return segment.status === "erased" ? [{ ...place, erased: true }] : [];
  });

/** An event's envelope, as far as bundles look at it. What is none is still a leaf. */
export type LooseEnvelope = {
  type?: string;
  account?: string;
  actor?: { kind?: string; id?: string };
  data?: Record<string, unknown>;
  sealed?: { subject: string }[];
};

export function envelopeIn({ leaf }: Pick<StoredEvent, "leaf">): LooseEnvelope {
  try {
    const value = JSON.parse(Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString("utf8")) as unknown;
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

export const openRequestOf = (event: StoredEvent): OpenRequest => ({
  event: event.id as EventId,
  sealed: (envelopeIn(event).sealed ?? []) as Commitment[],
  ciphertext: event.ciphertext,
});
