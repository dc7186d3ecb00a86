/**
 * The nodes inside full tiles above the leaves, which never change. A receipt hashes 255 nodes in each tile that it passes; those of the
 * lowest tile are new with nearly every receipt, and the ones above it are the same again and again.
 */
import { pairHash } from "../audit/hashing.ts";
import { type PlacedTile, type RootInTile, rootOfHashes } from "../audit/tile-proofs.ts";
import { tileWidth } from "../audit/tiles.ts";

const hashBytes = 32;
/** 8 KiB each: all of a log of 16 million leaves. */
const tileCountMax = 256;

export class InnerNodes {
  /** By level and index, the one asked for last standing last: nodes as in a heap, the root at 1, the children of n at 2n and 2n + 1. */
  readonly #tiles = new Map<string, Uint8Array>();
  readonly #countMax: number;

  constructor(countMax = tileCountMax) {
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#tiles.size;
  }

  readonly rootIn: RootInTile = (tile, first, count) => {
    if (tile.level === 0 || count === 1 || tile.bytes.length < tileWidth * hashBytes)
      return rootOfHashes(tile.bytes, first, count);
    const nodes = this.#nodesOf(tile);
    const at = (tileWidth + first) / count;
    return nodes.slice(at * hashBytes, (at + 1) * hashBytes);
  };

  /** Forgets everything: a tile turned out not to be what was signed, and may be mended. */
  clear(): void {
    this.#tiles.clear();
  }

  #nodesOf(tile: PlacedTile): Uint8Array {
    const name = `${tile.level}/${tile.index}`;
    const nodes = this.#tiles.get(name) ?? nodesIn(tile.bytes);
    this.#tiles.delete(name);
    this.#tiles.set(name, nodes);
    if (this.#tiles.size > this.#countMax) this.#tiles.delete(this.#tiles.keys().next().value!);
    return nodes;
  }
}

function nodesIn(bytes: Uint8Array): Uint8Array {
  const nodes = new Uint8Array(2 * tileWidth * hashBytes);
  nodes.set(bytes, tileWidth * hashBytes);
  for (let at = tileWidth - 1; at >= 1; at--) nodes.set(pairHash(nodes, 2 * at * hashBytes), at * hashBytes);
  return nodes;
}
