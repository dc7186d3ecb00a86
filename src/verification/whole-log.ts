/** The whole log, leaf by leaf, as a stream. */
import { equalBytes, hashFromBase64, toBase64 } from "../audit/encoding.ts";
import { decodeEntryBundle } from "../audit/entry-bundles.ts";
import { AuditError } from "../audit/errors.ts";
import { leafHash } from "../audit/hashing.ts";
import { tilePath, tileWidth, widthOfTile } from "../audit/tiles.ts";
import { type Auditor, latestMsBy, notAfterNow, type OnProgress } from "./auditor.ts";
import {
  earlierHeadPath,
  entriesPath,
  headPath,
  type LogManifest,
  openingsPath,
  parseOpenings,
  tilesAfter,
} from "./bundle-format.ts";
import { type BundleReader, MissingFileError } from "./bundle-reader.ts";
import { CensusRecount, isSameCensus } from "./census-recount.ts";
import type { SealedLeaf } from "./disclosures.ts";
import { EventChecks } from "./event-checks.ts";
import { type ClaimedHead, Heads } from "./heads.ts";
import { type LeafEvent, nameOf } from "./leaf-event.ts";
import { LogStory } from "./log-story.ts";
import { LogTiles } from "./log-tiles.ts";
import { Receipts } from "./receipts.ts";
import type { Inquiry, Report } from "./report.ts";
import { TreeHistory } from "./tree-history.ts";
import { WitnessBounds } from "./witness-bounds.ts";

type Parts = {
  inquiry: Inquiry;
  auditor: Auditor;
  manifest: LogManifest;
  reader: BundleReader;
  onProgress: OnProgress;
};

/** @returns what can be told of a log beside what the inquiry found; undefined where its head can't be read. */
export async function verifyLog(parts: Parts): Promise<Pick<Report, "completeUpTo" | "text" | "bundle"> | undefined> {
  const { inquiry, manifest, reader, auditor } = parts;
  const heads = new Heads(inquiry, manifest.origin);
  const head = heads.claim(headPath, await reader.take(headPath), "head");
  if (head === undefined) return undefined;
  if (head.size !== manifest.size)
    inquiry.failed("head", `the manifest speaks of ${manifest.size} leaves, the signed tree head of ${head.size}`, {
      file: "manifest.json",
    });
  for (const size of manifest.heads) {
    const earlier = heads.claim(earlierHeadPath(size), await reader.take(earlierHeadPath(size)), "consistency");
    if (earlier !== undefined && earlier.size !== size)
      inquiry.failed("consistency", `${earlierHeadPath(size)} is a head of ${earlier.size} leaves`, {
        file: earlierHeadPath(size),
      });
  }
  const kept = (auditor.since ?? []).map(({ name, note }) => heads.claimOwn(name, note, "consistency"));
  const keptSize = Math.max(0, ...kept.map((one) => one?.size ?? 0));
  return new LogVerification(parts, heads, head).run(keptSize);
}

/** Of counting a census: an account's line is hashed into the tree of all of them. */
const stepsPerAccount = 100;

class LogVerification {
  readonly #parts: Parts;
  readonly #heads: Heads;
  readonly #head: ClaimedHead;
  readonly #tree: TreeHistory;
  readonly #tiles = new LogTiles();
  readonly #census: CensusRecount;
  /** Leaves that the last census counts. */
  #censusSize = 0;
  readonly #events: EventChecks;
  readonly #receipts: Receipts;
  readonly #story: LogStory;
  readonly #bounds: WitnessBounds;

  constructor(parts: Parts, heads: Heads, head: ClaimedHead) {
    const { inquiry, auditor } = parts;
    this.#parts = parts;
    this.#heads = heads;
    this.#head = head;
    this.#tree = new TreeHistory(head.size);
    this.#census = new CensusRecount(head.size);
    this.#events = new EventChecks({
      inquiry,
      auditor,
      size: head.size,
      root: head.root,
      isLog: true,
      isWhole: () => true,
      knowsKeysOf: () => true,
    });
    this.#receipts = new Receipts(inquiry, heads, auditor.receipts ?? []);
    const { times } = this.#events;
    this.#bounds = new WitnessBounds(inquiry);
    this.#story = new LogStory({ inquiry, policy: auditor.policy, origin: head.origin, times, bounds: this.#bounds });
  }

  async run(keptSize: number): Promise<Pick<Report, "completeUpTo" | "text" | "bundle">> {
    const { reader, onProgress } = this.#parts;
    const { size, origin, root } = this.#head;
    const bundle = { kind: "log" as const, origin, size, root: toBase64(root) };
    try {
      this.#heads.reached(0, () => this.#tree.root());
      for (let index = 0; index * tileWidth < size; index += 1) {
        await this.#takeEntries(index);
        onProgress(this.#tree.size, size);
      }
      await reader.end();
    } catch (error) {
      if (!(error instanceof MissingFileError) && !(error instanceof AuditError)) throw error;
      this.#parts.inquiry.failed("leaves", error.message, error instanceof MissingFileError ? { file: error.path } : {});
      await this.#concludeHeads();
      return { bundle, completeUpTo: null, text: this.#events.disclosures.end() };
    }
    return { bundle, ...(await this.#conclude(keptSize)) };
  }

  async #takeEntries(index: number): Promise<void> {
    const { reader, manifest } = this.#parts;
    const { size } = this.#head;
    const path = entriesPath(size, index);
    const before = this.#tree.size;
    const leaves = decodedEntries(await reader.take(path), widthOfTile(size, "entries", index), path);
    const hashes: Uint8Array[] = [];
    const sealed: SealedLeaf[] = [];
    for (const [at, bytes] of leaves.entries()) {
      const hash = leafHash(bytes);
      hashes.push(hash);
      const event = this.#takeLeaf(bytes, hash, before + at);
      if (event === undefined) continue;
      this.#bounds.leaf(event);
      if (event.sealed.length > 0 && manifest.openings) sealed.push({ leaf: nameOf(event, before + at), event });
      const told = this.#story.tell(event, (treeSize) => this.#tree.rootAt(treeSize));
      if (told !== undefined) await told;
    }
    if (manifest.openings) await this.#takeOpenings(index, sealed);
    for (const { level, ...tile } of tilesAfter(size, index)) {
      const bytes = await reader.take(tilePath({ level, ...tile }));
      if (level === 0) this.#tiles.compareLeaves(index, hashes, bytes, () => this.#tree.treeAt(before)!);
      else this.#tiles.compareHashes({ level, ...tile }, bytes);
      this.#tiles.finish(level, level === 0 ? this.#tree.tileRoot : undefined);
    }
  }

  #takeLeaf(bytes: Uint8Array, hash: Uint8Array, index: number): LeafEvent | undefined {
    this.#parts.inquiry.checked("leaves");
    this.#tree.append(hash);
    this.#receipts.passed(index, hash);
    this.#heads.reached(index + 1, () => this.#tree.root());
    const { account, event } = this.#events.take(bytes, index);
    if (index === 0 && event !== undefined && event.type !== "LedgerOpened")
      this.#parts.inquiry.failed("record", "the log does not begin with the opening of its ledger", { leaf: nameOf(event, 0) });
    this.#census.append(account, hash);
    if (event?.type === "CensusTaken") this.#events.withinBounds(() => this.#recount(event), nameOf(event, index));
    return event;
  }

  #recount(event: Extract<LeafEvent, { type: "CensusTaken" }>): void {
    const { inquiry } = this.#parts;
    const { treeSize, accounts, root } = event.data;
    const leaf = nameOf(event, event.position - 1);
    inquiry.checked("verdicts");
    if (treeSize >= event.position)
      return inquiry.failed("verdicts", `it counts ${treeSize} leaves, and is leaf ${leaf.index} itself`, { leaf });
    const before = this.#censusSize;
    this.#censusSize = Math.max(before, treeSize);
    if (treeSize <= before)
      return inquiry.failed("verdicts", `it counts ${treeSize} leaves, and a census of ${before} stands before it`, { leaf });
    this.#events.work.spend(this.#census.accountCount * stepsPerAccount);
    const census = this.#census.censusAt(treeSize);
    if (census === undefined)
      return inquiry.unmet("verdicts", "it was recorded so long after it was taken that it can't be counted again here", {
        leaf,
      });
    if (!isSameCensus(census, { accounts, root: hashFromBase64(root)! }))
      inquiry.failed(
        "verdicts",
        `the census is false: the first ${treeSize} leaves give ${census.accounts} accounts with root ${toBase64(census.root)}`,
        { leaf },
      );
  }

  async #takeOpenings(index: number, sealed: readonly SealedLeaf[]): Promise<void> {
    const path = openingsPath(index);
    const bytes = await this.#parts.reader.takeIf(path);
    if (bytes === undefined) return;
    const openings = parseOpenings(bytes);
    if (openings === undefined) this.#parts.inquiry.failed("openings", `${path} is no list of openings`, { file: path });
    else this.#events.disclosures.opened(openings, sealed, path);
  }

  async #conclude(keptSize: number): Promise<Pick<Report, "completeUpTo" | "text">> {
    const { inquiry, auditor } = this.#parts;
    const { size, root } = this.#head;
    const isRootRight = equalBytes(this.#tree.root(), root);
    this.#tellTiles(isRootRight);
    this.#heads.end(size);
    await this.#concludeHeads();
    this.#story.tellBreaks(keptSize);
    this.#bounds.tell(this.#head.size);
    this.#receipts.conclude();
    const latestMs = latestMsBy(auditor);
    if (latestMs !== undefined) this.#events.times.hadBy(latestMs);
    this.#events.end(keptSize);
    inquiry.reached("head", "record", "verdicts", "openings", "receipts");
    const text = this.#events.disclosures.end();
    const upTo = notAfterNow(auditor, this.#events.times.logTime) ?? null;
    if (auditor.asOf !== undefined && (upTo === null || upTo < auditor.asOf))
      inquiry.unmet(
        "head",
        `the log was read up to ${upTo ?? "nothing"}, and you asked for ${auditor.asOf}: take a newer bundle`,
      );
    return { completeUpTo: isRootRight ? upTo : null, text };
  }

  #tellTiles(isRootRight: boolean): void {
    const { inquiry } = this.#parts;
    const { badLeaf, wrongTiles } = this.#tiles.verdict(this.#head.root, isRootRight);
    inquiry.reached("leaves", "consistency");
    if (badLeaf !== undefined)
      inquiry.failed(
        "leaves",
        "its hash is not the one in its tile, and the tiles lead to the root that was signed: it was altered",
        { leaf: { index: badLeaf } },
      );
    for (const path of wrongTiles) inquiry.failed("leaves", `${path} holds other hashes than the leaves give`, { file: path });
    if (!isRootRight && badLeaf === undefined)
      inquiry.failed(
        "leaves",
        "the leaves do not give the root of the signed tree head, and tiles do not show which of them is wrong",
      );
  }

  async #concludeHeads(): Promise<void> {
    const { auditor } = this.#parts;
    const keys = await this.#story.logKeys();
    await this.#heads.verifySignatures(auditor, keys, (timeMs, size) => {
      this.#events.times.seenBy(timeMs, size, { index: size - 1 });
      this.#bounds.saw(timeMs, size);
    });
  }
}

/** @throws AuditError malformed-bundle, with the path. */
function decodedEntries(bytes: Uint8Array, width: number, path: string): Uint8Array[] {
  try {
    return decodeEntryBundle(bytes, width);
  } catch (error) {
    if (error instanceof AuditError) throw new AuditError(error.code, `${path}: ${error.message}`);
    throw error;
  }
}
