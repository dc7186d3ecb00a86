/** What the log tells about itself: breaks, keys, clocks, erasures, witnesses. Told to the auditor, and held against signatures. */
import { type Anchor, verifyAnchor } from "../audit/anchor.ts";
import { equalBytes, hashFromBase64 } from "../audit/encoding.ts";
import { AuditError } from "../audit/errors.ts";
import { type KeyRotation, keysOfLog, type LogKey } from "../audit/key-rotation.ts";
import type { Policy } from "../audit/policy.ts";
import type { Recorded } from "../domain/decider.ts";
import { formatKnown, type LeafEvent, nameOf } from "./leaf-event.ts";
import type { RecordedTimes } from "./recorded-times.ts";
import type { Inquiry, LeafName } from "./report.ts";
import type { WitnessBounds } from "./witness-bounds.ts";

/** Changes of the log's key that are followed. Each head is held against every key that the log ever had. */
const rotationCountMax = 1_000;

export type RootAt = (size: number) => Uint8Array | undefined;

type TellingEvent = Extract<LeafEvent, { type: "LedgerOpened" | "LogResumed" | "LogKeyRotated" | "TreeHeadAnchored" }>;

export class LogStory {
  readonly #inquiry: Inquiry;
  readonly #policy: Policy;
  readonly #origin: string;
  readonly #times: RecordedTimes;
  readonly #bounds: WitnessBounds;
  readonly #rotations: { index: number; rotation: KeyRotation }[] = [];
  readonly #strangers = new Set<string>();
  readonly #breaks: LeafName[] = [];

  constructor(situation: { inquiry: Inquiry; policy: Policy; origin: string; times: RecordedTimes; bounds: WitnessBounds }) {
    this.#inquiry = situation.inquiry;
    this.#policy = situation.policy;
    this.#origin = situation.origin;
    this.#times = situation.times;
    this.#bounds = situation.bounds;
  }

  /** @returns a promise only where something has to be waited for. */
  tell(event: LeafEvent, rootAt: RootAt): Promise<void> | undefined {
    switch (event.type) {
      case "LedgerOpened":
      case "LogResumed":
      case "LogKeyRotated":
      case "TreeHeadAnchored":
        return this.#tell(event, nameOf(event, event.position - 1), rootAt);
      default:
        return undefined;
    }
  }

  #tell(event: TellingEvent, leaf: LeafName, rootAt: RootAt): Promise<void> | undefined {
    switch (event.type) {
      case "LedgerOpened":
        this.#opened(event.data, leaf);
        return undefined;
      case "LogResumed": {
        const { size, root } = event.data.lastKnownHead;
        const message = `the operator declared that this log does not go on from a tree head of ${size} leaves with root ${root}, which had been signed: history was lost or replaced here`;
        this.#inquiry.note("log-resumed", message, leaf);
        this.#breaks.push(leaf);
        return undefined;
      }
      case "LogKeyRotated":
        if (this.#rotations.length === rotationCountMax)
          this.#inquiry.failed("head", `the log's key was changed more than ${rotationCountMax} times, which no log does`, {
            leaf,
          });
        else this.#rotations.push({ index: leaf.index, rotation: event.data });
        this.#rotated(event.data, leaf, rootAt);
        return undefined;
      case "TreeHeadAnchored":
        return this.#anchored(event, leaf, rootAt);
    }
  }

  /** Every key by which heads of this log may be signed: those that the auditor trusts, and those that they handed the log to. */
  async logKeys(): Promise<LogKey[]> {
    const trusted = this.#policy.logs.map(({ key }) => key).filter(({ name }) => name === this.#origin);
    const own = trusted.map((key) => ({ key, above: -1 }));
    if (trusted.length === 0 || this.#rotations.length === 0) return own;
    const faults: string[] = [];
    // A policy may name keys that this log never had beside the one that it had.
    for (const key of trusted) {
      try {
        return [...own, ...(await keysOfLog(key, this.#rotations))];
      } catch (error) {
        if (!(error instanceof AuditError)) throw error;
        faults.push(error.message);
      }
    }
    this.#inquiry.failed("head", `the log's keys do not follow from any that you trust: ${[...new Set(faults)].join("; ")}`);
    return own;
  }

  /**
   * A break is the operator's word that history was lost or replaced. Whoever holds a head from after it has looked at it already;
   * to anybody else the log before it is not what had been signed.
   * @param keptSize of the largest tree head that the auditor brought along.
   */
  tellBreaks(keptSize: number): void {
    const unknown = this.#breaks.filter(({ index }) => index >= keptSize);
    const [leaf] = unknown;
    if (leaf === undefined) return;
    const more = unknown.length === 1 ? "" : `, and so at ${unknown.length - 1} more leaves`;
    this.#inquiry.unmet(
      "consistency",
      `history was lost or replaced here${more}, by the operator's own word: look into it, and then give a tree head from after it (--since)`,
      { leaf },
    );
  }

  /** The first event of a log, and the only one of its kind: the log is called by the name that it gives. */
  #opened({ ledger, format }: { ledger: string; format: number }, leaf: LeafName): void {
    if (leaf.index > 0) this.#inquiry.failed("record", "a ledger is opened by its first event, and by no other", { leaf });
    if (`troth/${ledger}` !== this.#origin)
      this.#inquiry.failed("record", `it opens the ledger ${ledger}, and the log is called ${this.#origin}`, { leaf });
    if (format > formatKnown)
      this.#inquiry.unmet("record", `the ledger has format ${format}, and this verifier knows ${formatKnown}`, { leaf });
  }

  #rotated({ origin, treeHead, newKey }: KeyRotation, leaf: LeafName, rootAt: RootAt): void {
    this.#inquiry.note("log-key-rotated", `the log of ${origin} is signed by ${newKey} from here on`, leaf);
    if (!this.#isOurs(treeHead, leaf, rootAt))
      this.#inquiry.failed("consistency", "the keys were changed over a tree head that this log does not have", { leaf });
  }

  async #anchored(event: Recorded<{ type: "TreeHeadAnchored"; data: Anchor }>, leaf: LeafName, rootAt: RootAt): Promise<void> {
    const { data } = event;
    const isOfThisLog = data.origin === this.#origin;
    if (isOfThisLog && !this.#isOurs(data, leaf, rootAt)) {
      this.#inquiry.failed("consistency", `a witness signed a tree head of ${data.size} leaves that this log does not have`, {
        leaf,
      });
      return;
    }
    try {
      const { time } = await verifyAnchor(
        data,
        this.#policy.witnesses.map(({ key }) => key),
      );
      this.#inquiry.checked("record");
      // Of another log it says nothing about the leaves here, but for the one that holds it; a dossier has not all of them.
      if (isOfThisLog && rootAt(data.size) !== undefined) {
        this.#times.seenBy(time * 1_000, data.size, leaf);
        this.#bounds.saw(time * 1_000, data.size);
      }
      this.#times.holdsSignatureOf(time * 1_000, event.recordedAt, leaf);
    } catch (error) {
      if (!(error instanceof AuditError)) throw error;
      if (error.code === "no-trusted-signature") this.#tellStranger(data.witness, leaf);
      else this.#inquiry.failed("record", `it is no anchor: ${error.message}`, { leaf });
    }
  }

  /** Once for each: its times bound nothing for this auditor. */
  #tellStranger(witness: string, leaf: LeafName): void {
    if (this.#strangers.has(witness)) return;
    this.#strangers.add(witness);
    this.#inquiry.note("anchor", `the witness ${witness} is none that your policy names, so its times were not relied on`, leaf);
  }

  /** True too for what can't be told any more: a head is anchored soon after it was signed. */
  #isOurs({ size, root }: { size: number; root: string }, leaf: LeafName, rootAt: RootAt): boolean {
    if (size > leaf.index) return false;
    const ours = rootAt(size);
    if (ours !== undefined) return equalBytes(ours, hashFromBase64(root) ?? new Uint8Array(0));
    this.#inquiry.note(
      "not-covered",
      `it speaks of a tree of ${size} leaves, which was too long ago to be held against the log here`,
      leaf,
    );
    return true;
  }
}
