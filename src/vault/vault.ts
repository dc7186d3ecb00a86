/**
 * The port to the keys of data subjects. Personal text enters the log through `seal` alone and leaves it through `open`
 * alone. Destroying a subject's key is its erasure; leaves carry commitments and stay as they are.
 */
import type { PersonalField } from "../domain/decider.ts";
import type { EventId, Instant, KeyId, SubjectId } from "../domain/values.ts";

/** What the leaf carries for a sealed segment: base64 of SHA-256("troth/commit/v1\n" ‖ salt[32] ‖ canonical(segment)). */
export type Commitment = { subject: SubjectId; field: string; commitment: string };

export type Sealed = {
  commitments: Commitment[];
  /** JSON, one entry a commitment in the same order: key version and base64 of nonce ‖ ciphertext ‖ tag; null once blanked. */
  ciphertext: string;
};

export type Opened = { subject: SubjectId; field: string } & (
  | { status: "opened"; value: string; salt: string }
  /** `erased`: the subject's key was destroyed. `unavailable`: the vault can't say now, or the ciphertext is missing. */
  | { status: "erased" | "unavailable" }
);

/** Who opens what, kept for an auditor to read. */
export type Reader = { key: KeyId | string; purpose: string; at: Instant };

export type SealRequest = { event: EventId; fields: readonly PersonalField[] };
export type OpenRequest = { event: EventId; sealed: readonly Commitment[]; ciphertext: string | null };

export interface Vault {
  /**
   * Seals the personal fields of one event. A subject's first segment mints its data key, which is on disk before this resolves.
   * @throws SubjectErasedError for a subject with a tombstone: no key is ever minted for it again.
   */
  seal(request: SealRequest): Promise<Sealed>;

  /**
   * Opens segments, checks each against its commitment, and writes one line an event to the access log first.
   * @throws VaultUnavailableError, where `orFail` asks for it, instead of answering `unavailable` because the vault is out of touch: for
   *   evidence, in which that would look like text withheld.
   */
  open(requests: readonly OpenRequest[], reader: Reader, options?: { orFail?: boolean }): Promise<Opened[][]>;

  /** Lower-case hex HMAC-SHA-256 of a text under the ledger's id key: equal texts compare equal, and nobody can guess at them. */
  fingerprint(text: string): string;

  /** Openings, newest first. */
  accessLog(query: AccessLogQuery): Promise<AccessLogPage>;

  /** How this node stands to a vault that it shares with others; absent where it shares none. */
  lease?(): VaultLease;

  close(): Promise<void>;
}

export type VaultLease = {
  /** Whether it may use keys now. */
  holds: boolean;
  /** Why the lease could not be renewed just now. */
  failure?: string;
};

/** A vault that can forget. Whoever only records or reads is given a `Vault`. */
export interface ErasableVault extends Vault {
  /**
   * Destroys every key of a subject and writes its tombstone; both are on disk when this resolves. Repeating it changes
   * nothing, the first instant stays; so a restored backup can be told every tombstone again. The caller blanks the ciphertext.
   */
  erase(subject: SubjectId, at: Instant): Promise<void>;

  /** Every erasure that this vault knows of. */
  tombstones(): Tombstone[];
}

/** A subject that was erased, and when. */
export type Tombstone = { subject: SubjectId; at: Instant };

/** Tombstones kept apart from ledger and vault, so that restoring older copies of both brings nobody back. */
export interface Tombstones {
  all(): Tombstone[];
  /** On disk when it returns. Repeating it for a subject changes nothing. */
  add(tombstone: Tombstone): void;
}

/** `line` counts from 1 without gaps. */
export type AccessLogLine = { line: number; at: Instant; key: string; purpose: string; event: EventId; subjects: SubjectId[] };

export type AccessLogQuery = {
  limit: number;
  /** Lines before this one; the newest where absent. */
  before?: number | undefined;
  subject?: SubjectId | undefined;
  key?: string | undefined;
};

export type AccessLogPage = {
  lines: AccessLogLine[];
  /** Go on before this line; absent once the first one was looked at. A page may be short of `limit`, or empty, and go on. */
  next?: number;
};

/** The subject was erased; nothing personal can be recorded for it any more. */
export class SubjectErasedError extends Error {
  readonly subject: SubjectId;
  constructor(subject: SubjectId) {
    super(`the data subject ${subject} has been erased`);
    this.name = "SubjectErasedError";
    this.subject = subject;
  }
}

/** The vault can't keep or give keys now: disk full, file damaged, closed. Nothing was sealed or opened. */
export class VaultUnavailableError extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(`the vault is unavailable: ${reason}`, options);
    this.name = "VaultUnavailableError";
  }
}
