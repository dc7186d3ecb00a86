/**
 * The tree over the log, grown leaf by leaf, and the heads by which the log stands. The one place that signs: never a head that
 * does not extend the last one, and none that is not on disk, in every store, before anybody sees it.
 */
import { equalBytes, toBase64 } from "../audit/encoding.ts";
import { leafHash } from "../audit/hashing.ts";
import { verifyConsistency } from "../audit/merkle.ts";
import { growTiles } from "../audit/tile-growth.ts";
import { consistencyProofFromTiles, rootFromTiles } from "../audit/tile-proofs.ts";
import { tileWidth } from "../audit/tiles.ts";
import { openTreeHead, signTreeHead } from "../audit/tree-head.ts";
import type { Log } from "../event-store/log.ts";
import { isGivenUp, type KnownHead } from "./audit-log.ts";
import type { HeadStore, LogKeys, SignedHead, TileStore } from "./stores.ts";

export type SignedTreeParts = {
  log: Pick<Log, "head" | "readAll" | "readStream">;
  tiles: TileStore;
  /** In the order in which they are written; the last one lies beside the key. */
  heads: readonly HeadStore[];
  keys: LogKeys;
  /** Today in UTC, as `2026-01-31`. */
  today(): string;
};

/** Leaves hashed in one step: some milliseconds of work. */
const batchCount = 2_048;

export class SignedTree {
  readonly #parts: SignedTreeParts;
  /** Signed last: whatever comes must extend it. */
  #signed: SignedHead | undefined;
  /** Signed last and stored everywhere: this one may be shown. */
  #served: SignedHead | undefined;
  #broken: KnownHead | undefined;
  #hashedCount = 0;

  constructor(parts: SignedTreeParts) {
    this.#parts = parts;
  }

  /** Leaves that were hashed since this object was made: few after a restart, however long the log. */
  get hashedCount(): number {
    return this.#hashedCount;
  }

  get size(): number {
    return this.#parts.tiles.size();
  }

  get served(): SignedHead | undefined {
    return this.#served;
  }

  /** The head that the log does not bear out, while there is one: nothing is signed then. */
  get broken(): KnownHead | undefined {
    return this.#broken;
  }

  /**
   * Brings the tree up to the log and holds it against every head that was kept. Tiles that do not fit are built anew first, so
   * that a lost or damaged file is never taken for a changed log.
   *
   * @param onBatch called between steps; the caller may wait in it, or throw to end.
   * @throws AuditError for a kept head that is not this log's or can't be read.
   */
  async open(onBatch: () => Promise<void> = async () => undefined): Promise<void> {
    const { tiles, heads, log } = this.#parts;
    if (!this.#tilesFitTheLog()) tiles.clear();
    await this.#growAll(onBatch);
    const kept = await Promise.all(heads.map((store) => this.#opened(store.last())));
    const known = kept.filter((head) => head !== undefined);
    if (known.some((head) => head.size <= log.head() && !this.#bears(head)) && this.#hashedCount < this.size) {
      tiles.clear();
      await this.#growAll(onBatch);
    }
    const contradicting = largest(known.filter((head) => !this.#bears(head) && !this.#isGivenUp(knownHead(head))));
    this.#broken = contradicting && knownHead(contradicting);
    if (this.#broken !== undefined) return;
    this.#signed = largest(known.filter((head) => this.#bears(head)));
    if (this.#signed === undefined) return;
    // Killed between two stores: what is shown must stand in both.
    if (kept.some((head) => head?.note !== this.#signed!.note)) this.#keep(this.#signed);
    this.#served = this.#signed;
  }

  /** Takes up at most one batch of new leaves. @returns how many. */
  grow(): number {
    const { log, tiles } = this.#parts;
    const size = tiles.size();
    const fresh = log.readAll(size, batchCount);
    if (fresh.length === 0) return 0;
    const hashes = fresh.map(({ leaf }) => leafHash(leaf));
    tiles.write(size + fresh.length, growTiles(tiles.readTile, size, hashes));
    this.#hashedCount += fresh.length;
    return fresh.length;
  }

  /**
   * Signs what the tree has grown to. Nothing new: the head from before.
   * @returns the head that may be shown; undefined for an empty tree and while the log is broken.
   */
  sign(): SignedHead | undefined {
    const { tiles, keys } = this.#parts;
    if (!this.#isWhole()) return undefined;
    const size = tiles.size();
    if (size === 0) return undefined;
    if (this.#signed?.size !== size) {
      const root = rootFromTiles(tiles.readTile, size);
      if (this.#signed !== undefined && !this.#leadsTo(this.#signed, size, root)) {
        this.#broken = knownHead(this.#signed);
        return undefined;
      }
      const signers = keys.signersAt(size);
      const head = { origin: signers[0]!.name, size, root };
      this.#signed = { ...head, note: signTreeHead(head, signers) };
    }
    if (this.#served !== this.#signed) this.#keep(this.#signed);
    return (this.#served = this.#signed);
  }

  /**
   * Takes note of a head that a witness holds. Where the log does not bear it out nothing is signed any more, as after a start with
   * such a head. Grow the tree first.
   *
   * @param head without its root where the witness told the size alone: then it is taken to be another than the log's.
   * @param note that of the head, signed by the log: kept beside the key, so that the next start knows without asking.
   */
  contradict(head: KnownHead, note?: string): void {
    if (this.#broken !== undefined || this.#isGivenUp(head)) return;
    const root = head.root === undefined ? undefined : Uint8Array.fromBase64(head.root);
    if (root !== undefined && this.#bears({ size: head.size, root })) return;
    this.#broken = head;
    if (root === undefined || note === undefined) return;
    const { heads, keys, today } = this.#parts;
    heads.at(-1)?.keep({ origin: keys.verifiers()[0]!.name, size: head.size, root, note }, today());
  }

  close(): void {
    for (const store of this.#parts.heads) store.close();
    this.#parts.tiles.close();
  }

  /** Whether signing may go on: always, until a head is broken, and again once the operator has given that head up. */
  #isWhole(): boolean {
    if (this.#broken === undefined) return true;
    if (!this.#isGivenUp(this.#broken)) return false;
    this.#broken = undefined;
    this.#signed = undefined;
    return true;
  }

  #keep(head: SignedHead): void {
    const { heads, today } = this.#parts;
    for (const store of heads) store.keep(head, today());
  }

  /** The last leaf stands for all: a log that was rewound, and went on otherwise, has another one there. */
  #tilesFitTheLog(): boolean {
    const { log, tiles } = this.#parts;
    const size = tiles.size();
    if (size === 0) return true;
    if (size > log.head()) return false;
    const [last] = log.readAll(size - 1, 1);
    const width = ((size - 1) % tileWidth) + 1;
    const tile = tiles.readTile(0, Math.floor((size - 1) / tileWidth), width);
    return last !== undefined && equalBytes(tile.subarray((width - 1) * 32), leafHash(last.leaf));
  }

  async #growAll(onBatch: () => Promise<void>): Promise<void> {
    while (this.grow() > 0) await onBatch();
  }

  async #opened(note: string | undefined): Promise<SignedHead | undefined> {
    if (note === undefined) return undefined;
    const { origin, size, root } = await openTreeHead(note, this.#parts.keys.verifiers());
    return { origin, size, root, note };
  }

  /** Whether the tree begins with the tree of this head. Damaged tiles bear out nothing. */
  #bears({ size, root }: Pick<SignedHead, "size" | "root">): boolean {
    const { tiles } = this.#parts;
    if (size > tiles.size()) return false;
    try {
      return equalBytes(rootFromTiles(tiles.readTile, size), root);
    } catch {
      return false;
    }
  }

  #leadsTo(from: SignedHead, size: number, root: Uint8Array): boolean {
    if (from.size > size) return false;
    const proof = consistencyProofFromTiles(this.#parts.tiles.readTile, from.size, size);
    return verifyConsistency(from.size, size, proof, from.root, root);
  }

  #isGivenUp(head: KnownHead): boolean {
    return isGivenUp(this.#parts.log, head, this.size);
  }
}

const knownHead = ({ size, root }: SignedHead): { size: number; root: string } => ({ size, root: toBase64(root) });

const largest = (heads: readonly SignedHead[]): SignedHead | undefined =>
  heads.reduce<SignedHead | undefined>((most, head) => (most === undefined || head.size > most.size ? head : most), undefined);
