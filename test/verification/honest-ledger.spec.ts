/** A ledger that is spoken to over its API, by everybody and at random: whatever it recorded verifies. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ledgerRecord } from "../../src/domain/ledger-record.ts";
import type { Instant, Slug } from "../../src/domain/values.ts";
import { account, berg, novak, now, type TestApi, testApi, visit } from "../support/api.ts";
import { testLedger } from "../support/ledger.ts";
import { bundleOf, policyOf, toldIn, verified } from "./support/forgery.ts";
import { logKey } from "./support/told-log.ts";

let api: TestApi;
let keys: (string | undefined)[];
beforeAll(async () => {
  const ledger = testLedger(now);
  const command = { type: "OpenLedger" as const, ledger: "main" as Slug, at: now as Instant };
  const meta = { actor: { kind: "system", id: "init" } as const, correlation: "req_0000000000000000" };
  await ledger.desk.ledger.handle(ledgerRecord, "ledger", command, meta);
  api = await testApi({ ledger, empty: true });
  const openings: [string, object][] = [
    ["/v1/accounts", { id: account, name: "Harbour Freight Lines", timeZone: "Europe/Berlin" }],
    ["/v1/people", { id: novak, team: "north" }],
    ["/v1/people", { id: berg, account, name: "M. Berg" }],
  ];
  for (const [url, body] of openings) expect((await api.when("POST", url, { body })).status).toBe(201);
  const bound = await Promise.all([novak, berg].map((party) => api.newKey(["record"], party)));
  keys = [undefined, ...bound.map(({ secret }) => secret)];
}, 60_000);
afterAll(() => api.close());

/** An instant of January, before the clock of these ledgers. */
const day = fc.integer({ min: 2, max: 31 }).map((number) => `2026-01-${String(number).padStart(2, "0")}T00:00:00.000Z`);
const terms = fc.constantFrom(
  { type: "once", dueAt: "2026-03-01T00:00:00.000Z" },
  { type: "once" },
  { type: "recurring", rrule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", from: "2026-01-02", until: "2026-04-30", windowDays: 2 },
  { type: "abstain", from: "2026-01-02T00:00:00.000Z", until: "2026-06-01T00:00:00.000Z" },
);
const offer = fc.record({ terms, matcher: fc.constant({ kinds: ["visit"] }) });
const occurrence = fc.option(fc.constantFrom(1, 2), { nil: undefined });
const change = fc.oneof(
  offer.map((amended) => ({ type: "amend", ...amended })),
  fc.constant({ type: "suspend", until: "2026-05-01T00:00:00.000Z" }),
  fc.constant({ type: "reschedule", occurrence: 1, dueAt: "2026-04-01T00:00:00.000Z" }),
);
const asserts = fc.oneof(
  fc.constant({ verdict: "broken" }),
  day.map((keptAt) => ({ verdict: "kept", keptAt })),
  fc.constant({ verdict: "kept" }),
);
const spoken: fc.Arbitrary<[string, object]> = fc.oneof(
  ...["accept", "decline", "withdraw", "meet-condition", "suspend", "resume", "release"].map((verb) =>
    fc.tuple(fc.constant(verb), fc.constant({})),
  ),
  ...["accept-change", "decline-change", "withdraw-change"].map((verb) => fc.tuple(fc.constant(verb), fc.constant({}))),
  ...["waive", "withdraw-contest", "concede", "renege", "confirm"].map((verb) =>
    fc.tuple(fc.constant(verb), fc.record({ occurrence })),
  ),
  fc.tuple(fc.constant("counter"), offer),
  fc.tuple(fc.constant("propose-change"), fc.record({ change })),
  fc.tuple(fc.constant("contest"), fc.record({ occurrence, asserts })),
  fc.tuple(fc.constant("claim"), fc.record({ occurrence, keptAt: day, interaction: fc.constant("int_0000000000000001") })),
  fc.tuple(fc.constant("rule"), fc.record({ occurrence, ruling: fc.constantFrom("upheld", "dismissed") })),
) as fc.Arbitrary<[string, object]>;
const word = fc.tuple(spoken, day, fc.constantFrom(0, 0, 1, 2), fc.constantFrom(undefined, novak, berg));
const promised = fc.record({
  offer,
  needsAcceptance: fc.boolean(),
  condition: fc.option(fc.constant({}), { nil: undefined }),
  said: fc.array(word, { minLength: 5, maxLength: 30 }),
});

/** To be heard where the promise bound: at random it is too seldom. */
const quarrel: [[string, object], string, number, string | undefined][] = [
  [["contest", { occurrence: 1, asserts: { verdict: "broken" } }], "2026-01-31T12:00:00.000Z", 0, berg],
  [["rule", { occurrence: 1, ruling: "dismissed" }], "2026-01-31T13:00:00.000Z", 0, undefined],
];

describe("what was said over the API, by bound keys and for others, on time and late", () => {
  it("verifies, whatever it was", async () => {
    const body = { ...visit, id: "int_0000000000000001" };
    expect((await api.when("POST", "/v1/interactions", { body })).status).toBe(201);
    const promises = fc.sample(promised, { numRuns: 150, seed: 7 });
    for (const { offer, needsAcceptance, condition, said } of promises) {
      const parties = { account, promisor: novak, promisee: berg };
      const made = { ...parties, ...offer, needsAcceptance, condition, at: "2026-01-01T12:00:00.000Z" };
      const { json, status } = await api.when("POST", "/v1/promises", { body: made });
      expect(status).toBe(201);
      for (const [[verb, more], at, key, by] of [...said, ...quarrel]) {
        const body = { ...more, at, ...(key === 0 ? { by } : {}) };
        const answer = await api.when("POST", `/v1/promises/${json.id}/${verb}`, { body, key: keys[key] });
        expect(answer.status).toBeLessThan(500);
      }
    }
    const leaves = api.ledger.store.log.readAll(0, 10_000).map(({ leaf }) => leaf);
    const report = await verified(await bundleOf(leaves, logKey), { policy: policyOf(logKey) });
    expect(report.findings).toEqual([]);
    const types = new Set(leaves.map((leaf) => toldIn(leaf).type as string));
    expect(types.size).toBeGreaterThan(20);
    expect(types).toContain("DisputeRuled");
  }, 120_000);
});
