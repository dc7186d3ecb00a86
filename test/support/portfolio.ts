/** Random histories for properties: accounts, promises and interactions, late facts, corrections and retractions. Seeded by fast-check. */
import fc from "fast-check";
import { dayMs, hourMs } from "../../src/domain/values.ts";
import type { TestLedger } from "./ledger.ts";

const start = Date.parse("2025-01-01T00:00:00.000Z");
export const dayAt = (day: number, hours = 0): string => new Date(start + day * dayMs + hours * hourMs).toISOString();

/** A step in the life of a portfolio, on some day of it. */
export type Step =
  | { kind: "visit"; day: number; account: number; minutes: number; purpose: "relationship" | "sales" }
  | {
      kind: "promise";
      day: number;
      account: number;
      form: "once" | "recurring" | "abstain";
      span: number;
      proof: "evidence" | "claim";
    }
  | { kind: "retract" | "correct"; which: number }
  | { kind: "claim" | "waive" | "release" | "renege" | "suspend" | "resume" | "contest"; which: number; occurrence: number }
  | { kind: "keeper" }
  | { kind: "wait"; days: number }
  | { kind: "policy"; allowance: number };

const account = fc.integer({ min: 0, max: 2 });
const day = fc.integer({ min: 0, max: 120 });
const which = fc.nat(20);

export const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("visit" as const),
        day,
        account,
        minutes: fc.constantFrom(30, 60),
        purpose: fc.constantFrom("relationship" as const, "sales" as const),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("promise" as const),
        day,
        account,
        form: fc.constantFrom("once" as const, "recurring" as const, "abstain" as const),
        span: fc.integer({ min: 1, max: 60 }),
        proof: fc.constantFrom("evidence" as const, "claim" as const),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("retract" as const, "correct" as const), which }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constantFrom(
          "claim" as const,
          "waive" as const,
          "release" as const,
          "renege" as const,
          "suspend" as const,
          "resume" as const,
          "contest" as const,
        ),
        which,
        occurrence: fc.integer({ min: 1, max: 4 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("keeper" as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), days: fc.integer({ min: 1, max: 40 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("policy" as const), allowance: fc.constantFrom(0, 60, 10_000) }) },
  ),
  { minLength: 20, maxLength: 60 },
);

/** Plays steps into a ledger. What a rule refuses adds nothing and the story goes on. @returns how often each kind was taken. */
export async function play(ledger: TestLedger, story: readonly Step[]): Promise<Map<string, number>> {
  const taken = new Map<string, number>();
  const count = (kind: string) => taken.set(kind, (taken.get(kind) ?? 0) + 1);
  let today = 130;
  ledger.setNow(dayAt(today));
  const { id: rep } = await ledger.run("add-person", { name: "Rep", team: "north", at: dayAt(0) });
  const accounts: string[] = [];
  for (let index = 0; index < 3; index += 1)
    accounts.push((await ledger.run("open-account", { name: `Account ${index}`, at: dayAt(0) })).id);
  const interactions: string[] = [];
  const promises: string[] = [];
  const pick = (from: readonly string[], index: number) => from[index % Math.max(1, from.length)];
  for (const step of story) {
    try {
      await take(step);
      count(step.kind);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "DomainError") throw error;
      count("refused");
    }
  }
  return taken;

  async function take(step: Step): Promise<void> {
    switch (step.kind) {
      case "visit": {
        const body = {
          account: accounts[step.account],
          kind: "visit",
          purpose: step.purpose,
          direction: "outbound",
          startedAt: dayAt(step.day, 10),
          minutes: step.minutes,
          participants: [rep],
        };
        interactions.push((await ledger.run("record-interaction", body)).id);
        return;
      }
      case "promise": {
        const matcher = step.form === "abstain" ? { purposes: ["sales"] } : { kinds: ["visit"], minMinutes: 60 };
        const body = {
          account: accounts[step.account],
          promisor: rep,
          promisee: accounts[step.account],
          at: dayAt(step.day),
          terms: termsOf(step),
          ...(step.proof === "evidence" || step.form === "abstain" ? { matcher } : {}),
        };
        promises.push((await ledger.run("make-promise", body)).id);
        return;
      }
      case "retract":
        if (interactions.length > 0) await ledger.run("retract-interaction", {}, { interaction: pick(interactions, step.which) });
        return;
      case "correct": {
        const body = {
          kind: "visit",
          purpose: "relationship",
          direction: "outbound",
          startedAt: dayAt(step.which * 5, 9),
          minutes: 60,
          participants: [rep],
        };
        if (interactions.length > 0)
          await ledger.run("correct-interaction", body, { interaction: pick(interactions, step.which) });
        return;
      }
      case "keeper":
        await ledger.keeper.settle();
        return;
      case "wait":
        today += step.days;
        ledger.setNow(dayAt(today));
        return;
      case "policy":
        await ledger.run("adopt-policy", { promises: { recordingAllowanceMinutes: step.allowance } });
        return;
      default: {
        const promise = pick(promises, step.which);
        if (promise !== undefined) await ledger.run(...verb(step), { promise });
      }
    }
  }

  function verb({ kind, occurrence }: Extract<Step, { occurrence: number }>): [string, object] {
    const on = { occurrence, at: dayAt(today - 1) };
    switch (kind) {
      case "claim":
        return ["claim-keeping", { ...on, keptAt: dayAt(occurrence * 14) }];
      case "waive":
        return ["waive-occurrence", on];
      case "release":
        return ["release-promise", { at: on.at }];
      case "renege":
        return ["renege-promise", on];
      case "suspend":
        return ["suspend-promise", { at: dayAt(occurrence * 10) }];
      case "resume":
        return ["resume-promise", { at: dayAt(occurrence * 20) }];
      case "contest":
        return ["contest-verdict", { ...on, asserts: { verdict: "broken" } }];
    }
  }
}

function termsOf({ form, day, span }: Extract<Step, { kind: "promise" }>): object {
  const dateOf = (of: number) => dayAt(of).slice(0, 10);
  switch (form) {
    case "once":
      return { type: "once", dueAt: dayAt(day + span), graceMinutes: 1440 };
    case "recurring":
      return {
        type: "recurring",
        rrule: "FREQ=WEEKLY",
        from: dateOf(day),
        until: dateOf(day + span),
        windowDays: 3,
        graceMinutes: 2880,
      };
    case "abstain":
      return { type: "abstain", from: dayAt(day), until: dayAt(day + span) };
  }
}
