/** Every code that a problem can bear, with its status and title. `docs/errors.md` explains each. */
import type { DomainErrorCode } from "../domain/errors.ts";

/** `detail` stands where there is more to say than the title, and always the same. */
export type ProblemType = { status: number; title: string; detail?: string };

/** Refusals by a rule of the domain. What is not found counts as 422 where a field of the body names it: see `problem.ts`. */
export const domainProblems: Record<DomainErrorCode, ProblemType> = {
  "account-exists": { status: 409, title: "There is an account with this id" },
  "account-not-found": { status: 404, title: "There is no such account" },
  "account-closed": { status: 409, title: "The account is closed" },
  "person-exists": { status: 409, title: "There is a person with this id" },
  "person-not-found": { status: 404, title: "There is no such person" },
  "person-left": { status: 409, title: "The person has left" },
  "team-not-found": { status: 404, title: "There is no such team" },
  "interaction-exists": { status: 409, title: "There is an interaction with this id" },
  "interaction-not-found": { status: 404, title: "There is no such interaction" },
  "interaction-retracted": { status: 409, title: "The interaction was retracted" },
  "agreement-exists": { status: 409, title: "There is an agreement with this id" },
  "agreement-not-found": { status: 404, title: "There is no such agreement" },
  "promise-exists": { status: 409, title: "There is a promise with this id" },
  "promise-not-found": { status: 404, title: "There is no such promise" },
  "outcome-exists": { status: 409, title: "There is an outcome with this id" },
  "outcome-not-found": { status: 404, title: "There is no such outcome" },
  "key-exists": { status: 409, title: "There is a key with this id" },
  "key-not-found": { status: 404, title: "There is no such key" },
  "recording-not-found": { status: 404, title: "There is no such load of history" },
  "recording-completed": { status: 409, title: "The load of history is complete" },
  "subject-not-found": { status: 404, title: "There is no such data subject" },
  "promise-offered": { status: 409, title: "The promise is only offered" },
  "promise-countered": { status: 409, title: "Other terms lie on the table" },
  "promise-declined": { status: 409, title: "The promise was declined" },
  "promise-withdrawn": { status: 409, title: "The promise was withdrawn" },
  "promise-conditional": { status: 409, title: "The promise waits for its condition" },
  "promise-in-force": { status: 409, title: "The promise is in force" },
  "promise-suspended": { status: 409, title: "The promise is suspended" },
  "promise-released": { status: 409, title: "The promisor was released" },
  "offer-lapsed": { status: 409, title: "The offer has lapsed" },
  "condition-lapsed": { status: 409, title: "The condition was not met in time" },
  "not-your-part": { status: 403, title: "It is for another party to say this" },
  "before-promise": { status: 422, title: "It lies before the promise was made" },
  "occurrence-unknown": { status: 422, title: "The promise has no such occurrence" },
  "occurrence-required": { status: 422, title: "Say which occurrence is meant" },
  "abstention-not-claimable": { status: 409, title: "An abstention is kept by the end of its window alone" },
  "evidence-required": { status: 422, title: "The proof of this promise is an interaction" },
  "evidence-unfit": { status: 422, title: "The interaction does not show it" },
  "already-claimed": { status: 409, title: "It was claimed before, and otherwise" },
  "already-confirmed": { status: 409, title: "It was confirmed before, and otherwise" },
  "change-pending": { status: 409, title: "A change waits for its answer" },
  "no-change-pending": { status: 409, title: "No change waits for an answer" },
  "change-unfit": { status: 422, title: "The change does not fit this promise" },
  "nothing-to-contest": { status: 409, title: "There is no verdict to contest" },
  "dispute-open": { status: 409, title: "The verdict is contested already" },
  "no-dispute-open": { status: 409, title: "No dispute is open" },
  "terms-invalid": { status: 422, title: "This can't be" },
  "too-many-occurrences": { status: 422, title: "The terms give too many occurrences" },
  "parties-unfit": { status: 422, title: "The parties do not fit" },
  "in-the-future": { status: 422, title: "It lies in the future" },
  "too-little-history": { status: 409, title: "There is too little history to fit a model to" },
  "clock-not-behind": { status: 409, title: "The clock does not stand behind the log" },
  "log-not-diverged": { status: 409, title: "The log agrees with what was signed" },
  "known-head-differs": { status: 409, title: "Another tree head was signed last" },
  "log-key-differs": { status: 409, title: "Another key signs the log" },
  "log-key-rotated": { status: 409, title: "The log's key was rotated meanwhile" },
  "log-not-signed": { status: 409, title: "This ledger does not sign its log" },
};

/** Everything else. */
export const apiProblems = {
  "malformed-request": { status: 400, title: "This is no request that can be read" },
  "malformed-json": { status: 400, title: "The body is not JSON" },
  "header-invalid": { status: 400, title: "A header is malformed" },
  "cursor-invalid": { status: 400, title: "The cursor is none of ours" },
  "command-unknown": { status: 400, title: "There is no such command" },
  unauthorized: { status: 401, title: "A valid API key is needed" },
  "scope-missing": { status: 403, title: "The key lacks the scope" },
  "key-bound": { status: 403, title: "The key speaks for one party alone" },
  "not-found": { status: 404, title: "There is nothing here" },
  "event-not-found": { status: 404, title: "There is no such event" },
  "census-missing": { status: 404, title: "No census was taken yet" },
  "account-not-counted": { status: 404, title: "The account is not in the last census" },
  "replay-not-found": { status: 404, title: "There is no such replay" },
  "head-missing": { status: 404, title: "There is no such tree head yet" },
  "not-anchored": { status: 404, title: "No witness has seen it yet" },
  "method-not-allowed": { status: 405, title: "The method does not fit this resource" },
  "request-timeout": { status: 408, title: "The body took too long" },
  "revision-conflict": { status: 503, title: "Others wrote to the same stream all the time" },
  "no-witnesses": { status: 409, title: "This ledger has no witnesses" },
  "replay-unfinished": { status: 409, title: "The replay has no answer" },
  "subject-erased": { status: 409, title: "The data subject has been erased" },
  "stale-revision": { status: 412, title: "The resource has changed meanwhile" },
  "body-too-large": { status: 413, title: "The body is too large" },
  "unsupported-media-type": {
    status: 415,
    title: "The body's type is not taken here",
    detail: "Send `Content-Type: application/json`, or `application/x-ndjson` to `POST /v1/batch`, which takes nothing else.",
  },
  "validation-failed": { status: 422, title: "The request does not fit its schema" },
  "before-ledger": { status: 422, title: "The ledger knows of nothing so early" },
  "beyond-log": { status: 422, title: "The log is not that long yet" },
  "as-of-after-known-at": { status: 422, title: "It was not known so early" },
  "json-too-deep": { status: 422, title: "The JSON is nested too deeply" },
  "idempotency-key-reused": { status: 422, title: "The idempotency key was used for another request" },
  "event-too-large": { status: 422, title: "The event would be too large" },
  "rate-limited": { status: 429, title: "Too many requests" },
  "replays-full": { status: 429, title: "Too many replays wait" },
  internal: { status: 500, title: "Something went wrong here" },
  "clock-behind": { status: 503, title: "The clock is behind the log" },
  "store-unavailable": { status: 503, title: "The event store is unavailable" },
  "vault-unavailable": { status: 503, title: "The vault is unavailable" },
  "views-behind": { status: 503, title: "The views have not caught up" },
  "log-diverged": { status: 503, title: "The log does not agree with what was signed" },
  "tree-behind": { status: 503, title: "The signed tree has not come that far" },
  "census-behind": { status: 503, title: "The log is being counted" },
  overloaded: { status: 503, title: "The server is overloaded" },
  "shutting-down": { status: 503, title: "The server is shutting down" },
  "store-full": { status: 507, title: "There is no room left for events" },
} as const satisfies Record<string, ProblemType>;

export type ApiProblemCode = keyof typeof apiProblems;
export type ProblemCode = DomainErrorCode | ApiProblemCode;

/** What an example or a refusal without any detail of its own says. */
export const usualDetail = (code: ProblemCode): string => {
  const { title, detail }: ProblemType = problemTypes[code];
  return detail ?? `${title}.`;
};

export const problemTypes: Record<ProblemCode, ProblemType> = { ...domainProblems, ...apiProblems };
