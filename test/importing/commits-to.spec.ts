/** Real promises of two people, imported from the source's own CSV file, get the credits that the source gave them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandNamed } from "../../src/commands/registry.ts";
import { openLedger, type OpenLedger } from "../../src/composition/ledger-folder.ts";
import type { KeepingAnswer, PromiseAnswer } from "../../src/cli/demo/answers.ts";
import { keyScope } from "../../src/domain/key.ts";
import { answer } from "../../src/queries/asking.ts";
import { queries } from "../../src/queries/registry.ts";
import { csvRecords, samples } from "../support/samples.ts";
import { aLedger, troth } from "../cli/support/troth.ts";

const data = samples();
const account = "acc_c0mm1ts000000000";
const promisors = { A: "per_c0mm1ts00000000a", B: "per_c0mm1ts00000000b" };
const means = { A: { mean: 0.9990110245, closed: 156 }, B: { mean: 0.9509065602, closed: 41 } };

const people = [
  { command: "open-account", body: { id: account, at: "2017-01-01T00:00:00.000Z" } },
  ...Object.values(promisors).map((id) => ({ command: "add-person", body: { id, at: "2017-01-01T00:00:00.000Z" } })),
];
const mapping = {
  kind: "promises",
  fields: {
    externalId: { column: "promise" },
    account: { value: account },
    promisor: { column: "promisor", map: promisors },
    promisee: { value: account },
    madeAt: { column: "made_at" },
    dueAt: { column: "due_at" },
    finishedAt: { column: "finished_at" },
    fraction: { column: "fraction" },
  },
};

describe.skipIf(data === undefined)("the promises of commits.to", () => {
  const rows = data === undefined ? [] : csvRecords(data, "commits-to/promises.csv");
  const closed = rows.filter(({ finished_at }) => finished_at !== "");
  const removers: (() => void)[] = [];
  let report: { lines: number; refused: number; accepted: number; warnings: Record<string, number> };
  /** By the line of the file that made each. */
  let promises: Map<number, string>;
  let ledger: OpenLedger;

  beforeAll(async () => {
    const folder = await aLedger((remove) => removers.push(remove));
    const files = ["people.ndjson", "mapping.json", "results.ndjson"].map((name) => join(folder, "..", name));
    const [peopleFile, mappingFile, resultsFile] = files as [string, string, string];
    writeFileSync(peopleFile, people.map((line) => JSON.stringify(line)).join("\n"));
    writeFileSync(mappingFile, JSON.stringify(mapping));
    expect((await troth(["import", peopleFile, "--data", folder])).code).toBe(0);
    const options = [
      "--kind",
      "promises",
      "--mapping",
      mappingFile,
      "--source",
      "commits-to",
      "--up-to",
      "2018-01-05",
      "--results",
      resultsFile,
      "--json",
    ];
    const { code, out, err } = await troth(["import", join(data!, "commits-to/promises.csv"), ...options, "--data", folder]);
    expect(code, err).toBe(0);
    report = JSON.parse(out) as typeof report;
    promises = promisesIn(resultsFile);
    ledger = await openLedger({ folder });
    await ledger.host.ready;
    await ledger.host.caughtUp(ledger.store.log.head(), 60_000);
  });
  afterAll(async () => {
    await ledger.close();
    for (const remove of removers) remove();
  });

  const ask = async <Answer>(name: string, params: object, query: object): Promise<Answer> => {
    const definition = queries.find((one) => one.name === name)!;
    const caller = { key: "key_0000000000000000" as never, scopes: keyScope.options };
    return (await answer(ledger.readingDesk, definition, {
      params: definition.params.parse(params),
      query: definition.query.parse(query),
      caller,
    })) as Answer;
  };

  it("are all taken, the odd ones with a warning", () => {
    expect(commandNamed("make-promise")).toBeDefined();
    expect(report).toMatchObject({ lines: 206, refused: 0, accepted: 206 + 197 });
    expect(report.warnings).toEqual({ "no-due-date": 11, "due-before-made": 2, "kept-before-made": 1 });
  });

  it("get the source's own credit, row by row", async () => {
    const { items } = await ask<{ items: PromiseAnswer[] }>("list-promises", {}, { limit: 500 });
    expect(items).toHaveLength(206);
    const credits: Record<string, number[]> = { A: [], B: [] };
    for (const [index, row] of rows.entries()) {
      if (row["finished_at"] === "") continue;
      // The first line of the file has the names of its columns.
      const id = promises.get(index + 2)!;
      const { occurrences } = await ask<PromiseAnswer>("get-promise", { promise: id }, {});
      const credit = occurrences[0]!.outcome!.credit!;
      if (row["credit"] !== "") expect(credit, row["promise"]).toBeCloseTo(Number(row["credit"]), 6);
      credits[row["promisor"]!]!.push(credit);
    }
    for (const [who, { mean, closed: count }] of Object.entries(means)) {
      const some = credits[who]!;
      expect(some).toHaveLength(count);
      expect(some.reduce((sum, credit) => sum + credit, 0) / count).toBeCloseTo(mean, 9);
    }
    expect(closed).toHaveLength(197);
  });

  it("give the rate that the counts in the file give", async () => {
    const { groups } = await ask<KeepingAnswer>("keeping-rates", {}, { promisor: promisors.B });
    expect(groups[0]!.keeping).toMatchObject({
      counts: { kept: 36, keptLate: 5, partlyKept: 0, broken: 0 },
      meanCredit: expect.closeTo(means.B.mean, 9) as number,
    });
  });
});

function promisesIn(results: string): Map<number, string> {
  const lines = readFileSync(results, "utf8").trimEnd().split("\n");
  const made = lines.map((line) => JSON.parse(line) as { line: number; status: number; id?: string });
  return new Map(made.flatMap(({ line, status, id }) => (status === 201 && id?.startsWith("prm_") ? [[line, id]] : [])));
}
