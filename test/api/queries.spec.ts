import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ViewsHost } from "../../src/projections/reader.ts";
import { ViewsBehindError } from "../../src/projections/reader.ts";
import { queries } from "../../src/queries/registry.ts";
import { account, berg, call, fieldsOf, novak, now, type TestApi, testApi, visit } from "../support/api.ts";
import { testLedger } from "../support/ledger.ts";

let api: TestApi;
beforeAll(async () => void (api = await testApi()));
afterAll(() => api.close());

describe("a query", () => {
  it("sees what was answered before it", async () => {
    for (let count = 0; count < 10; count += 1) {
      const { json: made } = await api.when("POST", "/v1/accounts", { body: { name: `Account ${count}` } });
      const { status, json } = await api.when("GET", `/v1/accounts/${made.id}`);
      expect([status, json.id, json.basis.size]).toEqual([200, made.id, made.position]);
    }
  });

  it("says how much of the log it rests on", async () => {
    const { headers, json } = await api.when("GET", `/v1/accounts/${account}`);
    expect(headers["troth-position"]).toBe(`p${json.basis.size.toString(36)}`);
    expect(headers["content-type"]).toBe("application/json; charset=utf-8");
  });

  it("says where its stream stands, as If-Match takes it", async () => {
    const { headers } = await api.when("GET", `/v1/accounts/${account}`);
    expect(headers["etag"]).toMatch(/^"\d+"$/);
    const changed = await api.when("PATCH", `/v1/accounts/${account}`, {
      body: { tags: ["etag"] },
      headers: { "if-match": headers["etag"]! },
    });
    expect(changed.added).toEqual(["AccountChanged"]);
  });

  it("is not found by an unknown id", async () => {
    await api.refused(404, "account-not-found", "GET", "/v1/accounts/acc_9999999999999999");
  });

  it.each<[string, string, number, string, string]>([
    ["an unknown parameter", "/v1/accounts?sort=name", 422, "validation-failed", "/sort"],
    ["a parameter twice", `/v1/accounts?owner=${novak}&owner=${novak}`, 422, "validation-failed", "/owner"],
    ["a limit of nothing", "/v1/accounts?limit=0", 422, "validation-failed", "/limit"],
    ["a limit that is no number", "/v1/accounts?limit=ten", 422, "validation-failed", "/limit"],
    ["a prototype key", "/v1/accounts?__proto__=1", 422, "validation-failed", "/__proto__"],
    ["a cursor that is none", "/v1/accounts?after=nonsense", 400, "cursor-invalid", "/after"],
    ["an id that is none", "/v1/accounts/acc_1", 422, "validation-failed", "/account"],
  ])("is refused with %s", async (_what, url, status, code, field) => {
    expect(fieldsOf(await api.refused(status, code, "GET", url))).toEqual([field]);
  });

  it("is refused with a Troth-Position that is none", async () => {
    await api.refused(400, "header-invalid", "GET", "/v1/accounts", { headers: { "troth-position": "7" } });
  });

  it("pages until `next` is null, each item once", async () => {
    const seen: string[] = [];
    let url = "/v1/accounts?limit=3";
    for (;;) {
      const { json } = await api.when("GET", url);
      seen.push(...json.items.map(({ id }: { id: string }) => id));
      if (json.next === null) break;
      url = `/v1/accounts?limit=3&after=${json.next}`;
    }
    expect(seen).toHaveLength(new Set(seen).size);
    expect(seen.length).toBeGreaterThanOrEqual(12);
  });

  it("takes a cursor of its own list alone", async () => {
    const { next } = (await api.when("GET", "/v1/accounts?limit=1")).json;
    for (const other of ["promises", "people", `accounts/${account}/timeline`, "reports/dormancy", "access-log"])
      await api.refused(400, "cursor-invalid", "GET", `/v1/${other}?after=${next}`);
  });

  it("of what falls due ends no earlier than where it stands", async () => {
    const asOf = "2026-02-01T10:00:00.000Z";
    const url = `/v1/reports/due?asOf=${asOf}&until=2026-01-31T00:00:00.000Z`;
    expect(fieldsOf(await api.refused(422, "validation-failed", "GET", url))).toEqual(["/until"]);
  });

  it("answers HEAD like GET without the body", async () => {
    const { status, text, headers } = await api.when("HEAD", `/v1/accounts/${account}`);
    expect([status, text, Number(headers["content-length"]) > 100]).toEqual([200, "", true]);
  });
});

describe("every query's answer fits its schema, as it comes off the wire", () => {
  beforeAll(async () => {
    const { run, setNow } = api.ledger;
    await run("make-promise", { ...call, id: "prm_0000000000000001", text: "I will call." });
    await run("make-promise", {
      id: "prm_0000000000000002",
      account,
      promisor: novak,
      promisee: berg,
      terms: { type: "recurring", rrule: "FREQ=WEEKLY;INTERVAL=2", from: "2026-02-06", until: "2026-12-31" },
      matcher: { kinds: ["visit"], minMinutes: 60 },
    });
    await run("make-agreement", {
      id: "agr_0000000000000001",
      account,
      promises: [{ promisor: berg, promisee: "house", terms: { type: "once" } }],
    });
    await run("record-interaction", { ...visit, id: "int_0000000000000001", participants: [novak, berg], note: "Talked." });
    await run("record-outcome", { account, kind: "won", amount: { value: "1200.00", currency: "EUR" } });
    await run("adopt-policy", {});
    await run("start-recording", { source: "crm-history" });
    setNow("2026-06-01T09:00:00.000Z");
  });
  afterAll(() => api.ledger.setNow(now));

  const ids: Record<string, string> = {
    account,
    person: novak,
    interaction: "int_0000000000000001",
    promise: "prm_0000000000000002",
    agreement: "agr_0000000000000001",
    team: "north",
  };
  it.each(queries.map((query) => [query.name, query] as const))("%s", async (_name, query) => {
    const needed = query.name === "account-diff" ? "?fromKnownAt=2" : "";
    const url = `/v1${query.path.replaceAll(/:([a-z]+)/g, (_, name: string) => ids[name]!)}${needed}`;
    const { status, json } = await api.when("GET", url);
    expect(status).toBe(200);
    const parsed = query.answer.safeParse(json);
    expect(parsed.error?.issues).toBeUndefined();
    expect(parsed.data).toEqual(json);
  });
});

describe("a query while the views are behind", () => {
  it("waits no longer than it may, and says so", async () => {
    const ledger = testLedger(now);
    const waits: unknown[] = [];
    const host: ViewsHost = {
      ...ledger.host,
      caughtUp: (position, timeoutMs) => {
        waits.push(timeoutMs);
        return Promise.reject(new ViewsBehindError(0, position));
      },
    };
    const behind = await testApi({ ledger, deps: { host }, limits: { viewsWaitMs: 1_234 } });
    const { headers } = await behind.refused(503, "views-behind", "GET", "/v1/accounts");
    expect([headers["retry-after"], waits]).toEqual(["1", [1_234]]);
    await behind.close();
  });

  it("waits for the position that the caller names", async () => {
    const wanted: number[] = [];
    const ledger = testLedger(now);
    const host: ViewsHost = { ...ledger.host, caughtUp: (position) => (wanted.push(position), ledger.host.caughtUp(0)) };
    const waiting = await testApi({ ledger, deps: { host } });
    await waiting.when("GET", "/v1/accounts", { headers: { "troth-position": "pzz" } });
    expect(wanted).toEqual([1295]);
    await waiting.close();
  });
});
