/** Bundles of whatever leaves a forger likes, signed by whatever key the forger has. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeEntryBundle } from "../../../src/audit/entry-bundles.ts";
import { leafHash } from "../../../src/audit/hashing.ts";
import { rootHash } from "../../../src/audit/merkle.ts";
import { parsePolicy, type Policy } from "../../../src/audit/policy.ts";
import { growTiles } from "../../../src/audit/tile-growth.ts";
import { parseTilePath } from "../../../src/audit/tiles.ts";
import { cosign, signTreeHead, treeHeadText } from "../../../src/audit/tree-head.ts";
import { formatVerifierKey, parseSignerKey, signerKey, type SignerKey, verifierOf } from "../../../src/audit/verifier-key.ts";
import { logBundle } from "../../../src/bundling/log-bundle.ts";
import type { BundleSource } from "../../../src/bundling/source.ts";
import { canonicalBytes } from "../../../src/canonical/canonical-json.ts";
import type { StoredEvent } from "../../../src/event-store/event-store.ts";
import type { SignedHead } from "../../../src/transparency/stores.ts";
import type { Auditor } from "../../../src/verification/auditor.ts";
import type { BundleFile } from "../../../src/verification/bundle-format.ts";
import { filesInTar } from "../../../src/verification/tar.ts";
import { verifyBundle } from "../../../src/verification/verify.ts";

export type Leaf = Uint8Array;
// Forgeries change whatever member they are about.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Told = any;

export const toldIn = (leaf: Leaf): Told => JSON.parse(Buffer.from(leaf).toString("utf8")) as Told;
export const leafOf = (told: Told): Leaf => new Uint8Array(canonicalBytes(told));

/** The leaves with one of them told otherwise. */
export function changed(leaves: readonly Leaf[], index: number, change: (told: Told) => void): Leaf[] {
  const told = toldIn(leaves[index]!);
  change(told);
  return leaves.with(index, leafOf(told));
}

export const indexOfType = (leaves: readonly Leaf[], type: string, matches: (told: Told) => boolean = () => true): number => {
  const index = leaves.findIndex((leaf) => toldIn(leaf).type === type && matches(toldIn(leaf)));
  if (index < 0) throw new Error(`there is no ${type}`);
  return index;
};

export const strangersKey = (origin: string): SignerKey => signerKey(origin, 0x01, new Uint8Array(32).fill(66));
export const witness = signerKey("east.example/witness", 0x04, new Uint8Array(32).fill(11));

export const keyIn = (keysFolder: string): SignerKey =>
  parseSignerKey(readFileSync(join(keysFolder, "log.key"), "utf8").trimEnd());

export const policyOf = (key: SignerKey, quorum: "none" | "w" = "none"): Policy =>
  parsePolicy(
    `log ${formatVerifierKey(verifierOf(key))}\nwitness w ${formatVerifierKey(verifierOf(witness))}\nquorum ${quorum}\n`,
  );

export function headOf(leaves: readonly Leaf[], key: SignerKey, cosignedAt?: number): SignedHead {
  const head = { origin: key.name, size: leaves.length, root: rootHash(leaves.map(leafHash)) };
  const line = cosignedAt === undefined ? "" : cosign(treeHeadText(head), witness, cosignedAt);
  return { ...head, note: signTreeHead(head, [key]) + line };
}

export function sourceOf(leaves: readonly Leaf[], head: SignedHead, more: Partial<BundleSource> = {}): BundleSource {
  const tiles = new Map<string, Uint8Array>();
  for (const { level, index, bytes } of growTiles(() => new Uint8Array(0), 0, leaves.map(leafHash)))
    tiles.set(`${level}/${index}`, bytes);
  const events = leaves.map((leaf, index): StoredEvent => {
    const { id, stream, revision } = toldOrNothing(leaf);
    return { position: index + 1, stream, revision, id, leaf, ciphertext: null };
  });
  return {
    log: {
      readAll: (after, count) => events.slice(after, after + count),
      readStream: (stream) => events.filter((event) => event.stream === stream),
      readPositions: (positions) => events.filter(({ position }) => positions.includes(position)),
    },
    readTile: (level, index, width) => tiles.get(`${level}/${index}`)!.subarray(0, width * 32),
    head,
    earlier: [],
    ...more,
  };
}

function toldOrNothing(leaf: Leaf): { id: string; stream: string; revision: number } {
  try {
    return toldIn(leaf) as { id: string; stream: string; revision: number };
  } catch {
    return { id: "", stream: "", revision: 0 };
  }
}

export async function filesOf(files: AsyncIterable<BundleFile>): Promise<BundleFile[]> {
  const all: BundleFile[] = [];
  for await (const { path, bytes } of files) all.push({ path, bytes: new Uint8Array(bytes) });
  return all;
}

/** The bundle of these leaves under a head signed by this key. */
export const bundleOf = (leaves: readonly Leaf[], key: SignerKey, more: Partial<BundleSource> = {}): Promise<BundleFile[]> =>
  filesOf(logBundle(sourceOf(leaves, more.head ?? headOf(leaves, key), more)));

export const filesInArchive = (path: string): Promise<BundleFile[]> => filesOf(filesInTar([readFileSync(path)]));

export function leavesIn(files: readonly BundleFile[]): Leaf[] {
  return files.flatMap(({ path, bytes }) => {
    const tile = parseTilePath(path);
    return tile?.level === "entries" ? decodeEntryBundle(bytes, tile.width).map((leaf) => leaf.slice()) : [];
  });
}

export const verified = (files: readonly BundleFile[], auditor: Auditor) => verifyBundle(files, auditor);

/** What a report comes to, in one line for comparison. */
export const told = ({ exitCode, findings, firstBadLeaf }: Awaited<ReturnType<typeof verified>>) => ({
  exitCode,
  checks: [...new Set(findings.map(({ check }) => check))],
  messages: findings.map(({ message }) => message).join("\n"),
  leaf: firstBadLeaf?.index,
});
