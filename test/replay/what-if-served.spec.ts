/** Questions under another policy over HTTP, on a real folder: as jobs that can be watched and cancelled, and that leave nothing behind. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { initLedger, type OpenLedger } from "../../src/composition/ledger-folder.ts";
import { type RunningServer, serveLedger } from "../../src/composition/serve.ts";
import { whatIfFolder } from "../../src/composition/threaded-what-if.ts";
import type { WhatIfJob } from "../../src/replay/what-if.ts";
import { removedAtEnd, scratchFolder, troth } from "../cli/support/troth.ts";
import { patiently } from "../support/server.ts";

const acc = (number: number) => `acc_${String(number).padStart(16, "0")}`;
const rep = "per_0000000000000001";
const accountCount = 100;
/** Long past, so that the clock has spoken under any allowance but the largest. */
const dueAt = "2026-01-05T12:00:00.000Z";
const neverSettling = { promises: { recordingAllowanceMinutes: 525_600 } };

const afterAllHooks = removedAtEnd();
let folder: string;
let secret: string;
let ledger: OpenLedger;
let server: RunningServer;

const asked = (
  method: string,
  path: string,
  { body, key = secret, headers = {} }: { body?: unknown; key?: string; headers?: object } = {},
) =>
  patiently(`${server.url}/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
const start = async (body: object, headers?: object): Promise<WhatIfJob> => {
  const answer = await asked("POST", "replay", { body, ...(headers === undefined ? {} : { headers }) });
  const job = (await answer.json()) as WhatIfJob;
  expect(answer.status, JSON.stringify(job)).toBe(202);
  expect(answer.headers.get("location")).toBe(`/v1/replay/${job.id}`);
  return job;
};
const ended = async ({ id }: WhatIfJob): Promise<WhatIfJob> => {
  for (;;) {
    const job = (await (await asked("GET", `replay/${id}`)).json()) as WhatIfJob;
    if (job.state === "done" || job.state === "failed") return job;
    await delay(20);
  }
};
const remove = async ({ id }: { id: string }) => (await asked("DELETE", `replay/${id}`)).status;

beforeAll(async () => {
  folder = join(scratchFolder(afterAllHooks), "data");
  const made = await initLedger({ folder, name: "main", adminScopes: ["record", "read", "admin"] });
  ({ secret, ledger } = made);
  server = await serveLedger(ledger, {
    host: "127.0.0.1",
    port: 0,
    version: "test",
    upkeep: false,
    limits: { eventLoopDelayMsMax: 0 },
  });
  const lines = [{ command: "add-person", body: { id: rep, team: "north" } }];
  const at = "2026-01-01T00:00:00.000Z";
  for (let number = 1; number <= accountCount; number += 1) {
    lines.push({ command: "open-account", body: { id: acc(number), at } as never });
    const terms = { type: "once", dueAt };
    lines.push({
      command: "make-promise",
      body: { account: acc(number), promisor: rep, promisee: acc(number), terms, at } as never,
    });
  }
  const answer = await fetch(`${server.url}/v1/batch`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/x-ndjson" },
    body: `${lines.map((line) => JSON.stringify(line)).join("\n")}\n`,
  });
  expect((await answer.text()).trim().split("\n")).toHaveLength(lines.length + 1);
});
afterAll(async () => server.close());

describe("a replay", () => {
  it("is taken, answered and thrown away, while others record", async () => {
    const job = await start({ policy: { promises: { recordingAllowanceMinutes: 0 } } });
    const written = await asked("POST", "interactions", {
      body: {
        account: acc(1),
        kind: "call",
        purpose: "relationship",
        direction: "outbound",
        startedAt: dueAt,
        participants: [rep],
      },
    });
    expect(written.status).toBe(201);
    const { state, summary, progress, failure } = await ended(job);
    expect({ state, failure }).toEqual({ state: "done", failure: null });
    expect(progress).toEqual({ phase: "done", done: accountCount, of: accountCount });
    // Recorded a moment ago: the allowance counts from there, and without one the clock speaks at once.
    expect(summary).toMatchObject({
      accounts: accountCount,
      verdicts: { changed: accountCount, moves: [{ before: "pending", after: "broken", times: accountCount }] },
      trust: { lowered: accountCount },
    });
    expect(readdirSync(join(whatIfFolder(folder), job.id))).toEqual(["differences.db"]);

    const lines = await asked("GET", `replay/${job.id}/differences?kind=verdict`, {
      headers: { accept: "application/x-ndjson" },
    });
    expect((await lines.text()).trim().split("\n")).toHaveLength(accountCount);
    const seen = new Set<string>();
    for (let after = ""; ;) {
      const page = await asked("GET", `replay/${job.id}/differences?kind=trust&limit=40${after}`);
      const { items, next } = (await page.json()) as { items: { account: string }[]; next: string | null };
      for (const { account } of items) seen.add(account);
      if (next === null) break;
      after = `&after=${next}`;
    }
    expect(seen.size).toBe(accountCount);

    expect(await remove(job)).toBe(204);
    expect(existsSync(join(whatIfFolder(folder), job.id))).toBe(false);
    expect((await asked("GET", `replay/${job.id}`)).status).toBe(404);
  });

  it("means the same job when it is sent again with the same key, and no other", async () => {
    const headers = { "idempotency-key": "monday" };
    const [first, again] = [await start({ policy: neverSettling }, headers), await start({ policy: neverSettling }, headers)];
    expect(again.id).toBe(first.id);
    const other = await asked("POST", "replay", { body: { policy: {} }, headers });
    expect(((await other.json()) as { code: string }).code).toBe("idempotency-key-reused");
    expect(await remove(first)).toBe(204);
  });

  it("waits for its turn, is refused beyond a few, and leaves nothing when it is cancelled", async () => {
    const knownAt = ledger.store.log.head();
    const jobs: WhatIfJob[] = [];
    // One of them may have been answered meanwhile.
    let refused = await asked("POST", "replay", { body: { policy: {}, knownAt } });
    for (; refused.status === 202; refused = await asked("POST", "replay", { body: { policy: {}, knownAt } }))
      jobs.push((await refused.json()) as WhatIfJob);
    expect(jobs.length).toBeGreaterThanOrEqual(5);
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([429, "replays-full"]);
    expect(refused.headers.get("retry-after")).not.toBeNull();
    const early = await asked("GET", `replay/${jobs.at(-1)!.id}/differences`);
    expect(((await early.json()) as { code: string }).code).toBe("replay-unfinished");
    for (const job of jobs.toReversed()) expect(await remove(job)).toBe(204);
    expect(readdirSync(whatIfFolder(folder))).toEqual([]);
    expect((await (await asked("GET", "replay")).json()) as object).toEqual({ items: [] });
  });

  it.each<[string, object, string, string]>([
    ["an unknown field of the policy", { policy: { trust: { halfLife: 30 } } }, "validation-failed", "/policy/trust/halfLife"],
    [
      "a half-life of nothing, which would divide by zero",
      { policy: { trust: { halfLifeDays: 0 } } },
      "validation-failed",
      "/policy/trust/halfLifeDays",
    ],
    ["a certain prior", { policy: { trust: { priorMean: 1 } } }, "validation-failed", "/policy/trust/priorMean"],
    [
      "dormant before cooling",
      { policy: { dormancy: { coolingPercentile: 0.9, dormantPercentile: 0.5 } } },
      "terms-invalid",
      "/policy/dormancy/dormantPercentile",
    ],
    ["no policy", {}, "validation-failed", "/policy"],
    ["a grace below nothing", { policy: {}, graceMinutes: -1 }, "validation-failed", "/graceMinutes"],
    ["an unknown account", { policy: {}, slice: { accounts: [acc(1), acc(999)] } }, "account-not-found", "/slice/accounts/1"],
    ["an unknown owner", { policy: {}, slice: { owner: "per_9999999999999999" } }, "person-not-found", "/slice/owner"],
    ["an unknown promisor", { policy: {}, slice: { promisor: "per_9999999999999999" } }, "person-not-found", "/slice/promisor"],
    ["a team without anybody", { policy: {}, slice: { team: "nowhere" } }, "team-not-found", "/slice/team"],
    ["a half-life of an instant", { policy: { trust: { halfLifeDays: 1e-300 } } }, "terms-invalid", "/policy/trust/halfLifeDays"],
    [
      "an answer that is asked twice",
      { policy: { dormancy: { order: ["alive", "alive"] } } },
      "terms-invalid",
      "/policy/dormancy/order",
    ],
    [
      "an end before its beginning",
      { policy: {}, slice: { from: dueAt, until: "2025-01-01T00:00:00.000Z" } },
      "validation-failed",
      "/slice/until",
    ],
    ["a size before the first event", { policy: {}, knownAt: 0 }, "before-ledger", "/knownAt"],
    ["an instant before the first event", { policy: {}, knownAt: "2020-01-01T00:00:00.000Z" }, "before-ledger", "/knownAt"],
    ["an instant to come", { policy: {}, knownAt: "2199-01-01T00:00:00.000Z" }, "in-the-future", "/knownAt"],
    ["what is no place in the log", { policy: {}, knownAt: "yesterday" }, "validation-failed", "/knownAt"],
    ["a size beyond the log", { policy: {}, knownAt: 1_000_000 }, "beyond-log", "/knownAt"],
  ])("of %s is refused by name", async (_, body, code, field) => {
    const answer = await asked("POST", "replay", { body });
    const problem = (await answer.json()) as { code: string; errors: { field: string }[] };
    expect([answer.status, problem.code, problem.errors.map((error) => error.field)]).toEqual([422, code, [field]]);
    expect(readdirSync(whatIfFolder(folder))).toEqual([]);
  });
});

describe("a folder", () => {
  it("is rid of a killed replay at the next start, and answers the command line with the same", async () => {
    await server.close();
    expect(existsSync(whatIfFolder(folder))).toBe(false);
    mkdirSync(join(whatIfFolder(folder), "rpl_left"), { recursive: true });
    writeFileSync(join(whatIfFolder(folder), "rpl_left", "scratch.db"), "half of it");

    const [policy, out] = [join(folder, "policy.json"), join(folder, "differences.ndjson")];
    writeFileSync(policy, JSON.stringify(neverSettling));
    const ran = await troth([
      "replay",
      "--data",
      folder,
      "--policy",
      policy,
      "--account",
      acc(1),
      "--grace-minutes",
      "600000",
      "--out",
      out,
    ]);
    expect(ran).toMatchObject({ code: 2, err: expect.stringContaining("--grace-minutes: ") });
    expect(existsSync(out)).toBe(false);
    const answered = await troth(["replay", "--data", folder, "--policy", policy, "--account", acc(1), "--out", out, "--json"]);
    expect(answered.err).toBe("");
    expect(existsSync(whatIfFolder(folder))).toBe(false);
    expect(JSON.parse(answered.out)).toMatchObject({ accounts: 1, verdicts: { changed: 0 } });
    const told = await troth(["replay", "--data", folder, "--policy", policy, "--account", "acc_9999999999999999"]);
    expect(told).toMatchObject({ code: 2, err: "troth: there is no account acc_9999999999999999\n" });
  });

  it("is taken home whole or not at all", async () => {
    const taken = (...args: string[]) => ["export", "accounts", "--data", folder, ...args];
    const out = join(folder, "accounts.parquet");
    const interrupted = await troth(taken("--format", "parquet", "--out", out), { isInterrupted: true });
    expect(interrupted).toMatchObject({ code: 2, err: "troth: stopped; nothing was written\n" });
    const misled = await troth(taken("--format", "parquet", "--out", out, "--after", "acc_1,acc_2"));
    expect(misled).toMatchObject({ code: 2, err: expect.stringContaining("--after must be the last row's account") });
    expect(readdirSync(folder).filter((name) => name.includes("parquet"))).toEqual([]);
    expect(await troth(taken("--format", "parquet", "--out", out))).toMatchObject({ code: 0, out: "", err: `wrote ${out}\n` });
    expect(readFileSync(out).subarray(0, 4).toString()).toBe("PAR1");
    expect(await troth(taken("--format", "parquet", "--out", out))).toMatchObject({ code: 2 });
    expect((await troth(taken("--format", "csv", "--after", acc(accountCount - 2)))).out.split("\r\n")).toHaveLength(3);
  });

  it("is asked in SQL, and only asked", async () => {
    const sql = "SELECT standing, count(*) AS n FROM occurrences GROUP BY 1";
    expect(await troth(["sql", sql, "--data", folder])).toEqual({
      code: 0,
      out: `standing  n\n--------  ---\npending   ${accountCount}\n`,
      err: "1 row\n",
    });
    expect((await troth(["sql", "--views"])).out).toContain("keeping: How often a party keeps what it promises.");
    expect(await troth(["sql", sql, "--rows", "0"])).toMatchObject({ code: 2, err: expect.stringContaining("--rows: ") });
  });
});
