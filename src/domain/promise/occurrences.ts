/** What is to be kept, one thing at a time, and what a change accepted by both parties does to it. */
import type { Matcher, Proof } from "../terms.ts";
import { addMs, type Instant, minuteMs, type PartyId } from "../values.ts";
import type { ChangeProposal, Offer } from "./events.ts";

/** One thing to be kept. Its terms are those in force for it; who must keep it may change on the way. */
export type Occurrence = {
  /** 1-based. */
  number: number;
  date?: string;
  /** Its window opens here, or when the promise comes into force, whichever is later. */
  opensAt?: Instant;
  dueAt?: Instant;
  graceMinutes: number;
  /** Due and grace: not broken before. */
  deadlineAt?: Instant;
  kind: "once" | "recurring" | "abstain";
  matcher?: Matcher;
  proof: Proof;
  /** Each from its instant on; the first has none. */
  promisors: { from?: Instant; party: PartyId }[];
  /** When the event that last set these terms happened: a word given before it was about other terms. */
  termsSetAt: Instant;
  /** When that event was recorded: the allowance counts from there. */
  termsRecordedAt: Instant;
  /** What the last change found, and when it came: a change after settlement is flagged. */
  changed?: { at: Instant; recordedAt: Instant; deadlineAt?: Instant; termsRecordedAt: Instant };
  /** An amendment took its place. */
  supersededAt?: Instant;
};

/** When something happened, and when the ledger took it. */
type When = { occurredAt: Instant; recordedAt: Instant };

/** The occurrences of an offer, numbered from `countBefore + 1` on. */
export function occurrencesOf(offer: Offer, promisor: PartyId, when: When, countBefore = 0): Occurrence[] {
  const graceMinutes = offer.terms.type === "abstain" ? 0 : offer.terms.graceMinutes;
  return offer.schedule.occurrences.map((resolved, index) => ({
    ...resolved,
    number: countBefore + index + 1,
    graceMinutes,
    deadlineAt: deadlineOf(resolved.dueAt, graceMinutes),
    kind: offer.terms.type,
    matcher: offer.matcher,
    proof: offer.proof,
    promisors: [{ party: promisor }],
    termsSetAt: when.occurredAt,
    termsRecordedAt: when.recordedAt,
  }));
}

const deadlineOf = (dueAt: Instant | undefined, graceMinutes: number): Instant | undefined =>
  dueAt === undefined || graceMinutes === 0 ? dueAt : addMs(dueAt, graceMinutes * minuteMs);

/** A change applies to what falls due after its acceptance; the rest keeps its terms and its promisor. */
export const isChangeable = ({ supersededAt, dueAt }: Occurrence, at: Instant): boolean =>
  supersededAt === undefined && (dueAt === undefined || dueAt > at);

/** Those of an amended offer that it can still put in place; what would have been due already is history. */
export const stillToCome = (offer: Offer, at: Instant): Offer["schedule"]["occurrences"] =>
  offer.schedule.occurrences.filter(({ dueAt }) => dueAt === undefined || dueAt > at);

/** What is to be kept after a change, which is accepted at `when.occurredAt`. */
export function changedOccurrences(
  before: readonly Occurrence[],
  proposal: Exclude<ChangeProposal, { type: "suspend" }>,
  promisor: PartyId,
  when: When,
): Occurrence[] {
  const change = (one: Occurrence, terms: Partial<Occurrence>) =>
    isChangeable(one, when.occurredAt) ? { ...one, ...terms, changed: changeOf(one, when) } : one;
  switch (proposal.type) {
    case "reassign":
      return before.map((one) =>
        change(one, { promisors: [...one.promisors, { from: when.occurredAt, party: proposal.promisor }] }),
      );
    case "reschedule":
      return before.map((one) => (one.number === proposal.occurrence ? change(one, rescheduled(one, proposal, when)) : one));
    case "amend": {
      const schedule = { ...proposal.offer.schedule, occurrences: stillToCome(proposal.offer, when.occurredAt) };
      const replaced = before.map((one) => change(one, { supersededAt: when.occurredAt }));
      return [...replaced, ...occurrencesOf({ ...proposal.offer, schedule }, promisor, when, before.length)];
    }
  }
}

function rescheduled(
  one: Occurrence,
  { opensAt = one.opensAt, dueAt }: Extract<ChangeProposal, { type: "reschedule" }>,
  { occurredAt, recordedAt }: When,
): Partial<Occurrence> {
  return {
    opensAt,
    dueAt,
    deadlineAt: deadlineOf(dueAt, one.graceMinutes),
    termsSetAt: occurredAt,
    termsRecordedAt: recordedAt,
  };
}

const changeOf = ({ deadlineAt, termsRecordedAt }: Occurrence, { occurredAt, recordedAt }: When): Occurrence["changed"] => ({
  at: occurredAt,
  recordedAt,
  deadlineAt,
  termsRecordedAt,
});

/** Who had to keep an occurrence at an instant; without one, whoever has to now. */
export function promisorAt({ promisors }: Occurrence, at: Instant | undefined): PartyId {
  if (promisors.length === 1 || at === undefined) return promisors.at(-1)!.party;
  return promisors.findLast(({ from }) => from === undefined || from <= at)!.party;
}

/** To whom an occurrence counts: whoever was its promisor when it fell due. */
export const promisorOf = (one: Occurrence): PartyId => promisorAt(one, one.dueAt);
