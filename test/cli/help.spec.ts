import { describe, expect, it } from "vitest";
import { troth, trothProcess } from "./support/troth.ts";

const subcommands = [
  ...["demo", "init", "serve", "import", "export", "sql", "erase", "status", "check", "rebuild", "replay"],
  ...["backup", "restore", "witness", "rotate-log-key"],
];

describe("help", () => {
  it("names every subcommand and what each exit code means", async () => {
    const { code, out, err } = await trothProcess(["--help"]);
    expect(code).toBe(0);
    expect(err).toBe("");
    for (const name of [...subcommands, "keys"]) expect(out).toMatch(new RegExp(`^ {2}${name}`, "m"));
    for (const meaning of ["another process works on the data folder", "the ledger is damaged"]) expect(out).toContain(meaning);
  });

  it.each(subcommands)("of `%s` shows examples and exit codes", async (name) => {
    const { code, out } = await troth([name, "--help"]);
    expect(code).toBe(0);
    expect(out).toContain("Example");
    expect(out).toContain(`troth ${name}`);
    expect(out).toContain("Exit codes:");
  });

  it.each(["list", "issue", "revoke"])("of `keys %s` shows an example", async (name) => {
    expect((await troth(["keys", name, "--help"])).out).toContain(`troth keys ${name}`);
  });
});

describe("a command line that can't be understood", () => {
  it.each([
    [["frobnicate"], "unknown command 'frobnicate'"],
    [["status", "--frob"], "unknown option '--frob'"],
    [["import"], "missing required argument 'file'"],
    [["serve", "--port", "70000"], "70000 is no port"],
    [["init", "--name", "North Sales"], "Lower-case words joined by hyphens"],
    [["keys", "issue", "calendar", "--scope", "everything"], "Allowed choices are record"],
    [["import", "history.ndjson", "--source", "crm", "--up-to", "yesterday"], "An instant with its zone is wanted"],
  ])("%j is said in one sentence, with exit code 2", async (args, sentence) => {
    const { code, out, err } = await troth(args);
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toContain(sentence);
    expect(err).toMatch(/^troth: /);
    expect(err).not.toMatch(/\n\s+at /);
  });
});

it("an error shows its stack to who asks for it with TROTH_DEBUG", async () => {
  const args = ["status", "--data", "/nowhere/at/all"];
  expect((await troth(args)).err).not.toMatch(/\n\s+at /);
  expect((await troth(args, { env: { TROTH_DEBUG: "1" } })).err).toMatch(/\n\s+at /);
});
