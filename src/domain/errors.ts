/** Refusals by a rule. Callers and tests match the code, never the message; `docs/errors.md` explains each. */

export const domainErrorCodes = [
  // Something is there already, or is not.
  "account-exists",
  "account-not-found",
  "account-closed",
  "person-exists",
  "person-not-found",
  "person-left",
  "interaction-exists",
  "interaction-not-found",
  "interaction-retracted",
  "agreement-exists",
  "agreement-not-found",
  "promise-exists",
  "promise-not-found",
  "outcome-exists",
  "outcome-not-found",
  "key-exists",
  "key-not-found",
  "recording-not-found",
  "recording-completed",
  // The lifecycle of a promise.
  "promise-offered",
  "promise-countered",
  "promise-declined",
  "promise-withdrawn",
  "promise-conditional",
  "promise-in-force",
  "promise-suspended",
  "promise-released",
  "offer-lapsed",
  "condition-lapsed",
  "not-your-part",
  "before-promise",
  "occurrence-unknown",
  "occurrence-required",
  "abstention-not-claimable",
  "evidence-required",
  "evidence-unfit",
  "already-claimed",
  "already-confirmed",
  "change-pending",
  "no-change-pending",
  "change-unfit",
  "nothing-to-contest",
  "dispute-open",
  "no-dispute-open",
  // Terms and facts that can't be.
  "terms-invalid",
  "too-many-occurrences",
  "parties-unfit",
  "in-the-future",
  "too-little-history",
  // The verifiable log.
  "log-not-diverged",
  "known-head-differs",
  "log-key-rotated",
] as const;

export type DomainErrorCode = (typeof domainErrorCodes)[number];

/** A command that a rule refuses. `field` names the part of the request that offends, as a JSON pointer, where there is one. */
export class DomainError extends Error {
  readonly code: DomainErrorCode;
  readonly field: string | undefined;
  constructor(code: DomainErrorCode, detail?: string, field?: string) {
    super(detail ?? code);
    this.name = "DomainError";
    this.code = code;
    this.field = field;
  }
}
