/** Every type of event there is, with the current version of its schema. Adding a version needs an upcaster and a golden file. */
import type { z } from "zod";
import { accountEvents, type AccountEvent } from "./account.ts";
import { agreementEvents, type AgreementEvent } from "./agreement.ts";
import { anchorEvents, type AnchorEvent } from "./anchor.ts";
import { interactionEvents, type InteractionEvent } from "./interaction.ts";
import { keyEvents, type KeyEvent } from "./key.ts";
import { ledgerEvents, type LedgerEvent } from "./ledger-record.ts";
import { outcomeEvents, type OutcomeEvent } from "./outcome.ts";
import { personEvents, type PersonEvent } from "./person.ts";
import { policyEvents, type PolicyEvent } from "./policy.ts";
import { promiseEvents, type PromiseEvent } from "./promise/events.ts";

export const eventSchemas = {
  ...accountEvents,
  ...personEvents,
  ...interactionEvents,
  ...agreementEvents,
  ...promiseEvents,
  ...outcomeEvents,
  ...policyEvents,
  ...keyEvents,
  ...ledgerEvents,
  ...anchorEvents,
} satisfies Record<string, z.ZodType>;

export type TrothEvent =
  | AccountEvent
  | PersonEvent
  | InteractionEvent
  | AgreementEvent
  | PromiseEvent
  | OutcomeEvent
  | PolicyEvent
  | KeyEvent
  | LedgerEvent
  | AnchorEvent;
export type EventType = TrothEvent["type"];

/** Versions above 1, by type. All others are at their first. */
export const schemaVersions: Partial<Record<EventType, number>> = {};
export const schemaVersion = (type: EventType): number => schemaVersions[type] ?? 1;

export const isEventType = (type: string): type is EventType => Object.hasOwn(eventSchemas, type);
