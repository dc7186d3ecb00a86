import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isLoopback } from "../../src/api/health.ts";
import { account, type TestApi, testApi, visit } from "../support/api.ts";
import { testLedger } from "../support/ledger.ts";

const untold = { counters: () => ({ retries: 3, reconnects: 2 }), onAppend: () => undefined };

let api: TestApi;
beforeAll(async () => void (api = await testApi()));
afterAll(() => api.close());

describe("health", () => {
  it("says that the process is alive, without a key", async () => {
    const { status, json } = await api.when("GET", "/livez", { key: null });
    expect([status, json]).toEqual([200, { status: "alive" }]);
  });

  it("says that it may be sent requests, and how far the views are", async () => {
    const { status, json } = await api.when("GET", "/readyz", { key: null });
    const position = api.ledger.store.log.head();
    const viewsPosition = api.ledger.host.status().position;
    expect([status, json]).toEqual([
      200,
      { status: "ready", store: "running", views: "running", position, viewsPosition, lag: position - viewsPosition },
    ]);
  });

  it.each([
    ["building", { position: 0, building: true }],
    ["failed", { position: 0, building: false, failure: "disk I/O error in /var/lib/troth" }],
  ])("says that it may not while the views are %s, and not why", async (views, state) => {
    const ledger = testLedger();
    const other = await testApi({ ledger, deps: { host: { ...ledger.host, status: () => state } } });
    const { status, json, text } = await other.when("GET", "/readyz", { key: null });
    expect([status, json.status, json.views]).toEqual([503, "not-ready", views]);
    expect(text).not.toContain("/var/lib");
    await other.close();
  });

  it.each(["catching-up", "lost-touch", "stopped"] as const)(
    "says that a node may not while its copy is %s, and answers reads with a word of it",
    async (state) => {
      const failure = "there is a gap at 10.0.0.7";
      const copy = { ...untold, status: () => ({ state, position: 3, heardMsAgo: 12_400, lagMs: 12_400, failure }) };
      const other = await testApi({ deps: { copy } });
      const ready = await other.when("GET", "/readyz", { key: null });
      expect([ready.status, ready.json.status, ready.json.cluster]).toEqual([503, "not-ready", { state, heardMsAgo: 12_400 }]);
      expect(ready.text).not.toContain("10.0.0.7");
      const read = await other.when("GET", `/v1/accounts/${account}`);
      expect([read.status, read.headers["troth-node"]]).toEqual([200, `${state}; heard=12`]);
      await other.close();
    },
  );

  it("says nothing of a node that follows its cluster but that it does", async () => {
    const copy = { ...untold, status: () => ({ state: "following" as const, position: 3, heardMsAgo: 40, lagMs: 0 }) };
    const other = await testApi({ deps: { copy } });
    const ready = await other.when("GET", "/readyz", { key: null });
    expect([ready.status, ready.json.cluster]).toEqual([200, { state: "following", heardMsAgo: 40 }]);
    expect((await other.when("GET", `/v1/accounts/${account}`)).headers["troth-node"]).toBeUndefined();
    await other.close();
  });

  it.each([
    [{ holds: true }, "in-touch", 1],
    [{ holds: true, failure: "no answer from 10.0.0.7" }, "lost-touch", 1],
    [{ holds: false, failure: "no answer from 10.0.0.7" }, "lost-touch", 0],
  ])("says of a node with the lease %o that its vault is %s, which keeps no facts from it", async (lease, state, holds) => {
    const ledger = testLedger();
    const other = await testApi({ ledger, deps: { vault: { ...ledger.vault, lease: () => lease } } });
    const ready = await other.when("GET", "/readyz", { key: null });
    expect([ready.status, ready.json.vault]).toEqual([200, { state }]);
    expect(ready.text).not.toContain("10.0.0.7");
    expect((await other.when("GET", "/metrics", { key: null })).text).toContain(`troth_vault_lease ${holds}`);
    await other.close();
  });

  it("says that it may not while the log can't be read", async () => {
    const other = await testApi();
    await other.ledger.store.close();
    const alive = await other.app.inject({ url: "/livez" });
    expect([alive.statusCode, alive.json().status]).toEqual([200, "alive"]);
    const ready = await other.app.inject({ url: "/readyz" });
    expect([ready.statusCode, ready.json().store]).toEqual([503, "failed"]);
    await other.app.close();
  });
});

describe("metrics", () => {
  it("tell of a node how it stands to its cluster, and how its appends went", async () => {
    let tell: (outcome: "stored" | "conflict" | "failed", ms: number) => void = () => undefined;
    const status = () => ({ state: "catching-up" as const, position: 3, lagMs: 2_500, heardMsAgo: 40 });
    const other = await testApi({ deps: { copy: { ...untold, status, onAppend: (listener) => void (tell = listener) } } });
    tell("stored", 3);
    tell("stored", 30);
    tell("conflict", 4);
    const { text } = await other.when("GET", "/metrics", { key: null });
    for (const line of [
      'troth_cluster_state{state="catching-up"} 1',
      'troth_cluster_state{state="following"} 0',
      "troth_cluster_lag_seconds 2.5",
      "troth_cluster_retries 3",
      "troth_cluster_reconnects 2",
      'troth_cluster_append_duration_seconds_count{outcome="stored"} 2',
      'troth_cluster_append_duration_seconds_bucket{le="0.005",outcome="conflict"} 1',
    ])
      expect(text).toContain(line);
    await other.close();
  });

  it("count requests by route and status, appends and events", async () => {
    const { json } = await api.when("POST", "/v1/accounts", { body: {} });
    await api.when("POST", `/v1/accounts/${json.id}/close`);
    await api.when("POST", `/v1/accounts/${json.id}/close`);
    await api.when("POST", "/v1/interactions", { body: { ...visit, minutes: -1 } });
    await api.when("POST", "/v1/batch", {
      payload: JSON.stringify({ command: "record-interaction", body: visit }),
      headers: { "content-type": "application/x-ndjson" },
    });
    const { text, headers } = await api.when("GET", "/metrics", { key: null });
    expect(headers["content-type"]).toMatch(/^text\/plain/);
    for (const line of [
      'troth_http_request_duration_seconds_count{method="POST",route="/v1/accounts/:account/close",status="200"} 2',
      'troth_http_request_duration_seconds_count{method="POST",route="/v1/interactions",status="422"} 1',
      "troth_appends_total 3",
      "troth_events_total 3",
      `troth_log_position ${api.ledger.store.log.head()}`,
      "troth_event_streams 0",
    ])
      expect(text).toContain(`${line}\n`);
    expect(text).toMatch(/troth_views_lag_events \d+\n/);
    expect(text).not.toContain(json.id);
  });

  it("are those of one app alone", async () => {
    const other = await testApi();
    expect((await other.when("GET", "/metrics")).text).toContain("troth_appends_total 0\n");
    await other.close();
  });

  it("need the scope `audit` from elsewhere, or wherever the operator says so", async () => {
    const away = (key: string | null) => ({ key, remoteAddress: "203.0.113.7" });
    await api.refused(401, "unauthorized", "GET", "/metrics", away(null));
    const { secret } = await api.newKey(["read"]);
    await api.refused(403, "scope-missing", "GET", "/metrics", away(secret));
    expect((await api.when("GET", "/metrics", away(api.admin))).status).toBe(200);
    const strict = await testApi({ limits: { metricsNeedKey: true } });
    await strict.refused(401, "unauthorized", "GET", "/metrics", { key: null });
    await strict.close();
  });

  it.each([
    ["127.0.0.1", true],
    ["127.8.8.8", true],
    ["::1", true],
    ["::ffff:127.0.0.1", true],
    ["::ffff:203.0.113.7", false],
    ["203.0.113.7", false],
    ["127.0.0.1.example.com", false],
    ["::2", false],
  ])("%s is this machine: %s", (address, is) => {
    expect(isLoopback(address)).toBe(is);
  });
});
