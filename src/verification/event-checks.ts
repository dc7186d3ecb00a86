/** Everything that is asked of a leaf beside its hash, whether it comes with the whole log or with a dossier. */
import type { Instant } from "../domain/values.ts";
import { Admission, type Completeness } from "./admission.ts";
import { type Auditor, lagMsUsual } from "./auditor.ts";
import { Disclosures } from "./disclosures.ts";
import { FingerprintTable } from "./fingerprints.ts";
import { type LeafEvent, nameOf, readLeaf } from "./leaf-event.ts";
import { tellOpenLoads } from "./open-loads.ts";
import { RecordedTimes } from "./recorded-times.ts";
import { isVerdict, Recomputation } from "./recomputation.ts";
import type { Inquiry, LeafName } from "./report.ts";

type Situation = {
  inquiry: Inquiry;
  auditor: Auditor;
  /** Leaves under the signed tree head, and its root. */
  size: number;
  root: Uint8Array;
  /** Whether a stream must be there from its first event on: all of them in a whole log. */
  isWhole(event: Pick<LeafEvent, "stream" | "account">): boolean;
} & Completeness;

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

  constructor(situation: Situation) {
    this.#situation = situation;
    const { inquiry, size, root, auditor } = situation;
    this.#ids = new FingerprintTable(root);
    this.#revisions = new FingerprintTable(root.subarray(8));
    this.times = new RecordedTimes(inquiry, size);
    this.disclosures = new Disclosures(inquiry);
    this.#admission = new Admission(situation);
    this.#lag = new Lag(auditor.lagMs ?? lagMsUsual);
  }

  /** @returns the event, where it can be read at all. */
  take(bytes: Uint8Array, index: number): LeafEvent | undefined {
    const { inquiry } = this.#situation;
    inquiry.checked("record");
    const read = readLeaf(bytes, index);
    if (read.kind === "bad") {
      inquiry.failed("record", read.message, { leaf: read.name });
      this.times.append(undefined, { index }, false);
      return undefined;
    }
    const event = read.kind === "event" ? read.event : ({ ...read.envelope, position: index + 1 } as unknown as LeafEvent);
    const leaf = nameOf(event, index);
    this.#requireNewId(event, leaf);
    this.#requireNextRevision(event, leaf);
    this.times.append(event.recordedAt, leaf, event.type === "ClockCorrected");
    this.#lag.append(index + 1, this.times.logTimeMs);
    if (event.sealed.length > 0) this.disclosures.sealed(event);
    if (event.type === "SubjectErased") this.disclosures.erased(event.data.subject, leaf);
    if (read.kind === "newer") this.#tellNewer(read.reason, leaf);
    else this.#judge(event, leaf);
    return read.kind === "event" ? event : undefined;
  }

  /** There are events whose meaning is known to later releases alone. */
  get isTooNew(): boolean {
    return this.#newer > 0;
  }

  /** What can only be said once every leaf has come. */
  end(): void {
    const { inquiry, size } = this.#situation;
    this.times.end();
    const now = this.times.logTime;
    if (now === undefined) return;
    tellOpenLoads(inquiry, this.recomputation, size, now);
    if (this.isTooNew) return;
    const { position, at } = this.#lag.then;
    for (const { stream, message } of this.recomputation.unrecorded(size, now, position, at))
      inquiry.failed("verdicts", `${stream}: ${message}; it has been due since before ${at}`);
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

  #tellNewer(reason: string, leaf: LeafName): void {
    this.#newer += 1;
    if (this.#newer > 1) return;
    this.#situation.inquiry.unmet("verdicts", `this verifier is too old: it does not know ${reason}`, { leaf });
  }
}

/** How many leaves there were a while before the last one. Keeps one place for each second of that while. */
class Lag {
  readonly #ms: number;
  readonly #places: { position: number; ms: number }[] = [];
  #first = 0;

  constructor(ms: number) {
    this.#ms = ms;
  }

  append(position: number, ms: number): void {
    const last = this.#places.at(-1);
    if (last !== undefined && last.ms === ms) last.position = position;
    else if (last !== undefined && this.#places.length > 1 && ms - this.#places.at(-2)!.ms < 1_000)
      Object.assign(last, { position, ms });
    else this.#places.push({ position, ms });
    while (this.#places.length - this.#first > 1 && this.#places[this.#first + 1]!.ms <= ms - this.#ms) this.#first += 1;
    if (this.#first < 4_096) return;
    this.#places.splice(0, this.#first);
    this.#first = 0;
  }

  /** The last place that had been reached by then; none of the log where all of it is younger. */
  get then(): { position: number; at: Instant } {
    const last = this.#places.at(-1)!;
    const thenMs = last.ms - this.#ms;
    const place = this.#places[this.#first]!;
    return { position: place.ms <= thenMs ? place.position : 0, at: new Date(thenMs).toISOString() as Instant };
  }
}
