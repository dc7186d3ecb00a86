/** Real data through the public API: 6,919 purchases of 2,357 customers as interactions, and the models fitted to them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { aliveProbability } from "../../src/domain/dormancy.ts";
import { testLedger } from "../support/ledger.ts";
import { csvRecords, samples } from "../support/samples.ts";
import { testApi, type TestApi } from "../support/api.ts";

const folder = samples();
const calibrationEnd = "1997-09-30T00:00:00.000Z";
const accountOf = (customer: string) => `acc_${customer.padStart(16, "0")}`;

/** One line a customer, then one a purchase up to the end of the calibration period. */
function* batchLines(transactions: string): Generator<string> {
  const opened = new Set<string>();
  for (const line of transactions.trim().split(/\r?\n/)) {
    const [, customer = "", day = ""] = line.trim().split(/\s+/);
    const startedAt = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T00:00:00.000Z`;
    if (startedAt > calibrationEnd) continue;
    const account = accountOf(customer);
    if (!opened.has(account)) yield JSON.stringify({ command: "open-account", body: { id: account, at: startedAt } });
    opened.add(account);
    yield JSON.stringify({
      command: "record-interaction",
      body: { account, kind: "purchase", purpose: "sales", direction: "inbound", startedAt },
    });
  }
}

describe.skipIf(folder === undefined)("purchases of the CDNOW sample, recorded through the API", () => {
  let api: TestApi;

  beforeAll(async () => {
    api = await testApi({ empty: true, ledger: testLedger(calibrationEnd) });
    const lines = [...batchLines(readFileSync(join(folder!, "cdnow", "CDNOW_sample.txt"), "utf8"))];
    const sent = await api.when("POST", "/v1/batch", {
      headers: { "content-type": "application/x-ndjson" },
      payload: `${lines.join("\n")}\n`,
    });
    const results = sent.text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { status: number });
    expect(results.filter(({ status }) => status >= 300)).toEqual([]);
    expect((await api.when("POST", "/v1/models/dormancy/fit", { body: { cutOff: calibrationEnd } })).added).toEqual([
      "DormancyModelFitted",
    ]);
  });
  afterAll(() => api.close());

  it("give the published fit of MBG/NBD", async () => {
    const { json } = await api.when("GET", "/v1/models");
    expect(json.dormancy).toMatchObject({ model: "mbg-nbd", accounts: 2357, cutOff: calibrationEnd });
    for (const [name, published] of Object.entries({ r: 0.525, alpha: 6.183, a: 0.891, b: 1.614 }))
      expect(Math.abs(json.dormancy[name] - published)).toBeLessThan(1e-3);
    expect(Math.abs(json.dormancy.logLikelihood - -9582.1327)).toBeLessThan(1e-2);
  });

  it("give P(alive) of each customer as the model says of its own history", async () => {
    const { r, alpha, a, b } = (await api.when("GET", "/v1/models")).json.dormancy;
    const customers = csvRecords(folder!, "cdnow", "cdnow_customers_summary.csv");
    for (const [index, { frequency, recency, T }] of customers.slice(0, 40).entries()) {
      const { alive } = (await api.when("GET", `/v1/accounts/${accountOf(String(customerNumbers()[index]))}/dormancy`)).json
        .answers;
      expect(alive.repeatContacts).toBe(Number(frequency));
      expect(alive.recencyWeeks).toBeCloseTo(Number(recency), 2);
      expect(alive.ageWeeks).toBeCloseTo(Number(T), 2);
      const history = { x: alive.repeatContacts, tx: alive.recencyWeeks, T: alive.ageWeeks };
      expect(Math.abs(alive.probability - aliveProbability({ family: "mbg-nbd", r, alpha, a, b }, history))).toBeLessThan(1e-9);
    }
  });

  /** The summary numbers customers in the order of the transactions. */
  function customerNumbers(): string[] {
    const lines = readFileSync(join(folder!, "cdnow", "CDNOW_sample.txt"), "utf8")
      .trim()
      .split(/\r?\n/);
    return [...new Set(lines.map((line) => line.trim().split(/\s+/)[1]!))];
  }
});
