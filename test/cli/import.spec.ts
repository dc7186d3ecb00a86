import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runningServer, type RunningServer } from "../support/server.ts";
import { type Imported, importServer, reportOf } from "./support/importing.ts";
import { aKey, aLedger, copyOf, example, removedAtEnd, scratchFolder, troth, trothProcess } from "./support/troth.ts";

const csv = (kind: "interactions" | "promises", mapping = example(`mapping-${kind}.json`)) => [
  "--kind",
  kind,
  "--mapping",
  mapping,
];

const later = removedAtEnd();

let made: string;
beforeAll(async () => {
  made = await aLedger(later);
  expect((await troth(["import", example("accounts.ndjson"), "--data", made])).code).toBe(0);
});

const headOf = async (data: string): Promise<number> =>
  (JSON.parse((await troth(["status", "--no-counts", "--json", "--data", data])).out) as { head: number }).head;

const imported = (data: string, file: string, ...options: string[]): Promise<Imported> =>
  reportOf(["import", file, "--data", data, ...options]);

/** A file with these lines. */
function aFile(name: string, ...lines: (string | object)[]): string {
  const path = join(scratchFolder(), name);
  writeFileSync(path, lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n"));
  return path;
}

describe("importing into a folder", () => {
  it("records rows of interactions and promises, and the same files again add nothing", async () => {
    const data = copyOf(made);
    const first = await trothProcess(["import", example("interactions.csv"), ...csv("interactions"), "--data", data]);
    // A slow machine is told how far it has come, now and then.
    expect({ ...first, err: first.err.replaceAll(/^ *\d+ % .*\n/gm, "") }).toMatchObject({ code: 0, err: "" });
    expect(first.out).toContain("4 lines, 4 commands: 4 recorded, 0 known before, 0 lines refused.");
    const promises = await imported(data, example("promises.csv"), ...csv("promises"), "--up-to", "2024-06-01");
    expect(promises).toMatchObject({ code: 0, accepted: 7, refused: 0, warnings: { "no-due-date": 1 }, complete: true });
    // The keeper may still have put verdicts on record; a start without an import lets it finish.
    const settled = await runningServer(data);
    await settled.stop();
    const head = await headOf(data);
    expect(await imported(data, example("interactions.csv"), ...csv("interactions"))).toMatchObject({
      accepted: 0,
      known: 4,
      code: 0,
    });
    expect(await imported(data, example("promises.csv"), ...csv("promises"), "--up-to", "2024-06-01")).toMatchObject({
      ...{ accepted: 0, known: 7, refused: 0, code: 0 },
      recording: promises.recording,
    });
    expect(await imported(data, example("accounts.ndjson"))).toMatchObject({ accepted: 0, known: 5 });
    expect(await headOf(data)).toBe(head);
    expect((await troth(["check", "--data", data])).code).toBe(0);
  });

  it("reads the input", async () => {
    const data = copyOf(made);
    const input = `${JSON.stringify({ command: "open-account", body: {} })}\n`;
    expect((await trothProcess(["import", "-", "--data", data], { input })).out).toContain("1 recorded");
  });

  it("says so once its own key was revoked", async () => {
    const data = copyOf(made);
    const { items } = JSON.parse((await troth(["keys", "list", "--json", "--data", data])).out) as {
      items: { id: string; label: string }[];
    };
    await troth(["keys", "revoke", items.find(({ label }) => label === "command-line")!.id, "--data", data]);
    const { code, err } = await troth(["import", example("accounts.ndjson"), "--data", data]);
    expect(code).toBe(6);
    expect(err).toContain("was revoked");
  });
});

describe("a file", () => {
  it("with external ids is known again under another key", async () => {
    const { api, imported } = await importServer();
    await imported(example("promises.csv"), ...csv("promises"));
    const { secret } = await api.newKey(["record", "read"]);
    const again = await imported(example("promises.csv"), ...csv("promises"), "--key", secret);
    expect(again).toMatchObject({ code: 0, lines: 4, refused: 0, complete: true });
  });

  it("takes a grown file: what is known stays, what is new is added", async () => {
    const { imported } = await importServer();
    const grown = aFile(
      "promises.csv",
      readFileSync(example("promises.csv"), "utf8").trim(),
      "P-5;C-17;rep;2024-05-01;;;;Call back",
    );
    expect(await imported(example("promises.csv"), ...csv("promises"))).toMatchObject({ accepted: 7 });
    const again = { lines: 5, accepted: 1, known: 7, refused: 0, code: 0 };
    expect(await imported(grown, ...csv("promises"))).toMatchObject(again);
  });

  it("on a dry run adds nothing, and refuses what the API would refuse", async () => {
    const { api, imported } = await importServer();
    const head = api.ledger.store.log.head();
    const file = aFile(
      "lines.ndjson",
      { command: "open-account", body: { tags: ["Not A Slug"] } },
      { command: "open-acount", body: {} },
    );
    expect(await imported(file, "--dry-run")).toMatchObject({
      ...{ code: 1, lines: 2, commands: 2, refused: 2 },
      refusals: [
        { line: 1, field: "/tags/0", code: "validation-failed" },
        { line: 2, field: "/command", code: "command-unknown" },
      ],
    });
    const dry = await imported(example("promises.csv"), ...csv("promises"), "--dry-run");
    expect(dry).toMatchObject({ code: 0, commands: 7 });
    expect(api.ledger.store.log.head()).toBe(head);
  });

  it("reports refused lines with line, field and reason, takes the others, and exits with 1", async () => {
    const { imported, where } = await importServer();
    const file = aFile(
      "lines.ndjson",
      `\ufeff${JSON.stringify({ command: "add-person", body: { team: "north" } })}`,
      "",
      "{ not json",
      { command: "add-person", body: { team: "North" } },
      { command: "retract-interaction", params: { interaction: "int_0000000000000000" }, body: {} },
      { body: {} },
      { command: "add-person", body: { account: "acc_0000000000000000" } },
    );
    const report = await imported(file);
    expect(report).toMatchObject({ code: 1, lines: 6, accepted: 1, refused: 5, complete: true });
    expect(report.refusals).toEqual([
      { line: 3, field: "", code: "unreadable", reason: "is not JSON" },
      { line: 6, field: "/command", code: "unreadable", reason: "must name a command" },
      { line: 4, field: "/team", code: "validation-failed", reason: expect.stringContaining("lower-case words") },
      { line: 5, field: null, code: "interaction-not-found", reason: expect.any(String) },
      { line: 7, field: "/account", code: "account-not-found", reason: expect.any(String) },
    ]);
    const { err } = await troth(["import", file, ...where]);
    expect(err).toContain("line 4, team: must be lower-case words");
  });

  it("of which nothing can be sent makes no load of history, which would call it complete", async () => {
    const { api, imported } = await importServer();
    const head = api.ledger.store.log.head();
    for (const lines of [[], ["{ not json", { body: {} }]])
      expect(await imported(aFile("lines.ndjson", ...lines), "--source", "crm")).toMatchObject({
        ...{ code: lines.length === 0 ? 0 : 1, commands: 0, refused: lines.length, recording: null, complete: true },
      });
    expect(api.ledger.store.log.head()).toBe(head);
  });

  it("names the column behind a refused field, and refuses a row once", async () => {
    const { imported } = await importServer();
    const [header, ...rows] = readFileSync(example("promises.csv"), "utf8").trim().split("\n");
    const bad = [
      rows[0]!.replace("2024-01-12 11:00", "on a Friday"),
      rows[1]!.replace("P-2", "P-9").replace("rep", "nobody"),
      rows[2]!.replace("0,5", "5").replace("P-3", "P-8"),
      `${rows[3]!};one cell too many`,
    ];
    const { refusals } = await imported(aFile("promises.csv", header!, ...bad), ...csv("promises"));
    expect(refusals.toSorted((a, b) => a.line - b.line)).toMatchObject([
      { line: 2, field: "/madeAt", column: "Promised", reason: "is no date of the form `iso`" },
      { line: 3, field: "/promisor", reason: expect.stringContaining("`map`") },
      { line: 4, field: "/fraction", column: "Share" },
      { line: 5, reason: "has 9 cells where the header has 8" },
    ]);
  });

  it("writes what became of each line, with the ids that were made", async () => {
    const { imported } = await importServer();
    const file = aFile(
      "lines.ndjson",
      "",
      { command: "open-account", body: { externalId: "C-99", source: "crm" } },
      { command: "add-person", body: { team: "No" } },
    );
    const results = join(scratchFolder(), "results.ndjson");
    await imported(file, "--results", results);
    expect(
      readFileSync(results, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as object),
    ).toMatchObject([
      { line: 2, status: 201, id: expect.stringMatching(/^acc_/) },
      { line: 3, status: 422, problem: { code: "validation-failed" } },
    ]);
  });

  it("takes a file of thousands of lines, answered while it is read", async () => {
    const account = "acc_0000000000000017";
    const visit = { kind: "visit", purpose: "relationship", direction: "outbound", minutes: 60 };
    const lines = Array.from({ length: 3_000 }, (_, index) => ({
      command: "record-interaction",
      body: { account, ...visit, startedAt: new Date(Date.UTC(2024, 0, 1) + index * 600_000).toISOString() },
    }));
    const { imported } = await importServer();
    expect(await imported(aFile("visits.ndjson", ...lines))).toMatchObject({
      lines: 3_000,
      accepted: 3_000,
      refused: 0,
      complete: true,
    });
  });

  it.each([
    ["a key that is none", ["--key", "troth_key_0000000000000000_AAAA"], 6, "refused the import"],
    ["a server that is not there", ["--url", "http://127.0.0.1:9"], 6, "can't be reached"],
    ["a URL that is none", ["--url", "troth"], 2, "is no URL"],
    ["a future that nobody knows", ["--source", "crm", "--up-to", "2150-01-01"], 2, "lies in the future"],
  ])("says what is wrong with %s", async (_what, options, code, sentence) => {
    const { where } = await importServer();
    const ran = await troth(["import", example("accounts.ndjson"), ...where, ...options]);
    expect(ran.code).toBe(code);
    expect(ran.err).toContain(sentence);
  });
});

describe("importing through a server", () => {
  const later = removedAtEnd();
  let data: string;
  let server: RunningServer;
  let env: Record<string, string>;
  beforeAll(async () => {
    data = await aLedger(later);
    const key = await aKey(data, "record", "read");
    server = await runningServer(data);
    env = { TROTH_URL: server.url, TROTH_KEY: key };
  });
  afterAll(async () => void (await server.stop()));

  it("is the same, and again adds nothing", async () => {
    const { code, out } = await trothProcess(["import", example("accounts.ndjson")], { env });
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining("5 recorded") as string });
    const options = ["--url", server.url, "--key", env["TROTH_KEY"]!, "--json"];
    const first = await troth(["import", example("interactions.csv"), ...csv("interactions"), ...options]);
    expect(JSON.parse(first.out)).toMatchObject({ accepted: 4, complete: true });
    const again = await troth(["import", example("interactions.csv"), ...csv("interactions"), ...options]);
    expect(JSON.parse(again.out)).toMatchObject({ accepted: 0, known: 4, complete: true });
  });

  it("is what a folder that is served asks for", async () => {
    const { code, err } = await troth(["import", example("accounts.ndjson"), "--data", data]);
    expect(code).toBe(3);
    expect(err).toContain("--url and --key");
  });
});

describe("what can't be imported", () => {
  let data: string;
  beforeEach(() => void (data = made));

  it.each([
    ["a CSV file without a mapping", [example("promises.csv")], "a CSV file needs --kind and --mapping"],
    [
      "a mapping for other rows",
      [example("promises.csv"), ...csv("promises", example("mapping-interactions.json"))],
      "is for interactions, not for promises",
    ],
    [
      "a file without the mapping's columns",
      [example("interactions.csv"), ...csv("promises"), "--dry-run"],
      'has no column "Id"',
    ],
    ["a mapping that is not there", [example("promises.csv"), ...csv("promises", "/nowhere.json")], "can't be read (ENOENT)"],
    ["a file that is not there", ["/nowhere.ndjson"], "there is no file /nowhere.ndjson"],
    ["a folder", [example("")], "is no file"],
    ["an end without a source", [example("accounts.ndjson"), "--up-to", "2024-01-01"], "--up-to needs --source"],
  ])("%s", async (_what, args, sentence) => {
    const { code, err } = await troth(["import", ...args, "--data", data]);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(sentence) as string });
  });
});
