/** Tiles and heads in memory: for ledgers that are themselves in memory. */
import type { HeadStore, SignedHead, TileStore } from "./stores.ts";

export function memoryTiles(): TileStore {
  const tiles = new Map<string, Uint8Array>();
  let leafCount = 0;
  return {
    size: () => leafCount,
    readTile: (level, index, width) => (tiles.get(`${level}/${index}`) ?? new Uint8Array(0)).subarray(0, width * 32),
    write(size, grown) {
      for (const { level, index, bytes } of grown) tiles.set(`${level}/${index}`, bytes);
      leafCount = size;
    },
    clear() {
      tiles.clear();
      leafCount = 0;
    },
    close: () => undefined,
  };
}

export function memoryHeads(): HeadStore {
  let kept: SignedHead | undefined;
  return {
    last: () => kept?.note,
    keep: (head) => void (kept = head),
    close: () => undefined,
  };
}
