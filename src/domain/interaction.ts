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
  InteractionCorrected: z.strictObject({ ...interactionFacts.shape }),
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
  | ({ type: "CorrectInteraction"; details: InteractionDetails; note?: SealedNote } & At)
  | ({ type: "RetractInteraction"; reason?: SealedNote } & At);

export type Interaction = InteractionDetails & {
  id: InteractionId;
  account: AccountId;
  /** Of the event that last changed what promises match on; a corrected note does not make evidence late. */
  recordedAt: Instant;
  position: number;
  /** The party that the recording key is bound to; its own evidence needs no confirmation by it. */
  recordedFor?: PartyId;
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
  return [
    { type: "InteractionCorrected", data: command.details, account: state.account, personal: noteFields("note", command.note) },
  ];
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
      // A correction is whole: what it leaves out is gone.
      return {
        ...state,
        channel: undefined,
        minutes: undefined,
        ...event.data,
        recordedAt: isSame(state, event.data) ? state.recordedAt : event.recordedAt,
        isCorrected: true,
      };
    case "InteractionRetracted":
      return state.status === "none" ? state : { ...state, isRetracted: true };
  }
}

const compared = ["kind", "purpose", "direction", "channel", "startedAt", "minutes", "participants", "tags"] as const;
const isSame = (a: InteractionDetails, b: InteractionDetails) =>
  compared.every((field) => JSON.stringify(a[field]) === JSON.stringify(b[field]));
