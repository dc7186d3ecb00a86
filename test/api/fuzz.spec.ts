import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { jsonSchemaOf } from "../../src/api/openapi/operations.ts";
import { commands } from "../../src/commands/registry.ts";
import { queries } from "../../src/queries/registry.ts";
import { account, berg, call, novak, otherAccount, type TestApi, testApi, visit } from "../support/api.ts";
import { fitting, spoilt } from "../support/from-schema.ts";

const promise = "prm_0000000000000001";
const known = [account, otherAccount, novak, berg, promise, "int_0000000000000001", "house", "agr_0000000000000001"];

let api: TestApi;
beforeAll(async () => {
  api = await testApi({ limits: { requestCountMax: 1e9 } });
  const { run } = api.ledger;
  await run("make-promise", { ...call, id: promise });
  await run("record-interaction", { ...visit, id: "int_0000000000000001", participants: [novak, berg] });
});
afterAll(() => api.close());

/** Whatever is sent: never a fault of ours, never an event beside a refusal, and a refusal always says what is wrong. */
async function expectSound(method: string, url: string, body?: unknown): Promise<void> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const { status, json, added } = await api.when(method, url, {
    payload,
    headers: body === undefined ? {} : { "content-type": "application/json" },
  });
  const sent = () => `${method} ${url} ${payload?.slice(0, 500)} → ${JSON.stringify(json)}`;
  expect(status, sent()).toBeLessThan(500);
  if (status < 400) return;
  expect(added, sent()).toEqual([]);
  expect(json.code, sent()).toEqual(expect.any(String));
  if (json.code === "validation-failed") expect(json.errors.length, sent()).toBeGreaterThan(0);
}

const filled = (path: string, params: Record<string, string>) =>
  `/v1${path.replaceAll(/:([a-z]+)/g, (_, name: string) => encodeURIComponent(params[name]!))}`;
const paramsOf = (schema: (typeof commands)[number]["params"]) =>
  fitting(jsonSchemaOf(schema, "input"), known) as fc.Arbitrary<Record<string, string>>;

describe("whatever is sent to a command", () => {
  it.each(commands.map((command) => [command.name, command] as const))("%s", async (_name, { method, path, params, body }) => {
    const bodies = fitting(jsonSchemaOf(body, "input"), known);
    const property = fc.asyncProperty(paramsOf(params), bodies, bodies.chain(spoilt), async (ids, good, bad) => {
      await expectSound(method, filled(path, ids), good);
      await expectSound(method, filled(path, ids), bad);
    });
    await fc.assert(property, { numRuns: 30, seed: 20260201 });
  });
});

describe("whatever is asked of a query", () => {
  it.each(queries.map((query) => [query.name, query] as const))("%s", async (_name, { path, params, query }) => {
    const asked = fitting(jsonSchemaOf(query, "output"), known) as fc.Arbitrary<Record<string, unknown>>;
    const strange = fc.dictionary(
      fc.oneof(fc.constantFrom(...Object.keys(query.shape), "__proto__"), fc.string({ maxLength: 8 })),
      fc.string({ maxLength: 30 }),
      { maxKeys: 3 },
    );
    const property = fc.asyncProperty(paramsOf(params), asked, strange, async (ids, good, bad) => {
      const text = (of: Record<string, unknown>) =>
        new URLSearchParams(Object.entries(of).map(([name, value]) => [name, String(value)])).toString();
      await expectSound("GET", `${filled(path, ids)}?${text(good)}`);
      await expectSound("GET", `${filled(path, ids)}?${text(bad)}`);
    });
    await fc.assert(property, { numRuns: 15, seed: 20260201 });
  });
});

it("whatever bytes are sent as a body", async () => {
  const property = fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
    const { status, added } = await api.when("POST", "/v1/interactions", {
      payload: Buffer.from(bytes),
      headers: { "content-type": "application/json" },
    });
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(added).toEqual([]);
  });
  await fc.assert(property, { numRuns: 200, seed: 20260201 });
});

it("whatever lines are sent as a batch, each is answered, in order", async () => {
  const line = fc.oneof(
    fc.string({ maxLength: 40 }).map((text) => text.replaceAll(/[\n\r]/g, " ")),
    fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
    fc.constantFrom(...commands).chain((command) =>
      fc
        .tuple(
          paramsOf(command.params),
          fitting(jsonSchemaOf(command.body, "input"), known).chain((body) => fc.oneof(fc.constant(body), spoilt(body))),
        )
        .map(([params, body]) => JSON.stringify({ command: command.name, params, body })),
    ),
  );
  const property = fc.asyncProperty(fc.array(line, { maxLength: 30 }), async (lines) => {
    const { status, text } = await api.when("POST", "/v1/batch", {
      payload: lines.join("\n"),
      headers: { "content-type": "application/x-ndjson" },
    });
    expect(status).toBe(200);
    const results = text
      .trim()
      .split("\n")
      .map((one) => JSON.parse(one));
    const filledLines = lines.flatMap((one, index) => (/^[ \t]*$/.test(one) ? [] : [index + 1]));
    expect(results.slice(0, -1).map((one) => one.line)).toEqual(filledLines);
    for (const one of results.slice(0, -1)) expect(one.status, JSON.stringify(one)).toBeLessThan(500);
    expect(results.at(-1).summary).toMatchObject({ lines: filledLines.length, complete: true });
  });
  await fc.assert(property, { numRuns: 40, seed: 20260201 });
});

it("and after all that the log can still be read, every event of it", async () => {
  const { text } = await api.when("GET", "/v1/events?open=true", { headers: { accept: "application/x-ndjson" } });
  const positions = text
    .trim()
    .split("\n")
    .map((one) => JSON.parse(one).position);
  expect(positions).toHaveLength(api.ledger.store.log.head());
  expect((await api.when("GET", "/v1/accounts?limit=500")).status).toBe(200);
});
