/** `status`, `check` and `rebuild`: what a folder holds, whether it is sound, and how its views are made again. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeAll, describe, expect, it } from "vitest";
import { openSqliteEventStore } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { buildHistory, historyPath } from "../../src/projections/history/history-file.ts";
import { runningServer } from "../support/server.ts";
import { aKey, aLedger, copyOf, example, removedAtEnd, troth, trothProcess } from "./support/troth.ts";

const later = removedAtEnd();

let made: string;
beforeAll(async () => {
  made = await aLedger(later);
  const { code, err } = await troth(["import", example("accounts.ndjson"), "--data", made]);
  expect(code, err).toBe(0);
  await troth(["rebuild", "--data", made]);
  // As a server that was asked for the past leaves it.
  const log = openSqliteLog(join(made, "ledger.db"));
  await buildHistory(made, log);
  log.close();
});

/** A copy, so that each spec may damage its own. */
const aLedgerWithHistory = (): string => copyOf(made);

const viewsIn = (data: string): string =>
  join(
    data,
    readdirSync(data).find((name) => /^views-.*\.db$/.test(name))!,
  );

function changed(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

describe("troth status", () => {
  it("counts events by type and says how far the views are", async () => {
    const data = aLedgerWithHistory();
    const { code, out } = await trothProcess(["status", "--data", data, "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      ...{ ledger: "data", head: 8, inUseBy: null, openLoads: [] },
      views: { position: 8, lag: 0 },
      past: { position: 8, lag: 0 },
      lastRecordedAt: expect.stringMatching(/^\d{4}-.*Z$/),
      eventsByType: { AccountOpened: 2, PersonAdded: 3, KeyIssued: 2, LedgerOpened: 1 },
    });
    expect(JSON.parse((await troth(["status", "--data", data, "--json", "--no-counts"])).out)).not.toHaveProperty("eventsByType");
  });

  it("looks on while a server runs, names its process, and lists loads that were never completed", async () => {
    const data = aLedgerWithHistory();
    const secret = await aKey(data, "record");
    const server = await runningServer(data);
    try {
      const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
      const body = JSON.stringify({ source: "crm" });
      expect((await fetch(`${server.url}/v1/recordings`, { method: "POST", headers, body })).status).toBe(201);
      const status = JSON.parse((await troth(["status", "--data", data, "--json"])).out) as object;
      expect(status).toMatchObject({ inUseBy: { pid: server.pid }, openLoads: [{ source: "crm" }] });
      expect((await troth(["status", "--data", data])).out).toContain(`in use      by process ${server.pid}`);
      expect((await troth(["check", "--deep", "--data", data])).code).toBe(0);
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });
});

describe("troth check", () => {
  it("finds nothing in a sound ledger", async () => {
    const data = aLedgerWithHistory();
    const { code, out } = await trothProcess(["check", "--deep", "--data", data, "--json"]);
    expect(code).toBe(0);
    const at8 = { position: 8, digest: expect.any(String) as string };
    expect(JSON.parse(out)).toEqual({ events: 8, findings: [], views: at8, past: at8 });
  });

  it.each([
    ["an event that is gone", "DELETE FROM events WHERE position = 5", "log", "position-missing"],
    [
      "a leaf of another shape",
      `UPDATE events SET leaf = CAST(replace(leaf, '"timeZone"', '"timeZoen"') AS BLOB) WHERE position = 4`,
      "events",
      "invalid",
    ],
    [
      "a leaf written otherwise",
      `UPDATE events SET leaf = CAST(replace(leaf, '{"account"', '{ "account"') AS BLOB) WHERE position = 4`,
      "events",
      "not-canonical",
    ],
    [
      "log time that ran backwards",
      `UPDATE events SET leaf = CAST(replace(leaf, '"recordedAt":"20', '"recordedAt":"19') AS BLOB) WHERE position = 6`,
      "events",
      "time",
    ],
    [
      "a type of a later release",
      `UPDATE events SET leaf = CAST(replace(leaf, 'AccountOpened', 'AccountOpaned') AS BLOB) WHERE position = 4`,
      "events",
      "unknown-type",
    ],
  ])("finds %s", async (_what, sql, part, kind) => {
    const data = aLedgerWithHistory();
    changed(join(data, "ledger.db"), sql);
    const { code, out } = await troth(["check", "--data", data, "--json"]);
    expect(code).toBe(1);
    expect((JSON.parse(out) as { findings: object[] }).findings).toContainEqual(expect.objectContaining({ part, kind }));
  });

  it("finds a vault that is gone or whose key does not fit, and makes none in its place", async () => {
    const data = aLedgerWithHistory();
    const misfit = await troth(["check", "--data", data, "--keys-folder", `${await aLedger()}.keys`]);
    expect(misfit.code).toBe(1);
    expect(misfit.out).toContain("vault: the key-encryption key does not open the vault");
    rmSync(join(data, "vault.db"));
    const gone = await troth(["check", "--data", data]);
    expect(gone.out).toContain("vault: there is no vault");
    expect(readdirSync(data)).not.toContain("vault.db");
  });
});

describe("troth rebuild", () => {
  it("gives the views that were there", async () => {
    const data = aLedgerWithHistory();
    const { code, out } = await trothProcess(["rebuild", "--verify", "--data", data, "--json"]);
    expect(code).toBe(0);
    const found = JSON.parse(out) as { after: string; past: { after: string } };
    const same = ({ after }: { after: string }) => {
      return { position: 8, same: true, after, before: { position: 8, digest: after, expected: after } };
    };
    expect(found).toEqual({ ...same(found), past: same(found.past) });
  });

  it("compares views that lag behind the log where they stand", async () => {
    const data = aLedgerWithHistory();
    const store = openSqliteEventStore(join(data, "ledger.db"));
    const [last] = store.log.readAll(7, 1);
    const leaf = Buffer.from(Buffer.from(last!.leaf).toString().replaceAll("c2", "c3"));
    await store.append("person-per_00000000000000c3", -1, [{ ...last!, id: "evt_0000000000000000", type: "PersonAdded", leaf }]);
    await store.close();
    const { out } = await troth(["rebuild", "--verify", "--data", data, "--json"]);
    expect(JSON.parse(out)).toMatchObject({
      ...{ position: 9, same: true, before: { position: 8 } },
      past: { position: 9, same: true, before: { position: 8 } },
    });
  });

  it.each([
    { part: "views", pathIn: viewsIn, table: "accounts" },
    { part: "past", pathIn: historyPath, table: "past_accounts" },
  ])("mends $part that is not what the log says, which `check --deep` finds", async ({ part, pathIn, table }) => {
    const data = aLedgerWithHistory();
    changed(pathIn(data), `UPDATE ${table} SET time_zone = 'Mars/Olympus'`);
    const found = await troth(["check", "--deep", "--data", data]);
    expect(found.code).toBe(1);
    expect(found.out).toContain(`${part}: the ${part} at position`);
    const rebuilt = await troth(["rebuild", "--verify", "--data", data]);
    expect(rebuilt.code).toBe(1);
    expect(rebuilt.out).toContain("What was there was not what the log says.");
    expect((await troth(["check", "--deep", "--data", data])).code).toBe(0);
  });

  it("builds views where there are none", async () => {
    const data = aLedgerWithHistory();
    rmSync(viewsIn(data));
    expect((await troth(["check", "--deep", "--data", data])).out).toContain("There are no views yet");
    expect(JSON.parse((await troth(["rebuild", "--verify", "--data", data, "--json"])).out)).toMatchObject({
      before: null,
      same: null,
    });
    expect((await troth(["check", "--deep", "--data", data])).out).toContain("nothing is wrong");
  });
});
