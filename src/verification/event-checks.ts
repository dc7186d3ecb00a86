/** Everything that is asked of a leaf beside its hash, whether it comes with the whole log or with a dossier. */
import { occurrenceOf } from "../domain/attesting.ts";
import { addMs, type Instant } from "../domain/values.ts";
import { Admission, type Completeness } from "./admission.ts";
import { type Auditor, lagMsUsual } from "./auditor.ts";
import { toldTooEarly } from "./claimed-times.ts";
import { Disclosures } from "./disclosures.ts";
import { type Doubt, doubtOf, Doubts } from "./doubts.ts";
import { FingerprintTable } from "./fingerprints.ts";
import { Lag } from "./lag.ts";
import { formatKnown, type LeafEvent, nameOf, readLeaf } from "./leaf-event.ts";
import { tellLoads } from "./open-loads.ts";
import { correctionCountMax, RecordedTimes } from "./recorded-times.ts";
import { isVerdict, Recomputation, type Unrecorded } from "./recomputation.ts";
import type { CheckName, Finding, Inquiry, LeafName } from "./report.ts";
import { TooMuchWorkError, Work } from "./work.ts";

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
  readonly recomputation: Recomputation;
  readonly disclosures: Disclosures;
  readonly #admission: Admission;
  readonly #lag: Lag;
  readonly doubts = new Doubts();
  readonly work: Work;
  #isTooMuchTold = false;
  /** Leaves so far. */
  #position = 0;
  #corrections = 0;
  #dueAtFurthest: { position: number; names: Set<string> } | undefined;
  /** What was missing, in words, when an event that nobody knows put it in doubt. */
  readonly #dueBeforeDoubt = new Map<string, string>();
  readonly #dueAtCorrections: { correction: LeafName; due: string }[] = [];
  readonly #lagMs: number;

  constructor(situation: Situation) {
    this.#situation = situation;
    const { inquiry, size, root, auditor } = situation;
    this.#ids = new FingerprintTable(root);
    this.#revisions = new FingerprintTable(root.subarray(8));
    this.times = new RecordedTimes(inquiry, size);
    this.disclosures = new Disclosures(inquiry);
    this.#lagMs = auditor.lagMs ?? lagMsUsual;
    this.work = new Work(auditor.workBounds);
    this.#admission = new Admission(situation, this.work);
    this.#lag = new Lag(this.#lagMs);
    this.recomputation = new Recomputation(this.#lag, this.work, situation.isLog);
  }

  take(bytes: Uint8Array, index: number): TakenLeaf {
    const { inquiry } = this.#situation;
    inquiry.checked("record");
    this.work.leaf();
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
    const isCorrection = event.type === "ClockCorrected";
    if (isCorrection) this.withinBounds(() => this.#judgeBeforeCorrection(event, leaf), leaf);
    this.times.append(event.recordedAt, leaf, isCorrection);
    this.#position = index + 1;
    this.#lag.append(this.#position, this.times.logTimeMs);
    if (read.kind === "newer") this.#tellNewer(read.reason, event, leaf);
    if (event.sealed.length > 0) this.disclosures.sealed(event);
    if (event.type === "SubjectErased") this.disclosures.erased(event.data.subject, leaf);
    if (read.kind === "newer") return { account: event.account };
    if (event.type === "LedgerOpened" && event.data.format > formatKnown) this.doubts.add({}, this.#position);
    this.#requireTold(event, leaf);
    this.#judge(event, leaf);
    return { account: event.account, event };
  }

  /** What can only be said once every leaf has come. @param keptSize of the largest tree head that the auditor kept. */
  end(keptSize: number): void {
    this.times.end();
    this.tellLoads(keptSize);
    this.withinBounds(() => this.#requireVerdicts());
    this.endOfCorrections();
    this.tellAfterthoughts();
  }

  tellLoads(keptSize: number): void {
    const { inquiry, size } = this.#situation;
    const now = this.times.logTime;
    if (now !== undefined) this.withinBounds(() => tellLoads(inquiry, this.recomputation, { size, now, keptSize }));
  }

  /** Judges as long as the bundle is worth it; says so once where it is not, and goes on with everything else. */
  withinBounds(judge: () => void, leaf?: LeafName): void {
    // What was not taken up any more would be missing: keys, people, words.
    if (this.#isTooMuchTold) return;
    try {
      judge();
    } catch (error) {
      if (!(error instanceof TooMuchWorkError)) return this.#tellUnforeseen(error, leaf);
      this.#isTooMuchTold = true;
      const message = `${error.message}, which no log of a ledger does that is worth its size: from here on nothing is judged`;
      this.#situation.inquiry.unmet("verdicts", message, leaf === undefined ? {} : { leaf });
      // Findings are cut off after a hundred; of notes one of every kind is kept.
      this.#situation.inquiry.note("not-judged", message, leaf);
    }
  }

  /** A leaf that breaks its judgement must not break the report: of no leaf in particular, it is only not shown. */
  #tellUnforeseen(error: unknown, leaf: LeafName | undefined): void {
    const message = `nothing can be concluded from it: ${reasonOf(error)}`;
    if (leaf === undefined) this.#situation.inquiry.unmet("verdicts", message);
    else this.#situation.inquiry.failed("verdicts", message, { leaf });
  }

  /** What does not agree is false, unless an event that nobody here knows may explain it. */
  doubtable(finding: Omit<Finding, "grade">, doubt: number | undefined): void {
    const { inquiry } = this.#situation;
    if (doubt === undefined) return inquiry.found({ ...finding, grade: "failed" });
    const message = `${finding.message}; leaf ${doubt}, of a type that is not known here, may explain it`;
    inquiry.found({ ...finding, grade: "unmet", message });
  }

  /** What is no fault that shows, and what an auditor should ask about. */
  tellAfterthoughts(): void {
    this.withinBounds(() => this.#tellAfterthoughts());
  }

  #tellAfterthoughts(): void {
    const { logTime } = this.times;
    if (logTime === undefined) return;
    for (const { kind, message, counts, position } of this.recomputation.afterthoughts(logTime))
      this.#situation.inquiry.note(kind, message, position === undefined ? undefined : { index: position - 1 }, counts);
  }

  /**
   * What was due by a time that the log had come to, before its clock was turned back. The clock may have been wrong for a moment
   * only, so it is no contradiction; and where a witness shows that it had been wrong, it is nothing at all.
   */
  endOfCorrections(): void {
    this.withinBounds(() => this.#tellCorrections());
  }

  #tellCorrections(): void {
    const { inquiry, size } = this.#situation;
    for (const { correction, due } of this.#dueAtCorrections)
      if (!this.times.isRight(correction)) inquiry.unmet("verdicts", due, { leaf: correction });
    const furthest = this.times.furthestCorrected;
    if (furthest === undefined) return;
    const { at, leaf } = furthest;
    for (const { stream, message } of this.recomputation.unrecorded(size, at, size, addMs(at, -this.#lagMs)))
      inquiry.unmet("verdicts", `${stream}: ${message} by ${at}, to where the log had come before ${turnedBack}`, { leaf });
  }

  /** What has been due for longer than the lag stands on record. */
  #requireVerdicts(): void {
    const { logTime } = this.times;
    if (logTime === undefined) return;
    for (const [due, message] of this.#overdue(logTime)) this.missing(due, message);
  }

  /** What has been due for longer than the lag and stands on no record, in words. */
  *#overdue(logTime: Instant, only: Doubt = {}): Generator<[Unrecorded, message: string]> {
    for (const due of this.#unrecorded(logTime, only)) {
      if (this.isEarly(due, logTime)) continue;
      yield [due, `${due.stream}: ${due.message}; it has been due since before ${this.#lag.then.at}`];
    }
  }

  /** It should stand on record, and does not: an event that nobody knows explains it where it had not been due before that. */
  missing(due: Unrecorded, message: string): void {
    const before = this.#dueBeforeDoubt.get(nameOfDue(due));
    const doubt = before === undefined ? this.doubts.about(due) : undefined;
    this.doubtable({ check: "verdicts", message: before ?? message }, doubt);
  }

  /** The verdict on record is from a time that the clock was turned back from, and held then: the keeper lets it stand. */
  isEarly({ type, stream, occurrence }: Unrecorded, logTime: Instant): boolean {
    const furthest = this.times.furthest!;
    if (type !== "VerdictWithdrawn" || furthest === logTime) return false;
    if (this.#dueAtFurthest?.position !== this.#position) {
      const due = this.recomputation.unrecorded(this.#position, furthest, this.#position, furthest);
      this.#dueAtFurthest = { position: this.#position, names: new Set([...due].map(nameOfDue)) };
    }
    return !this.#dueAtFurthest.names.has(nameOfDue({ stream, occurrence }));
  }

  #unrecorded(logTime: Instant, only: Doubt = {}): Iterable<Unrecorded> {
    const { position, at } = this.#lag.then;
    return this.recomputation.unrecorded(this.#position, logTime, position, at, only);
  }

  /** Before a clock is turned back: what is due must not be hidden by it. */
  #judgeBeforeCorrection({ recordedAt }: LeafEvent, leaf: LeafName): void {
    const { logTime } = this.times;
    if (logTime === undefined || recordedAt >= logTime) return;
    this.#corrections += 1;
    if (this.#corrections <= correctionCountMax)
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
    this.withinBounds(() => {
      try {
        this.#judgeAlone(event, leaf);
      } catch (error) {
        if (error instanceof TooMuchWorkError) throw error;
        // Whatever the facts say that no ledger would have taken.
        this.#found("verdicts", `nothing can be concluded from it: ${reasonOf(error)}`, event, leaf);
      }
    }, leaf);
  }

  #judgeAlone(event: LeafEvent, leaf: LeafName): void {
    const { inquiry } = this.#situation;
    for (const fault of this.#admission.faultsOf(event, isVerdict(event))) this.#found("record", fault, event, leaf);
    const fault = this.recomputation.apply(event);
    if (fault !== undefined) this.#found("record", fault, event, leaf);
    const remark = this.recomputation.remarkOn(event);
    if (remark !== undefined) inquiry.note(remark.kind, remark.message, leaf, remark.counts);
    if (!isVerdict(event)) return;
    this.#dueBeforeDoubt.delete(nameOfDue({ stream: event.stream, occurrence: occurrenceOf(event) }));
    if (fault !== undefined) return;
    inquiry.checked("verdicts");
    const disagreement = this.recomputation.disagreement(event);
    if (disagreement?.grade === "unmet") inquiry.unmet("verdicts", disagreement.message, { leaf });
    else if (disagreement !== undefined) this.#found("verdicts", disagreement.message, event, leaf);
  }

  #found(check: CheckName, message: string, event: LeafEvent, leaf: LeafName): void {
    // A verdict rests on what stands below its basis, and on nothing else.
    const size = isVerdict(event) && check === "verdicts" ? event.data.basis.size : event.position;
    this.doubtable({ check, message, leaf }, this.doubts.about(event, size));
  }

  /**
   * What had to be on record before, and does not come to be, is judged as ever: else an event that nobody knows would free others of
   * judgement. What comes after it, and may rest on it, is told as not shown.
   */
  #tellNewer(reason: string, event: LeafEvent, leaf: LeafName): void {
    const { inquiry } = this.#situation;
    const isFirst = this.doubts.isEmpty;
    const doubt = doubtOf(event);
    if (!this.doubts.has(doubt)) {
      this.withinBounds(() => this.#rememberDue(doubt), leaf);
      this.doubts.add(doubt, leaf.index + 1);
    }
    if (isFirst)
      inquiry.unmet(
        "verdicts",
        `this verifier does not know ${reason}: either a later release of Troth recorded it, and what rests on it is for the verifier of that release, or somebody made it up`,
        { leaf },
      );
    inquiry.note("newer-events", `${reason} are not known here`, leaf);
  }

  #rememberDue(doubt: Doubt): void {
    const { logTime } = this.times;
    if (logTime === undefined) return;
    for (const [due, message] of this.#overdue(logTime, doubt))
      if (!this.#dueBeforeDoubt.has(nameOfDue(due))) this.#dueBeforeDoubt.set(nameOfDue(due), message);
  }
}

const nameOfDue = ({ stream, occurrence }: Pick<Unrecorded, "stream" | "occurrence">): string => `${stream} ${occurrence}`;
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
