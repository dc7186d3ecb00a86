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

/** Keys that an adapter lends for one piece of work. */
export interface LentKeys {
  /** False once a key may have been destroyed elsewhere unheard: nothing that was made with one of them may be given out. */
  areGood(): boolean;
}

export interface SealingKeys extends LentKeys {
  /** In the order of the subjects that were asked for. */
  readonly keys: readonly DataKey[];
}

export interface OpeningKeys extends LentKeys {
  /** Undefined where it is gone or can't be unwrapped. */
  ofVersion(subject: SubjectId, version: number): DataKey | undefined;
  isErased(subject: SubjectId): boolean;
}

/** What an adapter keeps. */
export interface KeyStore {
  /**
   * The keys under which to seal now, minted where there are none; on disk when they are given, at once where they are known.
   * @throws SubjectErasedError before any key is minted; VaultUnavailableError.
   */
  sealingKeys(subjects: readonly SubjectId[]): SealingKeys | Promise<SealingKeys>;
  /**
   * Adds lines to the access log, and gives the keys of their subjects once the lines are on disk.
   * @throws VaultUnavailableError, unless it lends keys that open nothing and are not good.
   */
  openingKeys(lines: readonly NewLine[]): Promise<OpeningKeys>;
  erase(subject: SubjectId, at: Instant): Promise<void>;
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
      const asked = store.sealingKeys(fields.map(({ subject }) => subject));
      const lent = asked instanceof Promise ? await asked : asked;
      const segments = fields.map(({ subject, field, value }, index) => ({
        subject,
        field,
        ...sealSegment(lent.keys[index]!, { event, subject, field }, value),
      }));
      if (!lent.areGood()) throw new VaultUnavailableError("it was out of touch while the text was sealed");
      return {
        commitments: segments.map(({ subject, field, commitment }) => ({ commitment, field, subject })),
        ciphertext: JSON.stringify(segments.map(({ entry }) => entry)),
      };
    },

    async open(requests, reader, { orFail = false } = {}) {
      mustBeOpen();
      const lines = requests.filter(({ sealed }) => sealed.length > 0).map((request) => logLine(request, reader));
      const lent = await store.openingKeys(lines);
      const opened = requests.map((request) => {
        const entries = ciphertextEntries(request.ciphertext);
        return request.sealed.map((commitment, index) => openOne(lent, request, commitment, entries[index]));
      });
      // The process may have been stopped in the midst of it, for however long.
      if (lent.areGood()) return opened;
      if (orFail) throw new VaultUnavailableError("it is out of touch");
      return opened.map((segments) => segments.map(withheld));
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

/** For an adapter of which every other process is told at once: its keys need no lease. */
const always = (): boolean => true;

/** The keys of subjects, one by one. Every tombstone is met by `currentKey`, before any key is minted. */
export function keysOneByOne(
  subjects: readonly SubjectId[],
  currentKey: (subject: SubjectId) => DataKey | undefined,
  mint: (subject: SubjectId) => Promise<DataKey>,
): SealingKeys | Promise<SealingKeys> {
  const known = subjects.map(currentKey);
  if (known.every((key) => key !== undefined)) return { keys: known, areGood: always };
  const minted = Promise.all(known.map((key, index) => key ?? mint(subjects[index]!)));
  return minted.then((keys) => ({ keys, areGood: always }));
}

const logLine = ({ event, sealed }: OpenRequest, { key, purpose, at }: Reader): NewLine => ({
  at,
  key,
  purpose,
  event,
  subjects: [...new Set(sealed.map(({ subject }) => subject))],
});

function openOne(
  keys: OpeningKeys,
  { event }: OpenRequest,
  sealed: Commitment,
  entry: CiphertextEntry | null | undefined,
): Opened {
  const { subject, field, commitment } = sealed;
  const key = entry ? keys.ofVersion(subject, entry.k) : undefined;
  const opened = entry && key ? openSegment(key, { event, subject, field }, commitment, entry) : undefined;
  if (opened) return { subject, field, status: "opened", ...opened };
  // Keys go in the same step in which the tombstone comes, so a key that opens needs no look at the tombstones.
  return { subject, field, status: keys.isErased(subject) ? "erased" : "unavailable" };
}

const withheld = ({ subject, field, status }: Opened): Opened => ({
  subject,
  field,
  status: status === "opened" ? "unavailable" : status,
});

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
