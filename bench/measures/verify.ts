/** Verifying the whole log against a bare loop that hashes each leaf, parses it and holds it against its canonical form. */
import { execFileSync } from "node:child_process";
import { createReadStream, createWriteStream, readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeEntryBundle } from "../../src/audit/entry-bundles.ts";
import { leafHash } from "../../src/audit/hashing.ts";
import { parseTilePath } from "../../src/audit/tiles.ts";
import { formatVerifierKey, parseSignerKey, verifierOf } from "../../src/audit/verifier-key.ts";
import { canonicalText, isCanonical } from "../../src/canonical/canonical-json.ts";
import { bundleFolder } from "../../src/composition/folder-bundle.ts";
import { filesInTar } from "../../src/verification/tar.ts";
import type { Report } from "../../src/verification/report.ts";
import { runVerification } from "../../src/verifier/run.ts";
import { type Figure, median, timed } from "../measuring.ts";
import { digestOf } from "../support/facts.ts";
import { inScratch, onCopy } from "../support/ledgers.ts";

type Spent = { seconds: number; cpuSeconds: number };
type Round = { verify: Spent; bare: Spent; bareFast: Spent };
export type Verification = {
  rounds: Round[];
  leaves: number;
  bytes: number;
  verdicts: number;
  residentMb: number;
  digest: string;
};

/** @param folder a ledger; it stays as it is. */
export const measureVerification = (folder: string, roundCount: number): Promise<Verification> =>
  onCopy(folder, (copy) =>
    inScratch(async (scratch) => {
      const [bundle, policy] = [join(scratch, "log.tar"), join(scratch, "policy.txt")];
      const bytes = await bundled(copy, bundle);
      const key = parseSignerKey(readFileSync(join(`${copy}.keys`, "log.key"), "utf8").trimEnd());
      writeFileSync(policy, `log ${formatVerifierKey(verifierOf(key))}\nquorum none\n`);
      const rounds: Round[] = [];
      let report: Report | undefined;
      for (let number = 0; number < roundCount; number += 1) {
        const verified = await spent(() => runVerification({ bundle, policy }, process.stdin, () => undefined));
        const bare = await spent(() => bareLoop(bundle, (text, value) => canonicalText(value) === text));
        const bareFast = await spent(() => bareLoop(bundle, isCanonical));
        rounds.push({ verify: verified, bare, bareFast });
        report = verified.result.report;
        if (report?.exitCode !== 0)
          throw new Error(`the log does not verify: ${JSON.stringify(report?.findings[0] ?? verified.result)}`);
      }
      const verdicts = report!.checks.find(({ name }) => name === "verdicts")!.checked;
      return {
        rounds,
        leaves: report!.bundle!.size,
        bytes,
        verdicts,
        residentMb: residentMbOf(bundle, policy),
        digest: digestOf(report!.checks.filter(({ name }) => name !== "head").map((check) => JSON.stringify(check))),
      };
    }),
  );

/** Time by the clock, and time of the processor, which does not depend on what else the machine does. */
async function spent<Result>(work: () => Promise<Result>): Promise<Spent & { result: Result }> {
  const before = process.cpuUsage();
  const { seconds, result } = await timed(work);
  const { user, system } = process.cpuUsage(before);
  return { seconds, cpuSeconds: (user + system) / 1e6, result };
}

async function bundled(folder: string, path: string): Promise<number> {
  const file = createWriteStream(path);
  let bytes = 0;
  const options = { folder, head: "newest", open: false, since: [], onProgress: () => undefined } as const;
  await bundleFolder(options, async (chunk) => {
    bytes += chunk.length;
    if (!file.write(chunk)) await once(file, "drain");
  });
  file.end();
  await once(file, "close");
  return bytes;
}

/** Reads the same archive in the same way, and does with each leaf what no verifier can do without. */
async function bareLoop(bundle: string, isRight: (text: string, value: unknown) => boolean): Promise<number> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let count = 0;
  for await (const { path, bytes } of filesInTar(
    createReadStream(bundle, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>,
  )) {
    const tile = parseTilePath(path);
    if (tile?.level !== "entries") continue;
    for (const leaf of decodeEntryBundle(bytes, tile.width)) {
      const hash = leafHash(leaf);
      const text = decoder.decode(leaf);
      if (hash.length !== 32 || !isRight(text, JSON.parse(text))) throw new Error("a leaf is not canonical");
      count += 1;
    }
  }
  return count;
}

/** The most that a process of its own, which does nothing else, had in memory. */
function residentMbOf(bundle: string, policy: string): number {
  const script = fileURLToPath(new URL("../support/verify-process.ts", import.meta.url));
  return Number(execFileSync(process.execPath, [script, bundle, policy]).toString());
}

export function verificationFigures({ rounds, leaves, bytes, verdicts, residentMb, digest }: Verification): Figure[] {
  const of = (value: (round: Round) => number): number => median(rounds.map(value));
  return [
    { name: "ratio", value: of(({ verify, bare }) => bare.seconds / verify.seconds), target: "≥ 0.5" },
    { name: "ratio of processor time", value: of(({ verify, bare }) => bare.cpuSeconds / verify.cpuSeconds) },
    {
      name: "ratio to the bare loop with the verifier's own test of canonical form",
      value: of(({ verify, bareFast }) => bareFast.seconds / verify.seconds),
    },
    { name: "verify", value: of(({ verify }) => leaves / verify.seconds), unit: "leaves/s" },
    { name: "verify, by processor time", value: of(({ verify }) => leaves / verify.cpuSeconds), unit: "leaves/s" },
    { name: "bare loop", value: of(({ bare }) => leaves / bare.seconds), unit: "leaves/s" },
    { name: "resident memory at most", value: residentMb, unit: "MB" },
    { name: "leaves", value: leaves },
    { name: "verdicts and censuses reached again", value: verdicts },
    { name: "bundle", value: bytes / 1e6, unit: "MB" },
    { name: "digest of the checks", value: digest },
  ];
}
