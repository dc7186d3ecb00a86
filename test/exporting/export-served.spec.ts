/** Exports from a real server, whose readers may go away half-way; and the same rows again, by their vantage. */
import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { initLedger, type OpenLedger } from "../../src/composition/ledger-folder.ts";
import { type RunningServer, serveLedger } from "../../src/composition/serve.ts";
import { removedAtEnd, scratchFolder, troth } from "../cli/support/troth.ts";
import { patiently } from "../support/server.ts";

const account = "acc_0000000000000001";
const rep = "per_0000000000000001";
/** More than the buffers between server and reader hold, so that an export waits for its reader. */
const interactionCount = 2_000;
const at = "2026-01-01T00:00:00.000Z";

const afterAllHooks = removedAtEnd();
let folder: string;
let secret: string;
let ledger: OpenLedger;
let server: RunningServer;

beforeAll(async () => {
  folder = join(scratchFolder(afterAllHooks), "data");
  ({ secret, ledger } = await initLedger({ folder, name: "main", adminScopes: ["record", "read", "admin"] }));
  server = await serveLedger(ledger, { host: "127.0.0.1", port: 0, version: "test", limits: { eventLoopDelayMsMax: 0 } });
  const tags = Array.from({ length: 50 }, (_, number) => `${"long-".repeat(6)}tag-${number}`);
  const visit = { account, kind: "visit", purpose: "relationship", direction: "outbound", participants: [rep], tags };
  await recorded([
    { command: "open-account", body: { id: account, at } },
    { command: "add-person", body: { id: rep, team: "north", at } },
    ...Array.from({ length: interactionCount }, () => ({ command: "record-interaction", body: { ...visit, startedAt: at } })),
  ]);
});
afterAll(async () => server.close());

const authorization = () => ({ authorization: `Bearer ${secret}` });
const asked = (path: string) => patiently(`${server.url}/v1/${path}`, { headers: authorization() });

async function recorded(lines: readonly object[]): Promise<void> {
  const answer = await fetch(`${server.url}/v1/batch`, {
    method: "POST",
    headers: { ...authorization(), "content-type": "application/x-ndjson" },
    body: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
  });
  expect((await answer.text()).trim().split("\n").at(-1)).toContain(`"accepted":${lines.length}`);
}

/** How often the views are open in this process, by the log of their writes: SQLite keeps handles of the file itself for the next connection. */
const openCount = (): number =>
  readdirSync("/proc/self/fd").filter((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(folder) && /views-\w+\.db-wal$/.test(path);
    } catch {
      return false;
    }
  }).length;

it.runIf(process.platform === "linux")("a reader that goes away half-way leaves nothing open and nothing at work", async () => {
  const before = openCount();
  // More often than exports may be under way.
  for (let time = 0; time < 6; time += 1) {
    const leaving = new AbortController();
    const { body, status } = await fetch(`${server.url}/v1/exports/interactions`, {
      headers: authorization(),
      signal: leaving.signal,
    });
    expect(status).toBe(200);
    await body!.getReader().read();
    expect(openCount()).toBeGreaterThan(before);
    leaving.abort();
    await settledAt(before);
  }
  const whole = await (await asked("exports/interactions")).text();
  expect(whole.trim().split("\n")).toHaveLength(interactionCount);
});

async function settledAt(count: number): Promise<void> {
  while (openCount() > count) await delay(10);
}

it("the rows of a past day are taken home, by HTTP and by the command line, as they were taken then", async () => {
  const first = await asked("exports/accounts?format=csv");
  const vantage = first.headers.get("troth-vantage")!;
  const then = await first.text();
  await recorded([{ command: "open-account", body: { at } }]);
  expect((await (await asked("exports/accounts?format=csv")).text()).split("\r\n")).toHaveLength(4);
  expect(await (await asked(`exports/accounts?format=csv&${vantage}`)).text()).toBe(then);

  const known = new URLSearchParams(vantage).get("knownAt")!;
  const sql = ["sql", "SELECT count(*) FROM accounts", "--format", "csv", "--data", folder, "--known-at"];
  expect(await troth([...sql, known])).toMatchObject({ code: 0, out: "count(*)\r\n1\r\n" });
  await server.close();
  expect(await troth([...sql, known])).toMatchObject({ code: 0, out: "count(*)\r\n1\r\n" });
  const taken = ["export", "accounts", "--format", "csv", "--data", folder];
  expect(await troth([...taken, "--known-at", known])).toMatchObject({ code: 0, out: then });
  expect(await troth([...taken, "--known-at", "1000000"])).toMatchObject({ code: 2, err: /^troth: --known-at: the log has/ });
});
