/**
 * One account's history, leaf by leaf, each with its receipt. What was left out of it before the census shows in the account's line
 * there; what came later is only what it is, and said to be.
 */
import { coversAll, verifyCensusProof } from "../audit/census.ts";
import { equalBytes, hashFromBase64, toBase64 } from "../audit/encoding.ts";
import { AuditError } from "../audit/errors.ts";
import { leafHash } from "../audit/hashing.ts";
import { verifyConsistency, verifyInclusion } from "../audit/merkle.ts";
import { parseReceipt } from "../audit/receipt.ts";
import { parseNote } from "../audit/signed-note.ts";
import { clockSkewMsMax } from "../domain/log-time.ts";
import { addMs, epochMs, type Instant, instantAt } from "../domain/values.ts";
import { type Auditor, lagMsUsual, latestMsBy, notAfterNow, type OnProgress } from "./auditor.ts";
import {
  type CensusFile,
  censusPath,
  consistencyPath,
  type DossierManifest,
  headPath,
  leafOpeningsPath,
  leafPath,
  manifestPath,
  parseCensusFile,
  parseHashes,
  parseOpenings,
  receiptPath,
} from "./bundle-format.ts";
import type { BundleReader } from "./bundle-reader.ts";
import { EventChecks } from "./event-checks.ts";
import { type ClaimedHead, Heads } from "./heads.ts";
import { type LeafEvent, nameOf } from "./leaf-event.ts";
import { LogStory } from "./log-story.ts";
import { Receipts } from "./receipts.ts";
import type { Inquiry, LeafName, Report } from "./report.ts";
import { WitnessBounds } from "./witness-bounds.ts";

type Parts = {
  inquiry: Inquiry;
  auditor: Auditor;
  manifest: DossierManifest;
  reader: BundleReader;
  onProgress: OnProgress;
};
type Told = Pick<Report, "completeUpTo" | "text" | "bundle" | "promises">;

/** @returns what can be told of a dossier beside what the inquiry found; undefined where its head can't be read. */
export async function verifyDossier(parts: Parts): Promise<Told | undefined> {
  const { inquiry, manifest, reader, auditor } = parts;
  const heads = new Heads(inquiry, manifest.origin);
  const head = heads.claim(headPath, await reader.take(headPath), "head");
  if (head === undefined) return undefined;
  if (head.size !== manifest.size)
    inquiry.failed("head", `the manifest speaks of ${manifest.size} leaves, the signed tree head of ${head.size}`, {
      file: manifestPath,
    });
  const kept = (auditor.since ?? []).map(({ name, note }) => heads.claimOwn(name, note, "consistency"));
  const keptSize = Math.max(0, ...kept.map((one) => one?.size ?? 0));
  return new DossierVerification(parts, heads, head).run(keptSize);
}

type CensusTaken = Extract<LeafEvent, { type: "CensusTaken" }>;

class DossierVerification {
  readonly #parts: Parts;
  readonly #heads: Heads;
  readonly #head: ClaimedHead;
  readonly #headText: string;
  readonly #receipts: Receipts;
  readonly #events: EventChecks;
  readonly #story: LogStory;
  readonly #bounds: WitnessBounds;
  /** Of the account's own leaves. */
  readonly #own: { index: number; hash: Uint8Array }[] = [];
  /** How late it was at each leaf that came. */
  readonly #times: { index: number; logTime: Instant }[] = [];
  #census: CensusTaken | undefined;
  /** Events of the ledger as a whole: how many came, and how many there are up to the last of them. */
  #ledger = { shown: 0, upTo: 0 };
  #censusFile: CensusFile | undefined;

  constructor(parts: Parts, heads: Heads, head: ClaimedHead) {
    const { inquiry, auditor, manifest } = parts;
    this.#parts = parts;
    this.#heads = heads;
    this.#head = head;
    this.#headText = parseNote(head.note).text;
    this.#receipts = new Receipts(inquiry, heads, auditor.receipts ?? []);
    const isWhole = (event: Pick<LeafEvent, "stream" | "account">) =>
      event.stream.startsWith("policy-") || (event.account === manifest.account && isOfAccounts(event.stream));
    const knowsKeysOf = ({ account }: Pick<LeafEvent, "account">) => account === manifest.account;
    this.#events = new EventChecks({ inquiry, auditor, size: head.size, root: head.root, isLog: false, isWhole, knowsKeysOf });
    const { times } = this.#events;
    this.#bounds = new WitnessBounds(inquiry);
    this.#story = new LogStory({ inquiry, policy: auditor.policy, origin: head.origin, times, bounds: this.#bounds });
  }

  async run(keptSize: number): Promise<Told> {
    const { reader, manifest, inquiry, onProgress } = this.#parts;
    await this.#compareHeads();
    if (manifest.census !== null) this.#censusFile = await this.#takeCensus();
    let last = -1;
    for (let count = 0; count < manifest.leaves; count += 1) {
      last = await this.#takeLeaf(last);
      onProgress(count + 1, manifest.leaves);
    }
    await reader.end();
    inquiry.reached("head", "leaves", "consistency", "receipts", "record", "verdicts", "openings");
    this.#receipts.conclude({ account: manifest.account, size: this.#head.size });
    await this.#verifySignatures();
    this.#story.tellBreaks(keptSize);
    this.#bounds.tell(this.#head.size);
    this.#tellLedger();
    this.#tellKeys();
    const countedUpTo = this.#completeUpTo();
    const completeUpTo = notAfterNow(this.#parts.auditor, countedUpTo) ?? null;
    this.#events.times.end();
    this.#events.tellLoads(keptSize);
    this.#events.withinBounds(() => this.#requireVerdicts(countedUpTo));
    this.#events.endOfCorrections();
    this.#events.tellAfterthoughts();
    return { bundle: this.#bundle(), completeUpTo, text: this.#events.disclosures.end(), promises: this.#promises() };
  }

  #bundle(): NonNullable<Report["bundle"]> {
    const { account, promise } = this.#parts.manifest;
    const { origin, size, root } = this.#head;
    const told = { kind: "dossier" as const, origin, size, root: toBase64(root), account };
    return promise === undefined ? told : { ...told, promise };
  }

  /** Heads of receipts and those that were kept: the dossier must bring the proof that its tree goes on from them. */
  async #compareHeads(): Promise<void> {
    const { reader, manifest, inquiry } = this.#parts;
    const proofs = new Map<number, Uint8Array[]>();
    for (const size of manifest.since) {
      const proof = parseHashes(await reader.take(consistencyPath(size)));
      if (proof === undefined)
        inquiry.failed("consistency", `${consistencyPath(size)} is no proof`, { file: consistencyPath(size) });
      else proofs.set(size, proof);
    }
    // Its own is checked too: by its signature, at the end.
    inquiry.checked("head");
    for (const claim of this.#heads.takeWaiting()) if (claim !== this.#head) this.#compareHead(claim, proofs.get(claim.size));
  }

  #compareHead({ name, size, root, check }: ClaimedHead, proof: Uint8Array[] | undefined): void {
    const { inquiry } = this.#parts;
    const { size: ourSize, root: ourRoot } = this.#head;
    inquiry.checked(check);
    if (size > ourSize)
      inquiry.failed(
        check,
        `${name} is a tree head of ${size} leaves, and the dossier ends at ${ourSize}: the log was cut short, or the dossier is older`,
      );
    else if (size === ourSize && !equalBytes(root, ourRoot))
      inquiry.failed(check, `${name} has another root at ${size} leaves: history was changed`);
    else if (size === ourSize || size === 0) return;
    else if (proof === undefined)
      inquiry.unmet(
        check,
        `${name} is a tree head of ${size} leaves, and the dossier has no proof that the log goes on from it: ask for one made with since=${size}`,
      );
    else if (!verifyConsistency(size, ourSize, proof, root, ourRoot))
      inquiry.failed(check, `the log does not go on from ${name}, of ${size} leaves: history was changed`);
  }

  async #takeCensus(): Promise<CensusFile | undefined> {
    const census = parseCensusFile(await this.#parts.reader.take(censusPath));
    if (census === undefined)
      this.#parts.inquiry.failed("verdicts", `${censusPath} is no line of a census`, { file: censusPath });
    return census;
  }

  /** @returns its index. @param before that of the leaf before. */
  async #takeLeaf(before: number): Promise<number> {
    const { reader, inquiry, manifest } = this.#parts;
    const [, number] = /^leaf\/([0-9]+)$/.exec((await reader.peek()) ?? "") ?? [];
    const index = Number(number ?? before + 1);
    const bytes = await reader.take(leafPath(index));
    const receipt = await reader.take(receiptPath(index));
    inquiry.checked("leaves");
    const hash = leafHash(bytes);
    if (index <= before) inquiry.failed("leaves", `leaf ${index} comes after leaf ${before}`, { leaf: { index } });
    this.#verifyReceipt(receipt, hash, index);
    this.#receipts.passed(index, hash);
    const { account, event } = this.#events.take(bytes, index);
    if (account === manifest.account) this.#own.push({ index, hash });
    const { logTime } = this.#events.times;
    if (logTime !== undefined) this.#times.push({ index, logTime });
    if (event !== undefined) await this.#takeEvent(event, nameOf(event, index));
    return index;
  }

  async #takeEvent(event: LeafEvent, leaf: LeafName): Promise<void> {
    const { manifest, reader, inquiry } = this.#parts;
    this.#bounds.leaf(event);
    if (event.stream === "ledger") this.#ledger = { shown: this.#ledger.shown + 1, upTo: event.revision + 1 };
    if (event.type === "CensusTaken" && leaf.index === manifest.census) this.#census = event;
    await this.#story.tell(event, (size) => (size === this.#head.size ? this.#head.root : undefined));
    const path = leafOpeningsPath(leaf.index);
    const bytes = manifest.openings ? await reader.takeIf(path) : undefined;
    if (bytes === undefined) return;
    const openings = parseOpenings(bytes);
    if (openings === undefined) inquiry.failed("openings", `${path} is no list of openings`, { file: path });
    else this.#events.disclosures.opened(openings, [{ leaf, event }], path);
  }

  /** Each leaf is shown by a proof of its own, under the dossier's own head. */
  #verifyReceipt(receipt: Uint8Array, hash: Uint8Array, index: number): void {
    const { inquiry } = this.#parts;
    const leaf = { index };
    try {
      const { proof, note, index: at } = parseReceipt(receipt);
      const isOurs = parseNote(note).text === this.#headText;
      if (!isOurs) inquiry.failed("receipts", "its receipt leads to another tree head than the dossier's", { leaf });
      inquiry.checked("receipts");
      if (at !== index || !verifyInclusion(hash, index, this.#head.size, proof, this.#head.root))
        inquiry.failed(
          "leaves",
          "its receipt does not lead to the root that was signed: the leaf, its place or the receipt was altered",
          { leaf },
        );
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      inquiry.failed("receipts", error.message, { leaf, file: receiptPath(index) });
    }
  }

  async #verifySignatures(): Promise<void> {
    const { auditor } = this.#parts;
    const keys = await this.#story.logKeys();
    await this.#heads.verifySignatures(auditor, keys, (timeMs, size) => {
      this.#events.times.refutes(timeMs, size);
      if (size !== this.#head.size) return;
      this.#bounds.saw(timeMs, size);
      this.#requireRecordedBy(timeMs, "a witness had seen them before");
    });
    const latestMs = latestMsBy(auditor);
    if (latestMs === undefined) return;
    this.#events.times.refutes(latestMs, this.#head.size);
    this.#requireRecordedBy(latestMs, `by your clock it is ${instantAt(latestMs)} at most`);
  }

  #requireRecordedBy(timeMs: number, when: string): void {
    const { logTime } = this.#events.times;
    if (logTime !== undefined && epochMs(logTime) > timeMs + clockSkewMsMax)
      this.#parts.inquiry.failed("record", `leaves say that they were recorded by ${logTime}, and ${when}`);
  }

  /** No census counts them, so a break or a correction may be missing without a trace; the gap at least is told. */
  #tellLedger(): void {
    const { shown, upTo } = this.#ledger;
    if (upTo > shown)
      this.#parts.inquiry.note(
        "not-covered",
        `${upTo - shown} events of the ledger as a whole are not shown, most likely censuses and loads of others: only the whole log shows that no declared break and no correction of the clock is among them`,
      );
  }

  /** No census counts the events of keys and of policies either: the last of them may be missing without a trace. */
  #tellKeys(): void {
    this.#parts.inquiry.note(
      "not-covered",
      "only the whole log shows that no key was revoked before it spoke, and that no later policy was adopted: no census counts the events of keys and policies",
    );
  }

  /** Up to when nothing of the account is missing. */
  #completeUpTo(): Instant | undefined {
    const { inquiry, auditor, manifest } = this.#parts;
    const treeSize = this.#countedUpTo();
    if (treeSize === undefined) {
      if (manifest.census === null)
        inquiry.unmet("leaves", "no census counts this account yet, so nothing shows that its history is complete");
      return undefined;
    }
    const isCountedToItsRecord = this.#census!.position - 1 === treeSize;
    const upTo = isCountedToItsRecord ? this.#census!.recordedAt : this.#times.findLast(({ index }) => index < treeSize)?.logTime;
    const younger = this.#own.filter(({ index }) => index >= treeSize).length;
    if (younger > 0)
      inquiry.note(
        "not-covered",
        `${younger} leaves of the account are younger than the census: they are shown, and nothing shows that there are no others`,
      );
    this.#requireAsOf(notAfterNow(auditor, upTo));
    return upTo;
  }

  #requireAsOf(upTo: Instant | undefined): void {
    const { inquiry, auditor } = this.#parts;
    if (auditor.asOf !== undefined && (upTo === undefined || upTo < auditor.asOf))
      inquiry.unmet(
        "leaves",
        `the dossier is complete up to ${upTo ?? "no instant that can be told"}, and you asked for ${auditor.asOf}: later events may have been left out`,
      );
  }

  /** How many leaves of the log the census counted, where it stands and its line says that this is all of the account. */
  #countedUpTo(): number | undefined {
    const { inquiry, manifest } = this.#parts;
    const file = this.#censusFile;
    if (file === undefined) return undefined;
    const leaf = this.#census === undefined ? undefined : nameOf(this.#census, this.#census.position - 1);
    if (this.#census === undefined || leaf === undefined) {
      inquiry.failed("verdicts", `leaf ${manifest.census} is said to be a census, and is none`, { file: manifestPath });
      return undefined;
    }
    inquiry.checked("verdicts");
    try {
      const { treeSize, accounts, root } = this.#census.data;
      const line = verifyCensusProof(file, { accounts, root: hashFromBase64(root)! });
      if (line.account !== manifest.account)
        throw new AuditError("proof-failed", `it counts ${line.account}, not ${manifest.account}`);
      const counted = this.#own.filter(({ index }) => index < treeSize).map(({ hash }) => hash);
      if (coversAll(line, counted)) return treeSize;
      const message = `the census counts ${line.events} events of ${line.account} among the first ${treeSize} leaves, and the dossier shows ${counted.length}${counted.length === line.events ? " others" : ""}: something was left out or put in its place`;
      inquiry.failed("leaves", message, { file: manifestPath });
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      inquiry.failed("verdicts", `the account's line is not in the census: ${error.message}`, { leaf, file: censusPath });
    }
    return undefined;
  }

  /** Where something was due when the census was taken, it must stand on record; what fell due since may have been left out. */
  #requireVerdicts(completeUpTo: Instant | undefined): void {
    const { inquiry, auditor, manifest } = this.#parts;
    const { recomputation, doubts } = this.#events;
    const now = this.#events.times.logTime;
    if (now === undefined) return;
    const lagMs = auditor.lagMs ?? lagMsUsual;
    const treeSize = this.#census?.data.treeSize ?? 0;
    const overdue = new Set<string>();
    if (completeUpTo !== undefined) {
      const then = addMs(completeUpTo, -lagMs);
      const sizeThen = Math.min(treeSize, this.#sizeAt(then));
      for (const due of recomputation.unrecorded(this.#head.size, now, sizeThen, then)) {
        if (this.#events.isEarly(due, now)) continue;
        const { stream, message } = due;
        overdue.add(`${stream} ${message}`);
        this.#events.missing(due, `${stream}: ${message}; it had been due when the census was taken`);
      }
    }
    const then = addMs(now, -lagMs);
    for (const due of recomputation.unrecorded(this.#head.size, now, this.#sizeAt(then), then)) {
      const { stream, message } = due;
      if (!overdue.has(`${stream} ${message}`) && !this.#events.isEarly(due, now))
        inquiry.unmet("verdicts", `${stream}: ${message}; it may have been left out, for it is younger than the census`);
    }
    if (manifest.promise !== undefined && recomputation.standing(manifest.promise) === undefined)
      this.#events.doubtable(
        { check: "leaves", message: `the dossier is of ${manifest.promise}, and holds nothing of it`, file: manifestPath },
        doubts.about({ stream: `promise-${manifest.promise}`, account: manifest.account }),
      );
  }

  /** Leaves of the log that had come by then, as far as the dossier shows. */
  #sizeAt(then: Instant): number {
    return (this.#times.findLast(({ logTime }) => logTime <= then)?.index ?? -1) + 1;
  }

  #promises(): NonNullable<Report["promises"]> {
    const { promise } = this.#parts.manifest;
    const { recomputation } = this.#events;
    const asked = promise === undefined ? recomputation.promiseIds() : [promise];
    return [...asked].map((id) => ({ promise: id, verdicts: recomputation.standing(id) ?? {} }));
  }
}

const isOfAccounts = (stream: string): boolean =>
  ["account-", "promise-", "interaction-", "agreement-", "outcome-"].some((category) => stream.startsWith(category));
