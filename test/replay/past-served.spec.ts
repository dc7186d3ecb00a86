/** The past of a real folder over HTTP: answered by threads of their own, told by the command line, and as the definition has it. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { initLedger, ledgerPath, type OpenLedger } from "../../src/composition/ledger-folder.ts";
import { type ReadingThreads, readingThreads } from "../../src/composition/reading-threads.ts";
import { type RunningServer, serveLedger } from "../../src/composition/serve.ts";
import { viewsAt } from "../../src/projections/vantage.ts";
import { answer } from "../../src/queries/asking.ts";
import { queries } from "../../src/queries/registry.ts";
import { removedAtEnd, scratchFolder, troth } from "../cli/support/troth.ts";
import { patiently } from "../support/server.ts";

/* eslint-disable @typescript-eslint/no-explicit-any */
const account = "acc_0000000000000001";
const rep = "per_0000000000000001";
const promise = "prm_0000000000000001";
const day = (date: string) => `2026-01-${date}T10:00:00.000Z`;
const afterAllHooks = removedAtEnd();

let folder: string;
let secret: string;
let ledger: OpenLedger;
let server: RunningServer;
/** Of the log before the visit was told, and after. */
let [before, after] = [0, 0];

const asked = (path: string, init: RequestInit = {}) =>
  patiently(`${server.url}/v1/${path}`, { ...init, headers: { authorization: `Bearer ${secret}`, ...init.headers } });
const read = async (path: string): Promise<any> => (await asked(path)).json();
async function tell(path: string, body: object): Promise<void> {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const told = await asked(path, init);
  expect(told.status, await told.clone().text()).toBeLessThan(300);
}

beforeAll(async () => {
  folder = join(scratchFolder(afterAllHooks), "data");
  const adminScopes = ["record", "read", "personal", "audit", "admin"] as const;
  ({ ledger, secret } = await initLedger({ folder, name: "main", adminScopes }));
  server = await serveLedger(ledger, { host: "127.0.0.1", port: 0, version: "test", limits: { eventLoopDelayMsMax: 0 } });
  await ledger.host.ready;
  await tell("accounts", { id: account, name: "Harbour Freight Lines", at: day("01") });
  await tell("people", { id: rep, team: "north", at: day("01") });
  await tell("policies", { promises: { recordingAllowanceMinutes: 0 } });
  await tell("promises", {
    ...{ id: promise, account, promisor: rep, promisee: account, kind: "visit", at: day("02"), text: "I will come." },
    ...{ terms: { type: "once", dueAt: day("10") }, matcher: { kinds: ["visit"] } },
  });
  before = ledger.store.log.head();
  await tell("interactions", {
    ...{ id: "int_0000000000000001", account, kind: "visit", purpose: "relationship", direction: "outbound" },
    ...{ startedAt: day("08"), minutes: 60, participants: [rep] },
  });
  after = ledger.store.log.head();
});
afterAll(async () => server.close());

describe("a read of the past", () => {
  it("is what running the projections over that part of the log gives, of every question", async () => {
    await ledger.host.ready;
    const desk = { ...ledger.readingDesk, past: (vantage: any) => viewsAt(ledger.store.log, vantage) };
    const ids: Record<string, string> = { account, person: rep, promise, team: "north", interaction: "int_0000000000000001" };
    const caller = { key: "key_0000000000000000", scopes: ["read", "personal"] } as any;
    for (const query of queries.filter(({ isOfThePresent, asks }) => isOfThePresent !== true && asks === undefined)) {
      const [name] = Object.keys(query.params.shape);
      if (name === "agreement") continue;
      const params = name === undefined ? {} : { [name]: ids[name]! };
      const at = { asOf: day("20"), knownAt: `${after}@${new Date().toISOString()}` };
      const path = query.path.slice(1).replace(/:\w+/, ids[name ?? ""] ?? "");
      const served = await read(`${path}?asOf=${at.asOf}&knownAt=${at.knownAt}`);
      const expected = await answer(desk, query, { params, query: query.query.parse(at), caller });
      expect(served, query.name).toEqual(JSON.parse(JSON.stringify(expected)));
    }
  });

  it("tells what was known before the visit was told, and after", async () => {
    const states = [before, after].map(async (size) => (await read(`promises/${promise}?knownAt=${size}`)).state);
    expect(await Promise.all(states)).toEqual(["broken", "kept"]);
  });

  it("opens sealed text through the vault, which writes the access log", async () => {
    const { personal } = await read(`promises/${promise}?knownAt=${after}`);
    expect(personal.text).toEqual({ status: "opened", value: "I will come." });
    const { items } = await read("access-log?limit=1");
    expect(items[0].purpose).toBe("get-promise");
  });

  it("names the root that was signed", async () => {
    const { basis } = await read(`accounts/${account}?knownAt=${after}`);
    const { toRoot } = await read(`audit/consistency?from=1&to=${after}`);
    expect(basis.root).toBe(toRoot);
  });

  it.each([
    [404, "account-not-found", `accounts/${account}?knownAt=1`],
    [404, "promise-not-found", `promises/prm_0000000000000009?knownAt=3`],
    [400, "cursor-invalid", `reports/dormancy?after=nonsense`],
    [422, "beyond-log", `accounts/${account}/history?from=999`],
  ])("is refused by a thread as by the server: %i %s", async (status, code, path) => {
    const refused = await asked(path);
    expect([refused.status, ((await refused.json()) as any).code]).toEqual([status, code]);
  });
});

describe("troth replay", () => {
  const late = "promises prm_0000000000000001.occurrences.1: broken → kept  (evidence int_0000000000000001)";

  it("tells an account's history as a server has it", async () => {
    const { code, out, err } = await troth(["replay", account, "--url", server.url, "--key", secret]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/ InteractionRecorded {2}2026-01-08 10:00, recorded /);
    expect(out).toContain(late);
    const between = ["--from", String(before), "--to", String(after)];
    const { out: lines } = await troth(["replay", account, "--url", server.url, "--key", secret, "--json", ...between]);
    expect(JSON.parse(lines).type).toBe("InteractionRecorded");
  });

  it.each([
    ["nothing at all", []],
    ["an account that is none", ["harbour"]],
    ["an option of the other question", [account, "--team", "north"]],
    ["a place that is none", [account, "--from", "yesterday"]],
  ])("is refused with %s", async (_what, args) => {
    expect((await troth(["replay", ...args, "--data", folder])).code).toBe(2);
  });
});

describe("troth replay of a folder", () => {
  it("leaves one that is served to its server", async () => {
    const { code, err } = await troth(["replay", account, "--data", folder]);
    expect([code, err]).toEqual([3, expect.stringContaining("--url")]);
  });
});

describe("a question that nobody waits for", () => {
  const balance = queries.find(({ name }) => name === "balance")!;
  const caller = { key: "key_0000000000000000", scopes: ["read"] } as any;
  const request = { params: {}, query: balance.query.parse({}), caller };
  let threads: ReadingThreads;
  beforeAll(() => {
    threads = readingThreads({ folder, logPath: ledgerPath(folder) }, ledger.readingDesk, ledger.history);
  });
  afterAll(() => threads.close());

  it("is dropped, whether it runs or waits, and the next one is answered", async () => {
    const gone = [new AbortController(), new AbortController()];
    const asking = gone.map(({ signal }) => threads.reader(balance, request, {}, signal));
    const next = threads.reader(balance, request, {}, new AbortController().signal);
    for (const one of gone) one.abort();
    for (const one of asking) await expect(one).rejects.toMatchObject({ code: "request-timeout" });
    expect(await next).toMatchObject({ minutes: 60 });
  });

  it("is refused where too many wait already, and when the server ends", async () => {
    const full = readingThreads({ folder, logPath: ledgerPath(folder) }, ledger.readingDesk, ledger.history);
    const { signal } = new AbortController();
    const asking = Array.from({ length: 66 }, () =>
      full.reader(balance, request, {}, signal).catch(({ code }) => code as string),
    );
    expect(await asking.at(-1)).toBe("overloaded");
    await full.close();
    expect(new Set(await Promise.all(asking.slice(0, 65)))).toEqual(new Set(["shutting-down"]));
  });
});

it("a folder that nobody serves any more tells its history itself", async () => {
  const { out: served } = await troth(["replay", account, "--url", server.url, "--key", secret, "--json", "--to", String(after)]);
  await server.close();
  const { code, out, err } = await troth(["replay", account, "--data", folder, "--json", "--to", String(after)]);
  expect([code, err, out]).toEqual([0, "", served]);
  expect((await troth(["replay", account, "--data", folder, "--from", "999"])).err).toContain("--from: the log has");
});
