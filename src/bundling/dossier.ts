/**
 * Everything that concerns one account, as a bundle: each of its leaves with the receipt that shows it in the log, its line in the
 * last census, and the leaves of others that judging needs.
 */
import { formatReceipt } from "../audit/receipt.ts";
import { consistencyProofFromTiles, inclusionProofFromTiles } from "../audit/tile-proofs.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import {
  bundleFormat,
  type BundleFile,
  censusPath,
  consistencyPath,
  formatCensusFile,
  formatHashes,
  headPath,
  leafOpeningsPath,
  leafPath,
  manifestPath,
  manifestText,
  receiptPath,
} from "../verification/bundle-format.ts";
import { file, type OnProgress, openingsText } from "./log-bundle.ts";
import { type BundleSource, type CensusOf, envelopeIn } from "./source.ts";

export type DossierRequest = {
  account: string;
  /** The promise that was asked about; the dossier is that of its account. */
  promise?: string | undefined;
  /** Sizes of tree heads that the auditor keeps: each below that of the head. */
  since: readonly number[];
};

export type DossierSource = Omit<BundleSource, "earlier"> & { censusOf: CensusOf };

const pageCount = 500;

/** The account of a promise, by its first event; undefined where there is none. */
export const accountOfPromise = (log: Pick<BundleSource["log"], "readStream">, promise: string): string | undefined => {
  const [made] = log.readStream(`promise-${promise}`);
  return made === undefined ? undefined : envelopeIn(made).account;
};

/**
 * Reads the whole log once for the leaves of the account, and then those leaves alone.
 * @param onProgress told while the log is read.
 */
export async function* dossier(
  source: DossierSource,
  request: DossierRequest,
  onProgress: OnProgress = () => undefined,
): AsyncGenerator<BundleFile> {
  const { head, readTile, open } = source;
  const { account, promise } = request;
  const { origin, size } = head;
  const census = censusUnder(source, account);
  const found = await own(source, account, census?.treeSize ?? size, onProgress);
  const positions = [...new Set([...found.positions, ...contextOf(source, found, census?.position)])].sort((a, b) => a - b);
  const since = [...new Set(request.since)].filter((one) => one > 0 && one < size).sort((a, b) => a - b);
  const manifest = { account, census: census === undefined ? null : census.position - 1, leaves: positions.length, since };
  const told = { format: bundleFormat, kind: "dossier", origin, size, openings: open !== undefined, ...manifest } as const;
  yield file(manifestPath, manifestText(promise === undefined ? told : { ...told, promise }));
  yield file(headPath, head.note);
  for (const from of since) yield file(consistencyPath(from), formatHashes(consistencyProofFromTiles(readTile, from, size)));
  if (census !== undefined) yield file(censusPath, formatCensusFile(census));
  for (let at = 0; at < positions.length; at += pageCount)
    for (const event of source.log.readPositions(positions.slice(at, at + pageCount))) yield* leaf(source, event);
}

/** One whose record lies under the head. */
function censusUnder({ censusOf, head }: DossierSource, account: string) {
  const proved = censusOf(account);
  if (proved === undefined || proved.census.position > head.size) return undefined;
  const { line, index, accounts, proof, census } = proved;
  return { line, index, accounts, proof, position: census.position, treeSize: census.treeSize };
}

async function* leaf({ head, readTile, open }: DossierSource, event: StoredEvent): AsyncGenerator<BundleFile> {
  const index = event.position - 1;
  yield { path: leafPath(index), bytes: event.leaf };
  const proof = inclusionProofFromTiles(readTile, index, head.size);
  yield file(receiptPath(index), formatReceipt({ index, proof, note: head.note }));
  const openings = open === undefined ? "" : await openingsText([event], open);
  if (openings !== "") yield file(leafOpeningsPath(index), openings);
}

/** What the account's leaves speak of. */
type Found = {
  positions: number[];
  recordings: Set<string>;
  subjects: Set<string>;
  people: Set<string>;
  keys: Set<string>;
};

async function own({ log, head }: DossierSource, account: string, treeSize: number, onProgress: OnProgress): Promise<Found> {
  const found: Found = { positions: [], recordings: new Set(), subjects: new Set(), people: new Set(), keys: new Set() };
  const mark = Buffer.from(`"account":"${account}"`);
  // The last leaves that concern nobody else tell how late it was there, without telling of other accounts.
  const edges = { counted: 0, all: 0 };
  for (let position = 0; position < head.size;) {
    const page = log.readAll(position, Math.min(pageCount, head.size - position));
    for (const event of page) {
      const isMarked = Buffer.from(event.leaf.buffer, event.leaf.byteOffset, event.leaf.byteLength).includes(mark);
      const envelope = isMarked || isNearEdge(event.position, treeSize, head.size) ? envelopeIn(event) : undefined;
      if (envelope?.account === account) take(found, event, envelope);
      if (envelope === undefined || (envelope.account !== undefined && envelope.account !== account)) continue;
      if (goesOn.test(envelope.type ?? "")) continue;
      if (event.position <= treeSize) edges.counted = event.position;
      edges.all = event.position;
    }
    if (page.length === 0) throw new Error(`the log has fewer leaves than the ${head.size} that were signed`);
    position = page.at(-1)!.position;
    onProgress(position, head.size);
    await new Promise<void>((done) => void setImmediate(done));
  }
  found.positions.push(...[edges.counted, edges.all].filter((position) => position > 0));
  return found;
}

/** What goes on from an event that does not come along, and so is no leaf to tell the time by. */
const goesOn = /^(Recording|KeyRevoked|Person(Changed|Moved|Left))/;

/** So far back a leaf is looked at for its time, though nothing marks it as the account's. */
const edgeCount = 2_000;
const isNearEdge = (position: number, treeSize: number, size: number): boolean =>
  (position <= treeSize && position > treeSize - edgeCount) || position > size - edgeCount;

function take(found: Found, event: StoredEvent, { data = {}, sealed = [], actor }: ReturnType<typeof envelopeIn>): void {
  found.positions.push(event.position);
  if (typeof data["recording"] === "string") found.recordings.add(data["recording"]);
  for (const { subject } of sealed) found.subjects.add(subject);
  const people = [
    data["promisor"],
    data["promisee"],
    data["owner"],
    ...(Array.isArray(data["participants"]) ? data["participants"] : []),
  ];
  for (const person of people) if (typeof person === "string" && person.startsWith("per_")) found.people.add(person);
  if (actor?.kind === "key" && actor.id !== undefined) found.keys.add(actor.id);
}

/** Leaves of others: policies, loads, fits, people, keys, erasures, and what the log tells about itself. */
function contextOf({ log, head }: DossierSource, found: Found, census: number | undefined): number[] {
  const streams = [
    "policy-default",
    ...[...found.people].map((id) => `person-${id}`),
    ...[...found.keys].map((id) => `key-${id}`),
  ];
  const events = streams.flatMap((stream) => log.readStream(stream)).map(({ position }) => position);
  return [...events, ...ledgerContext(log.readStream("ledger"), found), ...(census === undefined ? [] : [census])].filter(
    (position) => position <= head.size,
  );
}

const alwaysTold = new Set(["LedgerOpened", "LogResumed", "LogKeyRotated", "ClockCorrected"]);
const lastTold = new Set(["PriorFitted", "DormancyModelFitted"]);

function* ledgerContext(events: readonly StoredEvent[], { recordings, subjects }: Found): Generator<number> {
  const last = new Map<string, number>();
  for (const event of events) {
    const { type = "", data = {} } = envelopeIn(event);
    if (alwaysTold.has(type)) yield event.position;
    if (lastTold.has(type)) last.set(type, event.position);
    if (type.startsWith("Recording") && recordings.has(String(data["recording"]))) yield event.position;
    if (type === "SubjectErased" && subjects.has(String(data["subject"]))) yield event.position;
  }
  yield* last.values();
}
