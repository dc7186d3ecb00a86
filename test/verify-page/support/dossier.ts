/** The founding story in a ledger of its own, counted by a census, and the dossier of its first promise with its text opened. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatVerifierKey, parseSignerKey, verifierOf } from "../../../src/audit/verifier-key.ts";
import { storyIds } from "../../../src/cli/demo/story.ts";
import { type BundleFile, manifestText, parseManifest } from "../../../src/verification/bundle-format.ts";
import { filesInTar, tarEnd, tarFile } from "../../../src/verification/tar.ts";
import { troth } from "../../cli/support/troth.ts";

export type MadeDossier = { archive: string; key: string; files: BundleFile[] };

/** @param folder an empty one. */
export async function dossierIn(folder: string): Promise<MadeDossier> {
  const data = join(folder, "data");
  const archive = join(folder, "dossier.tar");
  for (const args of [
    ["demo", "--data", data],
    ["census", "--data", data],
    ["bundle", "--data", data, "--promise", storyIds.visits, "--out", archive, "--open"],
  ]) {
    const { code, err } = await troth(args);
    if (code !== 0) throw new Error(err);
  }
  const signer = parseSignerKey(readFileSync(join(`${data}.keys`, "log.key"), "utf8").trimEnd());
  return {
    archive,
    key: formatVerifierKey(verifierOf(signer)),
    files: await Array.fromAsync(filesInTar([readFileSync(archive)])),
  };
}

export function archived(path: string, files: readonly BundleFile[]): string {
  writeFileSync(path, Buffer.concat([...files.map(tarFile), tarEnd()]));
  return path;
}

const textOf = ({ bytes }: BundleFile): string => Buffer.from(bytes).toString("utf8");
const withText = (file: BundleFile, text: string): BundleFile => ({ ...file, bytes: Buffer.from(text) });

/** What somebody might hand over in place of a true dossier, each with a word of the reason that must be told. */
export function forgedDossiers(files: readonly BundleFile[]): [what: string, files: BundleFile[], says: RegExp][] {
  const replaced = (pattern: RegExp, from: string, to: string): BundleFile[] => {
    const at = files.findIndex((file) => pattern.test(file.path) && textOf(file).includes(from));
    if (at < 0) throw new Error(`no ${pattern} holds ${from}`);
    return files.with(at, withText(files[at]!, textOf(files[at]!).replace(from, to)));
  };
  const late = files.findIndex((file) => file.path.startsWith("leaf/") && textOf(file).includes('"verdict":"kept-late"'));
  const [, index] = /([0-9]+)/.exec(files[late]!.path)!;
  const without = files
    .filter(({ path }) => ![`leaf/${index}`, `receipt/${index}`, `openings/leaf/${index}.ndjson`].includes(path))
    .map((file) => {
      const manifest = file.path === "manifest.json" ? parseManifest(file.bytes) : undefined;
      return manifest?.kind === "dossier" ? withText(file, manifestText({ ...manifest, leaves: manifest.leaves - 1 })) : file;
    });
  return [
    [
      "a verdict told better than it was",
      replaced(/^leaf\//, '"verdict":"kept-late"', '"verdict":"kept"'),
      /receipt does not lead/,
    ],
    ["a shorter visit told longer", replaced(/^leaf\//, '"minutes":60', '"minutes":90'), /receipt does not lead/],
    ["a verdict left out", without, /something was left out/],
    ["other words in the mouth of the promisor", replaced(/^openings\//, "every two weeks", "every four weeks"), /commit/],
    ["a census of fewer events", replaced(/^census\.json$/, '\\"events\\":', '\\"events\\":1'), /census/],
    ["another head", replaced(/^checkpoint$/, "\n", "x\n"), /tree head of the log/],
  ];
}
