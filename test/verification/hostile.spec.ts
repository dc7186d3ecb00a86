/** Bundles that want to be judged for longer, or with more memory, than they are worth. */
import { Worker } from "node:worker_threads";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { headCountMax, manifestText, UnusableError } from "../../src/verification/bundle-format.ts";
import { verifyBundle } from "../../src/verification/verify.ts";
import { bundleOf, policyOf, told, toldIn, verified } from "./support/forgery.ts";
import { dailyVisits, type HeapReport, manyClaims } from "./support/hostile.ts";
import { broken, concluded, logKey, withPromise } from "./support/told-log.ts";

const policy = policyOf(logKey);

describe("a bundle that costs much to judge", () => {
  it("is judged in memory by its size, however often one promise is spoken of", async () => {
    const worker = new Worker(new URL("./support/hostile-worker.ts", import.meta.url), {
      workerData: { claimCount: 5_000 },
      resourceLimits: { maxOldGenerationSizeMb: 64 },
    });
    const [report] = (await once(worker, "message")) as [HeapReport];
    expect(report).toEqual({ exitCode: 0, leaves: 5_008 });
  });

  it("is not judged on past its bounds, which is told, and is no verdict on the rest", async () => {
    const log = concluded(broken(withPromise().goesOnTo("2026-02-02")), { broken: 1 });
    const files = await bundleOf(log.leaves, logKey);
    const report = await verified(files, { policy, workBounds: { atLeast: 2, perLeaf: 0 } });
    const outcome = told(report);
    expect(report.notes.map(({ kind }) => kind)).toContain("not-judged");
    expect(outcome).toMatchObject({ exitCode: 3, checks: ["verdicts"] });
    expect(outcome.messages).toMatch(
      /judging this takes more than 2 steps, and 0 for each leaf.* from here on nothing is judged/,
    );
    expect(outcome.messages.split("\n")).toHaveLength(1);
  });

  it("is never contradicted by having been given up, wherever that is", async () => {
    const files = await bundleOf(dailyVisits(12).leaves, logKey);
    const codes = new Set<number>();
    for (let atLeast = 0; atLeast < 6_000; atLeast = 1 + Math.floor(atLeast * 1.3))
      codes.add((await verified(files, { policy, workBounds: { atLeast, perLeaf: 0 } })).exitCode);
    expect([...codes].sort()).toEqual([0, 3]);
  });

  it("is still found to be altered", async () => {
    const files = await bundleOf(manyClaims(20).leaves, logKey);
    const changed = files.map((file) =>
      file.path.startsWith("tile/entries") ? { ...file, bytes: file.bytes.with(40, file.bytes[40]! ^ 1) } : file,
    );
    expect((await verified(changed, { policy, workBounds: { atLeast: 0, perLeaf: 0 } })).exitCode).toBe(1);
  });

  it("is not what an honest one is: a visit a day for a year stays far below the bounds", async () => {
    const { leaves } = dailyVisits(365);
    const bounds = { atLeast: 0, perLeaf: 100_000 };
    const outcome = told(await verified(await bundleOf(leaves, logKey), { policy, workBounds: bounds }));
    expect(outcome).toMatchObject({ exitCode: 0, messages: "" });
  });

  it.each([
    ["whose rule never comes to its next day", "FREQ=DAILY;INTERVAL=0;BYMONTH=2", 1, /INTERVAL that is no number/],
    ["whose rule is looked for through three centuries, and never met", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", 3, /from here on/],
  ])("ends for a promise %s", async (_, rrule, code, message) => {
    const terms = { type: "recurring", rrule, from: "1900-01-01", until: "2199-12-31", windowDays: 1, graceMinutes: 0 };
    const day = { date: "1900-02-01", opensAt: "1900-02-01T00:00:00.000Z", dueAt: "1900-02-02T00:00:00.000Z" };
    const offer = { proof: "claim", terms, schedule: { timeZone: "UTC", occurrences: [day] } };
    const workBounds = { atLeast: 10_000_000, perLeaf: 1_000 };
    const outcome = told(await verified(await bundleOf(withPromise({ offer }).leaves, logKey), { policy, workBounds }));
    expect(outcome.exitCode).toBe(code);
    expect(outcome.messages).toMatch(message);
  });

  it("is refused where it brings more earlier tree heads than are looked at", async () => {
    const files = await bundleOf(withPromise().leaves, logKey);
    const manifest = toldIn(files[0]!.bytes);
    const heads = Array.from({ length: headCountMax + 1 }, (_, at) => at + 1);
    const first = { path: "manifest.json", bytes: Buffer.from(manifestText({ ...manifest, heads })) };
    await expect(verifyBundle([first, ...files.slice(1)], { policy })).rejects.toThrow(UnusableError);
  });
});
