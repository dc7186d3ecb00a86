/** An account's history retold: each step is the difference between what was answered before it and after it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { testLedger } from "../support/ledger.ts";
import { dayAt, play, steps } from "../support/portfolio.ts";

/* eslint-disable @typescript-eslint/no-explicit-any */
const account = "acc_0000000000000001";
const rep = "per_0000000000000001";
const promise = "prm_0000000000000001";

/** A promised call that was made in time, and told only after it had counted as broken. */
async function lateFact() {
  const ledger = testLedger(dayAt(0));
  const { run, setNow } = ledger;
  await run("open-account", { id: account, at: dayAt(0) });
  await run("add-person", { id: rep, at: dayAt(0) });
  const terms = { type: "once", dueAt: dayAt(10) };
  await run("make-promise", {
    ...{ id: promise, account, promisor: rep, promisee: account, at: dayAt(0), terms },
    matcher: { kinds: ["call"] },
  });
  setNow(dayAt(20));
  await run("record-interaction", {
    ...{ account, kind: "call", purpose: "relationship", direction: "outbound", participants: [rep] },
    ...{ id: "int_0000000000000001", startedAt: dayAt(5), minutes: 20 },
  });
  setNow(dayAt(21));
  return ledger;
}

const changeOf = (changes: any[], figure: string) => changes.find((one) => `${one.projection} ${one.figure}` === figure);

describe("a step of an account's history", () => {
  it("tells apart what time changed and what the event changed, with the reason of each", async () => {
    const ledger = await lateFact();
    const { items, next } = await ledger.ask<any>("account-history", { account });
    expect(items.map(({ type }: any) => type)).toEqual(["AccountOpened", "PromiseMade", "InteractionRecorded"]);
    expect(next).toBeNull();
    const { meanwhile, changes } = items[2];
    expect(changeOf(meanwhile, `promises ${promise}.occurrences.1`)).toMatchObject({
      ...{ before: "open", after: "broken", reason: "deadline" },
    });
    expect(changeOf(meanwhile, "trust given.score").reason).toBe(`time; ${promise} 1: open to broken`);
    expect(changeOf(meanwhile, "keeping given.broken").reason).toBe(`${promise} 1: open to broken`);
    expect(changeOf(changes, `promises ${promise}.occurrences.1`)).toMatchObject({
      ...{ before: "broken", after: "kept", reason: "evidence int_0000000000000001" },
    });
    expect(changeOf(changes, "keeping given.kept")).toMatchObject({ before: 0, after: 1 });
    expect(changeOf(changes, "balance minutes")).toMatchObject({ before: 0, after: 20, reason: "InteractionRecorded" });
    expect(changeOf(changes, "dormancy contacts")).toMatchObject({ before: 0, after: 1 });
  });

  it("is shown between two places of the log alone", async () => {
    const ledger = await lateFact();
    const types = async (query: object) =>
      (await ledger.ask<any>("account-history", { account }, query)).items.map(({ type }: any) => type);
    expect(await types({ from: "1" })).toEqual(["PromiseMade", "InteractionRecorded"]);
    expect(await types({ from: dayAt(1) })).toEqual(["InteractionRecorded"]);
    expect(await types({ to: dayAt(1) })).toEqual(["AccountOpened", "PromiseMade"]);
    expect(await types({ from: dayAt(-400) })).toEqual(await types({}));
    expect(await types({ from: dayAt(1), to: dayAt(1) })).toEqual([]);
    for (const reversed of [
      { from: "3", to: "2" },
      { from: dayAt(2), to: dayAt(1) },
    ])
      await expect(types(reversed)).rejects.toMatchObject({ code: "validation-failed", field: "/from" });
    await expect(types({ from: "9" })).rejects.toMatchObject({ code: "beyond-log", field: "/from" });
    await expect(types({ to: dayAt(99) })).rejects.toMatchObject({ code: "in-the-future", field: "/to" });
    await expect(ledger.ask("account-history", { account: "acc_0000000000000009" })).rejects.toMatchObject({
      code: "account-not-found",
    });
  });

  it("takes in somebody who came from elsewhere", async () => {
    const ledger = await lateFact();
    await ledger.run("add-person", { id: "per_0000000000000002", team: "north", at: dayAt(0) });
    await ledger.run("move-person", { account, at: dayAt(20) }, { person: "per_0000000000000002" });
    const { items } = await ledger.ask<any>("account-history", { account });
    expect(items.at(-1).type).toBe("PersonMoved");
  });

  it("comes in pages that tell the same", async () => {
    const ledger = await lateFact();
    const whole = await ledger.ask<any>("account-history", { account });
    const paged: any[] = [];
    for (let after: string | undefined; ;) {
      const { items, next } = await ledger.ask<any>("account-history", { account }, { limit: "1", ...(after && { after }) });
      paged.push(...items);
      if (next === null) break;
      after = next;
    }
    expect(paged).toEqual(whole.items);
  });
});

/** Also from the later to the earlier. */
async function expectGapless(ledger: ReturnType<typeof testLedger>, id: string, query: Record<string, string>) {
  const { changes } = await ledger.ask<any>("account-diff", { account: id }, query);
  expect(changes.length).toBeGreaterThan(0);
  for (const { projection, before, after, parts } of changes) {
    expect(parts.length).toBeGreaterThan(0);
    // What time alone can't do is done by events.
    if (["account", "balance", "outcomes"].includes(projection))
      for (const { events } of parts) expect(events.length).toBeGreaterThan(0);
    expect([before, ...parts.map((part: any) => part.after)]).toEqual([...parts.map((part: any) => part.before), after]);
  }
}

describe("the steps of any history", () => {
  it("lead from nothing to what holds after the last one, figure by figure", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (story) => {
        const ledger = testLedger();
        await play(ledger, story);
        await ledger.host.caughtUp(ledger.store.log.head());
        for (const { id } of ledger.host.views.all<{ id: string }>(`SELECT id FROM accounts`)) {
          const { items } = await ledger.ask<any>("account-history", { account: id }, { limit: "200" });
          const figures = new Map<string, unknown>();
          for (const { meanwhile, changes } of items)
            for (const { projection, figure, before, after } of [...meanwhile, ...changes]) {
              expect(figures.get(`${projection} ${figure}`) ?? null).toEqual(before);
              figures.set(`${projection} ${figure}`, after);
            }
          const { recordedAt: asOf, position } = items.at(-1);
          const whole = { fromKnownAt: "1", asOf, knownAt: `${position}@${asOf}` };
          const { changes } = await ledger.ask<any>("account-diff", { account: id }, whole);
          const told = [...figures].filter(([, value]) => value !== null);
          expect(new Map(told)).toEqual(new Map(changes.map((one: any) => [`${one.projection} ${one.figure}`, one.after])));
          const { score } = await ledger.ask<any>("account-trust", { account: id }, { asOf, knownAt: asOf });
          expect(figures.get("trust given.score")).toBe(score);
        }
        const [{ id }] = ledger.host.views.all<{ id: string }>(`SELECT id FROM accounts`) as [{ id: string }];
        const at = ledger.readingDesk.now();
        for (const [from, to] of [
          [{ fromKnownAt: "1" }, {}],
          [{ fromKnownAt: "1", fromAsOf: dayAt(0) }, { asOf: dayAt(5) }],
          [{ fromKnownAt: `${ledger.store.log.head()}@${at}` }, { knownAt: "2" }],
        ])
          await expectGapless(ledger, id, { ...from, ...to });
      }),
      { numRuns: 5 },
    );
  });
});

describe("the difference between two vantages", () => {
  it("under one asOf is what was learned, under one knownAt what happened", async () => {
    const ledger = await lateFact();
    const diff = (query: object) => ledger.ask<any>("account-diff", { account }, query);
    const learned = await diff({ asOf: dayAt(19), fromAsOf: dayAt(19), fromKnownAt: dayAt(19) });
    expect(changeOf(learned.changes, `promises ${promise}.state`)).toMatchObject({ before: "broken", after: "kept" });
    expect([learned.from.size, learned.basis.size]).toEqual([3, 4]);
    const happened = await diff({ fromAsOf: dayAt(4) });
    expect(changeOf(happened.changes, `promises ${promise}.state`)).toMatchObject({ before: "in-force", after: "kept" });
    expect(changeOf(happened.changes, "balance minutes")).toMatchObject({ before: 0, after: 20 });
  });

  it("is told in the parts that made it, so that no cause bears what another did", async () => {
    const ledger = await lateFact();
    const { run, setNow } = ledger;
    await run("make-promise", {
      ...{ id: "prm_0000000000000002", account, promisor: rep, promisee: account, at: dayAt(0) },
      terms: { type: "once", dueAt: dayAt(8) },
    });
    setNow(dayAt(30));
    const size = ledger.store.log.head();
    await run("retract-interaction", {}, { interaction: "int_0000000000000001" });
    setNow(dayAt(31));
    await run("adopt-policy", { trust: { halfLifeDays: 5 } });
    const { changes } = await ledger.ask<any>("account-diff", { account }, { fromKnownAt: `${size}` });
    const { parts, before, after, reason } = changeOf(changes, "trust given.score");
    const [retraction, policy] = [size + 1, size + 2];
    expect(parts.map(({ events }: any) => events)).toEqual([[], [retraction], [], [policy]]);
    expect(parts.map((part: any) => part.reason)).toEqual([
      `time; prm_0000000000000002 1: overdue to broken`,
      `${promise} 1: kept to broken`,
      "time",
      "PolicyAdopted",
    ]);
    expect([parts[0].before, ...parts.map((part: any) => part.after)]).toEqual([
      before,
      ...parts.slice(1).map((part: any) => part.before),
      after,
    ]);
    expect(reason).toMatch(/time; and 1 more$/);
    const { changes: last } = await ledger.ask<any>("account-diff", { account }, { fromKnownAt: `${retraction}` });
    expect(changeOf(last, "trust given.score").reason).toBe("time; PolicyAdopted");
  });

  it("is told to its ends beyond the bound, and says of no cause that it was one", async () => {
    const ledger = await lateFact();
    for (let day = 0; day <= 100; day += 1)
      await ledger.run("record-interaction", {
        ...{ account, kind: "call", purpose: "relationship", direction: "outbound", participants: [rep] },
        ...{ startedAt: dayAt(day / 10), minutes: 20 },
      });
    const from = { fromKnownAt: "3" };
    const { changes } = await ledger.ask<any>("account-diff", { account }, from);
    expect(changeOf(changes, "balance minutes")).toEqual({
      ...{ projection: "balance", figure: "minutes", before: 0, after: 102 * 20, reason: null, parts: null },
    });
    expect(changeOf(changes, `promises ${promise}.occurrences.1`).reason).toMatch(/^evidence int_/);
  });

  it("has two ends, both of which there are", async () => {
    const ledger = await lateFact();
    await expect(ledger.ask("account-diff", { account }, { fromKnownAt: "99" })).rejects.toMatchObject({
      ...{ code: "beyond-log", field: "/fromKnownAt" },
    });
    await expect(ledger.ask("account-diff", { account }, { asOf: dayAt(3) })).rejects.toThrow();
    const opened = await ledger.ask<any>("account-diff", { account }, { fromKnownAt: "1", fromAsOf: dayAt(0) });
    expect(opened.changes.length).toBeGreaterThan(0);
  });
});
