/** What may be asked of a promise, and on whose word. */
import type { At } from "../decider.ts";
import type {
  AccountId,
  AgreementId,
  Instant,
  InteractionId,
  PartyId,
  PromiseDirection,
  RecordingId,
  Slug,
  SubjectId,
} from "../values.ts";
import type { ToldAssertion, ChangeProposal, Offer } from "./events.ts";

/**
 * Who speaks. A key bound to a party speaks for that party alone (`bound`). An unbound key may state anybody's word: without a
 * `party` it is taken for the one whose part it is, and stored as asserted unless that is the house itself.
 */
export type Speaker = { party?: PartyId; bound: boolean };

/** Personal text and the one data subject that it belongs to. */
export type SubjectText = { subject: SubjectId; value: string };

type Said<Type extends string, Rest = unknown> = { type: Type; speaker: Speaker } & At & Rest;
type OnOccurrence = { occurrence?: number };

export type MakePromise = Said<
  "MakePromise",
  {
    account: AccountId;
    promisor: PartyId;
    promisee: PartyId;
    direction: PromiseDirection;
    kind: Slug;
    weight: number;
    offer: Offer;
    needsAcceptance: boolean;
    offerExpiresAt?: Instant;
    condition?: { expiresAt?: Instant; text?: SubjectText };
    agreement?: AgreementId;
    recording?: RecordingId;
    source?: Slug;
    externalId?: SubjectText;
    text?: SubjectText;
  }
>;

export type PromiseCommand =
  | MakePromise
  | Said<"AcceptPromise">
  | Said<"DeclinePromise", { reason?: SubjectText }>
  | Said<"CounterPromise", { offer: Offer; text?: SubjectText }>
  | Said<"WithdrawPromise", { reason?: SubjectText }>
  | Said<"MeetCondition", { interaction?: InteractionId }>
  | Said<"SuspendPromise", { until?: Instant; reason?: SubjectText }>
  | Said<"ResumePromise">
  | Said<"ReleasePromise", { reason?: SubjectText }>
  | Said<"WaiveOccurrence", OnOccurrence & { reason?: SubjectText }>
  | Said<"ProposeChange", { proposal: ChangeProposal; reason?: SubjectText }>
  | Said<"AcceptChange">
  | Said<"DeclineChange", { reason?: SubjectText }>
  | Said<"WithdrawChange">
  | Said<"ClaimKeeping", OnOccurrence & { keptAt: Instant; fraction: number; interaction?: InteractionId }>
  | Said<"ConfirmKeeping", OnOccurrence & { keptAt?: Instant; fraction: number }>
  | Said<"RenegePromise", OnOccurrence & { reason?: SubjectText }>
  | Said<"ContestVerdict", OnOccurrence & { asserts: ToldAssertion; reason?: SubjectText }>
  | Said<"WithdrawContest", OnOccurrence>
  | Said<"ConcedeContest", OnOccurrence>
  | Said<"RuleDispute", OnOccurrence & { ruling: "upheld" | "dismissed"; reason?: SubjectText }>;

export type PromiseCommandOf<Type extends PromiseCommand["type"]> = Extract<PromiseCommand, { type: Type }>;
