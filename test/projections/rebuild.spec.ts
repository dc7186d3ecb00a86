/** Views are disposable: what the running ones hold, a rebuild gives again, row for row. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dumpViews } from "../../src/projections/dump.ts";
import { openViewsForReading } from "../../src/projections/database.ts";
import { inMemoryViews } from "../../src/projections/in-memory.ts";
import { rebuildViews } from "../../src/projections/rebuild.ts";
import { projections } from "../../src/projections/registry.ts";
import { type Views, viewsOf } from "../../src/projections/views.ts";
import { testLedger } from "../support/ledger.ts";
import { play, steps } from "../support/portfolio.ts";

async function rebuilt(ledger: ReturnType<typeof testLedger>): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "troth-rebuild-"));
  try {
    const { path, position } = await rebuildViews(folder, ledger.store.log, projections);
    expect(position).toBe(ledger.store.log.head());
    const database = openViewsForReading(path);
    const rows = [...dumpViews(viewsOf(database), projections)];
    database.close();
    return rows;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("a policy", () => {
  it("judges anew what it changes and nothing else, because to judge a ledger takes seconds", async () => {
    const ledger = testLedger();
    await play(ledger, fc.sample(steps, { numRuns: 1, seed: 7 }).flat());
    const written = async (policy: object): Promise<number> => {
      const { views, caughtUp } = ledger.host;
      const count = () => views.get<{ count: number }>("SELECT total_changes() AS count")!.count;
      const before = count();
      await ledger.run("adopt-policy", policy);
      await caughtUp(ledger.store.log.head());
      return count() - before;
    };
    await written({});
    const [policyAndProgress, accounts] = [2, 3];
    expect(await written({ trust: { halfLifeDays: 30 } })).toBe(policyAndProgress);
    expect(await written({ dormancy: { occasionHours: 1 } })).toBe(policyAndProgress + accounts);
  });
});

describe("a rebuild", () => {
  it("gives the rows of the running views, whatever happened", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (story) => {
        const ledger = testLedger();
        await play(ledger, story);
        await ledger.host.caughtUp(ledger.store.log.head());
        expect(await rebuilt(ledger)).toEqual([...dumpViews(ledger.host.views, projections)]);
      }),
      { numRuns: 30 },
    );
  });

  it("gives the same rows when every event was applied by itself", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (story) => {
        const ledger = testLedger();
        await play(ledger, story);
        const inMemory = inMemoryViews(projections);
        for (const event of ledger.store.log.readAll(0, 10_000)) inMemory.apply([event]);
        expect([...dumpViews(inMemory.views, projections)]).toEqual(await rebuilt(ledger));
      }),
      { numRuns: 30 },
    );
  });

  it("makes every table and index that running views have", async () => {
    const folder = mkdtempSync(join(tmpdir(), "troth-rebuild-"));
    const ledger = testLedger();
    const schemaOf = (views: Pick<Views, "all">) =>
      views.all<{ name: string }>("SELECT type, name FROM sqlite_schema ORDER BY type, name");
    const { path } = await rebuildViews(folder, ledger.store.log, projections);
    const database = openViewsForReading(path);
    expect(schemaOf(viewsOf(database))).toEqual(schemaOf(ledger.host.views));
    database.close();
    rmSync(folder, { recursive: true });
  });
});
