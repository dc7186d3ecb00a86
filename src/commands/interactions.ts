/** Commands on interactions: record, correct, retract. */
import { z } from "zod";
import { DomainError } from "../domain/errors.ts";
import { type Interaction, interaction, type InteractionDetails, interactionFacts } from "../domain/interaction.ts";
import { type AccountId, accountId, type InteractionId, interactionId, type PartyId, toldInstant } from "../domain/values.ts";
import {
  type Caller,
  defineCommand,
  type Desk,
  handleRequest,
  newIdOf,
  noParams,
  origin,
  personalText,
  toSubjectText,
} from "./command.ts";
import { requireAccount, requirePerson, requireVocabulary, subjectAmong, subjectText } from "./references.ts";

const onInteraction = z.strictObject({ interaction: interactionId });
export const note = { note: personalText.optional() };
export const details = { ...interactionFacts.shape, startedAt: toldInstant };

export async function checkDetails(desk: Desk, details: InteractionDetails): Promise<void> {
  for (const list of ["participants", "tags"] as const) {
    const repeated = details[list].findIndex((one, index, all) => (all as readonly string[]).indexOf(one) !== index);
    if (repeated !== -1) throw new DomainError("terms-invalid", "stands there twice", `/${list}/${repeated}`);
  }
  for (const [index, participant] of details.participants.entries()) {
    const known = requirePerson(desk, participant, `/participants/${index}`);
    if (known instanceof Promise) await known;
  }
  const { kind, purpose, channel, tags } = details;
  await requireVocabulary(desk, { kinds: [kind], purposes: [purpose], channels: channel === undefined ? [] : [channel], tags });
}

/** A customer's key may record what it took part in, and nothing else. */
function requirePart({ party }: Caller, account: AccountId, details: InteractionDetails): void {
  if (party === undefined || party === account || details.participants.some((one) => one === party)) return;
  throw new DomainError("not-your-part", `this key speaks for ${party}, who takes no part in it`, "/participants");
}

/** What happened at `startedAt` is recorded as having happened then; a future start is refused under its own name. */
export function startedAt(desk: Desk, details: InteractionDetails) {
  const now = desk.ledger.now();
  if (details.startedAt > now && Date.parse(details.startedAt) - Date.parse(now) > 5_000)
    throw new DomainError("in-the-future", `${details.startedAt} lies in the future`, "/startedAt");
  return details.startedAt;
}

export const recordInteraction = defineCommand({
  name: "record-interaction",
  method: "POST",
  path: "/interactions",
  tag: "Interactions",
  summary: "Record an interaction",
  description:
    "A visit, a call, a letter. It keeps promises that it matches, breaks abstentions that forbid it, and counts as contact.",
  scope: "record",
  creates: true,
  params: noParams,
  body: z.strictObject({
    id: interactionId.optional().describe("Your own opaque id; made here where absent."),
    account: accountId,
    ...details,
    ...note,
    ...origin,
  }),
  example: {
    account: "acc_0000000000000001",
    kind: "visit",
    purpose: "relationship",
    direction: "outbound",
    startedAt: "2026-01-09T10:00:00.000Z",
    minutes: 60,
    participants: ["per_0000000000000001", "per_0000000000000002"],
    tags: ["no-briefcase"],
    note: "Talked about sailing.",
  },
  refusals: ["account-not-found", "person-not-found", "interaction-exists", "terms-invalid", "not-your-part", "in-the-future"],
  async run(desk, request) {
    const { id: _, account, note, source, externalId, ...details } = request.body;
    await requireAccount(desk, account);
    await checkDetails(desk, details);
    requirePart(request.caller, account, details);
    const subject =
      note === undefined && externalId === undefined ? account : await subjectAmong(desk, account, details.participants);
    const { id, isFresh } = newIdOf<InteractionId>("int", "record-interaction", desk, request);
    const command = {
      type: "RecordInteraction" as const,
      at: startedAt(desk, details),
      account,
      details,
      source,
      recordedFor: request.caller.party,
      note: await subjectText(desk, note, subject, "/note"),
      externalId: toSubjectText(externalId, subject),
    };
    return handleRequest(
      desk,
      "record-interaction",
      request,
      { decider: interaction, category: "interaction", id, isFresh },
      command,
    );
  },
});

export const correctInteraction = defineCommand({
  name: "correct-interaction",
  method: "POST",
  path: "/interactions/:interaction/correct",
  tag: "Interactions",
  summary: "Correct an interaction",
  description:
    "Says how it really was, as a whole: what the correction leaves out is gone. To move it to another account, retract it and record it anew.",
  scope: "record",
  params: onInteraction,
  body: z.strictObject({ ...details, ...note }),
  example: {
    kind: "visit",
    purpose: "relationship",
    direction: "outbound",
    startedAt: "2026-01-09T10:00:00.000Z",
    minutes: 75,
    participants: [],
    tags: [],
  },
  refusals: [
    "interaction-not-found",
    "interaction-retracted",
    "person-not-found",
    "terms-invalid",
    "not-your-part",
    "in-the-future",
  ],
  async run(desk, request) {
    const { note, ...details } = request.body;
    const id = request.params.interaction;
    const { account, recordedFor } = await requireInteraction(desk, id);
    requireOwn(request.caller, recordedFor);
    await checkDetails(desk, details);
    const text = await subjectText(desk, note, await subjectAmong(desk, account, details.participants), "/note");
    return handleRequest(
      desk,
      "correct-interaction",
      request,
      { decider: interaction, category: "interaction", id },
      { type: "CorrectInteraction", at: startedAt(desk, details), details, recordedFor: request.caller.party, note: text },
    );
  },
});

async function requireInteraction(desk: Desk, id: InteractionId): Promise<Interaction> {
  const { state } = await desk.ledger.load(interaction, `interaction-${id}`);
  if (state.status === "none") throw new DomainError("interaction-not-found", `there is no interaction ${id}`);
  return state;
}

/** A bound key takes back or puts right what it recorded itself, and nothing of anybody else's. */
function requireOwn({ party }: Caller, recordedFor: PartyId | undefined): void {
  if (party !== undefined && party !== recordedFor)
    throw new DomainError("not-your-part", `${party} did not record this interaction`);
}

export const retractInteraction = defineCommand({
  name: "retract-interaction",
  method: "POST",
  path: "/interactions/:interaction/retract",
  tag: "Interactions",
  summary: "Retract an interaction that never was",
  description: "It proves nothing any more; what it had kept is judged anew. The record that it was once claimed stays.",
  scope: "record",
  params: onInteraction,
  body: z.strictObject({ reason: personalText.optional() }),
  example: { reason: "Entered for the wrong account." },
  refusals: ["interaction-not-found", "not-your-part"],
  async run(desk, request) {
    const id = request.params.interaction;
    const { account, recordedFor } = await requireInteraction(desk, id);
    requireOwn(request.caller, recordedFor);
    const reason = await subjectText(desk, request.body.reason, account, "/reason");
    return handleRequest(
      desk,
      "retract-interaction",
      request,
      { decider: interaction, category: "interaction", id },
      { type: "RetractInteraction", at: desk.ledger.now(), reason },
    );
  },
});
