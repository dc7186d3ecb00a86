/**
 * What an evidence bundle holds, and in which order (docs/audit.md, "Evidence bundle"). The order lets a verifier read a bundle
 * of any size as a stream: whatever a file is checked against has come before it.
 */
import { fromBase64, hashFromBase64, textOf, toBase64, utf8 } from "../audit/encoding.ts";
import { entryBytesMax } from "../audit/entry-bundles.ts";
import { isSize } from "../audit/sizes.ts";
import { hashesOnLevel, levelMax, parseTilePath, tilePath, tileWidth, widthOfTile } from "../audit/tiles.ts";
import { canonicalText } from "../canonical/canonical-json.ts";
import { accountId, promiseId } from "../domain/values.ts";

export const bundleFormat = "troth-bundle/1";

/** A file of a bundle, whole. Every kind of file has a limit, so one fits into memory. */
export type BundleFile = { path: string; bytes: Uint8Array };

type ManifestOf<Kind extends string> = {
  format: typeof bundleFormat;
  kind: Kind;
  /** Of the signed tree head that everything else is held against. */
  origin: string;
  size: number;
  /** Whether sealed text is disclosed. */
  openings: boolean;
};
/** The whole log. */
export type LogManifest = ManifestOf<"log"> & {
  /** Sizes of the earlier signed tree heads that come with it, ascending. */
  heads: number[];
};
/** Everything that concerns one account. */
export type DossierManifest = ManifestOf<"dossier"> & {
  account: string;
  /** The promise that was asked about. */
  promise?: string;
  /** The leaf of the census that counts the account; null where there is none. */
  census: number | null;
  /** How many leaves. */
  leaves: number;
  /** Sizes from which it is proved that the tree grew, ascending: those of tree heads that the auditor keeps. */
  since: number[];
};
/** Nothing of it is proved by itself: it says what the other files must turn out to be. */
export type Manifest = LogManifest | DossierManifest;

/** Earlier signed tree heads: each takes a signature to be verified, and some take many. A ledger brings the newest. */
export const headCountMax = 4_096;

export const manifestPath = "manifest.json";
export const headPath = "checkpoint";
export const censusPath = "census.json";
export const earlierHeadPath = (size: number): string => `checkpoints/${size}`;
export const consistencyPath = (size: number): string => `consistency/${size}`;
export const leafPath = (index: number): string => `leaf/${index}`;
export const receiptPath = (index: number): string => `receipt/${index}`;
/** Of a leaf of a dossier. */
export const leafOpeningsPath = (index: number): string => `openings/leaf/${index}.ndjson`;
/** Of the leaves of a bundle of entries. */
export const openingsPath = (index: number): string =>
  `openings/${tilePath({ level: "entries", index, width: tileWidth }).slice("tile/entries/".length)}.ndjson`;
export const entriesPath = (size: number, index: number): string =>
  tilePath({ level: "entries", index, width: widthOfTile(size, "entries", index) });

/** The tiles of hashes that bundle `index` of entries finishes; after the last one the partial tiles too. By level, ascending. */
export function* tilesAfter(size: number, index: number): Generator<{ level: number; index: number; width: number }> {
  const seen = Math.min(size, (index + 1) * tileWidth);
  const isLast = seen === size;
  for (let level = 0; level <= levelMax; level += 1) {
    const hashes = hashesOnLevel(seen, level);
    if (hashes === 0) return;
    const at = Math.floor((hashes - 1) / tileWidth);
    const width = hashes - at * tileWidth;
    const isNew = hashesOnLevel(index * tileWidth, level) < hashes;
    if (width === tileWidth ? isNew : isLast) yield { level, index: at, width };
  }
}

const sizePattern = /^(0|[1-9][0-9]{0,15})$/;
const numbered = /^(checkpoints|consistency|leaf|receipt)\/([0-9]{1,16})$/;
const noteBytesMax = 1_000_000;
/** A command is at most some hundred kilobytes, and so is the text that one event seals. */
const openingsBytesMax = 128 * 1024 * 1024;

/**
 * How long a file of this name may be; undefined for a name that no bundle has. No name leads out of a folder: what is not one of
 * these is not looked at.
 */
export function bytesMaxOf(path: string): number | undefined {
  if (path === manifestPath) return 1_000_000;
  if (path === headPath) return noteBytesMax;
  if (path === censusPath) return 64 * 1024;
  const [, kind, number = ""] = numbered.exec(path) ?? [];
  if (kind !== undefined) return sizePattern.test(number) ? numberedBytesMax[kind] : undefined;
  if (/^openings\/leaf\/(0|[1-9][0-9]{0,15})\.ndjson$/.test(path)) return openingsBytesMax;
  if (path.startsWith("openings/")) {
    const tile = parseTilePath(`tile/entries/${path.slice("openings/".length).replace(/\.ndjson$/, "")}`);
    return tile !== undefined && openingsPath(tile.index) === path ? openingsBytesMax : undefined;
  }
  const tile = parseTilePath(path);
  if (tile === undefined) return undefined;
  return tile.level === "entries" ? tileWidth * (2 + entryBytesMax) : tileWidth * 32;
}

const numberedBytesMax: Record<string, number> = {
  checkpoints: noteBytesMax,
  consistency: 8_192,
  leaf: entryBytesMax,
  receipt: 2_000_000,
};

/** Something that can't be used as a bundle at all: nothing was verified, and nothing found false. */
export class UnusableError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UnusableError";
  }
}

export const manifestText = (manifest: Manifest): string => `${canonicalText(manifest)}\n`;

/**
 * @returns undefined for what is no manifest, or none in the form that it is written in: of a name that comes twice each reader takes
 *   another one.
 * @throws UnusableError for one of another format, or with too many heads.
 */
export function parseManifest(bytes: Uint8Array): Manifest | undefined {
  const value = jsonIn(bytes);
  if (typeof value !== "object" || value === null) return undefined;
  const { format, ...manifest } = value as Manifest & Record<string, unknown>;
  if (typeof format === "string" && format !== bundleFormat && /^troth-bundle\/[0-9]+$/.test(format))
    throw new UnusableError(`the bundle has the format ${format}, which this verifier does not know`);
  const { heads } = manifest as Partial<LogManifest>;
  if (Array.isArray(heads) && heads.length > headCountMax)
    throw new UnusableError(`the bundle brings ${heads.length} earlier tree heads; at most ${headCountMax} are looked at`);
  const known = { format, ...manifest } as Manifest;
  return format === bundleFormat && isManifest(known) && textOf(bytes) === manifestText(known) ? known : undefined;
}

function isManifest(value: Manifest): boolean {
  const { format: _, kind, origin, size, openings, ...more } = value;
  if (!isKeyName(origin) || typeof openings !== "boolean" || !isCount(size) || size === 0) return false;
  if (kind === "log") {
    const { heads, ...rest } = more as Partial<LogManifest>;
    return isAscending(heads) && isEmpty(rest);
  }
  if ((kind as string) !== "dossier") return false;
  const { account, promise, census, leaves, since, ...rest } = more as Partial<DossierManifest>;
  return (
    accountId.safeParse(account).success &&
    (promise === undefined || promiseId.safeParse(promise).success) &&
    (census === null || isCount(census)) &&
    isCount(leaves) &&
    isAscending(since) &&
    isEmpty(rest)
  );
}

/** Of a log's key: visible characters of ASCII, without the plus sign that ends the name. */
const isKeyName = (value: unknown): boolean => typeof value === "string" && /^[!-*,-~]{1,200}$/.test(value);
const isCount = (value: unknown): value is number => typeof value === "number" && isSize(value);
const isEmpty = (value: object): boolean => Object.keys(value).length === 0;
const isAscending = (values: unknown): values is number[] =>
  Array.isArray(values) &&
  values.every((value, at) => isCount(value) && value > 0 && (at === 0 || value > (values[at - 1] as number)));

export function jsonIn(bytes: Uint8Array): unknown {
  const text = textOf(bytes);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Hashes of a proof, one a line in base64. */
export const formatHashes = (hashes: readonly Uint8Array[]): string => hashes.map((hash) => `${toBase64(hash)}\n`).join("");

/** Undefined for anything that `formatHashes` does not write. */
export function parseHashes(bytes: Uint8Array): Uint8Array[] | undefined {
  const text = textOf(bytes);
  if (text === undefined || (text !== "" && !text.endsWith("\n"))) return undefined;
  const hashes = text.split("\n").slice(0, -1).map(hashFromBase64);
  return hashes.every((hash) => hash !== undefined) ? hashes : undefined;
}

/** An account's line in a census, with the proof that it stands there. */
export type CensusFile = { line: Uint8Array; index: number; accounts: number; proof: Uint8Array[] };

export const formatCensusFile = ({ line, index, accounts, proof }: CensusFile): string =>
  `${canonicalText({ line: textOf(line), index, accounts, proof: proof.map(toBase64) })}\n`;

export function parseCensusFile(bytes: Uint8Array): CensusFile | undefined {
  const value = jsonIn(bytes);
  if (typeof value !== "object" || value === null) return undefined;
  const { line, index, accounts, proof } = value as Record<string, unknown>;
  if (typeof line !== "string" || !line.isWellFormed() || !isCount(index) || !isCount(accounts) || !Array.isArray(proof))
    return undefined;
  const hashes = proof.map((hash) => (typeof hash === "string" ? hashFromBase64(hash) : undefined));
  if (!hashes.every((hash) => hash !== undefined)) return undefined;
  const file = { line: utf8(line), index, accounts, proof: hashes };
  return textOf(bytes) === formatCensusFile(file) ? file : undefined;
}

/** A sealed text that is disclosed, or said to be erased: one line. */
export type Opening = { event: string; subject: string; field: string } & (
  { salt: Uint8Array; value: string } | { erased: true }
);

export const formatOpening = (opening: Opening): string => {
  const { event, subject, field } = opening;
  const told = "erased" in opening ? { erased: true } : { salt: toBase64(opening.salt), value: opening.value };
  return `${canonicalText({ event, subject, field, ...told })}\n`;
};

/** Undefined for anything that is no list of openings. */
export function parseOpenings(bytes: Uint8Array): Opening[] | undefined {
  const text = textOf(bytes);
  if (text === undefined || (text !== "" && !text.endsWith("\n"))) return undefined;
  const openings = text.split("\n").slice(0, -1).map(openingIn);
  return openings.every((opening) => opening !== undefined) ? openings : undefined;
}

/** Undefined too for one that is written otherwise than `formatOpening` does. */
function openingIn(line: string): Opening | undefined {
  const opening = readOpening(line);
  return opening !== undefined && formatOpening(opening) === `${line}\n` ? opening : undefined;
}

function readOpening(line: string): Opening | undefined {
  const value = jsonIn(utf8(line));
  if (typeof value !== "object" || value === null) return undefined;
  const { event, subject, field, salt, value: text, erased, ...rest } = value as Record<string, unknown>;
  if (typeof event !== "string" || typeof subject !== "string" || typeof field !== "string" || !isEmpty(rest)) return undefined;
  const isErased = erased === true && salt === undefined && text === undefined;
  if (isErased) return { event, subject, field, erased: true };
  const bytes = typeof salt === "string" ? fromBase64(salt) : undefined;
  if (erased !== undefined || bytes?.length !== 32 || typeof text !== "string" || !text.isWellFormed()) return undefined;
  return { event, subject, field, salt: bytes, value: text };
}
