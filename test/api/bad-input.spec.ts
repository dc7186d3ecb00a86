import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { account, berg, call, fieldsOf, novak, type TestApi, testApi, visit } from "../support/api.ts";

let api: TestApi;
beforeAll(async () => void (api = await testApi()));
afterAll(() => api.close());

const visits = "/v1/interactions";
const promises = "/v1/promises";
const raw = (payload: string | Buffer, type = "application/json") => ({ payload, headers: { "content-type": type } });
const text = (body: object, more: string) => raw(JSON.stringify(body).slice(0, -1) + more);

describe("a body that does not fit its schema is refused naming the field", () => {
  const abstain = { type: "abstain", from: "2026-01-09T00:00:00.000Z", until: "2027-01-09T00:00:00.000Z" };
  const series = { type: "recurring", rrule: "FREQ=WEEKLY;INTERVAL=2", from: "2026-02-06", until: "2026-12-31" };
  it.each<[string, string, object, string]>([
    ["an unknown field", visits, { ...visit, minuets: 60 }, "/minuets"],
    ["an unknown field deeper down", promises, { ...call, terms: { ...call.terms, due: 1 } }, "/terms/due"],
    ["a missing field", visits, { ...visit, kind: undefined }, "/kind"],
    ["a number for a text", visits, { ...visit, kind: 3 }, "/kind"],
    ["a text for a number", visits, { ...visit, minutes: "60" }, "/minutes"],
    ["an object for a list", visits, { ...visit, participants: {} }, "/participants"],
    ["a list for an object", promises, { ...call, terms: [] }, "/terms"],
    ["null for a text", visits, { ...visit, kind: null }, "/kind"],
    ["a duration of -1", visits, { ...visit, minutes: -1 }, "/minutes"],
    ["half a minute", visits, { ...visit, minutes: 0.5 }, "/minutes"],
    ["a number beyond range", visits, { ...visit, minutes: 1e300 }, "/minutes"],
    ["a day that does not exist", visits, { ...visit, startedAt: "2026-02-30T10:00:00.000Z" }, "/startedAt"],
    ["a leap day in another year", promises, { ...call, terms: { ...series, until: "2026-02-29" } }, "/terms/until"],
    ["an hour that does not exist", visits, { ...visit, startedAt: "2026-01-30T24:00:00.000Z" }, "/startedAt"],
    ["an instant without milliseconds", visits, { ...visit, startedAt: "2026-01-30T10:00:00Z" }, "/startedAt"],
    ["an instant of another zone", visits, { ...visit, startedAt: "2026-01-30T10:00:00.000+01:00" }, "/startedAt"],
    ["an id of another kind", visits, { ...visit, account: novak }, "/account"],
    ["an id that could hold a name", visits, { ...visit, account: "acc_louis-berg-hamburg" }, "/account"],
    ["a participant among many", visits, { ...visit, participants: [novak, "x"] }, "/participants/1"],
    ["a tag that is no slug", visits, { ...visit, tags: ["M. Berg"] }, "/tags/0"],
    ["too many tags", visits, { ...visit, tags: Array.from({ length: 51 }, (_, n) => `t${n}`) }, "/tags"],
    ["a kind of terms that there is not", promises, { ...call, terms: { type: "sometimes" } }, "/terms/type"],
    ["a rule without an end", promises, { ...call, terms: { ...series, until: undefined } }, "/terms/until"],
    ["a weight of nothing", promises, { ...call, weight: 0 }, "/weight"],
    ["a control character in a text", visits, { ...visit, note: "a\u0000b" }, "/note"],
    ["a text too long", visits, { ...visit, note: "x".repeat(4_001) }, "/note"],
    ["a subject that is none", visits, { ...visit, note: { text: "x", subject: "house" } }, "/note/subject"],
    ["a lone surrogate", visits, { ...visit, note: "\ud800" }, "/note"],
    ["a lone surrogate deeper down", visits, { ...visit, note: { text: "\udfff x", subject: account } }, "/note/text"],
    ["a key such as constructor", visits, { ...visit, constructor: { prototype: {} } }, "/constructor"],
  ])("%s", async (_what, url, body, field) => {
    const refused = await api.refused(422, "validation-failed", "POST", url, { body });
    expect([...new Set(fieldsOf(refused))]).toEqual([field]);
  });

  it.each<[string, string, object, string, string]>([
    ["`until` before `from`", promises, { ...call, terms: { ...series, until: "2026-02-05" } }, "terms-invalid", "/terms/until"],
    [
      "an abstention that ends as it begins",
      promises,
      { ...call, terms: { ...abstain, until: abstain.from } },
      "terms-invalid",
      "/terms/until",
    ],
    ["a rule that is none", promises, { ...call, terms: { ...series, rrule: "FREQ=OFTEN" } }, "terms-invalid", "/terms/rrule"],
    [
      "a rule by the second",
      promises,
      { ...call, terms: { ...series, rrule: "FREQ=SECONDLY" } },
      "terms-invalid",
      "/terms/rrule",
    ],
    [
      "a rule without a date",
      promises,
      { ...call, terms: { ...series, rrule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30" } },
      "terms-invalid",
      "/terms/rrule",
    ],
    [
      "more occurrences than fit",
      promises,
      { ...call, terms: { ...series, rrule: "FREQ=DAILY", until: "2099-12-31" } },
      "too-many-occurrences",
      "/terms",
    ],
    ["a time zone that there is not", "/v1/accounts", { timeZone: "Europe/Atlantis" }, "terms-invalid", "/timeZone"],
    [
      "an unknown participant",
      visits,
      { ...visit, participants: ["per_9999999999999999"] },
      "person-not-found",
      "/participants/0",
    ],
    ["an unknown promisee", promises, { ...call, promisee: "per_9999999999999999" }, "person-not-found", "/promisee"],
    ["a promise to oneself", promises, { ...call, promisee: novak }, "parties-unfit", "/promisee"],
    ["an external id without its source", visits, { ...visit, externalId: "4711" }, "terms-invalid", "/source"],
    ["a visit in the future", visits, { ...visit, startedAt: "2026-03-01T10:00:00.000Z" }, "in-the-future", "/startedAt"],
  ])("%s", async (_what, url, body, code, field) => {
    const refused = await api.refused(422, code, "POST", url, { body });
    expect(fieldsOf(refused)[0]).toMatch(new RegExp(`^${field}`));
  });

  it("names many at once, and not without bound", async () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`unknown${n}`, n]));
    const { json } = await api.refused(422, "validation-failed", "POST", visits, { body: { ...visit, ...many, minutes: -1 } });
    expect(json.errors).toHaveLength(20);
  });

  it.each([
    ["an id in the path", `/v1/accounts/acc_1/close`, "path", "/account"],
    ["a query where none is taken", `/v1/accounts/${account}/close?force=true`, "query", "/force"],
  ])("%s", async (_what, url, where, field) => {
    const { json } = await api.refused(422, "validation-failed", "POST", url);
    expect(json.errors).toMatchObject([{ in: where, field }]);
  });
});

describe("keys that reach for a prototype", () => {
  it.each([
    ["__proto__", ',"__proto__":{"minutes":1}}', "/__proto__"],
    ["an escaped __proto__", ',"\\u005f_proto__":{"minutes":1}}', "/__proto__"],
    ["prototype", ',"prototype":1}', "/prototype"],
    ["one deeper down", ',"note":{"text":"x","__proto__":{}}}', "/note/__proto__"],
  ])("%s are refused", async (_what, more, field) => {
    const refused = await api.refused(422, "validation-failed", "POST", visits, text(visit, more));
    expect(fieldsOf(refused)).toContain(field);
    expect(({} as Record<string, unknown>)["minutes"]).toBeUndefined();
  });

  it("are refused in a record of free keys too", async () => {
    const body = '{"rapport":{"weightByKind":{"__proto__":1}}}';
    expect(fieldsOf(await api.refused(422, "validation-failed", "POST", "/v1/policies", raw(body)))).toEqual([
      "/rapport/weightByKind/__proto__",
    ]);
    const other = '{"rapport":{"weightByKind":{"constructor":1}}}';
    await api.refused(422, "validation-failed", "POST", "/v1/policies", raw(other));
  });

  it("may stand in a text", async () => {
    const { status } = await api.when("POST", visits, {
      body: { ...visit, note: 'the "__proto__": prototype of a constructor' },
    });
    expect(status).toBe(201);
  });
});

describe("a body that can't be read", () => {
  it.each<[string, number, string, ReturnType<typeof raw>]>([
    ["is no JSON", 400, "malformed-json", raw("{nope")],
    ["ends too early", 400, "malformed-json", raw('{"a":')],
    ["is no UTF-8", 400, "malformed-json", raw(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))],
    ["begins with a byte order mark", 400, "malformed-json", raw("\ufeff{}")],
    ["is nested too deeply", 422, "json-too-deep", raw(`${"[".repeat(33)}${"]".repeat(33)}`)],
    ["is nested a million levels deep", 413, "body-too-large", raw("[".repeat(1_000_000))],
    ["is nested as deeply as fits", 422, "json-too-deep", raw(`{"a":`.repeat(40_000))],
    ["is too large", 413, "body-too-large", raw(JSON.stringify({ note: "x".repeat(256 * 1024) }))],
    ["is a list", 422, "validation-failed", raw("[]")],
    ["is null", 422, "validation-failed", raw("null")],
    ["is a text", 422, "validation-failed", raw('"{}"')],
    ["is a form", 415, "unsupported-media-type", raw("a=b", "application/x-www-form-urlencoded")],
    ["is plain text", 415, "unsupported-media-type", raw("{}", "text/plain")],
    ["is a batch elsewhere", 415, "unsupported-media-type", raw("{}\n", "application/x-ndjson")],
    ["is of no type at all", 415, "unsupported-media-type", raw("{}", "")],
  ])("%s", async (_what, status, code, sent) => {
    await api.refused(status, code, "POST", visits, sent);
  });

  it("is never quoted in the answer", async () => {
    const { text: answer } = await api.refused(400, "malformed-json", "POST", visits, raw('{"note": "M. Berg", nope'));
    expect(answer).not.toContain("Berg");
  });

  it("is taken with duplicate keys: the last one counts", async () => {
    const { status } = await api.when("POST", visits, text(visit, ',"minutes":5}'));
    expect(status).toBe(201);
    expect(api.ledger.events().at(-1)!.data).toMatchObject({ minutes: 5 });
  });
});

describe("an id that collides", () => {
  it("is refused for every kind of thing", async () => {
    const bring = async (url: string, body: object, code: string) => {
      expect((await api.when("POST", url, { body })).status).toBe(201);
      await api.refused(409, code, "POST", url, { body });
    };
    await bring(visits, { ...visit, id: "int_0000000000000009" }, "interaction-exists");
    await bring(promises, { ...call, id: "prm_0000000000000009" }, "promise-exists");
    await bring("/v1/people", { id: "per_0000000000000009" }, "person-exists");
    await bring("/v1/outcomes", { id: "out_0000000000000009", account, kind: "won" }, "outcome-exists");
  });

  it("of a fact from elsewhere is the same fact, whichever key sends it", async () => {
    const body = { ...visit, source: "crm", externalId: "4711" };
    const { secret } = await api.newKey(["record"]);
    expect((await api.when("POST", visits, { body })).status).toBe(201);
    expect((await api.when("POST", visits, { body, key: secret })).json.replayed).toBe(true);
    await api.refused(422, "idempotency-key-reused", "POST", visits, { body: { ...body, minutes: 1 }, key: secret });
  });
});

describe("a URL", () => {
  it("that leads nowhere is not found", async () => {
    await api.refused(404, "not-found", "GET", "/v1/nothing");
  });
  it("that can't be decoded is malformed", async () => {
    await api.refused(400, "malformed-request", "GET", "/v1/accounts/%E0%A4%A");
  });
  it("asked with the wrong method names those that fit", async () => {
    const { headers } = await api.refused(405, "method-not-allowed", "DELETE", `/v1/accounts/${account}`);
    expect(headers["allow"]).toBe("GET, HEAD, PATCH");
    const other = await api.refused(405, "method-not-allowed", "GET", `/v1/promises/prm_0000000000000009/accept`);
    expect(other.headers["allow"]).toBe("POST");
  });
  it("with a long parameter is malformed", async () => {
    await api.refused(400, "malformed-request", "GET", `/v1/accounts/${"a".repeat(10_000)}`);
  });
});

it("every schema of the registry is strict", async () => {
  for (const [url, body] of [
    ["/v1/accounts", {}],
    ["/v1/people", { account }],
    [promises, { ...call, promisee: berg }],
  ] as const)
    expect(fieldsOf(await api.refused(422, "validation-failed", "POST", url, { body: { ...body, more: 1 } }))).toEqual(["/more"]);
});
