import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSqliteEventStore } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { openMemoryVault } from "../../src/vault/memory.ts";
import { account, now, type TestApi, testApi, visit } from "../support/api.ts";
import { testLedger } from "../support/ledger.ts";

let folder: string;
let nodes: [TestApi, TestApi];
let elapsedMs: number;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "troth-api-"));
  const vault = openMemoryVault();
  elapsedMs = 0;
  const node = () =>
    testLedger(now, {
      store: openSqliteEventStore(join(folder, "ledger.db"), { pollMs: 10 }),
      vault,
      sharesStore: true,
      elapsedMs: () => elapsedMs,
    });
  const first = await testApi({ ledger: node() });
  nodes = [first, await testApi({ ledger: node(), empty: true })];
});
afterEach(async () => {
  for (const node of nodes) await node.close();
  rmSync(folder, { recursive: true });
});

describe("two nodes on one log, given the same request", () => {
  const send = (node: TestApi, key: string, minutes = 60) =>
    node.when("POST", "/v1/interactions", {
      body: { ...visit, minutes },
      key: nodes[0].admin,
      headers: { "idempotency-key": key },
    });

  it("record one fact and give the same answer", async () => {
    for (let round = 0; round < 20; round += 1) {
      // Their clocks differ, as those of two machines do.
      nodes[1].ledger.setNow(`2026-02-01T09:00:01.0${String(round).padStart(2, "0")}Z`);
      const before = nodes[0].ledger.store.log.head();
      const [first, second] = await Promise.all(nodes.map((node) => send(node, `round-${round}`)));
      expect(nodes[0].ledger.store.log.head()).toBe(before + 1);
      expect([first!.status, second!.status].every((status) => status === 200 || status === 201)).toBe(true);
      expect(first!.json.id).toBe(second!.json.id);
      expect(first!.json.events).toEqual(second!.json.events);
      expect([first!.json.revision, first!.json.position]).toEqual([second!.json.revision, second!.json.position]);
    }
  });

  it("record one of two facts that came under the same key, and refuse the other", async () => {
    for (let round = 0; round < 20; round += 1) {
      const before = nodes[0].ledger.store.log.head();
      const answers = await Promise.all(nodes.map((node, index) => send(node, `clash-${round}`, 60 + index)));
      expect(nodes[0].ledger.store.log.head()).toBe(before + 1);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 422]);
      const index = answers.findIndex(({ status }) => status === 201);
      expect(nodes[0].ledger.events().at(-1)!.data).toMatchObject({ minutes: 60 + index });
    }
  });

  it("know it again later, whichever was asked first", async () => {
    const first = await send(nodes[1], "later");
    const again = await send(nodes[0], "later");
    expect(again.json).toEqual({ ...first.json, replayed: true });
    await nodes[0].refused(422, "idempotency-key-reused", "POST", "/v1/interactions", {
      body: { ...visit, minutes: 61 },
      headers: { "idempotency-key": "later" },
    });
  });

  it("let exactly one of their writers win a revision", async () => {
    const before = nodes[0].ledger.store.log.head();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        nodes[index % 2]!.when("PATCH", `/v1/accounts/${account}`, {
          key: nodes[0].admin,
          body: { tags: [`writer-${index}`] },
          headers: { "if-match": '"0"' },
        }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(19);
    expect(nodes[0].ledger.store.log.head()).toBe(before + 1);
  });

  it("read what the other recorded, when its position is named", async () => {
    const made = await nodes[0].when("POST", "/v1/accounts", { body: {} });
    const { status, json } = await nodes[1].when("GET", `/v1/accounts/${made.json.id}`, {
      key: nodes[0].admin,
      headers: { "troth-position": made.headers["troth-position"]! },
    });
    expect([status, json.id]).toEqual([200, made.json.id]);
  });
});

describe("a key that another node revoked", () => {
  it("is of no use any more within a second", async () => {
    const { id, secret } = await nodes[0].newKey(["read"]);
    const ask = () => nodes[0].when("GET", "/v1/accounts", { key: secret });
    expect((await ask()).status).toBe(200);
    const revoked = await nodes[1].when("POST", `/v1/keys/${id}/revoke`, { key: nodes[0].admin, body: {} });
    expect(revoked.added).toEqual(["KeyRevoked"]);
    elapsedMs += 1_001;
    expect((await ask()).status).toBe(401);
  });
});
