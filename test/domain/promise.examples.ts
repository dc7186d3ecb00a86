/** Promises and what is said of them, as recorded. All dates lie in 2026 unless they say otherwise. */
import type { PromiseCommand, PromiseCommandOf, Speaker } from "../../src/domain/promise/commands.ts";
import type { Assertion, ChangeProposal, Offer, PromiseEvent } from "../../src/domain/promise/events.ts";
import type { Matcher, Proof } from "../../src/domain/terms.ts";
import { addMs, dayMs, type Instant, type InteractionId, type LocalDate, type PartyId } from "../../src/domain/values.ts";
import { on, type Told } from "../support/spec.ts";
import { account, customer, salesman, slug, slugs } from "./parties.examples.ts";

type DataOf<Type extends PromiseEvent["type"]> = Extract<PromiseEvent, { type: Type }>["data"];
export type Say = Told<PromiseEvent>;

/** When it happened, and when it was recorded, where that is not at once. */
export type When = Instant | { at: Instant; recordedAt: Instant };
export const say = <Type extends PromiseEvent["type"]>(type: Type, data: DataOf<Type>, when: When): Say =>
  ({ type, data, ...(typeof when === "string" ? { at: when } : when) }) as unknown as Say;

export const by = (party: PartyId, asserted = false) => ({ by: party, asserted });

export const visits: Matcher = { kinds: slugs("visit"), minMinutes: 60, tagsWithout: slugs("sales-material") };
export const selling: Matcher = { purposes: slugs("sales") };

/** One thing, due at an instant or never. */
export const once = (
  dueAt: string | undefined,
  more: { graceMinutes?: number; proof?: Proof; matcher?: Matcher } = {},
): Offer => {
  const { graceMinutes = 0, matcher, proof = matcher === undefined ? "claim" : "evidence" } = more;
  const due = dueAt === undefined ? {} : { dueAt: on(dueAt) };
  return { terms: { type: "once", ...due, graceMinutes }, matcher, proof, schedule: { occurrences: [due] } };
};

/** Whole days in UTC from each date on. */
export function series(
  dates: readonly string[],
  more: { windowDays?: number; graceMinutes?: number; proof?: Proof; matcher?: Matcher | undefined } = {},
): Offer {
  const { windowDays = 1, graceMinutes = 0, matcher = visits, proof = "evidence" } = more;
  return {
    terms: {
      type: "recurring",
      rrule: "FREQ=WEEKLY;INTERVAL=2",
      from: dates[0] as LocalDate,
      until: dates.at(-1) as LocalDate,
      windowDays,
      graceMinutes,
    },
    matcher,
    proof,
    schedule: {
      occurrences: dates.map((date) => ({
        date: date as LocalDate,
        opensAt: on(date),
        dueAt: addMs(on(date), windowDays * dayMs),
      })),
      timeZone: "UTC",
      timeZoneData: "2026a",
    },
  };
}

/** `count` dates, two weeks apart. */
export const fortnightly = (from: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => addMs(on(from), index * 14 * dayMs).slice(0, 10));

export const abstain = (from: string, until: string, matcher: Matcher | undefined = selling): Offer => ({
  terms: { type: "abstain", from: on(from), until: on(until) },
  matcher,
  proof: "evidence",
  schedule: { occurrences: [{ opensAt: on(from), dueAt: on(until) }] },
});

export const madeAt = on("2026-01-01");

/** Made by the salesman to the customer, in force at once, unless it says otherwise. */
export const made = (offer: Offer, more: Partial<DataOf<"PromiseMade">> = {}, when: When = madeAt): Say =>
  say(
    "PromiseMade",
    {
      account,
      promisor: salesman,
      promisee: customer,
      direction: "given",
      kind: slug("visit"),
      weight: 1,
      offer,
      needsAcceptance: false,
      ...by(more.promisor ?? salesman),
      ...more,
    },
    when,
  );

export const accepted = (when: When) => say("PromiseAccepted", by(customer), when);
export const declined = (when: When) => say("PromiseDeclined", by(customer), when);
export const countered = (offer: Offer, when: When) => say("PromiseCountered", { offer, ...by(customer) }, when);
export const withdrawn = (when: When) => say("PromiseWithdrawn", by(salesman), when);
export const conditionMet = (when: When) => say("PromiseConditionMet", by(customer), when);
export const suspended = (when: When, until?: string) =>
  say("PromiseSuspended", { ...(until === undefined ? {} : { until: on(until) }), ...by(customer) }, when);
export const resumed = (when: When) => say("PromiseResumed", by(customer), when);
export const released = (when: When, asserted = false) => say("PromiseReleased", by(customer, asserted), when);
export const waived = (occurrence: number, when: When, asserted = false) =>
  say("OccurrenceWaived", { occurrence, ...by(customer, asserted) }, when);
export const proposed = (proposal: ChangeProposal, when: When, change = 1, party: PartyId = salesman) =>
  say("ChangeProposed", { change, proposal, ...by(party) }, when);
export const changeAccepted = (when: When, change = 1, party: PartyId = customer) =>
  say("ChangeAccepted", { change, ...by(party) }, when);
/** Proposed by the salesman and accepted by the customer there and then. */
export const changed = (proposal: ChangeProposal, when: When, change = 1): Say[] => [
  proposed(proposal, when, change),
  changeAccepted(when, change),
];
export const claimed = (
  occurrence: number,
  keptAt: string,
  when: When,
  more: { fraction?: number; interaction?: InteractionId; by?: PartyId } = {},
) =>
  say(
    "KeepingClaimed",
    { occurrence, keptAt: on(keptAt), fraction: more.fraction ?? 1, interaction: more.interaction, ...by(more.by ?? salesman) },
    when,
  );
export const confirmed = (occurrence: number, keptAt: string, when: When, more: { fraction?: number; asserted?: boolean } = {}) =>
  say(
    "PromiseConfirmed",
    { occurrence, keptAt: on(keptAt), fraction: more.fraction ?? 1, ...by(customer, more.asserted ?? false) },
    when,
  );
export const reneged = (when: When, occurrence?: number) => say("PromiseReneged", { occurrence, ...by(salesman) }, when);
export const contested = (occurrence: number, asserts: Assertion, when: When, more: { dispute?: number; by?: PartyId } = {}) =>
  say("VerdictContested", { dispute: more.dispute ?? 1, occurrence, asserts, ...by(more.by ?? customer) }, when);
export const contestWithdrawn = (when: When, dispute = 1) => say("ContestWithdrawn", { dispute, ...by(customer) }, when);
export const conceded = (when: When, dispute = 1, party: PartyId = salesman) =>
  say("ContestConceded", { dispute, ...by(party) }, when);
export const ruled = (ruling: "upheld" | "dismissed", when: When, dispute = 1) => say("DisputeRuled", { dispute, ruling }, when);

const unbound: Speaker = { bound: false };
export const speaker = (party: PartyId): Speaker => ({ party, bound: true });

/** A command on the word of whoever's part it is, unless `speaker` says otherwise. */
export const command = <Type extends PromiseCommand["type"]>(
  type: Type,
  at: string,
  more: Omit<PromiseCommandOf<Type>, "type" | "at" | "speaker"> & { speaker?: Speaker },
): PromiseCommandOf<Type> => ({ type, at: on(at), speaker: unbound, ...more }) as unknown as PromiseCommandOf<Type>;
