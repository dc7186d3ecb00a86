import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { account, berg, call, fieldsOf, novak, now, type TestApi, testApi, unknownAccount, visit } from "../support/api.ts";

let api: TestApi;
beforeAll(async () => void (api = await testApi()));
afterAll(() => api.close());

describe("a command that makes something", () => {
  it("answers 201 with what was recorded and where", async () => {
    const { status, json, headers, added } = await api.when("POST", "/v1/accounts", { body: { name: "Nordic Tools" } });
    expect({ status, added }).toEqual({ status: 201, added: ["AccountOpened"] });
    expect(json).toEqual({
      id: expect.stringMatching(/^acc_[0-9a-z]{26}$/),
      stream: `account-${json.id}`,
      revision: 0,
      position: api.ledger.store.log.head(),
      events: [{ id: expect.stringMatching(/^evt_/), type: "AccountOpened", position: json.position, recordedAt: now }],
      replayed: false,
    });
    expect(headers).toMatchObject({
      etag: '"0"',
      location: `/v1/accounts/${json.id}`,
      "troth-position": `p${json.position.toString(36)}`,
      "content-type": "application/json; charset=utf-8",
    });
  });

  it("takes an id of the caller's own", async () => {
    const id = "acc_00000000000000zz";
    expect((await api.when("POST", "/v1/accounts", { body: { id } })).json.id).toBe(id);
    await api.refused(409, "account-exists", "POST", "/v1/accounts", { body: { id } });
  });

  it("gives no Location where nothing reads it", async () => {
    const { status, headers } = await api.when("POST", "/v1/recordings", { body: { source: "crm-history" } });
    expect({ status, location: headers["location"] }).toEqual({ status: 201, location: undefined });
  });

  it("names further ids that it made", async () => {
    const promise = { promisor: novak, promisee: account, terms: { type: "once" } };
    const { json, added } = await api.when("POST", "/v1/agreements", { body: { account, promises: [promise, promise] } });
    expect(added).toEqual(["PromiseMade", "PromiseMade", "AgreementMade"]);
    expect(json.ids.promises).toHaveLength(2);
  });

  it("shows the secret of a new key once", async () => {
    const { json } = await api.when("POST", "/v1/keys", { body: { label: "calendar", scopes: ["read"] } });
    expect(json.secret).toMatch(new RegExp(`^troth_${json.id}_[A-Za-z0-9_-]{43}$`));
    expect((await api.when("GET", "/v1/events?limit=1", { key: json.secret })).status).toBe(200);
    expect(JSON.stringify(api.ledger.events())).not.toContain(json.secret.slice(-43));
    expect(JSON.stringify(api.lines)).not.toContain(json.secret.slice(-43));
  });
});

describe("a command on something that exists", () => {
  it("answers 200 and the new revision", async () => {
    const { status, headers, added } = await api.when("PATCH", `/v1/accounts/${account}`, { body: { tags: ["fleet"] } });
    expect({ status, etag: headers["etag"], added }).toEqual({ status: 200, etag: '"1"', added: ["AccountChanged"] });
  });

  it("answers 200 and no event where nothing changes", async () => {
    const { status, json, added } = await api.when("PATCH", `/v1/accounts/${account}`, { body: { tags: ["fleet"] } });
    expect({ status, added, events: json.events, replayed: json.replayed }).toEqual({
      status: 200,
      added: [],
      events: [],
      replayed: false,
    });
  });

  it("needs no body where no field is required", async () => {
    const { status, added } = await api.when("POST", `/v1/accounts/${account}/close`);
    expect({ status, added }).toEqual({ status: 200, added: ["AccountClosed"] });
    const empty = await api.when("POST", `/v1/accounts/${account}/reopen`, {
      headers: { "content-type": "application/json" },
      payload: "",
    });
    expect({ status: empty.status, added: empty.added }).toEqual({ status: 200, added: ["AccountReopened"] });
  });

  it("is not found by an unknown id in the path, and unprocessable with one in the body", async () => {
    await api.refused(404, "account-not-found", "PATCH", "/v1/accounts/acc_9999999999999999", { body: { tags: [] } });
    const { json } = await api.refused(422, "account-not-found", "POST", "/v1/interactions", {
      body: { ...visit, account: "acc_9999999999999999" },
    });
    expect(json.errors).toEqual([{ in: "body", field: "/account", reason: expect.any(String) }]);
  });
});

describe("a request with an Idempotency-Key", () => {
  const headers = { "idempotency-key": "visit-1" };

  it("is one fact however often it is sent", async () => {
    const first = await api.when("POST", "/v1/interactions", { body: visit, headers });
    const again = await api.when("POST", "/v1/interactions", { body: visit, headers });
    expect([first.status, first.added]).toEqual([201, ["InteractionRecorded"]]);
    expect([again.status, again.added]).toEqual([200, []]);
    expect(again.json).toEqual({ ...first.json, replayed: true });
  });

  it("is refused with another body", async () => {
    await api.refused(422, "idempotency-key-reused", "POST", "/v1/interactions", { body: { ...visit, minutes: 61 }, headers });
  });

  it("is another fact from another key", async () => {
    const { secret } = await api.newKey(["record"]);
    const other = await api.when("POST", "/v1/interactions", { body: visit, headers, key: secret });
    expect([other.status, other.added]).toEqual([201, ["InteractionRecorded"]]);
  });

  it("is one fact when sent twice at once", async () => {
    const send = () => api.when("POST", "/v1/interactions", { body: visit, headers: { "idempotency-key": "at-once" } });
    const before = api.ledger.store.log.head();
    const both = await Promise.all([send(), send()]);
    expect(api.ledger.store.log.head()).toBe(before + 1);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 201]);
    expect(both[0].json.events).toEqual(both[1].json.events);
  });

  it.each(["", "with space", "tab\tin", "ü", "x".repeat(201)])("is refused with the key %j", async (key) => {
    await api.refused(400, "header-invalid", "POST", "/v1/interactions", { body: visit, headers: { "idempotency-key": key } });
  });

  it("without one, each request is a fact of its own", async () => {
    const [first, second] = [
      await api.when("POST", "/v1/interactions", { body: visit }),
      await api.when("POST", "/v1/interactions", { body: visit }),
    ];
    expect([first.status, second.status, first.json.id === second.json.id]).toEqual([201, 201, false]);
  });
});

describe("a request with If-Match", () => {
  const change = (tag: string, tags: string[]) =>
    ["PATCH", `/v1/accounts/${account}`, { body: { tags }, headers: { "if-match": tag } }] as const;

  it("is taken at the revision that it names, and at any for `*`", async () => {
    const { headers } = await api.when(...change("*", ["a"]));
    const next = await api.when(...change(headers["etag"]!, ["b"]));
    expect([next.status, next.added]).toEqual([200, ["AccountChanged"]]);
  });

  it("is refused once the resource has changed", async () => {
    await api.refused(412, "stale-revision", ...change('"0"', ["c"]));
  });

  it.each(["3", 'W/"3"', '"3", "4"', '"x"', '"-1"', '"01"', ""])("is refused as malformed with %j", async (tag) => {
    await api.refused(400, "header-invalid", ...change(tag, ["d"]));
  });

  it("lets exactly one of many writers win", async () => {
    const { headers } = await api.when("PATCH", `/v1/accounts/${account}`, { body: { tags: ["start"] } });
    const before = api.ledger.store.log.head();
    const racers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => api.when(...change(headers["etag"]!, [`racer-${index}`]))),
    );
    expect(racers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(racers.filter(({ status, json }) => status === 412 && json.code === "stale-revision")).toHaveLength(19);
    expect(api.ledger.store.log.head()).toBe(before + 1);
  });
});

describe("the correlation of a request", () => {
  const mine = "0198f0a0-1111-4222-8333-444444444444";
  it("is the caller's where it has the form of one", async () => {
    const { headers } = await api.when("POST", "/v1/interactions", { body: visit, headers: { "troth-correlation": mine } });
    expect(headers["troth-correlation"]).toBe(mine);
    expect(api.ledger.events().at(-1)!.correlation).toBe(mine);
  });

  it.each(["M. Berg", "m.berg@example.com", "+49 151 234567"])("is never %j", async (text) => {
    const { headers } = await api.when("POST", "/v1/interactions", { body: visit, headers: { "troth-correlation": text } });
    expect(headers["troth-correlation"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(api.ledger.events().at(-1)!.correlation).toBe(headers["troth-correlation"]);
  });
});

describe("an agreement that is refused", () => {
  const good = { promisor: novak, promisee: berg, terms: { type: "once" } };
  it.each<[string, number, string, string | undefined, object]>([
    [
      "for its second promise",
      422,
      "person-not-found",
      "/promises/1/promisee",
      { promises: [good, { ...good, promisee: "per_9999999999999999" }] },
    ],
    [
      "for its terms",
      422,
      "terms-invalid",
      "/promises/1/terms/until",
      { promises: [good, { ...good, terms: { type: "abstain", from: now, until: now } }] },
    ],
    [
      "for an offer that has lapsed",
      422,
      "terms-invalid",
      "/promises/1/offerExpiresAt",
      { promises: [good, { ...good, offerExpiresAt: now }] },
    ],
    [
      "for an id twice",
      422,
      "terms-invalid",
      "/promises/1/id",
      {
        promises: [
          { ...good, id: "prm_00000000000000aa" },
          { ...good, id: "prm_00000000000000aa" },
        ],
      },
    ],
    ["for an id that is taken", 409, "promise-exists", undefined, { promises: [good, { ...good, id: "prm_00000000000000ab" }] }],
    ["for its own id", 409, "agreement-exists", undefined, { id: "agr_00000000000000ab", promises: [good] }],
  ])("%s leaves no promise behind", async (_what, status, code, field, body) => {
    await api.when("POST", "/v1/agreements", {
      body: { account, id: "agr_00000000000000ab", promises: [{ ...good, id: "prm_00000000000000ab" }] },
      headers: { "idempotency-key": "taken" },
    });
    const refused = await api.refused(status, code, "POST", "/v1/agreements", { body: { account, ...body } });
    expect(fieldsOf(refused)).toEqual(field === undefined ? [] : [field]);
  });

  it("for its revision leaves no promise behind", async () => {
    const sent = { body: { account, promises: [good] }, headers: { "if-match": '"3"' } };
    await api.refused(412, "stale-revision", "POST", "/v1/agreements", sent);
  });

  it("is made by the same request once that is right", async () => {
    const sent = { body: { account, promises: [good, good] }, headers: { "idempotency-key": "agreement" } };
    const [first, again] = [await api.when("POST", "/v1/agreements", sent), await api.when("POST", "/v1/agreements", sent)];
    expect([first.status, again.status, again.json.replayed, again.added]).toEqual([201, 200, true, []]);
  });
});

describe("what can't be meant is refused", () => {
  it.each([
    ["/v1/interactions", { ...visit, participants: [novak, novak] }, "/participants/1"],
    ["/v1/interactions", { ...visit, tags: ["one", "two", "one"] }, "/tags/2"],
    [`/v1/people/${berg}/move`, {}, "/account"],
    ["/v1/keys", { label: "x", scopes: ["read", "admin"], party: berg }, "/scopes"],
  ])("%s %j", async (url, body, field) => {
    expect(fieldsOf(await api.refused(422, "terms-invalid", "POST", url, { body }))).toEqual([field]);
  });
});

describe("what a command refers to must be there", () => {
  const unknown = "per_9999999999999999";
  it.each([
    ["/v1/promises", { ...call, recording: "rec_9999999999999999" }, "recording-not-found", "/recording"],
    ["/v1/promises", { ...call, text: { text: "a", subject: unknown } }, "person-not-found", "/text/subject"],
    [
      "/v1/promises",
      { ...call, condition: { text: { text: "a", subject: unknownAccount } } },
      "account-not-found",
      "/condition/text/subject",
    ],
    ["/v1/interactions", { ...visit, note: { text: "a", subject: unknown } }, "person-not-found", "/note/subject"],
  ])("%s %j", async (url, body, code, field) => {
    expect(fieldsOf(await api.refused(422, code, "POST", url, { body }))).toEqual([field]);
  });
});
