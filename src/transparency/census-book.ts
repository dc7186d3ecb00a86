/**
 * Counts the log for the census, leaf by leaf, and keeps the lines of each census that is put on record. Everything here is
 * derived: what was lost is counted anew, and a census in the log that does not come out again is told.
 */
import type { CompactRange } from "../audit/compact-range.ts";
import { equalBytes, fromBase64 } from "../audit/encoding.ts";
import { leafHash } from "../audit/hashing.ts";
import type { StoredEvent } from "../event-store/event-store.ts";
import type { Log } from "../event-store/log.ts";
import type { CensusCount, RecordedCensus } from "./census.ts";
import type { CensusStore } from "./sqlite-census.ts";

/** Leaves counted in one step: some tens of milliseconds of work. */
const batchCount = 2_048;
/** A backlog is counted in larger ones: what a step costs grows with the accounts that it touches, and their rows lie side by side. */
const backlogBatchCount = 16_384;

/** What alone is no news: it concerns no account, and each would call for the next for ever. */
const calmTypes: ReadonlySet<unknown> = new Set(["CensusTaken", "TreeHeadAnchored"]);

type CountedLog = Pick<Log, "readAll" | "readStream" | "head">;

export class CensusBook {
  readonly #log: CountedLog;
  readonly #store: CensusStore;
  /** The last census in the log, as far as it was looked at. */
  #last: RecordedCensus | undefined;
  /** It, while its lines have to be counted anew. */
  #owed: RecordedCensus | undefined;
  #contradicted: RecordedCensus | undefined;
  #countedCount = 0;

  constructor(log: CountedLog, store: CensusStore) {
    this.#log = log;
    this.#store = store;
  }

  /** Leaves counted by this object: few after a restart, however long the log. */
  get countedCount(): number {
    return this.#countedCount;
  }

  /** Leaves counted. */
  get size(): number {
    return this.#store.progress().size;
  }

  /** Whether the lines of the last census in the log are there to be read, if it has one. */
  get isReady(): boolean {
    return this.#owed === undefined;
  }

  /** The last census in the log where it is false: the log gives another. */
  get contradicted(): RecordedCensus | undefined {
    return this.#contradicted;
  }

  /** Holds what is stored against the log. Where lines of the last census were lost, counting goes back to the beginning. */
  open(): void {
    if (!this.#countsFitTheLog()) this.#store.clear();
    this.#owed = this.#contradicted = undefined;
    this.#last = lastTakenIn(this.#log.readStream("ledger"));
    if (this.#last === undefined) this.#store.forget();
    else this.#adopt(this.#last);
  }

  /** Counts at most one batch of new leaves. @returns how many. */
  grow(): number {
    const { size, changedAt } = this.#store.progress();
    const stop = this.#owed?.treeSize ?? Infinity;
    const most = this.#log.head() - size >= backlogBatchCount ? backlogBatchCount : batchCount;
    const fresh = this.#log.readAll(size, Math.min(most, stop - size));
    const last = fresh.at(-1);
    if (last === undefined) return 0;
    const read = fresh.map(readLeaf);
    const newest = read.findLast(({ type }) => !calmTypes.has(type));
    const progress = { size: last.position, changedAt: newest?.event.position ?? changedAt, lastHash: read.at(-1)!.hash };
    this.#store.write(progress, this.#grown(read));
    this.#countedCount += fresh.length;
    if (this.#owed?.treeSize === last.position) this.#settle(this.#owed);
    // Others than the last may be false, which is for auditors to find: lines are kept of the last alone.
    const taken = lastTakenIn(read.flatMap(({ event, type }) => (type === "CensusTaken" ? [event] : [])));
    if (taken !== undefined && taken.position > (this.#last?.position ?? 0)) this.#adopt((this.#last = taken));
    return fresh.length;
  }

  /**
   * The census of what is counted, with its lines kept. To be put on record next; until then it may be taken again.
   * @returns the last census on record where nothing has happened since that calls for another.
   */
  count(): CensusCount {
    const { size, changedAt } = this.#store.progress();
    const frozen = this.#store.frozen();
    const recorded = frozen.find(({ position }) => position !== null);
    if (recorded !== undefined && recorded.treeSize >= changedAt) return recorded;
    return frozen.find(({ treeSize }) => treeSize === size) ?? this.#store.freeze();
  }

  close(): void {
    this.#store.close();
  }

  /** Its lines are kept, or will have been once the log is counted up to its size. */
  #adopt(census: RecordedCensus): void {
    const kept = this.#store.frozen().find(({ treeSize }) => treeSize === census.treeSize);
    if (kept !== undefined && isSame(kept, census)) return this.#keep(census);
    if (census.treeSize >= census.position) return this.#contradict(census);
    const { size } = this.#store.progress();
    if (size > census.treeSize) this.#store.clear();
    this.#owed = census;
    if (size === census.treeSize) this.#settle(census);
  }

  #settle(census: RecordedCensus): void {
    this.#owed = undefined;
    if (isSame(this.#store.freeze(), census)) this.#keep(census);
    else this.#contradict(census);
  }

  #keep(census: RecordedCensus): void {
    this.#contradicted = undefined;
    this.#store.record(census);
  }

  #contradict(census: RecordedCensus): void {
    this.#contradicted = census;
    this.#store.forget();
  }

  /** In order of account, so that neighbours in the file are read and written one after the other. */
  #grown(read: readonly ReadLeaf[]): Map<string, CompactRange> {
    const fresh = new Map<string, Uint8Array[]>();
    for (const { account, hash } of read) {
      if (typeof account !== "string") continue;
      const hashes = fresh.get(account);
      if (hashes === undefined) fresh.set(account, [hash]);
      else hashes.push(hash);
    }
    const ranges = new Map<string, CompactRange>();
    for (const account of [...fresh.keys()].sort()) {
      const range = this.#store.rangeOf(account);
      for (const hash of fresh.get(account)!) range.append(hash);
      ranges.set(account, range);
    }
    return ranges;
  }

  /** The last leaf stands for all: a log that was rewound, and went on otherwise, has another one there. */
  #countsFitTheLog(): boolean {
    const { size, lastHash } = this.#store.progress();
    if (size === 0) return true;
    const [last] = this.#log.readAll(size - 1, 1);
    return last !== undefined && equalBytes(leafHash(last.leaf), lastHash);
  }
}

const isSame = (a: CensusCount, b: CensusCount): boolean =>
  a.treeSize === b.treeSize && a.accounts === b.accounts && equalBytes(a.root, b.root);

type ReadLeaf = { event: StoredEvent; hash: Uint8Array; type: unknown; account: unknown };

const readLeaf = (event: StoredEvent): ReadLeaf => {
  const { type, account } = envelopeIn(event);
  return { event, hash: leafHash(event.leaf), type, account };
};

type LooseEnvelope = { type?: unknown; account?: unknown; data?: unknown };

/** The census counts stored bytes, whatever wrote them: what is no envelope concerns no account. */
function envelopeIn({ leaf }: StoredEvent): LooseEnvelope {
  try {
    return (JSON.parse(Buffer.from(leaf).toString("utf8")) as LooseEnvelope | null) ?? {};
  } catch {
    return {};
  }
}

function lastTakenIn(events: readonly StoredEvent[]): RecordedCensus | undefined {
  const event = events.findLast((one) => one.stream === "ledger" && envelopeIn(one).type === "CensusTaken");
  if (event === undefined) return undefined;
  const { treeSize, accounts, root } = envelopeIn(event).data as { treeSize: number; accounts: number; root: string };
  return { treeSize, accounts, root: fromBase64(root)!, position: event.position, event: event.id };
}
