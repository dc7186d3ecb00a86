/** What is taken home is what the views hold: in three formats, from any row on, with text only for whoever may read it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance, type DuckDBTimestampTZValue } from "@duckdb/node-api";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ExportSource } from "../../src/exporting/export.ts";
import { beginExport, columnsOf } from "../../src/exporting/export.ts";
import { type Column, type DatasetName, datasetNames, datasets, personalColumn } from "../../src/exporting/datasets.ts";
import { buildHistory } from "../../src/projections/history/history-file.ts";
import { rebuildViews } from "../../src/projections/rebuild.ts";
import { projections } from "../../src/projections/registry.ts";
import type { Instant } from "../../src/domain/values.ts";
import type { Vantage } from "../../src/projections/vantage.ts";
import { type TestApi, testApi } from "../support/api.ts";
import { type TestLedger, testLedger } from "../support/ledger.ts";
import { dayAt, play, steps } from "../support/portfolio.ts";

type Item = Record<string, unknown>;

const folder = mkdtempSync(join(tmpdir(), "troth-export-"));
let ledger: TestLedger;
let source: ExportSource;
let api: TestApi;

beforeAll(async () => {
  ledger = testLedger();
  // One story, always the same, with some of everything.
  const story = fc.sample(steps, { numRuns: 4, seed: 7 }).flat();
  await play(ledger, story, async (index) => (index === Math.floor(story.length / 2) ? takeThen() : undefined));
  const { id: account } = await ledger.run("open-account", { name: "Gone quiet" });
  const { id: promisor } = await ledger.run("add-person", { team: "south" });
  for (const type of ["once", "abstain"]) {
    const window = { from: "2026-01-01T00:00:00.000Z", until: "2026-02-01T00:00:00.000Z" };
    const terms = type === "once" ? { type, dueAt: window.until } : { type, ...window };
    const matcher = { kinds: ["visit"] };
    await ledger.run("make-promise", { account, promisor, promisee: account, terms, matcher });
  }
  await ledger.run("record-outcome", { account, kind: "won", amount: { value: "12.50", currency: "EUR" } });
  const { path: viewsPath } = await rebuildViews(folder, ledger.store.log, projections);
  const { log } = ledger.store;
  const { path: historyPath } = await buildHistory(folder, log);
  source = { viewsPath, historyPath, log, now: () => ledger.desk.ledger.now(), restPerWork: 0 };
  api = await testApi({ ledger, empty: true, deps: { exporter: async (request) => beginExport(source, request) } });
});

/** What was taken home in the middle of the story, and where it stood. */
const then = new Map<DatasetName, { vantage: Vantage; text: string }>();
async function takeThen(): Promise<void> {
  const { path: viewsPath } = await rebuildViews(mkdtempSync(join(folder, "then-")), ledger.store.log, projections);
  const at = { viewsPath, historyPath: "", log: ledger.store.log, now: () => ledger.desk.ledger.now(), restPerWork: 0 };
  for (const dataset of datasetNames) {
    const { vantage, bytes } = beginExport(at, { dataset, format: "csv" });
    then.set(dataset, { vantage, text: (await Array.fromAsync(bytes)).join("") });
  }
}

afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

const bytesOf = async (
  dataset: DatasetName,
  format: "ndjson" | "csv" | "parquet",
  after?: string,
  vantage?: Vantage,
): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of beginExport(source, { dataset, format, after, vantage }).bytes)
    parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts);
};
const itemsAt = async (dataset: DatasetName, after?: string, vantage?: Vantage): Promise<Item[]> =>
  (await bytesOf(dataset, "ndjson", after, vantage))
    .toString()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Item);
const keyOf = (dataset: DatasetName, item: Item): string => datasets[dataset].key.map((name) => item[name]).join(",");

const itemsOf = (dataset: DatasetName, after?: string): Promise<Item[]> => itemsAt(dataset, after);

describe.each(datasetNames)("an export of %s", (dataset) => {
  it("has the columns that are documented, in every row, in order of its key", async () => {
    const items = await itemsOf(dataset);
    expect(items.length).toBeGreaterThan(0);
    for (const item of items) expect(Object.keys(item)).toEqual(columnsOf({ dataset }).map(({ name }) => name));
    const keys = items.map((item) => datasets[dataset].key.map((name) => item[name]));
    const sorted = keys.toSorted((a, b) => {
      const index = a.findIndex((part, place) => part !== b[place]);
      return index < 0 ? 0 : (a[index] as string) < (b[index] as string) ? -1 : 1;
    });
    expect(keys).toEqual(sorted);
    expect(new Set(keys.map(String)).size).toBe(keys.length);
  });

  it("goes on from any of its rows", async () => {
    const items = await itemsOf(dataset);
    const middle = Math.floor(items.length / 2);
    expect(await itemsOf(dataset, keyOf(dataset, items[middle]!))).toEqual(items.slice(middle + 1));
    expect(await itemsOf(dataset, keyOf(dataset, items.at(-1)!))).toEqual([]);
  });

  it("says the same as CSV, and as Parquet to a reader that knows nothing of us", async () => {
    const items = await itemsOf(dataset);
    const columns = columnsOf({ dataset });
    const csv = parse((await bytesOf(dataset, "csv")).toString(), { columns: true, record_delimiter: "\r\n" }) as Item[];
    expect(csv).toEqual(items.map((item) => asCells(item, columns)));
    expect(await readByDuckDb(await bytesOf(dataset, "parquet"), columns)).toEqual(items);
  });
});

const asCells = (item: Item, columns: readonly Column[]): Item =>
  Object.fromEntries(
    columns.map(({ name, type }) => [
      name,
      item[name] === null ? "" : type === "json" ? JSON.stringify(item[name]) : String(item[name]),
    ]),
  );

async function readByDuckDb(bytes: Buffer, columns: readonly Column[]): Promise<Item[]> {
  const path = join(folder, "taken-home.parquet");
  writeFileSync(path, bytes);
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(`SELECT * FROM read_parquet('${path}')`);
    expect(reader.columnNames()).toEqual(columns.map(({ name }) => name));
    return reader
      .getRowObjects()
      .map((row) => Object.fromEntries(columns.map(({ name, type }) => [name, fromDuckDb(row[name], type)])));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function fromDuckDb(value: unknown, type: Column["type"]): unknown {
  if (value === null) return null;
  if (type === "json") return JSON.parse(value as string) as unknown;
  if (type === "integer") return Number(value as bigint);
  if (type === "instant") return new Date(Number((value as DuckDBTimestampTZValue).micros / 1_000n)).toISOString();
  return value;
}

describe("an export that nobody reads on", () => {
  it("reads no further than was asked for, and breaks off when it is told to", async () => {
    let read = 0;
    let isReading = false;
    const readAll: ExportSource["log"]["readAll"] = (after) => {
      // What time it was at the head is asked of the last events first; the export begins at the first.
      if (isReading) read += 1;
      return ledger.store.log.readAll(after, 10);
    };
    const stopping = new AbortController();
    const watched = { ...source, log: { ...source.log, readAll } };
    const stream = beginExport(watched, { dataset: "events", format: "ndjson", signal: stopping.signal }).bytes;
    isReading = true;
    for (const pulled of [1, 2, 3]) {
      expect((await stream.next()).value).not.toBe("");
      expect(read).toBe(pulled);
    }
    stopping.abort(new Error("the server closes"));
    await expect(stream.next()).rejects.toThrow("the server closes");
    expect((await stream.next()).done).toBe(true);
  });
});

describe("an export of the past", () => {
  it.each(datasetNames)("is the file of %s that was taken then, by its vantage", async (dataset) => {
    const { vantage, text } = then.get(dataset)!;
    expect(text.split("\r\n").length).toBeGreaterThan(2);
    expect((await bytesOf(dataset, "csv", undefined, vantage)).toString()).toBe(text);
    const { asOf, size } = vantage;
    const answered = await api.when("GET", `/v1/exports/${dataset}?format=csv&knownAt=${size}@${asOf}`);
    expect([answered.text, answered.headers["troth-vantage"]]).toEqual([text, `asOf=${asOf}&knownAt=${size}@${asOf}`]);
    const [first, second, ...rest] = text.split("\r\n");
    const [row] = parse([first, second].join("\r\n"), { columns: true }) as Item[];
    expect((await bytesOf(dataset, "csv", keyOf(dataset, row!), vantage)).toString()).toBe(rest.join("\r\n"));
  });

  it("is refused where nothing is known, and for events on the axis that they do not have", async () => {
    await api.refused(422, "beyond-log", "GET", "/v1/exports/trust?knownAt=1000000");
    await api.refused(422, "before-ledger", "GET", "/v1/exports/events?knownAt=2000-01-01T00:00:00.000Z");
    await api.refused(422, "validation-failed", "GET", "/v1/exports/events?asOf=2026-01-01T00:00:00.000Z");
  });
});

describe.each([
  ["an export", false],
  ["an export of the past", true],
])("figures in %s", (_what, isPast) => {
  it("are those that the API answers", async () => {
    const { knownAt, size } = then.get("trust")!.vantage;
    const vantage = isPast ? { asOf: dayAt(40) as Instant, knownAt, size } : undefined;
    const asked = isPast ? { asOf: dayAt(40), knownAt: `${size}@${knownAt}` } : {};
    const itemsOf = (dataset: DatasetName) => itemsAt(dataset, undefined, vantage);
    const ask = <Answer>(name: string, params: object, query: object = {}) =>
      ledger.ask<Answer>(name, params, { ...query, ...asked });
    for (const { account, direction, score, outcomes, pending } of await itemsOf("trust"))
      expect(await ask("account-trust", { account }, { direction })).toMatchObject({ score, outcomes, pending });
    for (const { promisor, direction, kept, broken, rate, mean_credit: meanCredit } of await itemsOf("keeping")) {
      const { groups } = await ask<{ groups: { keeping: Item }[] }>("keeping-rates", {}, { promisor, direction });
      // A promisor of whom nothing has ended yet is in no report.
      const nothing = { counts: { kept: 0, broken: 0 }, lateAsKept: null, meanCredit: null };
      const of = (groups[0]?.keeping ?? nothing) as { counts: Item; lateAsKept: Item | null; meanCredit: number | null };
      expect({ kept, broken, rate, meanCredit }).toEqual({
        ...{ kept: of.counts["kept"], broken: of.counts["broken"] },
        ...{ rate: of.lateAsKept?.["rate"] ?? null, meanCredit: of.meanCredit },
      });
    }
    const { items } = await ask<{ items: { id: string; dormancy: Item }[] }>("list-accounts", {}, { limit: 500 });
    const states = new Map((await itemsOf("dormancy")).map(({ account, state }) => [account, state]));
    for (const { id, dormancy } of items) expect(states.get(id)).toBe(dormancy["state"]);
    for (const { promise, occurrence, standing, credit } of await itemsOf("occurrences")) {
      if (occurrence === 0) continue;
      const { occurrences } = await ask<{ occurrences: { occurrence: number; outcome: Item | null }[] }>("get-promise", {
        promise,
      });
      const { outcome } = occurrences.find((one) => one.occurrence === occurrence)!;
      expect([promise, occurrence, outcome === null, credit]).toEqual([
        promise,
        occurrence,
        standing === "pending" || standing === "open",
        outcome?.["credit"] ?? null,
      ]);
    }
  });
});

describe("GET /v1/exports", () => {
  const names = (items: Item[]) => items.map(({ personal }) => (personal as Record<string, { value?: string }>)["name"]?.value);

  it("opens text for a key with the scope `personal` that asks for it, and writes it to the access log", async () => {
    const { text, headers, status } = await api.when("GET", "/v1/exports/accounts?personal=true");
    expect([status, headers["content-type"]]).toEqual([200, "application/x-ndjson; charset=utf-8"]);
    const items = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Item);
    expect(names(items)).toContain("Gone quiet");
    const { json } = await api.when("GET", "/v1/access-log?limit=1");
    expect(json.items[0]).toMatchObject({ purpose: "export" });
    const events = await api.when("GET", "/v1/exports/events?personal=true&format=csv");
    expect(events.text.split("\r\n")[0]!.endsWith(`,${personalColumn.name}`)).toBe(true);
    expect(events.text).toContain("Gone quiet");
    const plain = await api.when("GET", "/v1/exports/accounts?format=csv");
    expect([plain.headers["content-type"], plain.headers["content-disposition"]]).toEqual([
      "text/csv; charset=utf-8",
      'attachment; filename="accounts.csv"',
    ]);
    expect(plain.text).not.toContain("Gone quiet");
  });

  it("refuses text to a key without that scope, everything to a bound one, and what it does not know", async () => {
    const reading = (await api.newKey(["read"])).secret;
    await api.refused(403, "scope-missing", "GET", "/v1/exports/accounts?personal=true", { key: reading });
    const { account } = (await itemsOf("accounts"))[0]!;
    const bound = (await api.newKey(["read", "personal"], account as string)).secret;
    await api.refused(403, "key-bound", "GET", "/v1/exports/accounts", { key: bound });
    await api.refused(422, "validation-failed", "GET", "/v1/exports/vault");
    await api.refused(422, "validation-failed", "GET", "/v1/exports/trust?personal=true");
    await api.refused(422, "validation-failed", "GET", "/v1/exports/accounts?format=xlsx");
    for (const after of ["acc_1,given,3", "acc_1", "acc_1,banana", "prm_1,given", "'; DROP TABLE accounts", ""])
      await api.refused(400, "cursor-invalid", "GET", `/v1/exports/trust?after=${encodeURIComponent(after)}`);
    await api.refused(400, "cursor-invalid", "GET", "/v1/exports/events?after=last");
  });
});

/** `UPDATE_DOCS=1` writes the tables anew. */
describe("docs/exports.md", () => {
  const path = new URL("../../docs/exports.md", import.meta.url);
  const tables = datasetNames
    .map((name) => {
      const { about, key, columns, sealed } = datasets[name];
      const more = sealed === undefined ? [] : [personalColumn];
      const rows = [...columns, ...more].map((column) => `| \`${column.name}\` | ${column.type} | ${column.about} |`);
      return `### ${name}\n${about} Key: ${key.map((part) => `\`${part}\``).join(", ")}.\n\n| column | type | what |\n|---|---|---|\n${rows.join("\n")}\n`;
    })
    .join("\n");
  const [begins, ends] = ["<!-- columns -->\n", "<!-- /columns -->"];

  it("lists every column", () => {
    const text = readFileSync(path, "utf8");
    const [before, rest] = text.split(begins);
    const [told, after] = rest!.split(ends);
    if (process.env["UPDATE_DOCS"] === "1") writeFileSync(path, `${before!}${begins}${tables}${ends}${after!}`);
    else expect(told).toBe(tables);
  });
});
