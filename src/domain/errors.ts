/** Refusals by a rule. Callers and tests match the code, never the message; `docs/errors.md` explains each. */

/** What each code says where the rule that refuses has nothing more exact to say. */
export const domainErrorSentences = {
  // Something is there already, or is not.
  "account-exists": "there is an account with this id already",
  "account-not-found": "there is no account of this id",
  "account-closed": "the account is closed and takes no changes until it is reopened",
  "person-exists": "there is a person with this id already",
  "person-not-found": "there is no person of this id",
  "person-left": "the person has left; record a move first if they are back",
  "team-not-found": "nobody was ever in this team",
  "interaction-exists": "there is an interaction with this id already",
  "interaction-not-found": "there is no interaction of this id",
  "interaction-retracted": "the interaction was retracted and can't be corrected; record it anew",
  "agreement-exists": "there is an agreement with this id already",
  "agreement-not-found": "there is no agreement of this id",
  "promise-exists": "there is a promise with this id already",
  "promise-not-found": "there is no promise of this id",
  "outcome-exists": "there is an outcome with this id already",
  "outcome-not-found": "there is no outcome of this id",
  "key-exists": "there is a key with this id already",
  "key-not-found": "there is no key of this id",
  "recording-not-found": "there is no load of history of this id; start it first",
  "recording-completed": "the load of history was completed up to another instant",
  "subject-not-found": "there is no person and no account of this id",
  // The lifecycle of a promise.
  "promise-offered": "the promise is only offered and binds nobody yet",
  "promise-countered": "other terms lie on the table; they have to be answered first",
  "promise-declined": "the promise was declined",
  "promise-withdrawn": "the promise was withdrawn",
  "promise-conditional": "the promise waits for its condition to be met",
  "promise-in-force": "the promise is in force, and this is for one that is not",
  "promise-suspended": "the promise is suspended; it has to be resumed first",
  "promise-released": "the promisor was released from what was to come",
  "offer-lapsed": "the offer was not accepted before it lapsed",
  "condition-lapsed": "the condition was not met before it lapsed",
  "not-your-part": "it is for another party to say this",
  "before-promise": "it lies before the promise was made",
  "occurrence-unknown": "the promise has no occurrence of this number",
  "occurrence-required": "the promise has several occurrences; say which one is meant",
  "abstention-not-claimable": "an abstention is kept by the end of its window alone",
  "evidence-required": "the proof of this promise is an interaction; name the one that kept it",
  "evidence-unfit": "the interaction does not show what it is named for",
  "already-claimed":
    "this occurrence was claimed before, and otherwise; a claim can only grow, or name another interaction as evidence",
  "already-confirmed": "this occurrence was confirmed before, and otherwise; a confirmation can only grow",
  "change-pending": "a change waits for its answer; accept, decline or withdraw that one first",
  "no-change-pending": "no change waits for an answer on this promise",
  "change-unfit": "the change does not fit this promise or its occurrence",
  "nothing-to-contest": "there is nothing to contest on this occurrence yet",
  "dispute-open": "the occurrence is contested already; that dispute has to end first",
  "no-dispute-open": "no dispute is open on this promise, or on the occurrence that was named",
  // Terms and facts that can't be.
  "terms-invalid": "the terms, or another field, can't be",
  "too-many-occurrences": "the terms give too many occurrences",
  "parties-unfit": "a promise runs between our side and the account's, and these parties do not",
  "in-the-future": "it is said to have happened later than now",
  "too-little-history": "there is too little history to fit a model to",
  // The ledger itself.
  "clock-not-behind": "the clock does not stand behind the log, so there is nothing to correct",
  // The verifiable log.
  "log-not-diverged": "the log agrees with every tree head that was signed, so there is no break to declare",
  "known-head-differs": "this is not the head that the log lacks; name size and root as `log-diverged` gives them",
  "log-key-differs": "the log says that another key signs it; this node has a key of some other log",
  "log-key-rotated": "another request rotated the log's key at the same moment; nothing was recorded",
  "log-not-signed": "this ledger does not sign its log",
} as const satisfies Record<string, string>;

export type DomainErrorCode = keyof typeof domainErrorSentences;
export const domainErrorCodes = Object.keys(domainErrorSentences) as DomainErrorCode[];

/** A command that a rule refuses. `field` names the part of the request that offends, as a JSON pointer, where there is one. */
export class DomainError extends Error {
  readonly code: DomainErrorCode;
  readonly field: string | undefined;
  constructor(code: DomainErrorCode, detail?: string, field?: string) {
    super(detail ?? domainErrorSentences[code]);
    this.name = "DomainError";
    this.code = code;
    this.field = field;
  }
}
