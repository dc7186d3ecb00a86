/** What an event says, for people. */
import type { Envelope } from "./reading.ts";

const sentences: Record<string, string> = {
  PromiseMade: "A promise was made.",
  PromiseAccepted: "A promise was accepted.",
  PromiseDeclined: "A promise was declined.",
  PromiseCountered: "Other terms were proposed for a promise.",
  PromiseWithdrawn: "A promise was withdrawn.",
  PromiseReleased: "The promisor was released from a promise.",
  PromiseKept: "The ledger found that a promise was kept.",
  PromiseBroken: "The ledger found that a promise was broken.",
  PromiseConcluded: "A promise came to its end.",
  PromiseConfirmed: "The promisee confirmed that a promise was kept.",
  PromiseReneged: "The promisor said that a promise will not be kept.",
  KeepingClaimed: "The promisor said that a promise was kept.",
  VerdictContested: "A verdict was contested.",
  VerdictWithdrawn: "An earlier verdict no longer holds.",
  InteractionRecorded: "A contact was recorded.",
  InteractionRetracted: "The record of a contact was taken back.",
  AgreementMade: "Several promises were made together.",
  ChangeProposed: "A change to a promise was proposed.",
  ChangeAccepted: "A change to a promise was accepted.",
  ChangeDeclined: "A change to a promise was declined.",
  ChangeWithdrawn: "A proposed change was withdrawn.",
  PromiseSuspended: "A promise was suspended.",
  PromiseResumed: "A promise was resumed.",
  PromiseConditionMet: "The condition of a promise was met.",
  PromiseConditionLapsed: "The condition of a promise was not met in time.",
  OccurrenceWaived: "The promisee let one occurrence go.",
  ContestWithdrawn: "A contest was withdrawn.",
  ContestConceded: "A contest was conceded.",
  DisputeRuled: "A dispute was ruled on.",
  AccountOpened: "An account was opened.",
  AccountChanged: "An account was changed.",
  AccountAssigned: "An account was given to somebody to look after.",
  AccountClosed: "An account was closed.",
  AccountReopened: "An account was reopened.",
  PersonAdded: "A person was added.",
  PersonChanged: "What is known of a person was changed.",
  PersonMoved: "A person moved.",
  PersonLeft: "A person left.",
  InteractionCorrected: "The record of a contact was corrected.",
  OutcomeRetracted: "The record of a business outcome was taken back.",
  OutcomeRecorded: "A business outcome was recorded.",
  LogKeyDeclared: "The key that signs the log was put on record.",
  CensusTaken: "Every account's events were counted.",
  SubjectErased: "Somebody's personal text was erased.",
};

export const sentenceOf = ({ type }: Envelope): string =>
  (type === undefined ? undefined : sentences[type]) ?? `An event of the type ${type ?? "unknown"}.`;

/** Rows of a table: what each part is called here, and what it says. */
export function rowsOf(envelope: Envelope): [name: string, says: string][] {
  const { id, stream, occurredAt, recordedAt, account, actor, data, sealed } = envelope;
  const rows: [string, string | undefined][] = [
    ["When it happened, as was claimed", momentOf(occurredAt)],
    ["When the ledger recorded it", momentOf(recordedAt)],
    ["Account", account],
    ["About", stream],
    ["Recorded by", actorOf(actor)],
    ["Event", id],
    ...factsIn(data ?? {}).filter(([name]) => name !== "Account"),
    ["Sealed text", sealed?.length ? sealed.map(({ field }) => field).join(", ") : undefined],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== undefined);
}

const momentOf = (instant: string | undefined): string | undefined => instant?.replace("T", ", ").replace(/\.000Z$|Z$/, " UTC");

const actorOf = (actor: Envelope["actor"]): string | undefined => {
  if (actor === undefined) return undefined;
  const who = `${actor.kind ?? ""} ${actor.id ?? ""}`.trim();
  return actor.onBehalfOf === undefined ? who : `${who}, on behalf of ${actor.onBehalfOf}`;
};

/** `dueAt` as `due at`. */
const wordsOf = (name: string): string => {
  const words = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** A fact a row: what stands inside another is named after it, and a list of things is counted. */
function factsIn(data: Record<string, unknown>, before = ""): [name: string, says: string][] {
  return Object.entries(data).flatMap(([name, value]): [string, string][] => {
    const full = before === "" ? wordsOf(name) : `${before}, ${wordsOf(name).toLowerCase()}`;
    if (Array.isArray(value) && value.some((one) => typeof one === "object")) return [[full, listed(value)]];
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return factsIn(value as Record<string, unknown>, full);
    return [[full, Array.isArray(value) ? value.join(", ") : shown(value)]];
  });
}

/** Dates alone where each of them has one, as the occurrences of a promise do. */
const listed = (values: unknown[]): string => {
  const dates = values.map((value) => (value as { date?: unknown }).date);
  return dates.every((date) => typeof date === "string") ? dates.join(", ") : JSON.stringify(values);
};

const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
