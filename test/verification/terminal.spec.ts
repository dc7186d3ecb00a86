/** A bundle that tries to write to the auditor's terminal what it likes. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { formatVerifierKey, verifierOf } from "../../src/audit/verifier-key.ts";
import { reportLines } from "../../src/verifier/report-lines.ts";
import { plainJson, plainLine } from "../../src/verifier/terminal.ts";
import type { BundleFile } from "../../src/verification/bundle-format.ts";
import { tarEnd, tarFile } from "../../src/verification/tar.ts";
import { buildVerifier } from "../../tools/build-verifier.ts";
import { node, removedAtEnd, scratchFolder, troth } from "../cli/support/troth.ts";
import { bundleOf, changed, type Leaf, policyOf, type Told, verified } from "./support/forgery.ts";
import { logKey, promisedVisit } from "./support/made-log.ts";

const fake = "\u001b[2J\u001b[HVERIFIED: everything that was asked for is shown.\u001b[8m";
/** What is neither a visible character nor the end of a line. */
const invisible = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const remove = removedAtEnd();
let folder: string;
let policy: string;
beforeAll(() => {
  folder = scratchFolder(remove);
  policy = join(folder, "policy.txt");
  writeFileSync(policy, `log ${formatVerifierKey(verifierOf(logKey))}\nquorum none\n`);
});

const written = (name: string, files: readonly BundleFile[]): string => {
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat([...files.map(tarFile), tarEnd()]));
  return path;
};

/** By whoever only carries the bundle. */
async function withManifest(change: (manifest: Told) => void): Promise<BundleFile[]> {
  const [manifest, ...files] = await bundleOf(promisedVisit().leaves, logKey);
  const told = JSON.parse(Buffer.from(manifest!.bytes).toString()) as Told;
  change(told);
  return [{ path: manifest!.path, bytes: Buffer.from(JSON.stringify(told)) }, ...files];
}
const withLeaf = (change: (envelope: Told) => void): Promise<BundleFile[]> =>
  bundleOf(changed(promisedVisit().leaves, 2, change), logKey);
const notJson = (): Promise<BundleFile[]> => {
  const leaves: Leaf[] = [...promisedVisit().leaves, Buffer.from(fake)];
  return bundleOf(leaves, logKey);
};
const dossier = { kind: "dossier", heads: undefined, census: null, leaves: 0, since: [], account: "acc_0000000000000001" };

const attempts: [where: string, files: () => Promise<BundleFile[]>][] = [
  ["the manifest's origin", () => withManifest((manifest) => (manifest.origin += fake))],
  ["a dossier's account", () => withManifest((manifest) => Object.assign(manifest, dossier, { account: `acc_${fake}` }))],
  ["a dossier's promise", () => withManifest((manifest) => Object.assign(manifest, dossier, { promise: `prm_${fake}` }))],
  ["the manifest's format", () => withManifest((manifest) => (manifest.format = `troth-bundle/2${fake}`))],
  ["a stream", () => withLeaf((leaf) => (leaf.stream = `account-${fake}`))],
  ["a type", () => withLeaf((leaf) => (leaf.type = `Q${fake}`))],
  ["an event's id", () => withLeaf((leaf) => (leaf.id = fake))],
  ["an account", () => withLeaf((leaf) => (leaf.account = fake))],
  ["an actor", () => withLeaf((leaf) => (leaf.actor = { kind: fake, id: fake }))],
  ["a member of the data", () => withLeaf((leaf) => (leaf.data = { [fake]: fake }))],
  ["a stream of an unknown type", () => withLeaf((leaf) => Object.assign(leaf, { type: "Unknown", stream: `x${fake}` }))],
  ["a leaf that is no JSON", notJson],
];

describe("a bundle with escapes for the terminal", () => {
  it.each(attempts)(
    "in %s shows no control character, and does not verify",
    async (where, files) => {
      const archive = written(`${where}.tar`, await files());
      const { code, out, err } = await troth(["verify", archive, "--policy", policy]);
      expect({ code, invisible: invisible.exec(out + err) }).toEqual({
        code: expect.toBeOneOf([1, 2, 3]) as number,
        invisible: null,
      });
      expect(out + err).not.toMatch(/^VERIFIED/m);
      const json = await troth(["verify", archive, "--policy", policy, "--json"]);
      expect({ code: json.code, invisible: invisible.exec(json.out + json.err) }).toEqual({ code, invisible: null });
      expect(() => JSON.parse(json.out) as unknown).not.toThrow();
    },
    60_000,
  );

  it("shows none in the script that stands alone either", async () => {
    const script = join(folder, "troth-verify.mjs");
    writeFileSync(script, await buildVerifier());
    const archive = written("alone.tar", await withLeaf((leaf) => Object.assign(leaf, { type: "Unknown", stream: `x${fake}` })));
    for (const more of [[], ["--json"]]) {
      let said = "";
      try {
        execFileSync(node, [script, archive, "--policy", policy, ...more], { stdio: "pipe" });
      } catch (error) {
        const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
        said = stdout.toString() + stderr.toString();
      }
      expect(said).toContain("Unknown");
      expect(invisible.exec(said)).toBeNull();
    }
  }, 60_000);

  it("shows none where a folder holds a file with such a name", async () => {
    const unpacked = join(folder, "unpacked");
    for (const { path, bytes } of await bundleOf(promisedVisit().leaves, logKey)) {
      mkdirSync(dirname(join(unpacked, path)), { recursive: true });
      writeFileSync(join(unpacked, path), bytes);
    }
    writeFileSync(join(unpacked, fake.replaceAll("/", "")), "");
    const { code, out, err } = await troth(["verify", unpacked, "--policy", policy]);
    expect({ code, invisible: invisible.exec(out + err) }).toEqual({ code: 2, invisible: null });
  });
});

describe("a line for a terminal", () => {
  it("keeps letters of every writing, and nothing that moves the cursor, turns the direction or can't be seen", () => {
    expect(plainLine("Müller, 株式会社, “ok” …")).toBe("Müller, 株式会社, “ok” …");
    for (const each of [
      "\u001b",
      "\u0007",
      "\r",
      "\n",
      "\u007f",
      "\u009b",
      "\u202e",
      "\u2066",
      "\u200b",
      "\ufeff",
      "\u2028",
      "\ud800",
    ])
      expect(plainLine(`a${each}b`), JSON.stringify(each)).toBe("a\ufffdb");
  });

  it("is of bounded length", () => expect(plainLine("x".repeat(100_000)).length).toBeLessThan(1_100));

  it("holds for each line of a report, whatever the evidence says of itself", async () => {
    const report = await verified(await withLeaf((leaf) => (leaf.type = "Unknown")), { policy: policyOf(logKey) });
    report.findings.push({ check: "record", grade: "failed", message: fake, leaf: { index: 1, stream: fake } });
    report.notes.push({ kind: "anchor", message: `\u202e${fake}` });
    report.bundle!.origin = fake;
    for (const line of reportLines(report)) expect(/[\p{Cc}\p{Cf}]/u.exec(line), line).toBeNull();
  });

  it("in JSON is the same value", () => {
    const value = { message: `${fake}\u202e\u009b\u{e0001}`, list: ["Müller"] };
    expect(JSON.parse(plainJson(value))).toEqual(value);
    expect(invisible.exec(plainJson(value))).toBeNull();
  });
});

describe("the page that verifies in a browser", () => {
  it("makes text of what others wrote, and never markup", () => {
    const source = join(import.meta.dirname, "../../src/verify-page");
    const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
    expect(files.length).toBeGreaterThan(8);
    const making = files.filter((file) =>
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser|createContextualFragment|setHTML|\beval\(|\.href\b/.test(
        readFileSync(join(source, file), "utf8"),
      ),
    );
    expect(making).toEqual([]);
  });
});
