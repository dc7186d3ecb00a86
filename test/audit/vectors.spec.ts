/** Conformance with vectors that nobody on this project wrote. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { decodeEntryBundle, encodeEntryBundle } from "../../src/audit/entry-bundles.ts";
import { emptyRoot, leafHash, nodeHash } from "../../src/audit/hashing.ts";
import { rootHash, verifyConsistency, verifyInclusion } from "../../src/audit/merkle.ts";
import { sha256 } from "../../src/audit/sha256.ts";
import { noteOf, openNote, signatureLine } from "../../src/audit/signed-note.ts";
import { growTiles } from "../../src/audit/tile-growth.ts";
import {
  consistencyProofFromTiles,
  inclusionProofFromTiles,
  rootFromTiles,
  type TileReader,
} from "../../src/audit/tile-proofs.ts";
import { parseTilePath, partialTilesOf, tilePath, tilesOf } from "../../src/audit/tiles.ts";
import { openTreeHead, parseTreeHeadText, treeHeadText } from "../../src/audit/tree-head.ts";
import { formatSignerKey, formatVerifierKey, parseSignerKey, parseVerifierKey } from "../../src/audit/verifier-key.ts";
import { vectors } from "../support/samples.ts";
import { auditError, hex } from "./log.examples.ts";

const folder = vectors();
const read = (...path: string[]) => readFileSync(join(folder!, ...path));
const json = <T>(...path: string[]) => JSON.parse(read(...path).toString("utf8")) as T;
const files = (pattern: string) => (folder ? globSync(pattern, { cwd: folder }).sort() : []);
const bytes = (base64: string) => Buffer.from(base64, "base64");
const fromHex = (text: string) => Buffer.from(text, "hex");

describe.skipIf(!folder)("proofs of transparency-dev/merkle", () => {
  const inclusion = files("transparency-dev-merkle/testdata/inclusion/**/*.json");
  const consistency = files("transparency-dev-merkle/testdata/consistency/**/*.json");
  it("are all there", () => expect([inclusion.length, consistency.length]).toEqual([98, 98]));

  it.each(inclusion)("%s", (file) => {
    type Case = { leafIdx: number; treeSize: number; root: string; leafHash: string; proof: string[] | null; wantErr: boolean };
    const { leafIdx, treeSize, root, leafHash, proof, wantErr } = json<Case>(file);
    expect(verifyInclusion(bytes(leafHash), leafIdx, treeSize, (proof ?? []).map(bytes), bytes(root))).toBe(!wantErr);
  });

  it.each(consistency)("%s", (file) => {
    type Case = { size1: number; size2: number; root1: string; root2: string; proof: string[] | null; wantErr: boolean };
    const { size1, size2, root1, root2, proof, wantErr } = json<Case>(file);
    expect(verifyConsistency(size1, size2, (proof ?? []).map(bytes), bytes(root1), bytes(root2))).toBe(!wantErr);
  });
});

describe.skipIf(!folder)("rfc6962-roots/roots.json", () => {
  type Roots = { leafInputsHex: string[]; nodeHashesHexByLevel: string[][]; rootHashesHexBySize: string[]; hasher: Hashed[] };
  type Hashed = { desc: string; want: string; leafHex?: string; leafUtf8?: string; leftUtf8?: string; rightUtf8?: string };
  const file = folder ? json<Roots>("rfc6962-roots/roots.json") : undefined;
  const { leafInputsHex: inputs = [], nodeHashesHexByLevel: levels = [], rootHashesHexBySize: roots = [] } = file ?? {};
  const leaves = inputs.map((input) => leafHash(fromHex(input)));

  it("gives the hashes of its leaves and nodes", () => {
    let level = leaves;
    for (const expected of levels) {
      expect(level.map(hex)).toEqual(expected);
      level = level.flatMap((left, at) => (at % 2 === 0 && at + 1 < level.length ? [nodeHash(left, level[at + 1]!)] : []));
    }
    expect(levels).toHaveLength(4);
  });

  it.each(roots.map((root, size) => ({ size, root })))("gives the root of $size leaves", ({ size, root }) => {
    expect(hex(rootHash(leaves, size))).toBe(root);
  });

  it.each(file?.hasher ?? [])("gives the $desc", ({ want, leafHex, leafUtf8 = "", leftUtf8, rightUtf8 = "" }) => {
    // The pieces of its node are not 32 bytes long, which no node of a tree has: that case is of the prefix alone.
    if (leftUtf8 !== undefined) expect(hex(sha256(Buffer.from(`\x01${leftUtf8}${rightUtf8}`)))).toBe(want);
    else if (want === hex(emptyRoot())) expect([leafHex, leafUtf8]).toEqual([undefined, ""]);
    else expect(hex(leafHash(leafHex === undefined ? Buffer.from(leafUtf8) : fromHex(leafHex)))).toBe(want);
  });
});

type Notes = {
  goodVkeys: string[];
  badVkeys: string[];
  sign: { skey: string; text: string; want: string }[];
  notes: { desc: string; note: string; vkeys: string[]; want: string; verified?: string[] }[];
};
type TilePaths = { valid: string[]; invalid: string[]; tree: { good: { text: string; hashIsLeafHashOf: string } } };

describe.skipIf(!folder)("golang-sumdb-note", () => {
  const file = folder ? json<Notes>("golang-sumdb-note/notes.json") : undefined;
  const paths = folder ? json<TilePaths>("golang-sumdb-note/tile-paths.json") : undefined;

  it.each(file?.goodVkeys ?? [])("notes.json reads the key %s", (text) => {
    expect(formatVerifierKey(parseVerifierKey(text))).toBe(text);
  });

  it.each(file?.badVkeys ?? [])("notes.json refuses the key %s", async (text) => {
    expect(await auditError(() => parseVerifierKey(text))).toEqual({ code: "malformed-key" });
  });

  it.each(file?.sign ?? [])("notes.json signs $text", ({ skey, text, want }) => {
    const key = parseSignerKey(skey);
    expect(formatSignerKey(key)).toBe(skey);
    expect(noteOf(text, [signatureLine(text, key)])).toBe(want);
  });

  it.each(file?.notes ?? [])("notes.json, note: $desc", async ({ note, vkeys, want, verified }) => {
    const keys = vkeys.map(parseVerifierKey);
    if (want !== "ok") {
      expect(await auditError(() => openNote(note, keys))).toBeDefined();
      return;
    }
    const opened = await openNote(Buffer.from(note), keys);
    expect(opened.signatures.map(({ key }) => key.name)).toEqual(verified);
    expect(opened.signatures.length + opened.unknown.length).toBe(2);
  });

  // The paths of that time name the height of their tiles too, which is fixed at 8 now.
  const withoutHeight = (path: string) => path.replace(/^tile\/[0-9]+\//, "tile/");

  it.each(paths?.valid ?? [])("tile-paths.json reads %s", (path) => {
    const tile = parseTilePath(withoutHeight(path));
    expect(tile && tilePath(tile)).toBe(withoutHeight(path));
  });

  it.each(paths?.invalid ?? [])("tile-paths.json refuses %s", (path) => {
    expect(parseTilePath(withoutHeight(path))).toBeUndefined();
    expect(parseTilePath(path)).toBeUndefined();
  });

  it("tile-paths.json has a tree head", () => {
    const { text, hashIsLeafHashOf } = paths!.tree.good;
    const head = parseTreeHeadText(text);
    expect(head).toMatchObject({ origin: "go.sum database tree", size: 123_456_789_012, extensions: [] });
    expect(hex(head.root)).toBe(hex(leafHash(Buffer.from(hashIsLeafHashOf))));
  });
});

type Examples = {
  vkey: string;
  note: string;
  tileCounts: ({ treeSize: number } & Record<string, number>)[];
  tileIndexPath: { n: number; path: string }[];
};

describe.skipIf(!folder)("c2sp-spec-examples/signed-note.json", () => {
  const file = folder ? json<Examples>("c2sp-spec-examples/signed-note.json") : undefined;

  it("opens its note", async () => {
    const { text, signatures } = await openNote(file!.note, [parseVerifierKey(file!.vkey)]);
    expect(text).toBe("This is an example message.\n");
    expect(signatures).toHaveLength(1);
  });

  it.each(file?.tileCounts ?? [])("counts the tiles of $treeSize leaves", ({ treeSize, ...counts }) => {
    const tiles = [...tilesOf(treeSize)];
    const partial = partialTilesOf(treeSize);
    for (const [name, count] of Object.entries(counts)) {
      const [, level, kind] = /^level([0-9])(full|partialWidth)$/.exec(name)!;
      const on = (tile: { level: number }) => tile.level === Number(level);
      const full = tiles.filter((tile) => on(tile) && tile.width === 256).length;
      expect([name, kind === "full" ? full : (partial.find(on)?.width ?? 0)]).toEqual([name, count]);
    }
  });

  it.each(file?.tileIndexPath ?? [])("writes tile $n as $path", ({ n, path }) => {
    expect(tilePath({ level: 0, index: n, width: 256 })).toBe(`tile/0/${path}`);
  });
});

describe.skipIf(!folder)("tessera-testlog", () => {
  const log = "tessera-testlog/testdata/log";
  const notice = folder ? read("tessera-testlog/NOTICE.md").toString("utf8") : "";
  const keys = [/vkey: (\S+)/.exec(notice)?.[1] ?? []].flat().map(parseVerifierKey);
  const leaves = (/^Leaves: (.*)$/m.exec(notice)?.[1] ?? "").split(" ").map((leaf) => leafHash(Buffer.from(leaf)));
  const tile: TileReader = (level, index, width) => read(log, tilePath({ level, index, width }));

  const heads = files(`${log}/checkpoint*`);
  it("is all there", () => {
    expect(heads).toHaveLength(17); // One for each size from 0 to 15, and the latest again.
    expect(files(`${log}/tile/0/000.p/*`)).toHaveLength(15);
    expect(files(`${log}/tile/entries/000.p/*`)).toHaveLength(15);
  });

  it.each(heads)("%s is signed, and is the root of its leaves", async (file) => {
    const head = await openTreeHead(read(file), keys);
    expect(treeHeadText(head)).toBe(head.text);
    expect(hex(head.root)).toBe(hex(rootHash(leaves.slice(0, head.size))));
    if (head.size > 0) expect(hex(rootFromTiles(tile, head.size))).toBe(hex(head.root));
  });

  it.each(files(`${log}/tile/0/000.p/*`))("%s is the tile that is built here, and proves its leaves", async (file) => {
    const { width } = parseTilePath(file.slice(log.length + 1))!;
    const [built] = growTiles(tile, width - 1, leaves.slice(width - 1, width));
    expect(hex(built!.bytes)).toBe(hex(read(file)));
    const [head, last] = await Promise.all(
      [width, 15].map((size) => openTreeHead(read(log, size === 15 ? "checkpoint" : `checkpoint.${size}`), keys)),
    );
    for (const [index, leaf] of leaves.slice(0, width).entries()) {
      expect(verifyInclusion(leaf, index, width, inclusionProofFromTiles(tile, index, width), head!.root)).toBe(true);
    }
    expect(verifyConsistency(width, 15, consistencyProofFromTiles(tile, width, 15), head!.root, last!.root)).toBe(true);
  });

  it.each(files(`${log}/tile/entries/000.p/*`))("%s holds the leaves of its tile", (file) => {
    const { width } = parseTilePath(file.slice(log.length + 1))!;
    const entries = decodeEntryBundle(read(file), width);
    expect(entries.map((entry) => hex(leafHash(entry))).join("")).toBe(hex(tile(0, 0, width)));
    expect(hex(encodeEntryBundle(entries))).toBe(hex(read(file)));
  });
});
