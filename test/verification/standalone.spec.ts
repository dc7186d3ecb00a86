/** The verifier as one script: the same bytes from the same sources, the same report as the command, on an older Node too. */
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { formatVerifierKey, verifierOf } from "../../src/audit/verifier-key.ts";
import { buildVerifier } from "../../tools/build-verifier.ts";
import { node, removedAtEnd, scratchFolder, troth } from "../cli/support/troth.ts";
import { type Evidence, storyIn } from "./support/story.ts";
import { headOf } from "./support/forgery.ts";

const remove = removedAtEnd();
let story: Evidence;
let script: string;
let policy: string;
beforeAll(async () => {
  story = await storyIn(scratchFolder(remove));
  script = join(story.folder, "troth-verify.mjs");
  writeFileSync(script, await buildVerifier());
  policy = join(story.folder, "policy.txt");
  writeFileSync(policy, `log ${formatVerifierKey(verifierOf(story.key))}\nquorum none\n`);
}, 120_000);

/** A Node that the machine has beside the project's own; undefined where there is none. */
function otherNode(): { path: string; version: string } | undefined {
  const own = execFileSync(node, ["--version"]).toString().trim();
  const places = (process.env["PATH"] ?? "").split(":").filter((folder) => !folder.includes("node_modules"));
  for (const folder of [...places, "/usr/bin", "/usr/local/bin"]) {
    const { status, stdout } = spawnSync(join(folder, "node"), ["--version"]);
    const version = status === 0 ? stdout.toString().trim() : own;
    if (version !== own && Number(/^v(\d+)/.exec(version)?.[1]) >= 20) return { path: join(folder, "node"), version };
  }
  console.warn("skipped: there is no other Node from version 20 on here");
  return undefined;
}

const run = (path: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(path, [script, ...args], { env: {} });
  return { code: status, out: stdout.toString(), err: stderr.toString() };
};

describe("the verifier that stands alone", () => {
  it("is the same script whenever it is built, names no place of the machine, and can be read", async () => {
    const text = await buildVerifier();
    expect(await buildVerifier()).toBe(text);
    expect(text).not.toContain(process.cwd());
    expect(text.split("\n").filter((line) => line.length > 2_000)).toEqual([]);
    expect(text.match(/^import .* from "(?!node:)/m)).toBeNull();
  }, 60_000);

  it("gives the report that the command gives", async () => {
    const { out } = await troth(["verify", story.archive, "--policy", policy, "--json"]);
    const alone = run(node, story.archive, "--policy", policy, "--json");
    expect(alone).toEqual({ code: 0, out, err: "" });
  });

  it("gives it on an older Node as well, and for a folder", ({ skip }) => {
    const other = otherNode();
    if (other === undefined) return skip();
    const folder = join(story.folder, "unpacked");
    execFileSync("mkdir", [folder]);
    execFileSync("tar", ["xf", story.archive, "-C", folder]);
    const [ours, theirs] = [node, other.path].map((path) => run(path, folder, "--policy", policy, "--json"));
    expect(theirs).toEqual(ours);
    expect(theirs!.code).toBe(0);
  });

  it.each([
    ["a log cut short, against a head that was kept", 1],
    ["a file that is no bundle", 2],
    ["nothing at all", 2],
    ["a date that lies after the bundle", 3],
  ])("ends with the code for %s", (what, code) => {
    const kept = join(story.folder, "kept.head");
    const { note } = headOf([...story.leaves, story.leaves[0]!], story.key);
    writeFileSync(kept, note);
    const args: Record<number, string[]> = {
      1: [story.archive, "--policy", policy, "--since", kept],
      2: what.startsWith("nothing") ? [] : [policy, "--policy", policy],
      3: [story.archive, "--policy", policy, "--as-of", "2099-01-01"],
    };
    expect(run(node, ...args[code]!).code).toBe(code);
  });
});
