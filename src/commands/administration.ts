/** Commands on the ledger itself: loads of history, the policy, keys, the clock. */
import { createHash, randomBytes } from "node:crypto";
import { z } from "zod";
import type { Actor } from "../domain/decider.ts";
import { DomainError } from "../domain/errors.ts";
import { key, keyScope, type KeyScope } from "../domain/key.ts";
import { knownHead, ledgerRecord } from "../domain/ledger-record.ts";
import { policy, policyDocument } from "../domain/policy.ts";
import {
  epochMs,
  type KeyId,
  keyId,
  type PartyId,
  partyId,
  type RecordingId,
  recordingId,
  type Slug,
  slug,
  toldInstant,
} from "../domain/values.ts";
import { derivedId, freshId } from "../ledger/ids.ts";
import {
  type Acknowledged,
  defineCommand,
  type Desk,
  handleRequest,
  metaOf,
  newIdOf,
  noParams,
  requireUnbound,
} from "./command.ts";
import { requireParty } from "./references.ts";

export const startRecording = defineCommand({
  name: "start-recording",
  method: "POST",
  path: "/recordings",
  tag: "Loading history",
  summary: "Start a load of history",
  description: "While it is open, the clock says nothing of promises that name it: facts may come in any order.",
  scope: "record",
  creates: true,
  params: noParams,
  body: z.strictObject({ source: slug }),
  example: { source: "crm-history" },
  refusals: ["not-your-part"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { id: recording } = newIdOf<RecordingId>("rec", "start-recording", desk, { ...request, body: {} });
    const made = await desk.ledger.handle(
      ledgerRecord,
      "ledger",
      { type: "StartRecording", recording, source: request.body.source, at: desk.ledger.now() },
      metaOf("start-recording", desk, { ...request, expectedRevision: undefined }),
    );
    return { ...made, id: recording };
  },
});

export const completeRecording = defineCommand({
  name: "complete-recording",
  method: "POST",
  path: "/recordings/:recording/complete",
  tag: "Loading history",
  summary: "Complete a load of history",
  description: "Ends the allowance of its promises for deadlines up to `upTo`: they are judged now.",
  scope: "record",
  params: z.strictObject({ recording: recordingId }),
  body: z.strictObject({ upTo: toldInstant.optional().describe("Up to when the history is complete; now where absent.") }),
  example: { upTo: "2026-01-01T00:00:00.000Z" },
  refusals: ["recording-not-found", "recording-completed", "in-the-future", "not-your-part"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { recording } = request.params;
    const command = { type: "CompleteRecording" as const, recording, upTo: request.body.upTo, at: desk.ledger.now() };
    return {
      ...(await desk.ledger.handle(
        ledgerRecord,
        "ledger",
        command,
        metaOf("complete-recording", desk, { ...request, expectedRevision: undefined }),
      )),
      id: recording,
    };
  },
});

export const adoptPolicy = defineCommand({
  name: "adopt-policy",
  method: "POST",
  path: "/policies",
  tag: "Policies",
  summary: "Adopt a policy",
  description:
    "The parameters that judgement rests on. Fields that are left out take their defaults; the policy before stays in the log.",
  scope: "admin",
  params: noParams,
  body: policyDocument,
  example: { promises: { recordingAllowanceMinutes: 2880 } },
  refusals: ["terms-invalid", "not-your-part"],
  async run(desk, request) {
    requireUnbound(request.caller);
    return handleRequest(
      desk,
      "adopt-policy",
      request,
      { decider: policy, category: "policy", id: "default" },
      { type: "AdoptPolicy", policy: request.body, at: desk.ledger.now() },
    );
  },
});

/** A key as its owner holds it: `troth_<key id>_<secret>`. Shown once; the ledger knows its hash alone. */
export const secretText = (id: KeyId, secret: Uint8Array) => `troth_${id}_${Buffer.from(secret).toString("base64url")}`;
export const secretHash = (secret: Uint8Array) => createHash("sha256").update(secret).digest("hex");

export type NewKey = { label: Slug; scopes: KeyScope[]; party?: PartyId | undefined };

/** Issues a key outside any request, for the first start and the command line. @returns the text that its owner keeps. */
export async function issueKeyFor(
  desk: Desk,
  { label, scopes, party }: NewKey,
  actor: Actor,
): Promise<Acknowledged & { secret: string }> {
  const id = freshId<KeyId>("key", epochMs(desk.ledger.now()));
  const secret = randomBytes(32);
  const command = {
    type: "IssueKey" as const,
    label,
    scopes: [...new Set(scopes)],
    party,
    secretHash: secretHash(secret),
    at: desk.ledger.now(),
  };
  const handled = await desk.ledger.handle(key, `key-${id}`, command, { actor, correlation: derivedId("req", "issue-key", id) });
  return { ...handled, id, secret: secretText(id, secret) };
}

/** What is the house's business alone. */
const houseScopes: ReadonlySet<KeyScope> = new Set(["admin", "audit", "arbitrate"]);

export const issueKey = defineCommand({
  name: "issue-key",
  method: "POST",
  path: "/keys",
  tag: "Keys",
  summary: "Issue an API key",
  description:
    "The secret is in the answer and nowhere else. A retry makes another key, because the first secret can't be shown again.",
  scope: "admin",
  creates: true,
  params: noParams,
  body: z.strictObject({
    label: slug,
    scopes: z.array(keyScope).min(1).max(6),
    party: partyId.optional().describe("The person or account that it speaks for, and for which alone."),
  }),
  example: { label: "calendar", scopes: ["record", "read"] },
  refusals: ["account-not-found", "person-not-found", "terms-invalid", "not-your-part"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { label, scopes, party } = request.body;
    if (party !== undefined) await requireParty(desk, party, "/party");
    if (party !== undefined && scopes.some((scope) => houseScopes.has(scope)))
      throw new DomainError("terms-invalid", "a key that speaks for a party can't administer, audit or arbitrate", "/scopes");
    return issueKeyFor(desk, { label, scopes, party }, { kind: "key", id: request.caller.key });
  },
});

export const revokeKey = defineCommand({
  name: "revoke-key",
  method: "POST",
  path: "/keys/:key/revoke",
  tag: "Keys",
  summary: "Revoke an API key",
  scope: "admin",
  params: z.strictObject({ key: keyId }),
  body: z.strictObject({}),
  example: {},
  refusals: ["key-not-found", "not-your-part"],
  async run(desk, request) {
    requireUnbound(request.caller);
    return handleRequest(
      desk,
      "revoke-key",
      request,
      { decider: key, category: "key", id: request.params.key },
      { type: "RevokeKey", at: desk.ledger.now() },
    );
  },
});

export const correctClock = defineCommand({
  name: "correct-clock",
  method: "POST",
  path: "/clock/correct",
  tag: "Ledger",
  summary: "Count log time anew, after the clock had been wrong for good",
  description:
    "Only while the machine's clock stands behind the log and is right: the log then holds instants from its future, and takes nothing until it is corrected. Visible in the log for ever.",
  scope: "admin",
  params: noParams,
  body: z.strictObject({}),
  example: {},
  refusals: ["clock-not-behind", "not-your-part"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const meta = metaOf("correct-clock", desk, { ...request, expectedRevision: undefined });
    const handled = await desk.ledger.handle(
      ledgerRecord,
      "ledger",
      { type: "CorrectClock", at: desk.ledger.now() },
      { ...meta, correctsClock: true },
    );
    return { ...handled, id: "ledger" };
  },
});

export const resumeLog = defineCommand({
  name: "resume-log",
  method: "POST",
  path: "/audit/resume",
  tag: "Ledger",
  summary: "Declare that the log does not go on from the tree head that was signed last",
  description:
    "Only while the log is behind what was signed or differs from it, for instance after a backup was restored, and nothing better can be restored. Receipts of the lost part then contradict the log, and the declaration is visible to every auditor for ever. Signing goes on at once.",
  scope: "admin",
  params: noParams,
  body: z.strictObject({ lastKnownHead: knownHead.describe("The head that the log lacks, as `log-diverged` names it.") }),
  example: { lastKnownHead: { size: 4711, root: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" } },
  refusals: ["log-not-diverged", "known-head-differs", "not-your-part"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { lastKnownHead } = request.body;
    const broken = desk.auditLog?.status().lastKnownHead;
    const handled = await desk.ledger.handle(
      ledgerRecord,
      "ledger",
      { type: "ResumeLog", lastKnownHead, broken, at: desk.ledger.now() },
      metaOf("resume-log", desk, { ...request, expectedRevision: undefined }),
    );
    return { ...handled, id: "ledger" };
  },
});
