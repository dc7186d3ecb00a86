import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { queries } from "../../src/queries/registry.ts";
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
    ["an instant before 1900", visits, { ...visit, startedAt: "0026-01-30T10:00:00.000Z" }, "/startedAt"],
    [
      "a due date that was meant for never",
      promises,
      { ...call, terms: { ...call.terms, dueAt: "9999-12-31T00:00:00.000Z" } },
      "/terms/dueAt",
    ],
    ["a series from before 1900", promises, { ...call, terms: { ...series, from: "1899-12-31" } }, "/terms/from"],
    ["a series without an end in sight", promises, { ...call, terms: { ...series, until: "2200-01-01" } }, "/terms/until"],
    [
      "an offer that expires in 1970 as seconds",
      promises,
      { ...call, needsAcceptance: true, offerExpiresAt: "1899-12-31T23:59:59.999Z" },
      "/offerExpiresAt",
    ],
    ["a word from before 1900", "/v1/accounts", { at: "1800-01-01T00:00:00.000Z" }, "/at"],
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
    ["an abstention that nothing breaks", promises, { ...call, terms: abstain }, "terms-invalid", "/matcher"],
    [
      "an unknown person to whom a note belongs",
      "/v1/outcomes",
      { account, kind: "won", note: { text: "x", subject: "per_9999999999999999" } },
      "person-not-found",
      "/note/subject",
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

  it.each<[string, string, object, string]>([
    ["a text", visits, { ...visit, kind: undefined }, "/kind"],
    ["one of several words", visits, { ...visit, direction: undefined }, "/direction"],
    ["what tells kinds of terms apart", promises, { ...call, terms: {} }, "/terms/type"],
    ["one of several forms", promises, { ...call, promisor: undefined }, "/promisor"],
    ["an object", promises, { ...call, terms: undefined }, "/terms"],
  ])("that lacks %s is told that it is required", async (_what, url, body, field) => {
    const { json } = await api.refused(422, "validation-failed", "POST", url, { body });
    expect(json.errors).toEqual([{ in: "body", field, reason: "is required" }]);
    expect(json.detail).toBe(`${field}: is required`);
  });

  it("is told which words there are where it has another", async () => {
    const { json } = await api.refused(422, "validation-failed", "POST", visits, { body: { ...visit, direction: "up" } });
    expect(json.detail).toBe("/direction: must be one of `inbound`, `outbound`, `mutual`");
  });

  it("takes the first and the last instant that may be told", async () => {
    const first = await api.when("POST", visits, { body: { ...visit, startedAt: "1900-01-01T00:00:00.000Z" } });
    const last = await api.when("POST", promises, {
      body: { ...call, terms: { type: "once", dueAt: "2199-12-31T23:59:59.999Z" } },
    });
    expect([first.status, last.status]).toEqual([201, 201]);
  });

  it.each(queries.filter(({ query }) => "from" in query.shape && "until" in query.shape).map(({ path }) => path))(
    "%s with an `until` before its `from`",
    async (path) => {
      const ask = (from: string, until: string) => `/v1${path}?from=${from}T00:00:00.000Z&until=${until}T00:00:00.000Z`;
      const { json } = await api.refused(422, "validation-failed", "GET", ask("2026-02-02", "2026-02-01"));
      expect(json.errors).toEqual([{ in: "query", field: "/until", reason: "must not be earlier than `from`" }]);
      expect((await api.when("GET", ask("2026-02-01", "2026-02-01"))).status).toBe(200);
    },
  );

  it("a grouping within itself", async () => {
    const { json } = await api.refused(422, "validation-failed", "GET", "/v1/reports/keeping-rates?by=team&and=team");
    expect(json.errors).toEqual([{ in: "query", field: "/and", reason: "must be another grouping than `by`" }]);
    expect((await api.when("GET", "/v1/reports/keeping-rates?by=team&and=kind")).status).toBe(200);
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

  it("of another type is told which types are taken", async () => {
    const { json } = await api.refused(415, "unsupported-media-type", "POST", visits, raw("a=b", "text/plain"));
    expect(json.detail).toContain("`Content-Type: application/json`");
    expect(json.detail).toContain("`application/x-ndjson`");
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

describe("other terms than those that were offered", () => {
  const terms = { type: "abstain", from: "2026-03-01T00:00:00.000Z", until: "2027-01-09T00:00:00.000Z" };
  const reversed = { ...terms, until: terms.from };
  const matcher = { purposes: ["sales"] };
  const withoutPeople = { ...matcher, participants: ["per_9999999999999999"] };
  const made = async (more: object) => (await api.when("POST", promises, { body: { ...call, ...more } })).json.id as string;

  it.each<[string, object, string, string]>([
    ["an abstention that nothing breaks", { terms }, "terms-invalid", "/matcher"],
    ["a window that ends as it begins", { terms: reversed, matcher }, "terms-invalid", "/terms/until"],
    ["somebody unknown", { terms, matcher: withoutPeople }, "person-not-found", "/matcher/participants/0"],
  ])("can't be %s, countered or proposed", async (_what, offer, code, field) => {
    const offered = await made({ needsAcceptance: true });
    const counter = await api.refused(422, code, "POST", `${promises}/${offered}/counter`, { body: offer });
    expect(fieldsOf(counter)).toEqual([field]);
    const change = { change: { type: "amend", ...offer } };
    const proposal = await api.refused(422, code, "POST", `${promises}/${await made({})}/propose-change`, { body: change });
    expect(fieldsOf(proposal)).toEqual([`/change${field}`]);
  });
});

describe("a contest of an abstention", () => {
  const terms = { type: "abstain", from: "2026-01-05T00:00:00.000Z", until: "2027-01-05T00:00:00.000Z" };
  it("needs no instant to say that it was kept, and takes none", async () => {
    const at = "2026-01-05T00:00:00.000Z";
    const { json } = await api.when("POST", promises, { body: { ...call, terms, matcher: { purposes: ["sales"] }, at } });
    const contest = (asserts: object) => ({ body: { asserts, by: novak } });
    const url = `${promises}/${json.id}/contest`;
    const refused = await api.refused(422, "terms-invalid", "POST", url, contest({ verdict: "kept", keptAt: at }));
    expect(fieldsOf(refused)).toEqual(["/asserts/keptAt"]);
    expect((await api.when("POST", url, contest({ verdict: "kept" }))).added).toEqual(["VerdictContested"]);
    api.ledger.setNow("2026-02-01T09:00:01.000Z");
    expect((await api.when("POST", url, contest({ verdict: "kept" }))).added).toEqual([]);
  });
  it("is needed for any other promise", async () => {
    const { json } = await api.when("POST", promises, { body: { ...call, at: "2026-01-20T00:00:00.000Z" } });
    const body = { asserts: { verdict: "kept" }, by: novak };
    const refused = await api.refused(422, "terms-invalid", "POST", `${promises}/${json.id}/contest`, { body });
    expect(fieldsOf(refused)).toEqual(["/asserts/keptAt"]);
  });
});

describe("a clock that is not behind", () => {
  it("is not corrected", async () => {
    const { json } = await api.refused(409, "clock-not-behind", "POST", "/v1/clock/correct", { body: {} });
    expect(json.detail).toBe("The clock does not stand behind the log, so there is nothing to correct.");
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
