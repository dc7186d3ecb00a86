/** What can be wrong with bytes that somebody handed to the audit log. */

export type AuditErrorCode =
  /** Text, numbers or base64 that are not in the one form their format allows. */
  | "malformed-note"
  | "malformed-key"
  | "malformed-tree-head"
  | "malformed-receipt"
  | "malformed-policy"
  | "malformed-request"
  | "malformed-bundle"
  | "malformed-census"
  /** An event about keys or witnesses that contradicts itself or what was signed. */
  | "bad-rotation"
  | "bad-anchor"
  /** A tile that its store gave back in a shape it can't have. */
  | "damaged-tile"
  /** A line names a trusted key, and its signature is not that key's. */
  | "bad-signature"
  /** Well formed, and signed by nobody trusted here. */
  | "no-trusted-signature"
  /** The leaf is not where the receipt says. It says no more: which part was changed can't be known. */
  | "proof-failed";

/** Callers and tests match the code, never the message. */
export class AuditError extends Error {
  readonly code: AuditErrorCode;
  /** 1-based line of the text where the fault stands, where it stands in one line. */
  readonly line: number | undefined;
  constructor(code: AuditErrorCode, message: string, line?: number) {
    super(line === undefined ? message : `line ${line}: ${message}`);
    this.name = "AuditError";
    this.code = code;
    this.line = line;
  }
}
