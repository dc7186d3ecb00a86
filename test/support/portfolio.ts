/**
 * Random histories for properties: accounts, promises and interactions, late facts, corrections and retractions, disputes and changes;
 * and for what must hold of a whole ledger, erasures and clocks that step. Seeded by fast-check.
 */
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
  | { kind: (typeof spoken)[number]; which: number; occurrence: number }
  | { kind: "outcome"; day: number; account: number; of: "won" | "lost" | "renewed" | "churned" }
  | { kind: "account"; account: number; change: "name" | "tags" | "owner" }
  | { kind: "move"; day: number; team: "south" | "west" }
  | { kind: "agreement"; day: number; account: number }
  /** Begins a load of history, with which promises come from then on; or completes the one that is open. */
  | { kind: "load"; day: number }
  | { kind: "keeper" }
  | { kind: "wait"; days: number }
  | { kind: "policy"; allowance: number }
  | { kind: "erase"; account: number }
  /** The clock is put back a little; or it ran ahead, something was recorded, and log time had to be corrected. */
  | { kind: "clock"; seconds: number }
  | { kind: "wrong-clock"; hours: number };

/** What is said of a promise. */
const spoken = [
  "claim",
  "waive",
  "release",
  "renege",
  "suspend",
  "resume",
  "contest",
  "rule",
  "propose",
  "accept-change",
] as const;

const account = fc.integer({ min: 0, max: 2 });
const day = fc.integer({ min: 0, max: 120 });
const which = fc.nat(20);

const ofRelationships = [
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
      kind: fc.constantFrom(...spoken),
      which,
      occurrence: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("load" as const), day }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("keeper" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wait" as const), days: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("policy" as const), allowance: fc.constantFrom(0, 60, 10_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("outcome" as const),
      day,
      account,
      of: fc.constantFrom("won" as const, "lost" as const, "renewed" as const, "churned" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("account" as const),
      account,
      change: fc.constantFrom("name" as const, "tags" as const, "owner" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("move" as const), day, team: fc.constantFrom("south" as const, "west" as const) }),
  },
];
const ofLedgers = [
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("agreement" as const), day, account }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("erase" as const), account }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("clock" as const), seconds: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wrong-clock" as const), hours: fc.integer({ min: 1, max: 5 }) }) },
];

const lengths = { minLength: 20, maxLength: 60 };
export const steps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(...ofRelationships), lengths);
/** With agreements, erasures, and clocks that step. */
export const ledgerSteps: fc.Arbitrary<Step[]> = fc.array(fc.oneof(...ofRelationships, ...ofLedgers), lengths);

/** Refusals, after which the story goes on. */
const refusals = ["DomainError", "SubjectErasedError", "ClockBehindError"];

/**
 * Plays steps into a ledger. What a rule refuses adds nothing and the story goes on.
 * @param afterStep called after each, before the clock moves on by a millisecond.
 * @returns how often each kind was taken.
 */
export async function play(
  ledger: TestLedger,
  story: readonly Step[],
  afterStep: (index: number) => Promise<void> = async () => undefined,
): Promise<Map<string, number>> {
  const taken = new Map<string, number>();
  const count = (kind: string) => taken.set(kind, (taken.get(kind) ?? 0) + 1);
  let today = 130;
  let clock = Date.parse(dayAt(today));
  const set = (ms: number) => ledger.setNow(new Date((clock = ms)).toISOString());
  set(clock);
  const { id: rep } = await ledger.run("add-person", { name: "Rep", team: "north", at: dayAt(0) });
  const { id: colleague } = await ledger.run("add-person", { name: "Colleague", team: "north", at: dayAt(0) });
  const accounts: string[] = [];
  for (let index = 0; index < 3; index += 1)
    accounts.push((await ledger.run("open-account", { name: `Account ${index}`, at: dayAt(0) })).id);
  /** By the occurrence that a step names. */
  const changes = [
    { type: "suspend" },
    { type: "reschedule", occurrence: 1, dueAt: dayAt(150) },
    { type: "reassign", promisor: colleague },
    { type: "amend", terms: { type: "once", dueAt: dayAt(140) } },
  ];
  const interactions: string[] = [];
  const promises: string[] = [];
  let load: string | undefined;
  const pick = (from: readonly string[], index: number) => from[index % Math.max(1, from.length)];
  for (const [index, step] of story.entries()) {
    try {
      await take(step);
      count(step.kind);
    } catch (error) {
      if (!(error instanceof Error) || !refusals.includes(error.name)) throw error;
      count("refused");
    }
    await afterStep(index);
    set(clock + 1);
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
          note: `Day ${step.day}.`,
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
          text: `From day ${step.day} on.`,
          terms: termsOf(step),
          ...(load === undefined ? {} : { recording: load }),
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
      case "load": {
        const open = load;
        load = undefined;
        if (open === undefined) load = (await ledger.run("start-recording", { source: "crm" })).id;
        else await ledger.run("complete-recording", { upTo: dayAt(step.day) }, { recording: open });
        return;
      }
      case "keeper":
        await ledger.keeper.settle();
        return;
      case "wait":
        today += step.days;
        set(Date.parse(dayAt(today)));
        return;
      case "policy":
        await ledger.run("adopt-policy", { promises: { recordingAllowanceMinutes: step.allowance } });
        return;
      case "outcome":
        await ledger.run("record-outcome", { account: accounts[step.account], kind: step.of, at: dayAt(step.day) });
        return;
      case "account": {
        const on = { account: accounts[step.account] };
        const at = dayAt(today - 1);
        if (step.change === "owner") await ledger.run("assign-account", { owner: rep, at }, on);
        else
          await ledger.run("change-account", { ...(step.change === "name" ? { name: "Renamed" } : { tags: ["key"] }), at }, on);
        return;
      }
      case "agreement": {
        const gives = { promisor: rep, promisee: accounts[step.account], terms: { type: "once", dueAt: dayAt(step.day + 20) } };
        const takes = { ...gives, promisor: gives.promisee, promisee: "house" };
        const body = { account: accounts[step.account], text: "Both ways.", promises: [gives, takes], at: dayAt(step.day) };
        promises.push(...Object.values((await ledger.run("make-agreement", body)).ids ?? {}).flat());
        return;
      }
      case "move":
        await ledger.run("move-person", { team: step.team, at: dayAt(step.day) }, { person: rep });
        return;
      case "erase":
        await ledger.run("erase-subject", {}, { subject: accounts[step.account] });
        return;
      case "clock":
        set(clock - step.seconds * 1000);
        return;
      case "wrong-clock":
        set(clock + step.hours * hourMs);
        await ledger.run("change-account", { tags: [`ahead-${step.hours}`] }, { account: accounts[0] });
        set(clock - step.hours * hourMs);
        await ledger.run("correct-clock", {});
        return;
      default: {
        const promise = pick(promises, step.which);
        if (promise !== undefined) await ledger.run(...verb(step), { promise });
      }
    }
  }

  function verb({ kind, which, occurrence }: Extract<Step, { occurrence: number }>): [string, object] {
    // Some of it is told long afterwards.
    const on = { occurrence, at: dayAt(today - 1 - (which % 3) * 20) };
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
      case "rule":
        return ["rule-dispute", { ...on, ruling: occurrence % 2 === 0 ? "upheld" : "dismissed" }];
      case "propose":
        return ["propose-change", { at: on.at, change: changes[occurrence - 1] }];
      case "accept-change":
        return ["accept-change", { at: on.at }];
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
