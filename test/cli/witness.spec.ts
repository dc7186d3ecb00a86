import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { describe, expect, it, onTestFinished } from "vitest";
import { formatVerifierKey, parseVerifierKey } from "../../src/audit/verifier-key.ts";
import { keys, origin } from "../audit/log.examples.ts";
import { noteAt, request, send } from "../witness/support/heads.ts";
import { node, root, scratchFolder, troth } from "./support/troth.ts";

const log = formatVerifierKey(keys.log);
const name = "north.example/witness";

async function aWitnessFolder(): Promise<string> {
  const data = join(scratchFolder(), "witness");
  const { code, err } = await troth(["witness", "init", "--name", name, "--data", data]);
  expect(code, err).toBe(0);
  return data;
}

/** A witness as a process of its own. */
async function serving(args: readonly string[]) {
  const child = spawn(node, [join(root, "src/troth.js"), "witness", "serve", "--port", "0", ...args], { cwd: root });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => void (said += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => void (said += chunk.toString()));
  const exited = new Promise<number | null>((done) => child.on("close", done));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  await expect.poll(() => said, { timeout: 30_000 }).toMatch(/watches \S+ at http:/);
  return {
    url: /watches \S+ at (http:\S+)/.exec(said)![1]!,
    said: () => said,
    stop: (signal: NodeJS.Signals) => (child.kill(signal), exited),
  };
}

describe("troth witness init", () => {
  it("makes a key that its owner alone can read, and prints the public one; repeated, it prints it again", async () => {
    const data = await aWitnessFolder();
    expect(statSync(join(data, "witness.key")).mode & 0o777).toBe(0o600);
    const { out } = await troth(["witness", "key", "--data", data]);
    expect([parseVerifierKey(out.trimEnd()).name, parseVerifierKey(out.trimEnd()).type]).toEqual([name, 4]);
    const again = await troth(["witness", "init", "--name", name, "--data", data, "--json"]);
    expect(JSON.parse(again.out)).toEqual({ name, key: out.trimEnd() });
    expect((await troth(["witness", "init", "--name", "other.example", "--data", data])).code).toBe(5);
    expect(readFileSync(join(data, "witness.key"), "utf8")).toMatch(/^PRIVATE\+KEY\+north\.example\/witness\+/);
  });

  it.each([
    [["witness", "key", "--data", "/nowhere/at/all"], 4],
    [["witness", "init"], 2],
    [["witness", "init", "--name", "no spaces please"], 5],
    [["witness", "serve", "--name", name], 2],
    [["witness", "serve", "--name", name, "--log", "hello"], 2],
    [["witness", "serve", "--name", name, "--log", formatVerifierKey(keys.east)], 2],
    [["witness", "serve", "--name", name, "--logs", "/nowhere/logs.txt"], 2],
    [["witness", "serve", "--log", log], 4],
  ])("%j ends with %i", async (args, code) => {
    const env = { TROTH_WITNESS_DATA: join(scratchFolder(), "witness") };
    expect((await troth(args, { env })).code).toBe(code);
  });
});

describe("troth witness serve", () => {
  it("cosigns, shows what it cosigned, ends at a signal, and forgets when it is told to", async () => {
    const data = await aWitnessFolder();
    const file = join(data, "logs.txt");
    writeFileSync(file, `# those that we watch\nlog ${log}\n`);
    const { url, stop } = await serving(["--data", data, "--logs", file]);
    expect((await send(url, request(0, 8))).status).toBe(200);
    expect(await stop("SIGTERM")).toBe(0);
    const { items } = JSON.parse((await troth(["witness", "heads", "--json", "--data", data])).out) as {
      items: { origin: string; size: number; note: string }[];
    };
    expect(items).toMatchObject([{ origin, size: 8 }]);
    expect(items[0]!.note.startsWith(noteAt(8))).toBe(true);
    const { out } = await troth(["witness", "forget", origin, "--data", data]);
    expect(out).toBe(items[0]!.note);
    expect((await troth(["witness", "forget", origin, "--data", data])).code).toBe(2);
    const again = await serving(["--data", data, "--log", log]);
    expect((await send(again.url, request(0, 5))).status).toBe(200);
    expect(await again.stop("SIGINT")).toBe(0);
  });

  it("logs one line a request, and a head that was not cosigned with its note", async () => {
    const { url, said, stop } = await serving(["--data", await aWitnessFolder(), "--log", log]);
    await send(url, request(0, 8));
    await send(url, request(0, 9));
    await stop("SIGTERM");
    const lines = said()
      .split("\n")
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ route, status }) => [route, status])).toEqual(
      expect.arrayContaining([
        ["/add-checkpoint", 200],
        ["/add-checkpoint", 409],
      ]),
    );
    expect(lines.find(({ msg }) => msg === "a head was not cosigned")).toMatchObject({ answer: "8", note: noteAt(9) });
  });
});
