/** The rules of a side: a policy, and what is put in the place of the promises' own terms. And which of them differ. */
import type { Policy } from "../domain/policy.ts";
import { isEqual } from "../domain/promise/facts.ts";
import type { MadePromise } from "../domain/promise/facts.ts";
import { addMs, minuteMs } from "../domain/values.ts";
import type { Reason, WhatIfRequest } from "./what-if.ts";

export type Rules = {
  policy: Policy;
  /** In the place of the grace of every promise. */
  graceMinutes?: number | undefined;
};

/** A promise as if it had been made with another grace. An abstention has none. */
export function withGrace(facts: MadePromise, graceMinutes: number | undefined): MadePromise {
  if (graceMinutes === undefined) return facts;
  const occurrences = facts.occurrences.map((one) =>
    one.kind === "abstain" || one.dueAt === undefined
      ? one
      : { ...one, graceMinutes, deadlineAt: addMs(one.dueAt, graceMinutes * minuteMs) },
  );
  return { ...facts, occurrences };
}

export const together: Reason = { rule: "together", text: "none of the changed rules does it alone, but together they do" };

/** A rule on which verdicts rest, replaced alone. */
export type Replaced = { rules: Rules; reason: Reason };

/** Each rule that judges promises and differs: what the rules before would be with that one replaced, and how it is put into words. */
function judgingRules(before: Rules, after: Rules): Replaced[] {
  const [was, would] = [before.policy.promises, after.policy.promises];
  const replaced: Replaced[] = [];
  const put = (rule: string, rules: Partial<Rules>, text: string) =>
    replaced.push({ rules: { ...before, ...rules }, reason: { rule, text } });
  if (was.recordingAllowanceMinutes !== would.recordingAllowanceMinutes)
    put(
      "recording-allowance",
      { policy: withPromises(before.policy, { recordingAllowanceMinutes: would.recordingAllowanceMinutes }) },
      `the clock waits ${minutes(would.recordingAllowanceMinutes)} after deadline and grace instead of ${minutes(was.recordingAllowanceMinutes)}`,
    );
  if (was.evidenceLimitDays !== would.evidenceLimitDays)
    put(
      "evidence-limit",
      { policy: withPromises(before.policy, { evidenceLimitDays: would.evidenceLimitDays }) },
      `what the promisor's side records after a breach settled counts for ${days(would.evidenceLimitDays)} instead of ${days(was.evidenceLimitDays)} without the promisee's word`,
    );
  if (after.graceMinutes !== undefined)
    put(
      "grace",
      { graceMinutes: after.graceMinutes },
      `the grace is ${minutes(after.graceMinutes)} instead of what was promised`,
    );
  return replaced;
}

const withPromises = (policy: Policy, promises: Partial<Policy["promises"]>): Policy => ({
  ...policy,
  promises: { ...policy.promises, ...promises },
});

/** Which members of a part of the policy differ. */
export function changedMembers<Part extends "dormancy" | "rapport" | "trust">(
  part: Part,
  before: Policy,
  after: Policy,
): string[] {
  const [was, would] = [before[part] as Record<string, unknown>, after[part] as Record<string, unknown>];
  return [...new Set([...Object.keys(was), ...Object.keys(would)])].filter((name) => !isEqual(was[name], would[name])).sort();
}

/** What has to be judged again; the rest is the same on both sides. */
export type Affected = { verdicts: boolean; dormancy: boolean; trust: boolean; rapport: boolean };

/** From the rules in force to others. */
export type Change = { before: Rules; after: Rules; replaced: Replaced[]; affected: Affected };

/** @param inForce the policy that the other one is held against; the other is as if it were adopted next. */
export function changeTo({ policy, graceMinutes }: Pick<WhatIfRequest, "policy" | "graceMinutes">, inForce: Policy): Change {
  const before: Rules = { policy: inForce };
  const after: Rules = { policy: { ...policy, version: inForce.version + 1 }, graceMinutes };
  const replaced = judgingRules(before, after);
  return { before, after, replaced, affected: affectedBy(before, after, replaced) };
}

function affectedBy(before: Rules, after: Rules, replaced: readonly Replaced[]): Affected {
  const verdicts = replaced.length > 0;
  const differs = (part: "dormancy" | "rapport" | "trust") => changedMembers(part, before.policy, after.policy).length > 0;
  const rapport = differs("rapport") || !isEqual(before.policy.balance.sellingPurposes, after.policy.balance.sellingPurposes);
  // A promised contact that is overdue makes an account quiet, so dormancy follows from promises too.
  return { verdicts, dormancy: verdicts || differs("dormancy"), trust: verdicts || differs("trust"), rapport };
}

const minutes = (count: number): string => `${count} min`;
const days = (count: number): string => `${count} ${count === 1 ? "day" : "days"}`;
