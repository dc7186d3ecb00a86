/** What came of a relationship in business: won, lost, renewed, churned. Stream: `outcome-<outcomeId>`. Not the outcome of a promise. */
import { z } from "zod";
import type { At, Decider, Draft, EventOf } from "./decider.ts";
import { DomainError } from "./errors.ts";
import { type AccountId, accountId, type Slug, slug, type SubjectId } from "./values.ts";

export const businessOutcome = {
  kind: z.enum(["won", "lost", "renewed", "churned"]),
  amount: z
    .strictObject({
      value: z.string().regex(/^\d{1,15}(\.\d{1,4})?$/, "must be a decimal such as `1200000.00`"),
      currency: z.string().regex(/^[A-Z]{3}$/, "must be an ISO 4217 code such as `EUR`"),
    })
    .optional(),
};
export const outcomeEvents = {
  OutcomeRecorded: z.strictObject({ account: accountId, ...businessOutcome, source: slug.optional() }),
  OutcomeRetracted: z.strictObject({}),
};
export type OutcomeEvent = EventOf<typeof outcomeEvents>;
type Details = { kind: "won" | "lost" | "renewed" | "churned"; amount?: { value: string; currency: string } };
type Note = { subject: SubjectId; value: string };
export type OutcomeCommand =
  | ({ type: "RecordOutcome"; account: AccountId; source?: Slug; note?: Note; externalId?: Note } & Details & At)
  | ({ type: "RetractOutcome" } & At);
export type OutcomeState = { status: "none" } | ({ status: "recorded" | "retracted"; account: AccountId } & Details);

export const outcome: Decider<OutcomeCommand, OutcomeEvent, OutcomeState> = { initialState: { status: "none" }, decide, evolve };

function decide(command: OutcomeCommand, state: OutcomeState): Draft<OutcomeEvent>[] {
  if (command.type === "RetractOutcome") {
    if (state.status === "none") throw new DomainError("outcome-not-found");
    return state.status === "retracted" ? [] : [{ type: "OutcomeRetracted", data: {}, account: state.account }];
  }
  if (state.status !== "none") throw new DomainError("outcome-exists");
  const { account, kind, amount, source, note, externalId } = command;
  const personal = [
    ...(note === undefined ? [] : [{ field: "note", ...note }]),
    ...(externalId === undefined ? [] : [{ field: "externalId", ...externalId }]),
  ];
  return [{ type: "OutcomeRecorded", data: { account, kind, amount, source }, account, personal }];
}

function evolve(state: OutcomeState, event: OutcomeEvent): OutcomeState {
  if (event.type === "OutcomeRecorded") return { status: "recorded", ...event.data };
  return state.status === "none" ? state : { ...state, status: "retracted" };
}
