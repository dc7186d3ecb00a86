/**
 * Has the log's heads seen by witnesses, and puts on record who saw which. Each witness is offered a head by itself, so that one
 * which is slow, away or lying holds up no other; all are offered the same head, so that its quorum can be met.
 */
import { setTimeout as delay } from "node:timers/promises";
import { instantOf, type Anchor } from "../audit/anchor.ts";
import { equalBytes, toBase64 } from "../audit/encoding.ts";
import { AuditError } from "../audit/errors.ts";
import { type Policy, quorumOf } from "../audit/policy.ts";
import { rootFromTiles } from "../audit/tile-proofs.ts";
import { openTreeHead } from "../audit/tree-head.ts";
import { formatVerifierKey, parseVerifierKey } from "../audit/verifier-key.ts";
import { withCosignatures } from "../audit/witness.ts";
import type { Log } from "../event-store/log.ts";
import { type AuditLog, isGivenUp, LogDivergedError, TreeBehindError } from "./audit-log.ts";
import { heldHead, offer, type Offered, type WitnessAddress } from "./offering.ts";
import type { AnchoredHead, AnchorStore, SignedHead } from "./stores.ts";

export type AnchoringTimes = {
  /** Signing waits no longer for witnesses that do not answer at the start. */
  startMsMax: number;
  /** How often a new head is looked for. */
  everyMs: number;
  /** Of one offer to one witness, with all its requests. */
  offerMsMax: number;
  /** Before the first repetition of what failed; doubled with each further one. */
  retryMsMin: number;
  retryMsMax: number;
};
export const usualAnchoringTimes: AnchoringTimes = {
  startMsMax: 5_000,
  everyMs: 60_000,
  offerMsMax: 10_000,
  retryMsMin: 5_000,
  retryMsMax: 900_000,
};

export type AnchoringParts = {
  policy: Policy;
  auditLog: Pick<AuditLog, "treeHead" | "treeHeadOf" | "verifierKeys" | "readTile" | "contradict" | "status">;
  log: Pick<Log, "head" | "readAll" | "readStream">;
  anchors: AnchorStore;
  /** Puts TreeHeadAnchored on record; repeating it adds nothing. */
  record(anchor: Anchor): Promise<unknown>;
  /** Milliseconds since 1970. */
  now(): number;
  /** What the operator should read. */
  onTrouble(witness: string, message: string): void;
  times?: Partial<AnchoringTimes>;
};

/** A witness as the operator sees it. */
export type WitnessStatus = {
  name: string;
  /** Leaves of the head that it cosigned last; 0 for none. */
  size: number;
  cosignedAt: string | null;
  /** In a row; 0 while it does what it should. */
  failures: number;
  failure: string | null;
};

export type AnchoringStatus = {
  /** The last head that enough witnesses have seen, as the policy has it; null for none. */
  anchored: { size: number; root: string; at: string } | null;
  witnesses: WitnessStatus[];
};

type WatchedBy = WitnessAddress & {
  name: string;
  keyText: string;
  size: number;
  time: number | undefined;
  failures: number;
  failure: string | undefined;
  /** In all, for metrics. */
  failureCount: number;
  retryAtMs: number;
  /** Whether it has cosigned anything since this process started. */
  hasCosigned: boolean;
  /** The offer under way. */
  busy: Promise<void> | undefined;
};

/** Heads that are looked at for the last one whose quorum is met. */
const latestCountMax = 1_000;
const pageCount = 64;
/** What these add is no news: otherwise every anchor would ask for the next one. */
const followUps = new Set(["TreeHeadAnchored", "CensusTaken"]);

/** @throws Error that names the witness to which nothing can be offered, for the operator. */
export function requireOfferable({ witnesses }: Policy): void {
  if (witnesses.length === 0) throw new Error("the policy names no witness");
  for (const { name, key, url } of witnesses) {
    if (url === undefined) throw new Error(`the witness ${name} has no URL, so no head can be offered to it`);
    if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) throw new Error(`the URL of the witness ${name} is none of HTTP`);
    if (key.type !== 0x04)
      throw new Error(`cosignatures of the witness ${name} can't be checked here: its key is not of type 04`);
  }
}

export class Anchoring {
  readonly #parts: AnchoringParts;
  readonly #times: AnchoringTimes;
  readonly #witnesses: WatchedBy[];
  /** The head that all witnesses are offered; it stays until there is news. */
  #target: SignedHead | undefined;
  #anchored: AnchoredHead | undefined;
  /** Nothing but follow-ups stands between the target and here. */
  #quietUpTo = 0;
  readonly #stopping = new AbortController();

  constructor(parts: AnchoringParts) {
    requireOfferable(parts.policy);
    this.#parts = parts;
    this.#times = { ...usualAnchoringTimes, ...parts.times };
    this.#witnesses = parts.policy.witnesses.map(({ name, key, url }) => {
      const keyText = formatVerifierKey(key);
      const last = parts.anchors.lastOf(keyText);
      return {
        ...{ name, key, keyText, url: url!.replace(/\/+$/, ""), size: last?.size ?? 0, time: last?.time },
        ...{ failures: 0, failure: undefined, failureCount: 0, retryAtMs: 0, hasCosigned: false, busy: undefined },
      };
    });
    const latest = parts.anchors.latest(latestCountMax);
    this.#target = latest[0];
    this.#anchored = latest.find((head) => this.#quorumTime(head) !== undefined);
  }

  /** The last head that its quorum of witnesses has seen, with their signatures; undefined for none. */
  anchored(): SignedHead | undefined {
    return this.#anchored && { ...this.#anchored, note: this.cosigned(this.#anchored) };
  }

  /** A head's note with what witnesses have signed of it. */
  cosigned(head: SignedHead): string {
    const cosignatures = this.#parts.anchors.cosignaturesOf(head);
    return cosignatures.length === 0 ? head.note : withCosignatures(head.note, cosignatures);
  }

  status(): AnchoringStatus {
    const head = this.#anchored;
    return {
      anchored: head ? { size: head.size, root: toBase64(head.root), at: instantOf(this.#quorumTime(head)!)! } : null,
      witnesses: this.#witnesses.map(({ name, size, time, failures, failure = null }) => ({
        ...{ name, size, failures, failure, cosignedAt: time === undefined ? null : (instantOf(time) ?? null) },
      })),
    };
  }

  /** Failures of each witness since the start, whether others came between them or not. */
  failureCounts(): { name: string; count: number }[] {
    return this.#witnesses.map(({ name, failureCount: count }) => ({ name, count }));
  }

  /**
   * Asks every witness what it knows, with the head that was signed last: before anything new is signed, a log that was put back
   * learns of it here. Where nothing was signed yet there is nothing to ask.
   */
  async askAtStart(signal: AbortSignal): Promise<void> {
    this.#endWith(signal);
    const head = await this.#signedHead();
    if (head === undefined) return;
    this.#target ??= head;
    await Promise.all(this.#witnesses.map((witness) => this.#offerTo(witness, head)));
  }

  /** Offers heads as they come, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#endWith(signal);
    while (!signal.aborted) {
      await this.#round().catch((error: unknown) => this.#parts.onTrouble("all", messageOf(error)));
      await delay(this.#restMs(), undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(this.#witnesses.map(({ busy }) => busy));
  }

  #endWith(signal: AbortSignal): void {
    if (signal.aborted) this.#stopping.abort();
    else signal.addEventListener("abort", () => this.#stopping.abort(), { once: true });
  }

  /** Offers what is new to every witness now, those that failed lately too, and waits for their answers. */
  async anchorNow(): Promise<void> {
    await Promise.all(this.#witnesses.map(({ busy }) => busy));
    const head = await this.#parts.auditLog.treeHeadOf(this.#parts.log.head());
    if (this.#target === undefined || this.#hasNews(this.#target.size, head.size)) this.#target = head;
    await Promise.all(this.#witnesses.map((witness) => this.#isDue(witness) && this.#offerTo(witness, this.#target!)));
    await this.#putOnRecord();
  }

  async #round(): Promise<void> {
    await this.#putOnRecord();
    const head = await this.#signedHead();
    if (head === undefined) return;
    if (this.#target === undefined || this.#hasNews(this.#target.size, head.size)) this.#target = head;
    // None is waited for: a slow one may still be at it when the next round comes.
    for (const witness of this.#witnesses)
      if (this.#isDue(witness) && witness.busy === undefined && witness.retryAtMs <= performance.now())
        void this.#offerTo(witness, this.#target);
  }

  async #signedHead(): Promise<SignedHead | undefined> {
    try {
      return await this.#parts.auditLog.treeHeadOf(1);
    } catch (error) {
      if (error instanceof LogDivergedError || error instanceof TreeBehindError) return undefined;
      throw error;
    }
  }

  #isDue({ size }: WatchedBy): boolean {
    return this.#target !== undefined && size < this.#target.size;
  }

  /** Up to the next round, or to the first repetition of what failed. */
  #restMs(): number {
    const repetitions = this.#witnesses
      .filter((witness) => this.#isDue(witness) && witness.busy === undefined)
      .map(({ retryAtMs }) => Math.max(retryAtMs - performance.now(), 100));
    return Math.min(this.#times.everyMs, ...repetitions);
  }

  /** Whether the log says anything but that heads were anchored and censuses taken, between two sizes. */
  #hasNews(from: number, to: number): boolean {
    for (let size = Math.max(from, this.#quietUpTo); size < to;) {
      const page = this.#parts.log.readAll(size, Math.min(pageCount, to - size));
      if (page.length === 0) break;
      if (page.some(({ leaf }) => !followUps.has(typeOf(leaf)))) return true;
      this.#quietUpTo = size = page.at(-1)!.position;
    }
    return false;
  }

  #offerTo(witness: WatchedBy, head: SignedHead): Promise<void> {
    const work = async () => {
      await witness.busy;
      const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#times.offerMsMax)]);
      try {
        await this.#settle(witness, head, signal, await this.#offered(witness, head, signal));
      } catch (error) {
        this.#fail(witness, messageOf(error));
      }
    };
    const offering = work().finally(() => {
      if (witness.busy === offering) witness.busy = undefined;
    });
    return (witness.busy = offering);
  }

  #offered(witness: WatchedBy, head: SignedHead, signal: AbortSignal): Promise<Offered> {
    const { auditLog, now } = this.#parts;
    return offer(witness, head, witness.size, { readTile: auditLog.readTile, now, signal });
  }

  async #settle(witness: WatchedBy, head: SignedHead, signal: AbortSignal, offered: Offered): Promise<void> {
    switch (offered.outcome) {
      case "cosigned":
        return this.#keep(witness, head, offered);
      case "failed":
        return this.#fail(witness, offered.reason);
      case "contradicted":
        return this.#contradicted(witness, offered.size, signal);
      case "ahead": {
        if (offered.size > this.#parts.log.head()) return this.#contradicted(witness, offered.size, signal);
        // It saw a head of this log that is not the target: another process offered it, or its answer was lost.
        const newer = await this.#parts.auditLog.treeHeadOf(offered.size);
        this.#target = newer;
        const again = await this.#offered(witness, newer, signal);
        if (again.outcome === "ahead") return this.#fail(witness, "others offer it newer heads all the time");
        return this.#settle(witness, newer, signal, again);
      }
    }
  }

  async #keep(witness: WatchedBy, head: SignedHead, { line, time }: { line: string; time: number }): Promise<void> {
    this.#parts.anchors.keep(head, { witness: witness.keyText, line, time });
    if (witness.failures > 0) this.#parts.onTrouble(witness.name, "it cosigns again");
    Object.assign(witness, { size: head.size, time, failures: 0, failure: undefined, retryAtMs: 0, hasCosigned: true });
    const kept = { ...head, cosignatures: this.#parts.anchors.cosignaturesOf(head) };
    const isNewest = this.#anchored === undefined || this.#anchored.size <= kept.size;
    if (isNewest && this.#quorumTime(kept) !== undefined) this.#anchored = kept;
    await this.#putOnRecord().catch((error: unknown) =>
      this.#parts.onTrouble(witness.name, `not on record yet: ${messageOf(error)}`),
    );
  }

  /** What a process that was killed left undone is done by the next one. */
  async #putOnRecord(): Promise<void> {
    const { anchors, record } = this.#parts;
    for (const { head, cosignature } of anchors.unrecorded()) {
      const { origin, size, root } = head;
      const { witness, line, time } = cosignature;
      await record({ origin, size, root: toBase64(root), witness, cosignedAt: instantOf(time)!, cosignature: line });
      anchors.recorded(head, witness);
    }
  }

  /**
   * The witness holds a head that this log does not lead on from. Where it shows that head, with the log's own signature, the log is
   * proved to contradict itself. Without such proof its word counts only while it has not cosigned anything since the start, which is
   * when a log that was put back meets it: later on it would let any one witness stop the log.
   */
  async #contradicted(witness: WatchedBy, size: number, signal: AbortSignal): Promise<void> {
    const { auditLog, log } = this.#parts;
    const shown = await this.#shownBy(witness, signal);
    const held = shown === undefined ? { size } : { size: shown.size, root: toBase64(shown.root) };
    if (shown !== undefined && this.#bears(shown))
      return this.#fail(witness, "it refuses a head that extends the one that it shows");
    if (isGivenUp(log, held, log.head()))
      return this.#fail(witness, "it holds a head that was given up with resume-log; its operator must let the log begin anew");
    if (shown === undefined && witness.hasCosigned)
      return this.#fail(witness, `it says that the log contradicts a head of ${size} leaves, and does not show that head`);
    auditLog.contradict({ ...held, witness: witness.key.name }, shown?.note);
    this.#fail(witness, `it holds a head of ${held.size} leaves that the log does not bear out`);
  }

  #bears({ size, root }: SignedHead): boolean {
    const { auditLog } = this.#parts;
    return size <= auditLog.treeHead().size && equalBytes(rootFromTiles(auditLog.readTile, size), root);
  }

  /** The head that the witness holds, where it shows it and one of the log's own keys has signed it. */
  async #shownBy(witness: WatchedBy, signal: AbortSignal): Promise<SignedHead | undefined> {
    const keys = this.#parts.auditLog.verifierKeys().map(parseVerifierKey);
    const note = await heldHead(witness, keys[0]!.name, signal);
    if (note === undefined) return undefined;
    try {
      const { origin, size, root } = await openTreeHead(note, keys);
      return { origin, size, root, note };
    } catch (error) {
      if (error instanceof AuditError) return undefined;
      throw error;
    }
  }

  #fail(witness: WatchedBy, failure: string): void {
    if (this.#stopping.signal.aborted) return;
    const { retryMsMin, retryMsMax } = this.#times;
    const wait = Math.min(retryMsMax, retryMsMin * 2 ** Math.min(witness.failures, 20));
    // Half of it by chance, so that many logs do not come back to one witness in the same moment.
    witness.retryAtMs = performance.now() + wait * (0.5 + Math.random() / 2);
    witness.failures += 1;
    witness.failureCount += 1;
    // Once for each trouble: it may last for days.
    if (witness.failure !== failure) this.#parts.onTrouble(witness.name, failure);
    witness.failure = failure;
  }

  /** When enough witnesses had seen a head, in seconds since 1970; undefined where too few have, or none at all. */
  #quorumTime({ cosignatures }: AnchoredHead): number | undefined {
    const { policy } = this.#parts;
    const known = cosignatures.map(({ witness, line, time }) => ({ key: parseVerifierKey(witness), line, time }));
    const quorum = quorumOf(policy, known);
    if (!quorum.met || known.length === 0) return undefined;
    return quorum.time ?? Math.min(...known.map(({ time }) => time));
  }
}

const typeOf = (leaf: Uint8Array): string => (JSON.parse(Buffer.from(leaf).toString("utf8")) as { type: string }).type;
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
