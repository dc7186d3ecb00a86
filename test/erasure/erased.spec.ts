/** What is left of a person on the disk of a running server, and what still holds, once they were erased through its API. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parsePolicy } from "../../src/audit/policy.ts";
import { verifyReceipt } from "../../src/audit/receipt.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { removedAtEnd, scratchFolder, troth } from "../cli/support/troth.ts";
import { found, type Needle } from "../support/bytes.ts";
import { patiently, runningServer, type RunningServer } from "../support/server.ts";
import { account, anna, ben, filesOf, ledgerWithText, tracesOf, visit } from "./support/ledger-with-text.ts";

const later = removedAtEnd();
const words = ["Anna Amsel", "a.amsel@example.com", "I come by every week.", "Visit 7", "We talked."];

describe("a person erased through the API of a running server", { timeout: 180_000 }, () => {
  let data: string;
  let server: RunningServer;
  let traces: Needle[];
  let receipts: Map<string, string>;
  let judged: unknown;

  const ask = async (path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${server.secret}`, ...(init.body ? { "content-type": "application/json" } : {}) };
    return patiently(`${server.url}/v1/${path}`, { ...init, headers });
  };
  const json = async <Answer>(path: string) => (await (await ask(path)).json()) as Answer;
  const post = (path: string, body: object) => ask(path, { method: "POST", body: JSON.stringify(body) });
  const leaves = () => {
    const log = openSqliteLog(join(data, "ledger.db"));
    const stored = log.readAll(0, 10_000);
    log.close();
    return stored;
  };
  const promise = async () => {
    const { personal: _, basis: __, ...rest } = await json<{ personal: object; basis: object }>("promises/prm_0000000000000001");
    return rest;
  };

  beforeAll(async () => {
    data = join(scratchFolder(later), "data");
    const secret = await ledgerWithText(data, 60);
    server = await runningServer(data, secret);
    // Written by the server itself too, so that there is something of it in the write-ahead log.
    for (let number = 60; number < 80; number += 1) expect((await post("interactions", visit(number))).status).toBe(201);
    traces = [...words, ...tracesOf(data, anna)];
    judged = await promise();
    receipts = new Map();
    for (const { id } of leaves()) receipts.set(id, await (await ask(`events/${id}/receipt`)).text());
  });
  afterAll(async () => void (await server.stop()));

  it("was to be found on the disk before, as ciphertext", () => {
    const places = found(filesOf(data), traces);
    expect(new Set(places.map((line) => line.split(" ")[1])).size).toBe(traces.length - words.length);
    expect(places.some((line) => line.startsWith("ledger.db-wal"))).toBe(true);
    expect(judged).toMatchObject({ state: "kept" });
  });

  it("is in no file any more, neither as text nor as ciphertext nor by key, once the answer is there", async () => {
    const answer = await post(`subjects/${anna}/erase`, { reason: "subject-asked" });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ id: anna, replayed: false, events: [{ type: "SubjectErased" }] });
    expect(found(filesOf(data), traces)).toEqual([]);
  });

  it("reads as erased, and everybody else as before", async () => {
    type Person = { personal: { name: object } };
    expect((await json<Person>(`people/${anna}`)).personal.name).toEqual({ status: "erased" });
    expect((await json<Person>(`people/${ben}`)).personal.name).toEqual({ status: "opened", value: "Ben Berg" });
    type Timeline = { items: { personal: { note?: { status: string } } }[] };
    const { items } = await json<Timeline>(`accounts/${account}/timeline?limit=500`);
    const statuses = items.flatMap(({ personal }) => personal.note?.status ?? []);
    expect(statuses.filter((status) => status === "opened")).toHaveLength(40);
    expect(statuses.filter((status) => status === "erased")).toHaveLength(42 - 1);
  });

  it("is given no new text", async () => {
    const refused = await post("interactions", visit(100));
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([409, "subject-erased"]);
  });

  it("leaves every receipt from before valid, and every verdict as it was", async () => {
    const policy = parsePolicy(`log ${(await (await ask("audit/key")).text()).trimEnd()}\nquorum none\n`);
    const stored = leaves();
    expect(receipts.size).toBeGreaterThan(80);
    for (const [id, receipt] of receipts) {
      const { leaf, position } = stored.find((event) => event.id === id)!;
      expect((await verifyReceipt(leaf, receipt, policy)).index).toBe(position - 1);
    }
    expect(await promise()).toEqual(judged);
    const check = await troth(["check", "--deep", "--data", data]);
    expect(check.code, check.out).toBe(0);
  });

  it("is still gone once the server has stopped, started again and built its views anew", async () => {
    expect(await server.stop()).toBe(0);
    expect(found(filesOf(data), traces)).toEqual([]);
    expect((await troth(["rebuild", "--verify", "--data", data])).code).toBe(0);
    server = await runningServer(data, server.secret);
    expect(await promise()).toEqual(judged);
    expect(found(filesOf(data), traces)).toEqual([]);
  });

  it("leaves the lines of who had read them, which hold ids alone", async () => {
    type Page = { items: { line: number; purpose: string; subjects: string[] }[]; next: string | null };
    const { items } = await json<Page>(`access-log?subject=${anna}&limit=1000`);
    expect(items.length).toBeGreaterThan(2);
    expect(items.every(({ subjects }) => subjects.includes(anna))).toBe(true);
    expect(new Set(items.map(({ purpose }) => purpose))).toEqual(new Set(["get-promise", "get-person", "account-timeline"]));
  });
});
