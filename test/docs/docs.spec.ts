/** Documents are held to what they say: commands run against a real server, JSON parses, named files exist. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runningServer, type RunningServer } from "../support/server.ts";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const documents = [
  "README.md",
  "CONTRIBUTING.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
].filter((path) => existsSync(join(root, path)));

type Block = { script: string; prints: string[] };

/** Blocks marked `<!-- run -->`, each with what the comments after it say that it prints. */
function runnableBlocks(text: string): Block[] {
  return [...text.matchAll(/<!-- run -->\n```sh\n([\s\S]*?)```\n((?:<!-- prints: .* -->\n?)*)/g)].map(
    ([, script = "", prints = ""]) => ({
      script,
      prints: [...prints.matchAll(/<!-- prints: (.*) -->/g)].map(([, expected]) => expected!),
    }),
  );
}

/**
 * One shell for a whole document, so that later blocks see the variables of earlier ones. A refused request ends it, but for 503: the
 * machine is shared with other specs.
 */
async function runShell(script: string, environment: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const shell = spawn(
    "bash",
    ["-euo", "pipefail", "-c", `curl() { command curl --retry 20 --retry-delay 1 --fail-with-body "$@"; echo; }\n${script}`],
    {
      cwd: root,
      env: { ...process.env, ...environment },
    },
  );
  let output = "";
  shell.stdout.on("data", (chunk: Buffer) => void (output += chunk.toString()));
  shell.stderr.on("data", (chunk: Buffer) => void (output += chunk.toString()));
  const code = await new Promise<number | null>((done) => shell.on("close", done));
  return { code, output };
}

describe.each(documents.filter((path) => runnableBlocks(read(path)).length > 0))("the commands of %s", (path) => {
  const folder = mkdtempSync(join(tmpdir(), "troth-docs-"));
  let server: RunningServer;
  beforeAll(async () => void (server = await runningServer(join(folder, "data"))));
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("run as they stand, and print what is said", async () => {
    const blocks = runnableBlocks(read(path));
    const script = blocks.map((block, index) => `echo "=== ${index}"\n${block.script}`).join("\n");
    const { code, output } = await runShell(script, { TROTH: server.url, AUTH: `Authorization: Bearer ${server.secret}` });
    expect(output, output).not.toContain("curl: (");
    expect(code, output).toBe(0);
    const outputs = output.split(/=== \d+\n/).slice(1);
    for (const [index, { prints }] of blocks.entries()) for (const expected of prints) expect(outputs[index]).toContain(expected);
  });
});

describe.each(documents)("%s", (path) => {
  const text = read(path);

  it("holds JSON that parses", () => {
    for (const [, json = ""] of text.matchAll(/```json\n([\s\S]*?)```/g))
      expect(() => JSON.parse(json) as unknown, json).not.toThrow();
  });

  it("names only files that exist", () => {
    const named = [...text.matchAll(/`((?:src|test|docs|bench|examples)\/[\w./-]+\.(?:ts|md|json|cjs|js|csv|ndjson))`/g)].map(
      ([, file]) => file!,
    );
    expect(named.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    const linked = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, target]) => resolve(root, path, "..", target!));
    expect(linked.filter((target) => !existsSync(target))).toEqual([]);
  });
});
