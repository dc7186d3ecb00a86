import { describe, expect, it } from "vitest";
import type { Row } from "../../src/importing/fields.ts";
import { checkMapping, type ImportKind, mapping } from "../../src/importing/mapping.ts";
import { RowError } from "../../src/importing/refusals.ts";
import { importedFrom } from "../../src/importing/rows.ts";

type Rest = { timeZone?: string; decimal?: string; only?: object };

const imported = (
  kind: ImportKind,
  fields: object,
  row: Row,
  { source, ...rest }: Rest & { source?: string } = { source: "crm" },
) => importedFrom(kind, row, { mapping: mapping.parse({ fields, ...rest }), source, promiseIdOf: (text) => `prm of ${text}` });

function refusal(work: () => unknown): { field: string; reason: string } | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(RowError);
    return { field: (error as RowError).field, reason: (error as RowError).message };
  }
}

const interaction = (fields: object, row: Row, rest?: Rest) =>
  imported("interactions", fields, row, { source: "crm", ...rest }).lines[0]!.body;

describe("a field of a mapping", () => {
  it("is a column, a fixed value or a template", () => {
    const fields = {
      kind: { value: "visit" },
      purpose: { column: "Why" },
      note: { template: "{Why}, said {Who}" },
      "amount.value": { value: 3 },
      minutes: { column: "Took" },
      participants: { column: "With", map: { A: "per_a", B: "per_b" } },
      tags: { column: "Tags", split: "|" },
    };
    const row = { Why: " sales ", Who: "she", Took: "45", With: "A; B;", Tags: "x|y" };
    expect(interaction(fields, row)).toEqual({
      ...{ kind: "visit", purpose: "sales", note: "sales, said she", amount: { value: 3 }, minutes: 45 },
      ...{ participants: ["per_a", "per_b"], tags: ["x", "y"], source: "crm" },
    });
  });

  it("is left out where its cells are empty, or takes its default", () => {
    const fields = { note: { template: "{A}: {B}" }, minutes: { column: "A" }, purpose: { column: "B", default: "service" } };
    expect(interaction(fields, { A: " ", B: "" })).toEqual({ purpose: "service", source: "crm" });
  });

  it("refers to what bears an external id, one or several, from one column or more", () => {
    const fields = {
      account: { column: "A", refersTo: "crm" },
      participants: {
        each: [{ column: "B", refersTo: "crm" }, { column: "C" }, { column: "D", refersTo: "hr", map: { x: "X" } }],
      },
    };
    expect(interaction(fields, { A: "17", B: "", C: "per_c", D: "x" })).toMatchObject({
      account: { source: "crm", externalId: "17" },
      participants: ["per_c", { source: "hr", externalId: "X" }],
    });
    const several = { participants: { column: "A", split: "|", refersTo: "crm" } };
    expect(interaction(several, { A: "1|2" })["participants"]).toEqual([
      { source: "crm", externalId: "1" },
      { source: "crm", externalId: "2" },
    ]);
  });

  it("becomes what the map names, or else what it says for all others", () => {
    const fields = { kind: { column: "A", map: { Besuch: "visit" }, otherwise: "other" } };
    expect([interaction(fields, { A: "Besuch" })["kind"], interaction(fields, { A: "Fax" })["kind"]]).toEqual(["visit", "other"]);
  });

  it.each([
    ["1:30", 90],
    ["0:07:40", 8],
    ["PT1H5M", 65],
  ])("reads the duration %s as %i minutes", (text, minutes) => {
    expect(interaction({ minutes: { column: "A", as: "duration" } }, { A: text })).toMatchObject({ minutes });
  });

  it("keeps formulas and line ends as text", () => {
    expect(interaction({ note: { column: "A" } }, { A: "=SUM(A1)\r\n@x" })).toMatchObject({ note: "=SUM(A1)\n@x" });
  });

  it("reads numbers with a decimal comma where the mapping says so", () => {
    expect(interaction({ weight: { column: "A" } }, { A: "1,5" }, { decimal: "," })).toMatchObject({ weight: 1.5 });
  });

  it.each([
    [{ minutes: { column: "A" } }, "an hour", "minutes", "is no number"],
    [{ startedAt: { column: "A" } }, "2024-01-01", "startedAt", "has no time zone"],
    [{ account: { column: "A", map: { "C-17": "acc_x" } } }, "C-18", "account", "is not among the texts"],
    [{ account: { column: "A", map: {} } }, "constructor", "account", "is not among the texts"],
    [{ note: { column: "A" } }, "caf\ufffd", "note", "is not UTF-8"],
    [{ minutes: { column: "A", as: "duration" } }, "long", "minutes", "is no duration"],
    [{ needsAcceptance: { column: "A" } }, "perhaps", "needsAcceptance", "is neither true nor false"],
  ])("%j refuses %j and names itself", (fields, cell, field, reason) => {
    expect(refusal(() => interaction(fields, { A: cell }))).toEqual({ field, reason: expect.stringContaining(reason) });
  });
});

it("rows are known again by an external id, and left out where the mapping takes others", () => {
  const fields = { externalId: { column: "A" } };
  expect(imported("interactions", fields, { A: "7" }).lines[0]!.command).toBe("sync-interaction");
  expect(imported("interactions", {}, { A: "7" }).lines[0]!.command).toBe("record-interaction");
  expect(imported("accounts", fields, { A: "7" }).lines[0]!.command).toBe("open-account");
  expect(imported("people", fields, { A: "7" }).lines).toEqual([
    { command: "add-person", body: { externalId: "7", source: "crm" } },
  ]);
  const only = { only: { A: ["7", "8"] } };
  expect(imported("people", fields, { A: "8" }, { source: "crm", ...only }).lines).toHaveLength(1);
  expect(imported("people", fields, { A: "9" }, { source: "crm", ...only })).toMatchObject({
    lines: [],
    omitted: { filtered: 1 },
  });
});

it("an external id without a source is refused", () => {
  const fields = { externalId: { column: "A" } };
  expect(refusal(() => imported("interactions", fields, { A: "7" }, {}))).toMatchObject({ field: "externalId" });
});

describe("a mapping", () => {
  it.each([
    [{ fields: { startedAt: { column: "A", date: "dd.mm.jjjj" } } }, "is no form of a date"],
    [{ timeZone: "Mars/Olympus", fields: {} }, "there is no time zone `Mars/Olympus`"],
  ])("%j is refused as a whole", (written, reason) => {
    expect(() => checkMapping(mapping.parse(written))).toThrow(reason);
  });

  it("takes no field that it does not know, and no path into the language", () => {
    expect(mapping.safeParse({ fields: {}, colour: "red" }).success).toBe(false);
    expect(mapping.safeParse({ fields: { "constructor.x": { value: 1 } } }).success).toBe(false);
    expect(mapping.safeParse({ fields: { kind: { colunm: "A" } } }).success).toBe(false);
  });
});

describe("a row of promises", () => {
  const fields = Object.fromEntries(
    ["externalId", "madeAt", "dueAt", "finishedAt", "fraction"].map((name) => [name, { column: name }]),
  );
  const row = { externalId: "7", madeAt: "2024-01-05T00:00:00Z", dueAt: "", finishedAt: "", fraction: "" };
  const promise = (cells: Partial<Row>) => imported("promises", fields, { ...row, ...cells } as Row);
  const at = (day: string) => `2024-01-${day}T00:00:00.000Z`;

  it("is a promise, and when it was finished also the claim that it was kept", () => {
    const { lines, warnings } = promise({ dueAt: "2024-01-08T00:00:00Z", finishedAt: "2024-01-07T00:00:00Z", fraction: "0.5" });
    const origin = { source: "crm", externalId: "7" };
    expect(warnings).toEqual([]);
    expect(lines).toEqual([
      { command: "make-promise", body: { at: at("05"), terms: { type: "once", dueAt: at("08") }, ...origin } },
      { command: "claim-keeping", params: { promise: origin }, body: { keptAt: at("07"), at: at("07"), fraction: 0.5 } },
    ]);
  });

  it.each([
    [{}, ["no-due-date"], 1],
    [{ dueAt: "2024-01-04T00:00:00Z" }, ["due-before-made"], 1],
    [{ dueAt: "2024-01-08T00:00:00Z", finishedAt: "2024-01-01T00:00:00Z" }, ["kept-before-made"], 2],
    [{ finishedAt: "2024-01-06T00:00:00Z", fraction: "0" }, ["no-due-date", "finished-without-fraction"], 1],
  ])("%j is taken with a warning", (cells, warnings, count) => {
    const found = promise(cells);
    expect(found.warnings).toEqual(warnings);
    expect(found.lines).toHaveLength(count);
  });

  it("is due at the end of a day that comes without a time, where it is local time", () => {
    const dueOn = (dueAt: string, date?: string) =>
      imported(
        "promises",
        { ...fields, dueAt: { column: "dueAt", date } },
        { ...row, dueAt },
        { source: "crm", timeZone: "Europe/Berlin" },
      ).lines[0]!.body["terms"];
    expect(dueOn("2024-03-31")).toEqual({ type: "once", dueAt: "2024-03-31T22:00:00.000Z" });
    expect(dueOn("31.03.2024", "dd.MM.yyyy")).toEqual({ type: "once", dueAt: "2024-03-31T22:00:00.000Z" });
    expect(dueOn("2024-03-31 10:00")).toEqual({ type: "once", dueAt: "2024-03-31T08:00:00.000Z" });
  });

  it("kept before it was made is claimed once it is made", () => {
    expect(promise({ finishedAt: "2024-01-01T00:00:00Z" }).lines[1]!.body).toEqual({ keptAt: at("01"), at: at("05") });
  });

  it("without the day of its making is refused", () => {
    expect(refusal(() => promise({ madeAt: "" }))).toMatchObject({ field: "madeAt" });
  });
});
