import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeEntryBundle, encodeEntryBundle } from "../../src/audit/entry-bundles.ts";
import { leafHash, nodeHash } from "../../src/audit/hashing.ts";
import {
  consistencyProof,
  consistencyProofFrom,
  inclusionProof,
  inclusionProofFrom,
  rootHash,
  type SubtreeHash,
  verifyConsistency,
  verifyInclusion,
} from "../../src/audit/merkle.ts";
import { growTiles } from "../../src/audit/tile-growth.ts";
import {
  consistencyProofFromTiles,
  inclusionProofFromTiles,
  rangeFromTiles,
  rootFromTiles,
  type TileReader,
} from "../../src/audit/tile-proofs.ts";
import { parseTilePath, partialTilesOf, type Tile, tilePath, tilesOf, treeHasTile, widthOfTile } from "../../src/audit/tiles.ts";
import { auditError, hex, hexes, leafAt, leafHashes } from "./log.examples.ts";

const leaves = leafHashes(65_537 + 300);

/** Tiles in memory, as a folder would hold them; counts what is read. */
class TileFolder {
  readonly files = new Map<string, Uint8Array>();
  reads = 0;
  size = 0;
  readonly read: TileReader = (level, index, width) => {
    this.reads++;
    const tile = this.files.get(tilePath({ level, index, width }));
    if (!tile) throw new Error(`no tile ${tilePath({ level, index, width })} at size ${this.size}`);
    return tile;
  };
  grow(to: number): Tile[] {
    const written: Tile[] = [];
    for (const { bytes, ...tile } of growTiles(this.read, this.size, leaves.slice(this.size, to))) {
      this.files.set(tilePath(tile), bytes);
      written.push(tile);
    }
    this.size = to;
    return written;
  }
}

function folderOf(...sizes: number[]): TileFolder {
  const folder = new TileFolder();
  for (const size of sizes) folder.grow(size);
  return folder;
}

/** Subtree hashes over the leaves with the perfect subtrees remembered: proofs from leaves, but fast. */
const subtreesFromLeaves: SubtreeHash = (() => {
  const known = new Map<string, Uint8Array>();
  const hash: SubtreeHash = (begin, end) => {
    if (end - begin === 1) return leaves[begin]!;
    const split = begin + 2 ** Math.ceil(Math.log2(end - begin) - 1);
    const key = `${begin}-${end}`;
    if (!known.has(key)) known.set(key, nodeHash(hash(begin, split), hash(split, end)));
    return known.get(key)!;
  };
  return hash;
})();

describe("tile paths", () => {
  it.each([
    [{ level: 0, index: 0, width: 256 }, "tile/0/000"],
    [{ level: 3, index: 1_234_067, width: 256 }, "tile/3/x001/x234/067"],
    [{ level: 0, index: 999, width: 1 }, "tile/0/999.p/1"],
    [{ level: 63, index: 1000, width: 255 }, "tile/63/x001/000.p/255"],
    [{ level: "entries", index: 57_500, width: 256 }, "tile/entries/x057/500"],
    [{ level: "entries", index: Number.MAX_SAFE_INTEGER, width: 9 }, "tile/entries/x009/x007/x199/x254/x740/991.p/9"],
  ] as [Tile, string][])("writes and reads %j as %s", (tile, path) => {
    expect(tilePath(tile)).toBe(path);
    expect(parseTilePath(path)).toEqual(tile);
  });

  it.each([
    ..."tile/0 tile/0/ tile/0/0 tile/0/0000 tile/0/1000 tile/0/x000/001 tile/0/001/000 tile/0/x001 tile/0/x1/000".split(" "),
    ..."tile/00/000 tile/01/000 tile/64/000 tile/-1/000 tile/+1/000 tile/x/000 tile/entries/x000/000 tile/Entries/000".split(" "),
    ..."tile/0/000.p/0 tile/0/000.p/256 tile/0/000.p/01 tile/0/000.p/ tile/0/000.p tile/0/000.p/1/ tile/0/000/".split(" "),
    ..."/tile/0/000 tile//000 tile/0/000.p/-1 tile/0/000.p/1e1 tile/0/../0/000 tile/0/00٠ tile/8/0/000 checkpoint".split(" "),
    ..."tile/0/x009/x007/x199/x254/x740/992 tile/0/x999/x999/x999/x999/x999/999 tile/0/x001/x000/x000/x000/x000/x000/000".split(
      " ",
    ),
    "tile/0/000\n",
    " tile/0/000",
    "",
  ])("knows no tile at %j", (path) => expect(parseTilePath(path)).toBeUndefined());

  it("lead there and back", () => {
    const level = fc.oneof(fc.nat(63), fc.constant("entries" as const));
    fc.assert(
      fc.property(fc.record({ level, index: fc.maxSafeNat(), width: fc.integer({ min: 1, max: 256 }) }), (tile) => {
        expect(parseTilePath(tilePath(tile))).toEqual(tile);
      }),
    );
  });
});

describe("the tiles of a tree", () => {
  it("are the full ones and at most one partial tile a level", () => {
    const tiles = [...tilesOf(70_000)].map(({ level, index, width }) => [level, index, width].join());
    expect(tiles).toHaveLength(273 + 1 + 1 + 1 + 1);
    expect(tiles.slice(272)).toEqual(["0,272,256", "0,273,112", "1,0,256", "1,1,17", "2,0,1"]);
    expect([...tilesOf(0)]).toEqual([]);
    expect([...tilesOf(256)].map(tilePath)).toEqual(["tile/0/000", "tile/1/000.p/1"]);
    expect(partialTilesOf(70_000).map(tilePath)).toEqual(["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    expect(partialTilesOf(65_536).map(tilePath)).toEqual(["tile/2/000.p/1"]);
    expect(partialTilesOf(Number.MAX_SAFE_INTEGER).map(({ width }) => width)).toEqual([255, 255, 255, 255, 255, 255, 31]);
  });

  it("are those that it has, in that width, and no others", () => {
    for (const size of [1, 255, 256, 257, 70_000]) {
      const own = new Set([...tilesOf(size)].map(tilePath));
      for (const level of [0, 1, 2, 3]) {
        for (const index of [0, 1, 2, 272, 273, 274]) {
          for (const width of [0, 1, 17, 111, 112, 255, 256]) {
            expect(treeHasTile(size, { level, index, width })).toBe(own.has(tilePath({ level, index, width })) && width > 0);
          }
        }
      }
    }
    expect(widthOfTile(70_000, "entries", 273)).toBe(112);
  });
});

describe("growing tiles", () => {
  it("writes every tile of the new size that the old one lacked, whatever the steps", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 5 }), (sizes) => {
        const steps = sizes.toSorted((a, b) => a - b);
        const folder = new TileFolder();
        for (const size of steps) {
          const before = new Set([...tilesOf(folder.size)].map(tilePath));
          const written = folder.grow(size).map(tilePath);
          expect(written).toEqual([...tilesOf(size)].map(tilePath).filter((path) => !before.has(path)));
        }
        const atOnce = folderOf(steps.at(-1)!);
        for (const [path, bytes] of atOnce.files) expect(hex(folder.files.get(path)!)).toBe(hex(bytes));
      }),
      { numRuns: 40 },
    );
  });

  it("puts the roots of full tiles on the level above", () => {
    const folder = folderOf(600);
    expect(hex(folder.read(1, 0, 2))).toBe(hex(rootHash(leaves.slice(0, 256))) + hex(rootHash(leaves.slice(256, 512))));
    expect(hex(folder.read(0, 2, 88))).toBe(leaves.slice(512, 600).map(hex).join(""));
  });

  it("costs what is new, not what is there", () => {
    // A log of 2^48 + 255 leaves: its reader answers for any tile, and is asked for one alone.
    const asked: string[] = [];
    const reader: TileReader = (level, index, width) => {
      asked.push(tilePath({ level, index, width }));
      return new Uint8Array(width * 32);
    };
    const grown = [...growTiles(reader, 2 ** 48 + 255, leaves.slice(0, 2))].map(tilePath);
    expect(asked).toEqual(["tile/0/x001/x099/x511/x627/776.p/255"]);
    expect(grown).toEqual([
      "tile/0/x001/x099/x511/x627/776",
      "tile/0/x001/x099/x511/x627/777.p/1",
      "tile/1/x004/x294/x967/296.p/1",
    ]);
  });

  it("adds nothing for no leaves, and refuses what is no hash, a damaged tile and a size too large", async () => {
    const folder = folderOf(300);
    expect([...growTiles(folder.read, 300, [])]).toEqual([]);
    expect(() => [...growTiles(folder.read, 300, [new Uint8Array(31)])]).toThrow(RangeError);
    expect(() => [...growTiles(folder.read, Number.MAX_SAFE_INTEGER, leaves.slice(0, 1))]).toThrow(RangeError);
    const cut: TileReader = (...at) => folder.read(...at).subarray(1);
    expect(await auditError(() => [...growTiles(cut, 300, leaves.slice(300, 301))])).toEqual({ code: "damaged-tile" });
    expect(await auditError(() => inclusionProofFromTiles(cut, 0, 300))).toEqual({ code: "damaged-tile" });
  });

  it("gives bytes and hashes of its own, which a reader may not change afterwards", () => {
    const folder = folderOf(300);
    const scratch = new Uint8Array(8192);
    const reader: TileReader = (level, index, width) => {
      scratch.set(folder.read(level, index, width));
      return Buffer.from(scratch.buffer, 0, width * 32);
    };
    const proof = inclusionProofFromTiles(reader, 299, 300);
    const [tile] = growTiles(reader, 300, leaves.slice(300, 301));
    const before = [...hexes(proof), hex(tile!.bytes)];
    scratch.fill(0);
    expect([...hexes(proof), hex(tile!.bytes)]).toEqual(before);
  });
});

describe("proofs from tiles", () => {
  const random = fc.sample(fc.integer({ min: 1, max: 65_537 }), { numRuns: 25, seed: 20 });

  it("are the proofs from leaves for each leaf, at small sizes and around a full tile", () => {
    for (const size of [1, 2, 3, 7, 255, 256, 257]) {
      const folder = folderOf(size);
      expect(hex(rootFromTiles(folder.read, size))).toBe(hex(rootHash(leaves, size)));
      for (let index = 0; index < size; index++) {
        expect(hexes(inclusionProofFromTiles(folder.read, index, size))).toEqual(hexes(inclusionProof(leaves, index, size)));
      }
      for (let first = 1; first <= size; first++) {
        const proof = consistencyProofFromTiles(folder.read, first, size);
        expect(hexes(proof)).toEqual(hexes(consistencyProof(leaves, first, size)));
      }
    }
  });

  it.each([511, 512, 513, 65_535, 65_536, 65_537, ...random])("are the proofs from leaves at size %i", (size) => {
    const folder = folderOf(Math.floor(size / 3), size);
    const root = rootFromTiles(folder.read, size);
    expect(hex(root)).toBe(hex(subtreesFromLeaves(0, size)));
    expect(hex(rangeFromTiles(folder.read, size).root())).toBe(hex(root));
    const near = [0, 1, 254, 255, 256, 257, 65_534, 65_535, 65_536, size >> 1, size - 2, size - 1];
    for (const index of near.filter((at) => at >= 0 && at < size)) {
      folder.reads = 0;
      const proof = inclusionProofFromTiles(folder.read, index, size);
      expect(folder.reads).toBeLessThanOrEqual(2 * 3);
      expect(hexes(proof)).toEqual(hexes(inclusionProofFrom(subtreesFromLeaves, index, size)));
      expect(verifyInclusion(leaves[index]!, index, size, proof, root)).toBe(true);
      const joined = consistencyProofFromTiles(folder.read, index + 1, size);
      expect(hexes(joined)).toEqual(hexes(consistencyProofFrom(subtreesFromLeaves, index + 1, size)));
      expect(verifyConsistency(index + 1, size, joined, subtreesFromLeaves(0, index + 1), root)).toBe(true);
    }
  });

  it("hold for trees of up to 2^53 − 1 leaves, by a handful of tiles", () => {
    // Every leaf the same, so each level of tiles repeats one hash.
    const leaf = leafHash(leafAt(0));
    const levels = [leaf];
    for (let level = 1; level <= 6; level++) {
      let hash = levels.at(-1)!;
      for (let height = 0; height < 8; height++) hash = nodeHash(hash, hash);
      levels.push(hash);
    }
    let reads = 0;
    const reader: TileReader = (level, _index, width) => {
      reads++;
      return Buffer.concat(Array.from({ length: width }, () => levels[level]!));
    };
    for (const size of [2 ** 31, 2 ** 32 + 1, 2 ** 40 - 1, 2 ** 52 + 3, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER]) {
      const root = rootFromTiles(reader, size);
      for (const index of [0, 2 ** 31 - 1, Math.floor(size / 3), size - 2, size - 1]) {
        reads = 0;
        const proof = inclusionProofFromTiles(reader, index, size);
        expect(reads).toBeLessThanOrEqual(14);
        expect(verifyInclusion(leaf, index, size, proof, root)).toBe(true);
        expect(verifyInclusion(leaf, index, size, proof.with(0, root), root)).toBe(false);
        const first = Math.max(1, index);
        reads = 0;
        const joined = consistencyProofFromTiles(reader, first, size);
        expect(reads).toBeLessThanOrEqual(14);
        expect(verifyConsistency(first, size, joined, rootFromTiles(reader, first), root)).toBe(true);
        expect(verifyConsistency(first, size, [...joined, root], rootFromTiles(reader, first), root)).toBe(false);
      }
    }
  }, 120_000);
});

describe("entry bundles", () => {
  it("give back the leaves, empty and largest ones too", () => {
    const leaf = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(fc.array(leaf, { minLength: 1, maxLength: 256, size: "medium" }), (entries) => {
        expect(hexes(decodeEntryBundle(encodeEntryBundle(entries), entries.length))).toEqual(hexes(entries));
      }),
    );
    const largest = [new Uint8Array(65_535).fill(7), new Uint8Array(0)];
    expect(hexes(decodeEntryBundle(encodeEntryBundle(largest), 2))).toEqual(hexes(largest));
  });

  it("lie anywhere in a larger buffer", () => {
    const bundle = Buffer.concat([Buffer.of(9, 9, 9), encodeEntryBundle([leafAt(1)])]).subarray(3);
    expect(hexes(decodeEntryBundle(bundle, 1))).toEqual([hex(leafAt(1))]);
  });

  it("refuse a cut, a rest and another count", async () => {
    const bundle = encodeEntryBundle([leafAt(0), leafAt(1), leafAt(2)]);
    const malformed = { code: "malformed-bundle" };
    for (let cut = 0; cut < bundle.length; cut++) {
      expect(await auditError(() => decodeEntryBundle(bundle.subarray(0, cut), 3))).toEqual(malformed);
    }
    expect(await auditError(() => decodeEntryBundle(Buffer.concat([bundle, Buffer.of(0)]), 3))).toEqual(malformed);
    expect(await auditError(() => decodeEntryBundle(bundle, 2))).toEqual(malformed);
    expect(await auditError(() => decodeEntryBundle(bundle, 4))).toEqual(malformed);
  });

  it("refuse leaves that don't fit", () => {
    expect(() => encodeEntryBundle([new Uint8Array(65_536)])).toThrow(RangeError);
    expect(() => encodeEntryBundle([])).toThrow(RangeError);
    expect(() => encodeEntryBundle(Array.from({ length: 257 }, () => leafAt(0)))).toThrow(RangeError);
  });
});
