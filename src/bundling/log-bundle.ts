/** The whole log as a bundle, made as it is read: one bundle of 256 leaves is in memory at a time. */
import { equalBytes, utf8 } from "../audit/encoding.ts";
import { encodeEntryBundle } from "../audit/entry-bundles.ts";
import { parseNote } from "../audit/signed-note.ts";
import { rootFromTiles } from "../audit/tile-proofs.ts";
import { tilePath, tileWidth, widthOfTile } from "../audit/tiles.ts";
import { parseTreeHeadText } from "../audit/tree-head.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import {
  bundleFormat,
  type BundleFile,
  earlierHeadPath,
  entriesPath,
  formatOpening,
  headCountMax,
  headPath,
  manifestPath,
  manifestText,
  openingsPath,
  tilesAfter,
} from "../verification/bundle-format.ts";
import { type BundleSource, envelopeIn, openingsOf } from "./source.ts";

export type OnProgress = (done: number, of: number) => void;

export async function* logBundle(source: BundleSource, onProgress: OnProgress = () => undefined): AsyncGenerator<BundleFile> {
  const { head, open } = source;
  const earlier = borneOut(source);
  const { origin, size } = head;
  const heads = earlier.map((one) => one.size);
  yield file(
    manifestPath,
    manifestText({ format: bundleFormat, kind: "log", origin, size, heads, openings: open !== undefined }),
  );
  yield file(headPath, head.note);
  for (const one of earlier) yield file(earlierHeadPath(one.size), one.note);
  for (let index = 0; index * tileWidth < size; index += 1) {
    yield* entries(source, index);
    onProgress(Math.min(size, (index + 1) * tileWidth), size);
  }
}

async function* entries({ log, readTile, head, open }: BundleSource, index: number): AsyncGenerator<BundleFile> {
  const { size } = head;
  const width = widthOfTile(size, "entries", index);
  const events = log.readAll(index * tileWidth, width);
  if (events.length !== width) throw new Error(`the log has fewer leaves than the ${size} that were signed`);
  yield { path: entriesPath(size, index), bytes: encodeEntryBundle(events.map(({ leaf }) => leaf)) };
  const openings = open === undefined ? "" : await openingsText(events, open);
  if (openings !== "") yield file(openingsPath(index), openings);
  for (const tile of tilesAfter(size, index))
    yield { path: tilePath(tile), bytes: readTile(tile.level, tile.index, tile.width).slice() };
}

export async function openingsText(events: readonly StoredEvent[], open: NonNullable<BundleSource["open"]>): Promise<string> {
  const sealed = events.filter((event) => (envelopeIn(event).sealed ?? []).length > 0);
  if (sealed.length === 0) return "";
  const opened = await open(sealed);
  return sealed.flatMap((event, at) => openingsOf(event, opened[at]!).map(formatOpening)).join("");
}

/** Earlier heads that the tree begins with, one a size, ascending, the newest of them. A log that was resumed does not bear out all that it signed. */
function borneOut({ earlier, head, readTile }: BundleSource): { size: number; note: string }[] {
  const bySize = new Map<number, string>();
  for (const note of earlier) {
    const { size, root } = parseTreeHeadText(parseNote(note).text);
    if (size > 0 && size < head.size && equalBytes(rootFromTiles(widthCut(readTile), size), root)) bySize.set(size, note);
  }
  const ascending = [...bySize].map(([size, note]) => ({ size, note })).sort((a, b) => a.size - b.size);
  return ascending.slice(-headCountMax);
}

/** A store may hand out a tile that has grown since. */
const widthCut =
  (readTile: BundleSource["readTile"]): BundleSource["readTile"] =>
  (level, index, width) =>
    readTile(level, index, width).subarray(0, width * 32);

export const file = (path: string, text: string): BundleFile => ({ path, bytes: utf8(text) });
