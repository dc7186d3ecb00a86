/** Tiles, heads and anchors in memory: for ledgers that are themselves in memory. */
import { equalBytes } from "../audit/encoding.ts";
import type { AnchoredHead, AnchorStore, HeadStore, SignedHead, TileStore } from "./stores.ts";

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

export function memoryAnchors(): AnchorStore {
  const heads: AnchoredHead[] = [];
  const recorded = new Set<string>();
  const find = ({ size, root }: Pick<SignedHead, "size" | "root">) =>
    heads.find((head) => head.size === size && equalBytes(head.root, root));
  const newestFirst = () => heads.toSorted((a, b) => b.size - a.size);
  const nameOf = (size: number, witness: string) => `${size} ${witness}`;
  return {
    keep(head, cosignature) {
      const known = find(head);
      if (known === undefined) heads.push({ ...head, cosignatures: [cosignature] });
      else if (!known.cosignatures.some(({ witness }) => witness === cosignature.witness)) known.cosignatures.push(cosignature);
    },
    unrecorded: () =>
      newestFirst()
        .reverse()
        .flatMap(({ cosignatures, ...head }) => cosignatures.map((cosignature) => ({ head, cosignature })))
        .filter(({ head, cosignature }) => !recorded.has(nameOf(head.size, cosignature.witness))),
    recorded: ({ size }, witness) => void recorded.add(nameOf(size, witness)),
    cosignaturesOf: (head) => find(head)?.cosignatures ?? [],
    latest: (maxCount) => newestFirst().slice(0, maxCount),
    lastOf(witness) {
      const head = newestFirst().find(({ cosignatures }) => cosignatures.some((one) => one.witness === witness));
      return head && { size: head.size, time: head.cosignatures.find((one) => one.witness === witness)!.time };
    },
    close: () => undefined,
  };
}
