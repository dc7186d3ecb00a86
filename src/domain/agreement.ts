/** Promises made together. Stream: `agreement-<agreementId>`. Recorded last, when all of them exist, which is when they begin to bind. */
import { z } from "zod";
import type { At, Decider, Draft, EventOf } from "./decider.ts";
import { DomainError } from "./errors.ts";
import { type AccountId, accountId, type PromiseId, promiseId, type SubjectId } from "./values.ts";

export const agreementEvents = {
  AgreementMade: z.strictObject({ account: accountId, promises: z.array(promiseId).min(1).max(50) }),
};
export type AgreementEvent = EventOf<typeof agreementEvents>;
export type MakeAgreement = {
  type: "MakeAgreement";
  account: AccountId;
  promises: PromiseId[];
  text?: { subject: SubjectId; value: string };
} & At;
export type AgreementState = { status: "none" } | { status: "made"; account: AccountId; promises: PromiseId[] };

export const agreement: Decider<MakeAgreement, AgreementEvent, AgreementState> = {
  initialState: { status: "none" },
  decide,
  evolve,
};

function decide({ account, promises, text }: MakeAgreement, state: AgreementState): Draft<AgreementEvent>[] {
  if (state.status === "made") throw new DomainError("agreement-exists");
  return [
    {
      type: "AgreementMade",
      data: { account, promises },
      account,
      personal: text === undefined ? [] : [{ field: "text", ...text }],
    },
  ];
}

function evolve(_state: AgreementState, event: AgreementEvent): AgreementState {
  return { status: "made", ...event.data };
}
