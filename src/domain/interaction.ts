/** A visit, a call, a letter: something that passed between us and an account. Stream: `interaction-<interactionId>`. */
import { z } from "zod";
import type { At, Decider, Draft, EventOf, PersonalField, Recorded } from "./decider.ts";
import { DomainError } from "./errors.ts";
import {
  accountId,
  type AccountId,
  type Instant,
  instant,
  type InteractionId,
  type PartyId,
  partyId,
  personId,
  slug,
  type SubjectId,
} from "./values.ts";

export const interactionFacts = z.strictObject({
  kind: slug.describe("What it was: `visit`, `call`, `email`, `meeting` …"),
  purpose: slug.describe("What for: `relationship`, `sales`, `service` …"),
  direction: z.enum(["inbound", "outbound", "mutual"]).describe("Who sought whom: they us, we them, or both."),
  channel: slug.optional(),
  startedAt: instant,
  minutes: z.int().min(0).max(100_000).optional().describe("How long it took."),
  participants: z.array(personId).max(100).default([]),
  tags: z.array(slug).max(50).default([]),
});
export type InteractionDetails = z.infer<typeof interactionFacts>;

export const interactionEvents = {
  InteractionRecorded: z.strictObject({
    account: accountId,
    ...interactionFacts.shape,
    source: slug.optional(),
    recordedFor: partyId.optional(),
  }),
  InteractionCorrected: z.strictObject({ ...interactionFacts.shape, recordedFor: partyId.optional() }),
  InteractionRetracted: z.strictObject({}),
};
export type InteractionEvent = EventOf<typeof interactionEvents>;

export type SealedNote = { subject: SubjectId; value: string };
export type InteractionCommand =
  | ({
      type: "RecordInteraction";
      account: AccountId;
      details: InteractionDetails;
      source?: z.infer<typeof slug>;
      recordedFor?: PartyId;
      note?: SealedNote;
      externalId?: SealedNote;
    } & At)
  | ({ type: "CorrectInteraction"; details: InteractionDetails; recordedFor?: PartyId; note?: SealedNote } & At)
  | ({ type: "RetractInteraction"; reason?: SealedNote } & At);

/** What was told of an interaction at one time. */
export type InteractionVersion = InteractionDetails & {
  /** Of the event that last changed what promises match on; a corrected note does not make evidence late. */
  recordedAt: Instant;
  /** The party that the recording key is bound to; its own evidence needs no confirmation by it. */
  recordedFor?: PartyId;
};

export type Interaction = InteractionVersion & {
  id: InteractionId;
  account: AccountId;
  position: number;
  /** What corrections replaced, the first first: what was known in time stays so when some other detail is put right. */
  earlier?: readonly InteractionVersion[];
  isRetracted: boolean;
  isCorrected: boolean;
};
export type InteractionState = { status: "none" } | ({ status: "recorded" } & Interaction);

export const interaction: Decider<InteractionCommand, InteractionEvent, InteractionState> = {
  initialState: { status: "none" },
  decide,
  evolve,
};

function decide(command: InteractionCommand, state: InteractionState): Draft<InteractionEvent>[] {
  if (command.type === "RecordInteraction") return record(command, state);
  if (state.status === "none") throw new DomainError("interaction-not-found");
  if (command.type === "RetractInteraction") {
    if (state.isRetracted) return [];
    return [{ type: "InteractionRetracted", data: {}, account: state.account, personal: noteFields("reason", command.reason) }];
  }
  if (state.isRetracted) throw new DomainError("interaction-retracted");
  if (isSame(state, command.details) && command.note === undefined) return [];
  const data = { ...command.details, recordedFor: command.recordedFor };
  return [{ type: "InteractionCorrected", data, account: state.account, personal: noteFields("note", command.note) }];
}

function record(
  command: Extract<InteractionCommand, { type: "RecordInteraction" }>,
  state: InteractionState,
): Draft<InteractionEvent>[] {
  if (state.status !== "none") throw new DomainError("interaction-exists");
  const { account, details, source, recordedFor } = command;
  const personal = [...noteFields("note", command.note), ...noteFields("externalId", command.externalId)];
  return [{ type: "InteractionRecorded", data: { account, ...details, source, recordedFor }, account, personal }];
}

const noteFields = (field: string, note: SealedNote | undefined): PersonalField[] =>
  note === undefined ? [] : [{ field, ...note }];

function evolve(state: InteractionState, event: Recorded<InteractionEvent>): InteractionState {
  switch (event.type) {
    case "InteractionRecorded": {
      const { source: _, ...facts } = event.data;
      const id = event.stream.slice("interaction-".length) as InteractionId;
      return {
        status: "recorded",
        id,
        ...facts,
        recordedAt: event.recordedAt,
        position: event.position,
        isRetracted: false,
        isCorrected: false,
      };
    }
    case "InteractionCorrected":
      if (state.status === "none") return state;
      return isSame(state, event.data) ? { ...state, isCorrected: true } : corrected(state, event);
    case "InteractionRetracted":
      return state.status === "none" ? state : { ...state, isRetracted: true };
  }
}

/** A correction is whole: what it leaves out is gone. */
function corrected(
  state: Extract<InteractionState, { status: "recorded" }>,
  { data, recordedAt }: Recorded<Extract<InteractionEvent, { type: "InteractionCorrected" }>>,
): InteractionState {
  const { status, id, account, position, earlier = [], isRetracted, isCorrected: _, ...before } = state;
  return {
    ...{ status, id, account, position, isRetracted, isCorrected: true },
    ...data,
    recordedAt,
    earlier: [...earlier, before],
  };
}

const compared = ["kind", "purpose", "direction", "channel", "startedAt", "minutes", "participants", "tags"] as const;
const isSame = (a: InteractionDetails, b: InteractionDetails) =>
  compared.every((field) => JSON.stringify(a[field]) === JSON.stringify(b[field]));
