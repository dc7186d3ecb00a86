/** The file of the past: carried on in steps, each whole or not at all, and built anew beside the one in use. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { closeViews, isUsable } from "../../../src/projections/database.ts";
import { buildHistory, dumpHistory, historyPath, openHistory } from "../../../src/projections/history/history-file.ts";
import { HistoryRunner } from "../../../src/projections/history/history-runner.ts";
import { openPastViews } from "../../../src/projections/history/past-views.ts";
import { viewsOf } from "../../../src/projections/views.ts";
import type { Instant } from "../../../src/domain/values.ts";
import { testLedger, type TestLedger } from "../../support/ledger.ts";
import { dayAt } from "../../support/portfolio.ts";

let folder: string;
let ledger: TestLedger;
let account: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "troth-history-"));
  ledger = testLedger(dayAt(10));
  ({ id: account } = await ledger.run("open-account", { name: "Harbour Logistics", at: dayAt(0) }));
  for (let day = 1; day < 5; day += 1) await visit(day);
});
afterEach(() => rmSync(folder, { recursive: true }));

const visit = (day: number) =>
  ledger.run("record-interaction", {
    ...{ account, kind: "visit", purpose: "relationship", direction: "outbound", startedAt: dayAt(day), minutes: 60 },
  });
const log = () => ledger.store.log;

/** Opens the file, does something with its runner, and closes it as a server does that ends. */
async function onFile<Result>(work: (runner: HistoryRunner, rows: () => string[]) => Promise<Result>): Promise<Result> {
  const path = historyPath(folder);
  const database = openHistory(path);
  try {
    return await work(new HistoryRunner(database, log()), () => [...dumpHistory(viewsOf(database))]);
  } finally {
    closeViews(database, path);
  }
}

describe("the file of the past", () => {
  it("that was closed is gone on with, and holds what one that is built anew holds", async () => {
    await onFile((runner) => runner.advance(3));
    const stepped = await onFile(async (runner, rows) => {
      expect(runner.position).toBe(3);
      await runner.advance(log().head());
      return rows();
    });
    await buildHistory(folder, log());
    expect(await onFile(async (_runner, rows) => rows())).toEqual(stepped);
  });

  it("has nothing of a step that was given up, and goes on from before it", async () => {
    await buildHistory(folder, log());
    await visit(7);
    await onFile(async (runner, rows) => {
      const before = rows();
      const givingUp = runner.advance(log().head(), () => Promise.reject(new Error("closing")));
      await expect(givingUp).rejects.toThrow("closing");
      expect([runner.position, rows()]).toEqual([log().head() - 1, before]);
      await runner.advance(log().head());
      expect(rows().length).toBeGreaterThan(before.length);
    });
  });

  it("that was not built to its end is not there, and nothing of it is left", async () => {
    await expect(buildHistory(folder, log(), () => Promise.reject(new Error("closing")))).rejects.toThrow("closing");
    expect(readdirSync(folder)).toEqual([]);
  });

  it("ahead of the log is of another history, and no use", async () => {
    const { path, position } = await buildHistory(folder, log());
    expect([isUsable(path, position), isUsable(path, position - 1)]).toEqual([true, false]);
  });

  it("answers a reader who stands at a size while it is carried on", async () => {
    await buildHistory(folder, log());
    const size = log().head();
    const past = openPastViews(historyPath(folder), log());
    const there = past.at({ size, asOf: dayAt(9) as Instant, knownAt: dayAt(9) as Instant });
    const count = () => there.get<{ count: number }>("SELECT count(*) AS count FROM interactions")!.count;
    expect(count()).toBe(4);
    await visit(8);
    await onFile((runner) => runner.advance(log().head()));
    expect([count(), past.position()]).toEqual([4, size + 1]);
    past.close();
  });
});
