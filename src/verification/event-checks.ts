/** Everything that is asked of a leaf beside its hash, whether it comes with the whole log or with a dossier. */
import { addMs, type Instant } from "../domain/values.ts";
import { Admission, type Completeness } from "./admission.ts";
import { type Auditor, lagMsUsual } from "./auditor.ts";
import { toldTooEarly } from "./claimed-times.ts";
import { Disclosures } from "./disclosures.ts";
import { FingerprintTable } from "./fingerprints.ts";
import { Lag } from "./lag.ts";
import { type LeafEvent, nameOf, readLeaf } from "./leaf-event.ts";
import { tellOpenLoads } from "./open-loads.ts";
import { correctionCountMax, RecordedTimes } from "./recorded-times.ts";
import { isVerdict, Recomputation, type Unrecorded } from "./recomputation.ts";
import type { Grade, Inquiry, LeafName } from "./report.ts";

type Situation = {
  inquiry: Inquiry;
  auditor: Auditor;
  /** Leaves under the signed tree head, and its root. */
  size: number;
  root: Uint8Array;
  /** Every leaf comes: what is not among them was never recorded. */
  isLog: boolean;
  /** Whether a stream must be there from its first event on: all of them in a whole log. */
  isWhole(event: Pick<LeafEvent, "stream" | "account">): boolean;
} & Completeness;

/** A leaf as far as it can be read. */
export type TakenLeaf = {
  /** The account that its envelope names: the census counts by it, whatever the event means. */
  account?: string | undefined;
  /** Undefined where its meaning is not known, or where it has none. */
  event?: LeafEvent;
};

const turnedBack = "its clock was turned back here; no witness of yours shows that it had been wrong";
/** Findings that are held back until the witnesses have been heard. */
const dueCountMax = 1_000;

export class EventChecks {
  readonly #situation: Situation;
  readonly #ids: FingerprintTable;
  readonly #revisions: FingerprintTable;
  readonly times: RecordedTimes;
  readonly recomputation = new Recomputation();
  readonly disclosures: Disclosures;
  readonly #admission: Admission;
  readonly #lag: Lag;
  #newer = 0;
  /** Leaves so far. */
  #position = 0;
  #corrections = 0;
  #dueAtFurthest: Set<string> | undefined;
  readonly #dueAtCorrections: { correction: LeafName; due: string }[] = [];
  readonly #lagMs: number;

  constructor(situation: Situation) {
    this.#situation = situation;
    const { inquiry, size, root, auditor } = situation;
    this.#ids = new FingerprintTable(root);
    this.#revisions = new FingerprintTable(root.subarray(8));
    this.times = new RecordedTimes(inquiry, size);
    this.disclosures = new Disclosures(inquiry);
    this.#admission = new Admission(situation);
    this.#lagMs = auditor.lagMs ?? lagMsUsual;
    this.#lag = new Lag(this.#lagMs);
  }

  take(bytes: Uint8Array, index: number): TakenLeaf {
    const { inquiry } = this.#situation;
    inquiry.checked("record");
    const read = readLeaf(bytes, index);
    if (read.kind === "bad") {
      inquiry.failed("record", read.message, { leaf: read.name });
      this.times.append(undefined, { index }, false);
      return {};
    }
    const event = read.kind === "event" ? read.event : ({ ...read.envelope, position: index + 1 } as unknown as LeafEvent);
    const leaf = nameOf(event, index);
    this.#requireNewId(event, leaf);
    this.#requireNextRevision(event, leaf);
    if (read.kind === "newer") this.#tellNewer(read.reason, leaf);
    const isCorrection = event.type === "ClockCorrected";
    if (isCorrection) this.#judgeBeforeCorrection(event, leaf);
    this.times.append(event.recordedAt, leaf, isCorrection);
    this.#position = index + 1;
    this.#lag.append(this.#position, this.times.logTimeMs);
    if (event.sealed.length > 0) this.disclosures.sealed(event);
    if (event.type === "SubjectErased") this.disclosures.erased(event.data.subject, leaf);
    if (read.kind === "newer") return { account: event.account };
    this.#requireTold(event, leaf);
    this.#judge(event, leaf);
    return { account: event.account, event };
  }

  /** There are events whose meaning is known to later releases alone. */
  get isTooNew(): boolean {
    return this.#newer > 0;
  }

  /** What can only be said once every leaf has come. */
  end(): void {
    this.times.end();
    const now = this.times.logTime;
    if (now !== undefined) tellOpenLoads(this.#situation.inquiry, this.recomputation, this.#situation.size, now);
    // What nobody here knows the meaning of may have changed what is due.
    if (this.isTooNew) this.#requireVerdicts("unmet", ", as far as can be told without the events that are not known here");
    else this.#requireVerdicts("failed");
    this.endOfCorrections();
  }

  /**
   * What was due by a time that the log had come to, before its clock was turned back. The clock may have been wrong for a moment
   * only, so it is no contradiction; and where a witness shows that it had been wrong, it is nothing at all.
   */
  endOfCorrections(): void {
    const { inquiry, size } = this.#situation;
    for (const { correction, due } of this.#dueAtCorrections)
      if (!this.times.isRight(correction)) inquiry.unmet("verdicts", due, { leaf: correction });
    const furthest = this.times.furthestCorrected;
    if (furthest === undefined || this.isTooNew) return;
    const { at, leaf } = furthest;
    for (const { stream, message } of this.recomputation.unrecorded(size, at, size, addMs(at, -this.#lagMs)))
      inquiry.unmet("verdicts", `${stream}: ${message} by ${at}, to where the log had come before ${turnedBack}`, { leaf });
  }

  /** What has been due for longer than the lag stands on record. */
  #requireVerdicts(grade: Grade, reservation = ""): void {
    const { logTime } = this.times;
    if (logTime === undefined) return;
    this.#dueAtFurthest = undefined;
    for (const due of this.#unrecorded(logTime)) {
      if (this.#isEarly(due, logTime)) continue;
      const { stream, message } = due;
      const told = `${stream}: ${message}; it has been due since before ${this.#lag.then.at}${reservation}`;
      this.#situation.inquiry[grade]("verdicts", told);
    }
  }

  /** The verdict on record is from a time that the clock was turned back from, and held then: the keeper lets it stand. */
  #isEarly({ type, stream, occurrence }: Unrecorded, logTime: Instant): boolean {
    const furthest = this.times.furthest!;
    if (type !== "VerdictWithdrawn" || furthest === logTime) return false;
    this.#dueAtFurthest ??= new Set(
      [...this.recomputation.unrecorded(this.#position, furthest, this.#position, furthest)].map(nameOfDue),
    );
    return !this.#dueAtFurthest.has(nameOfDue({ stream, occurrence }));
  }

  #unrecorded(logTime: Instant): Iterable<Unrecorded> {
    const { position, at } = this.#lag.then;
    return this.recomputation.unrecorded(this.#position, logTime, position, at);
  }

  /** Before a clock is turned back: what is due must not be hidden by it. */
  #judgeBeforeCorrection({ recordedAt }: LeafEvent, leaf: LeafName): void {
    const { logTime } = this.times;
    if (logTime === undefined || recordedAt >= logTime) return;
    this.#corrections += 1;
    if (this.#corrections <= correctionCountMax && !this.isTooNew)
      for (const { stream, message } of this.#unrecorded(logTime)) {
        const due = `${stream}: ${message} by ${logTime}, to where the log had come before ${turnedBack}`;
        if (this.#dueAtCorrections.length < dueCountMax) this.#dueAtCorrections.push({ correction: leaf, due });
      }
    if (this.#corrections === correctionCountMax + 1)
      this.#situation.inquiry.unmet(
        "verdicts",
        `the clock was turned back more than ${correctionCountMax} times: what was due before is looked at for the first of them alone`,
        { leaf },
      );
  }

  #requireTold(event: LeafEvent, leaf: LeafName): void {
    const { inquiry } = this.#situation;
    const early = toldTooEarly(event);
    if (early !== undefined)
      inquiry.failed("record", `it was recorded at ${event.recordedAt}, and tells of what happened at ${early}`, { leaf });
    if (event.type === "ClockCorrected" && event.data.logTime !== event.recordedAt)
      inquiry.failed("record", `it was recorded at ${event.recordedAt}, and sets the clock to ${event.data.logTime}`, { leaf });
  }

  #requireNewId(event: LeafEvent, leaf: LeafName): void {
    const before = this.#ids.put(event.id, leaf.index);
    if (before !== undefined) this.#situation.inquiry.failed("record", `leaf ${before} has the same event id`, { leaf });
  }

  #requireNextRevision(event: LeafEvent, leaf: LeafName): void {
    const { inquiry, isWhole } = this.#situation;
    const before = this.#revisions.put(event.stream, event.revision);
    if (before === undefined && !isWhole(event)) return;
    const expected = before === undefined ? 0 : before + 1;
    const isNext = isWhole(event) ? event.revision === expected : event.revision >= expected;
    if (!isNext)
      inquiry.failed("record", `it has revision ${event.revision} of its stream, where ${expected} must follow`, { leaf });
  }

  #judge(event: LeafEvent, leaf: LeafName): void {
    const { inquiry } = this.#situation;
    try {
      for (const fault of this.#admission.faultsOf(event, isVerdict(event))) inquiry.failed("record", fault, { leaf });
      const fault = this.recomputation.apply(event);
      if (fault !== undefined) inquiry.failed("record", fault, { leaf });
      const remark = this.recomputation.remarkOn(event);
      if (remark !== undefined) inquiry.note(remark.kind, remark.message, leaf);
      if (!isVerdict(event) || fault !== undefined) return;
      inquiry.checked("verdicts");
      const disagreement = this.recomputation.disagreement(event);
      if (disagreement !== undefined) inquiry.found({ check: "verdicts", leaf, ...disagreement });
    } catch (error) {
      // Whatever the facts say that no ledger would have taken.
      const reason = error instanceof Error ? error.message : String(error);
      inquiry.failed("verdicts", `nothing can be concluded from it: ${reason}`, { leaf });
    }
  }

  /** What had to be on record before is judged as ever: else one event that nobody knows would free all others of judgement. */
  #tellNewer(reason: string, leaf: LeafName): void {
    const { inquiry, isLog } = this.#situation;
    if (this.#newer === 0) {
      if (isLog) this.#requireVerdicts("failed");
      inquiry.unmet(
        "verdicts",
        `this verifier does not know ${reason}: either a later release of Troth recorded it, and verdicts from there on are for the verifier of that release, or somebody made it up`,
        { leaf },
      );
    }
    this.#newer += 1;
  }
}

const nameOfDue = ({ stream, occurrence }: Pick<Unrecorded, "stream" | "occurrence">): string => `${stream} ${occurrence}`;
