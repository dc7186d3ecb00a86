/** One account under two policies: trust in both directions, rapport, and whether it has gone quiet. */
import { dormancyState } from "../domain/dormancy.ts";
import { trustAt, type TrustOptions, type TrustOutcome } from "../domain/trust.ts";
import { type AccountId, dayMs, endOfTime, epochMs, type Instant, type PromiseDirection } from "../domain/values.ts";
import { aliveModelOf, contactsOf, overdueAfter } from "../projections/dormancy.ts";
import type { OccurrenceRow } from "../projections/occurrences.ts";
import type { Policy } from "../domain/policy.ts";
import type { Views } from "../projections/views.ts";
import { listedState } from "../queries/accounts.ts";
import { rounded, trustOutcomes } from "../queries/reading.ts";
import { contactEvidence, rapportOf } from "../queries/trust.ts";
import type { DifferenceOf, Reading, Reason } from "./what-if.ts";
import { changedMembers, together } from "./what-if-rules.ts";

/** What is the same for every account. */
export type Comparison = {
  before: Views;
  after: Views;
  policies: { before: Policy; after: Policy };
  trust: { before: TrustOptions; after: TrustOptions };
  reading: Reading;
};
type Rows = { before: readonly OccurrenceRow[]; after: readonly OccurrenceRow[] };

/** Null where the score is the same to twelve digits, or rests on nothing on either side. */
export function trustDifference(
  { before: views, policies, trust, reading }: Comparison,
  account: AccountId,
  direction: PromiseDirection,
  rows: Rows,
): DifferenceOf<"trust"> | null {
  const outcomes = (of: readonly OccurrenceRow[]) =>
    trustOutcomes(
      of.filter((row) => row.direction === direction),
      reading,
    );
  const [was, would] = [outcomes(rows.before), outcomes(rows.after)];
  const contacts = (policy: Policy) => contactEvidence(views, account, direction, policy);
  const [contactsWere, contactsWould] = [contacts(policies.before), contacts(policies.after)];
  if (was.length + would.length + contactsWere.length + contactsWould.length === 0) return null;
  const scoreOf = (some: readonly TrustOutcome[], options: TrustOptions) => trustAt(some, options, reading.asOf);
  const before = scoredBy(scoreOf([...was, ...contactsWere], trust.before));
  const after = scoredBy(scoreOf([...would, ...contactsWould], trust.after));
  if (isSameScore(before, after)) return null;
  const halfLife = { ...trust.before, halfLifeDays: trust.after.halfLifeDays };
  const steps = [
    scoreOf([...was, ...contactsWere], trust.before),
    scoreOf([...would, ...contactsWere], trust.before),
    scoreOf([...would, ...contactsWere], halfLife),
    scoreOf([...would, ...contactsWere], trust.after),
    scoreOf([...would, ...contactsWould], trust.after),
  ].map(({ score }) => score);
  const [verdicts, byHalfLife, prior, byContacts] = steps.slice(1).map((score, index) => rounded(score - steps[index]!));
  const change = {
    total: rounded(steps.at(-1)! - steps[0]!),
    ...{ verdicts: verdicts!, halfLife: byHalfLife!, prior: prior!, contacts: byContacts! },
  };
  return { kind: "trust", account, direction, before, after, change };
}

type Scored = DifferenceOf<"trust">["before"];
const scoredBy = ({ score, band, outcomes }: ReturnType<typeof trustAt>): Scored => ({
  score: rounded(score),
  band: { low: rounded(band.low), high: rounded(band.high) },
  outcomes,
});
const isSameScore = (a: Scored, b: Scored): boolean =>
  a.score === b.score && a.band.low === b.band.low && a.band.high === b.band.high;

export function rapportDifference(
  { before: views, policies, reading }: Comparison,
  account: AccountId,
): DifferenceOf<"rapport"> | null {
  const before = rapportOf(views, account, policies.before, reading.asOf);
  const after = rapportOf(views, account, policies.after, reading.asOf);
  const isSame =
    before.score === after.score && before.twoWayShare === after.twoWayShare && before.selfOrientation === after.selfOrientation;
  return isSame ? null : { kind: "rapport", account, before, after };
}

type DormancyRow = {
  contacts: number;
  last_contact_at: Instant | null;
  decided_by: string;
  cooling_at: Instant | null;
  dormant_at: Instant | null;
};
type Quiet = DifferenceOf<"dormancy">["before"];

export function dormancyDifference(comparison: Comparison, account: AccountId): DifferenceOf<"dormancy"> | null {
  const { asOf } = comparison.reading;
  const read = (views: Views) => views.get<DormancyRow>(`SELECT * FROM dormancy WHERE account = ?`, [account]);
  const [was, would] = [read(comparison.before), read(comparison.after)];
  if (was === undefined || would === undefined) return null;
  const [before, after] = [quietOf(was, asOf), quietOf(would, asOf)];
  return isSameQuiet(before, after)
    ? null
    : { kind: "dormancy", account, before, after, why: reasonsOf(comparison, account, before) };
}

function quietOf(row: DormancyRow, asOf: Instant): Quiet {
  return {
    state: listedState(row, asOf),
    decidedBy: row.decided_by,
    coolingAt: row.cooling_at,
    dormantAt: row.dormant_at,
    contacts: row.contacts,
    lastContactAt: row.last_contact_at,
  };
}

const isSameQuiet = (a: Quiet, b: Quiet): boolean =>
  a.state === b.state &&
  a.decidedBy === b.decidedBy &&
  a.coolingAt === b.coolingAt &&
  a.dormantAt === b.dormantAt &&
  a.contacts === b.contacts &&
  a.lastContactAt === b.lastContactAt;

/** Each parameter of dormancy that differs is tried alone; what promised contact is overdue may differ too. */
function reasonsOf({ before, after, policies, reading }: Comparison, account: AccountId, was: Quiet): Reason[] {
  const under = thresholdsUnder(account, reading.asOf);
  const reasons = changedMembers("dormancy", policies.before, policies.after).flatMap((name): Reason[] => {
    const member = name as keyof Policy["dormancy"];
    const [from, to] = [policies.before.dormancy[member], policies.after.dormancy[member]];
    const policy = { ...policies.before, dormancy: { ...policies.before.dormancy, [member]: to } };
    const text = `\`${name}\` is ${told(to)} instead of ${told(from)}`;
    return isSameQuiet(under(before, policy), was) ? [] : [{ rule: `dormancy.${name}`, text }];
  });
  if (!isSameQuiet(under(after, policies.before), was))
    reasons.unshift({ rule: "promises", text: "another promised contact is overdue, or from another instant on" });
  return reasons.length === 0 ? [together] : reasons;
}

/** Contacts are read once for each of what counts as one, and what is overdue after the last of them once for each side. */
function thresholdsUnder(account: AccountId, asOf: Instant): (views: Views, policy: Policy) => Quiet {
  const contactsRead = new Map<string, Instant[]>();
  const overdueRead = new Map<Views, Map<Instant, Instant | null>>();
  const contactsUnder = (views: Views, policy: Policy): Instant[] =>
    kept(contactsRead, JSON.stringify([policy.dormancy.kinds, policy.dormancy.twoWayOnly]), () =>
      contactsOf(views, account, policy),
    );
  const overdueIn = (views: Views, last: Instant): Instant | null =>
    kept(
      kept(overdueRead, views, () => new Map<Instant, Instant | null>()),
      last,
      () => overdueAfter(views, account, last),
    );
  return (views, policy) => {
    const contacts = contactsUnder(views, policy);
    const last = contacts.at(-1);
    const fitted = aliveModelOf(views);
    const found = dormancyState(
      {
        ...{ contacts, at: endOfTime, overdueFrom: last === undefined ? null : overdueIn(views, last) },
        ...{ model: fitted?.model ?? null, regularity: fitted?.regularity ?? null },
      },
      policy.dormancy,
    );
    return quietOf(
      {
        ...{ contacts: found.contacts, last_contact_at: found.lastContactAt, decided_by: found.decidedBy },
        ...{ cooling_at: found.coolingAt, dormant_at: found.dormantAt },
      },
      asOf,
    );
  };
}

function kept<Key, Value>(values: Map<Key, Value>, key: Key, make: () => Value): Value {
  if (!values.has(key)) values.set(key, make());
  return values.get(key)!;
}

const told = (value: unknown): string => (value === undefined ? "not given" : JSON.stringify(value));

const states = ["new", "active", "cooling", "dormant"];
const daysMax = 9_999;

/** States first, then by how many days the account turns dormant earlier or later. */
export function sizeOfDormancy({ before, after }: DifferenceOf<"dormancy">): number {
  const steps = Math.abs(states.indexOf(after.state) - states.indexOf(before.state));
  const [was, would] = [before.dormantAt, after.dormantAt];
  if (was === would) return steps * (daysMax + 1);
  const days = was === null || would === null ? daysMax : Math.abs(epochMs(would) - epochMs(was)) / dayMs;
  return steps * (daysMax + 1) + Math.min(days, daysMax);
}
