/** The order of a bundle's files, for those that come as a folder. In an archive they must stand in it already. */
import { parseTilePath, tileWidth } from "../audit/tiles.ts";
import { censusPath, headPath, manifestPath } from "./bundle-format.ts";

/** @param paths that a bundle may have. */
export const inBundleOrder = (paths: readonly string[]): string[] =>
  paths
    .map((path) => ({ path, place: placeOf(path) }))
    .sort((a, b) => compared(a.place, b.place))
    .map(({ path }) => path);

type Place = readonly number[];

function compared(a: Place, b: Place): number {
  for (let at = 0; at < a.length || at < b.length; at++) {
    const difference = (a[at] ?? -1) - (b[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Manifest, head, earlier heads, proofs of growth, the census; then the leaves in their order, and after each what is checked
 * against it: openings, and the tiles that it finishes.
 */
function placeOf(path: string): Place {
  if (path === manifestPath) return [0];
  if (path === headPath) return [1];
  const [folder = "", name = ""] = path.split("/");
  if (folder === "checkpoints") return [2, Number(name)];
  if (folder === "consistency") return [3, Number(name)];
  if (path === censusPath) return [4];
  const ofLeaf = /^(leaf|receipt|openings\/leaf)\/([0-9]+)(?:\.ndjson)?$/.exec(path);
  if (ofLeaf !== null) return [5, Number(ofLeaf[2]), ["leaf", "receipt", "openings/leaf"].indexOf(ofLeaf[1]!)];
  if (folder === "openings") return [5, indexOf(path.slice("openings/".length).replace(/\.ndjson$/, "")), 1];
  const { level, index, width } = parseTilePath(path)!;
  if (level === "entries") return [5, index, 0];
  // A full tile comes with the last bundle of entries under it; what is partial, at the end of all.
  const last = width === tileWidth ? (index + 1) * tileWidth ** level - 1 : level === 0 ? index : Number.MAX_SAFE_INTEGER;
  return [5, last, 2 + level];
}

const indexOf = (path: string): number => parseTilePath(`tile/entries/${path}`)!.index;
