/** What was answered at some moment is what is later said to have been known then: of every question, whatever was learned since. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { PastViews, QueryDefinition } from "../../src/queries/query.ts";
import { queries } from "../../src/queries/registry.ts";
import { teamsIn } from "../../src/queries/teams.ts";
import { testLedger, type TestLedger } from "../support/ledger.ts";
import { dayAt, ledgerSteps, play } from "../support/portfolio.ts";

/* eslint-disable @typescript-eslint/no-explicit-any */
const ofTheRelationship = queries.filter((query) => query.isOfThePresent !== true && query.asks === undefined);

/** A ledger whose past views stay open, so that every question about one moment is asked of the same. */
function rememberingLedger(): { ledger: TestLedger; close(): void } {
  const ledger = testLedger();
  const opened = new Map<string, PastViews>();
  const { past } = ledger.readingDesk;
  ledger.readingDesk.past = async (vantage) => {
    const key = JSON.stringify([vantage.asOf, vantage.size]);
    const views = opened.get(key) ?? (await past(vantage));
    opened.set(key, views);
    return { views: views.views, close: () => undefined };
  };
  return {
    ledger,
    close: () => {
      for (const { close } of opened.values()) close();
    },
  };
}

const idsOf = {
  account: "accounts",
  person: "people",
  interaction: "interactions",
  promise: "promises",
  agreement: "agreements",
} as Record<string, string>;

const asked: Record<string, object[]> = {
  "keeping-rates": [{ by: "none" }, { by: "team" }, { by: "month", and: "team", direction: "given" }],
  "trust-report": [{}, { by: "team" }],
  balance: [{}, { by: "team" }],
  "account-trust": [{}, { direction: "received" }],
  "dormancy-report": [{}, { state: "dormant" }, { state: "new" }],
};

/** Every question with every id that there is, of some the first few. */
function questionsIn({ host }: TestLedger): { query: QueryDefinition; params: object; asks: object }[] {
  return ofTheRelationship.flatMap((query) => {
    const [name] = Object.keys(query.params.shape);
    const ids =
      name === undefined
        ? [{}]
        : name === "team"
          ? ["north", "south"].filter((team) => teamsIn(host.views).membersOf(team).length > 0).map((team) => ({ team }))
          : host.views.all(`SELECT id AS ${name} FROM ${idsOf[name]} ORDER BY position LIMIT 3`);
    return ids.flatMap((params) => (asked[query.name] ?? [{}]).map((asks) => ({ query, params, asks })));
  });
}

type Heard = { name: string; params: object; asks: object; answer: any };

async function hear(ledger: TestLedger): Promise<Heard[]> {
  await ledger.host.caughtUp(ledger.store.log.head());
  const heard: Heard[] = [];
  for (const { query, params, asks } of questionsIn(ledger)) {
    heard.push({ name: query.name, params, asks, answer: await ledger.ask(query.name, params, asks) });
  }
  return heard;
}

/** Text that was opened then and is erased by now counts as the same. */
function markErased(then: any, later: any): any {
  if (later?.status === "erased" && then?.status === "opened") return later;
  if (typeof then !== "object" || then === null || typeof later !== "object" || later === null) return then;
  if (Array.isArray(then)) return then.map((item, index) => markErased(item, later[index]));
  return Object.fromEntries(Object.entries(then).map(([name, value]) => [name, markErased(value, later[name])]));
}

const withoutRoot = ({ basis: { root: _, ...basis }, ...answer }: any) => ({ ...answer, basis });

let closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing) close();
  closing = [];
});

/** Drawn once for all: together they take steps of every kind, which a few random ones may not. */
const storiesOfEveryKind = fc.sample(fc.tuple(ledgerSteps, fc.nat(19)), { seed: 7, numRuns: 4 });

describe("what was answered at a moment", () => {
  it("is what was known then, cited by its size and instant", async () => {
    const taken = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(ledgerSteps, fc.nat(19), async (story, phase) => {
        const { ledger, close } = rememberingLedger();
        closing.push(close);
        const heard: Heard[] = [];
        const counts = await play(ledger, story, async (index) => {
          if (index % 20 === phase) heard.push(...(await hear(ledger)));
        });
        for (const [kind, count] of counts) taken.set(kind, (taken.get(kind) ?? 0) + count);
        ledger.setNow(dayAt(2_000));
        for (const { name, params, asks, answer } of heard) {
          const { asOf, knownAt, size } = answer.basis;
          const later = await ledger.ask<any>(name, params, { ...asks, asOf, knownAt: `${size}@${knownAt}` });
          expect(withoutRoot(later), name).toEqual(markErased(answer, withoutRoot(later)));
        }
      }),
      { numRuns: 12, examples: storiesOfEveryKind },
    );
    // Histories in which nothing is learned late, ruled or erased would show nothing.
    for (const kind of ["visit", "promise", "retract", "correct", "contest", "policy", "erase", "clock", "wrong-clock"])
      expect(taken.get(kind) ?? 0, kind).toBeGreaterThan(0);
  });

  it("is what was known at its instant, where the clock goes on", async () => {
    const steady = ledgerSteps.map((story) => story.filter(({ kind }) => !kind.endsWith("clock")));
    await fc.assert(
      fc.asyncProperty(steady, async (story) => {
        const { ledger, close } = rememberingLedger();
        closing.push(close);
        let heard: Heard[] = [];
        await play(ledger, story, async (index) => {
          if (index === Math.floor(story.length / 2)) heard = await hear(ledger);
        });
        for (const { name, params, asks, answer } of heard) {
          const { asOf, knownAt } = answer.basis;
          const later = await ledger.ask<any>(name, params, { ...asks, asOf, knownAt });
          expect(withoutRoot(later), name).toEqual(markErased(answer, withoutRoot(later)));
        }
      }),
      { numRuns: 4 },
    );
  });
});
