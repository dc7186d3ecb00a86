/** What every vault does alike, over whatever keeps the keys: sealing, opening, fingerprints. */
import { type KeyObject, createHmac } from "node:crypto";
import type { Instant, SubjectId } from "../domain/values.ts";
import { type CiphertextEntry, type DataKey, openSegment, sealSegment } from "./sealing.ts";
import {
  type AccessLogLine,
  type AccessLogPage,
  type AccessLogQuery,
  type Commitment,
  type ErasableVault,
  type OpenRequest,
  type Opened,
  type Reader,
  type Tombstone,
  VaultUnavailableError,
} from "./vault.ts";

/** A line of the access log before it has its number. */
export type NewLine = Omit<AccessLogLine, "line">;

/** What an adapter keeps. */
export interface KeyStore {
  /**
   * The key under which to seal now; undefined for a subject that has none yet.
   * @throws SubjectErasedError
   */
  currentKey(subject: SubjectId): DataKey | undefined;
  /** The key of that version; undefined where it is gone or can't be unwrapped. */
  keyOfVersion(subject: SubjectId, version: number): DataKey | undefined;
  /**
   * The subject's key, minted where there is none; on disk when this resolves.
   * @throws SubjectErasedError
   */
  mint(subject: SubjectId): Promise<DataKey>;
  isErased(subject: SubjectId): boolean;
  erase(subject: SubjectId, at: Instant): Promise<void>;
  /** Adds lines to the access log; on disk when this resolves. */
  log(lines: readonly NewLine[]): Promise<void>;
  accessLog(query: AccessLogQuery): Promise<AccessLogPage>;
  tombstones(): Tombstone[];
  /** Finishes what was asked for, and lets go of the keys. Called once. */
  close(): Promise<void>;
}

export function vaultOver(store: KeyStore, idKey: KeyObject): ErasableVault {
  let closed = false;
  const mustBeOpen = (): void => {
    if (closed) throw new VaultUnavailableError("it is closed");
  };

  return {
    async seal({ event, fields }) {
      mustBeOpen();
      // Every tombstone is met here, before any key is minted.
      const known = fields.map(({ subject }) => store.currentKey(subject));
      const keys = known.every((key) => key !== undefined)
        ? known
        : await Promise.all(known.map((key, index) => key ?? store.mint(fields[index]!.subject)));
      const segments = fields.map(({ subject, field, value }, index) => ({
        subject,
        field,
        ...sealSegment(keys[index]!, { event, subject, field }, value),
      }));
      return {
        commitments: segments.map(({ subject, field, commitment }) => ({ commitment, field, subject })),
        ciphertext: JSON.stringify(segments.map(({ entry }) => entry)),
      };
    },

    async open(requests, reader) {
      mustBeOpen();
      await store.log(requests.filter(({ sealed }) => sealed.length > 0).map((request) => logLine(request, reader)));
      return requests.map((request) => {
        const entries = ciphertextEntries(request.ciphertext);
        return request.sealed.map((commitment, index) => openOne(store, request, commitment, entries[index]));
      });
    },

    fingerprint: (text) => createHmac("sha256", idKey).update(text, "utf8").digest("hex"),

    async erase(subject, at) {
      mustBeOpen();
      await store.erase(subject, at);
    },

    tombstones() {
      mustBeOpen();
      return store.tombstones();
    },

    async accessLog(query) {
      mustBeOpen();
      return store.accessLog(query);
    },

    async close() {
      if (closed) return;
      closed = true;
      await store.close();
    },
  };
}

const logLine = ({ event, sealed }: OpenRequest, { key, purpose, at }: Reader): NewLine => ({
  at,
  key,
  purpose,
  event,
  subjects: [...new Set(sealed.map(({ subject }) => subject))],
});

function openOne(store: KeyStore, { event }: OpenRequest, sealed: Commitment, entry: CiphertextEntry | null | undefined): Opened {
  const { subject, field, commitment } = sealed;
  const key = entry ? store.keyOfVersion(subject, entry.k) : undefined;
  const opened = entry && key ? openSegment(key, { event, subject, field }, commitment, entry) : undefined;
  if (opened) return { subject, field, status: "opened", ...opened };
  // Keys go in the same step in which the tombstone comes, so a key that opens needs no look at the tombstones.
  return { subject, field, status: store.isErased(subject) ? "erased" : "unavailable" };
}

/** The entries of the ciphertext column; what is not one of them counts as blanked. */
function ciphertextEntries(ciphertext: string | null): (CiphertextEntry | null)[] {
  if (ciphertext === null) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(ciphertext);
  } catch {
    return [];
  }
  return Array.isArray(parsed) ? parsed.map((entry: unknown) => (isEntry(entry) ? entry : null)) : [];
}

const isEntry = (entry: unknown): entry is CiphertextEntry =>
  typeof entry === "object" &&
  entry !== null &&
  "k" in entry &&
  Number.isSafeInteger(entry.k) &&
  "c" in entry &&
  typeof entry.c === "string";
