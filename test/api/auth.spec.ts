import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commands } from "../../src/commands/registry.ts";
import { queries } from "../../src/queries/registry.ts";
import { account, berg, call, everyScope, novak, otherAccount, type TestApi, testApi, visit } from "../support/api.ts";

let api: TestApi;
beforeAll(async () => void (api = await testApi({ limits: { refusedKeyCountMax: 1_000 } })));
afterAll(() => api.close());

describe("a request without a valid key", () => {
  const altered = (secret: string) => secret.slice(0, -2) + (secret.endsWith("AA") ? "BA" : "AA");
  const headers: [string, () => string | undefined][] = [
    ["no header", () => undefined],
    ["another scheme", () => "Basic dHJvdGg6dHJvdGg="],
    ["no key", () => "Bearer "],
    ["a key that is none", () => "Bearer troth_key_1_x"],
    ["an unknown key", () => `Bearer troth_key_9999999999999999_${"A".repeat(43)}`],
    ["a wrong secret", () => `Bearer ${altered(api.admin)}`],
    ["a secret too long", () => `Bearer ${api.admin}A`],
    ["two keys", () => `Bearer ${api.admin}, Bearer ${api.admin}`],
  ];

  it.each(headers)("is refused with %s, always in the same words", async (_what, authorization) => {
    const value = authorization();
    const sent = { key: null, headers: value === undefined ? {} : { authorization: value } };
    const answers = [
      await api.refused(401, "unauthorized", "GET", "/v1/events", sent),
      await api.refused(401, "unauthorized", "POST", "/v1/interactions", { ...sent, body: visit }),
      await api.refused(401, "unauthorized", "POST", "/v1/batch", { ...sent, payload: "{}\n" }),
    ];
    for (const { headers: answered, json } of answers) {
      expect(answered["www-authenticate"]).toBe('Bearer realm="troth"');
      expect(json.detail).toBe("Send `Authorization: Bearer` with a key that was issued here and not revoked.");
    }
  });

  it("is refused from the moment that its key is revoked", async () => {
    const { id, secret } = await api.newKey(["read"]);
    expect((await api.when("GET", "/v1/events?limit=1", { key: secret })).status).toBe(200);
    expect((await api.when("POST", `/v1/keys/${id}/revoke`)).added).toEqual(["KeyRevoked"]);
    await api.refused(401, "unauthorized", "GET", "/v1/events?limit=1", { key: secret });
  });

  it("is refused on every route below /v1", async () => {
    const paths = [...commands.map(({ method, path }) => [method, path]), ...queries.map(({ path }) => ["GET", path])];
    for (const [method, path] of paths) {
      const url = `/v1${path!.replaceAll(/:([a-z]+)/g, (_, name: string) => `${name.slice(0, 3)}_0000000000000001`)}`;
      await api.refused(401, "unauthorized", method!, url, { key: null });
    }
  });
});

describe("the scope of a key", () => {
  it("is asked for on every route, and no scope implies another", async () => {
    for (const { method, path, scope } of [...commands, ...queries.map((query) => ({ ...query, method: "GET" }))]) {
      const { secret } = await api.newKey(everyScope.filter((one) => one !== scope));
      const url = `/v1${path.replaceAll(/:([a-z]+)/g, (_, name: string) => `${name.slice(0, 3)}_0000000000000001`)}`;
      const { json } = await api.refused(403, "scope-missing", method, url, { key: secret });
      expect(json.detail).toContain(`\`${scope}\``);
    }
  });

  it("`personal` is needed beside `read` to open sealed text", async () => {
    const { secret } = await api.newKey(["read"]);
    const { json } = await api.refused(403, "scope-missing", "GET", "/v1/events?open=true", { key: secret });
    expect(json.detail).toContain("`personal`");
  });
});

describe("a key that is bound to a party", () => {
  let customer: string;
  beforeAll(async () => void ({ secret: customer } = await api.newKey(everyScope, berg)));

  it("may ask about what concerns it", async () => {
    expect((await api.when("GET", `/v1/accounts/${account}`, { key: customer })).status).toBe(200);
  });

  it.each([
    ["another account", `/v1/accounts/${otherAccount}`],
    ["all accounts", "/v1/accounts"],
    ["the log", "/v1/events"],
    ["the log as a stream", "/v1/events?after=p0"],
    ["one event", "/v1/events/evt_0000000000000001"],
    ["keys", "/v1/keys"],
    ["what is not there", "/v1/promises/prm_9999999999999999"],
  ])("may not ask about %s", async (_what, url) => {
    await api.refused(403, "key-bound", "GET", url, { key: customer });
  });

  it("speaks for its party and for nobody else", async () => {
    const made = await api.when("POST", "/v1/promises", { body: { ...call, needsAcceptance: true } });
    const url = `/v1/promises/${made.json.id}`;
    await api.refused(403, "not-your-part", "POST", `${url}/withdraw`, { key: customer });
    await api.refused(403, "not-your-part", "POST", `${url}/accept`, { key: customer, body: { by: novak } });
    const accepted = await api.when("POST", `${url}/accept`, { key: customer });
    expect([accepted.status, accepted.added]).toEqual([200, ["PromiseAccepted"]]);
    expect(api.ledger.events().at(-1)).toMatchObject({ data: { by: berg, asserted: false }, actor: { onBehalfOf: berg } });
  });

  it("may send a batch, in which each command looks at who speaks", async () => {
    const lines = [
      { command: "record-interaction", body: { ...visit, participants: [novak, berg] } },
      { command: "open-account", body: {} },
    ];
    const { text, added } = await api.when("POST", "/v1/batch", {
      key: customer,
      headers: { "content-type": "application/x-ndjson" },
      payload: lines.map((line) => JSON.stringify(line)).join("\n"),
    });
    const [first, second] = text.split("\n").map((line) => (line === "" ? undefined : JSON.parse(line)));
    expect([first.status, second.status, second.problem.code, added]).toEqual([
      201,
      403,
      "not-your-part",
      ["InteractionRecorded"],
    ]);
  });
});
