/** A log past 262,144 leaves: tiles of level 2, and more leaves than a verifier remembers. Hashes alone, so that it takes a second or two. */
import { beforeAll, describe, expect, it } from "vitest";
import { rootFromTiles, type TileReader } from "../../src/audit/tile-proofs.ts";
import { growTiles } from "../../src/audit/tile-growth.ts";
import { tileWidth, widthOfTile } from "../../src/audit/tiles.ts";
import { tilesAfter } from "../../src/verification/bundle-format.ts";
import { LogTiles } from "../../src/verification/log-tiles.ts";
import { TreeHistory } from "../../src/verification/tree-history.ts";

const remembered = 1 << 18;
const size = remembered + 3 * tileWidth + 100;
const tiles = new Map<string, Uint8Array>();
const readTile: TileReader = (level, index, width) => tiles.get(`${level}/${index}`)!.subarray(0, width * 32);

/** Whatever has 32 bytes and is like no other. */
function hashAt(index: number): Uint8Array {
  const hash = new Uint8Array(32);
  new DataView(hash.buffer).setUint32(28, index);
  return hash;
}

beforeAll(() => {
  const leafHashes = Array.from({ length: size }, (_, index) => hashAt(index));
  for (const { level, index, bytes } of growTiles(() => new Uint8Array(0), 0, leafHashes)) tiles.set(`${level}/${index}`, bytes);
});

/** As a verifier goes through a bundle. @param told the hash that a leaf gives. */
function verified(told: (index: number) => Uint8Array, readFrom = readTile) {
  const tree = new TreeHistory(size);
  const logTiles = new LogTiles();
  const levels = new Set<number>();
  for (let bundle = 0; bundle * tileWidth < size; bundle += 1) {
    const before = tree.size;
    const hashes = Array.from({ length: widthOfTile(size, "entries", bundle) }, (_, at) => told(before + at));
    for (const hash of hashes) tree.append(hash);
    for (const { level, index, width } of tilesAfter(size, bundle)) {
      levels.add(level);
      const bytes = readFrom(level, index, width);
      if (level === 0) logTiles.compareLeaves(index, hashes, bytes, () => tree.treeAt(before)!);
      else logTiles.compareHashes({ level, index, width }, bytes);
      logTiles.finish(level, level === 0 ? tree.tileRoot : undefined);
    }
  }
  return { tree, logTiles, levels };
}

describe("a log of more than 262,144 leaves", () => {
  it("gives the root that its tiles give, on three levels, all roots that are remembered, and the one tile that is wrong", () => {
    const { tree, logTiles, levels } = verified(hashAt, (level, index, width) => {
      const bytes = readTile(level, index, width);
      return level === 2 ? bytes.map((byte) => byte ^ 1) : bytes;
    });
    const root = rootFromTiles(readTile, size);
    expect([...levels].sort()).toEqual([0, 1, 2]);
    expect(tree.root()).toEqual(root);
    for (const earlier of [size - 1, size - 300, remembered, 200_001, size - remembered + 2 * tileWidth])
      expect(tree.rootAt(earlier), String(earlier)).toEqual(rootFromTiles(readTile, earlier));
    expect(tree.rootAt(tileWidth)).toBeUndefined();
    expect(logTiles.verdict(root, true)).toEqual({ wrongTiles: ["tile/2/000.p/4"] });
  });

  it("tells which leaf was altered, however far up its tile is joined to the root", () => {
    const altered = 131_072 + 77;
    const { tree, logTiles } = verified((index) => (index === altered ? hashAt(size + 1) : hashAt(index)));
    const root = rootFromTiles(readTile, size);
    expect(tree.root()).not.toEqual(root);
    expect(logTiles.verdict(root, false)).toEqual({ badLeaf: altered, wrongTiles: [] });
  });
});
