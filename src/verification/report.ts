/** What a verification comes to: seven checks, each told apart, and for everything that is wrong the leaf where it is wrong. */
import type { Instant } from "../domain/values.ts";

/** In the order in which they are told. */
export const checkNames = ["head", "leaves", "consistency", "receipts", "record", "verdicts", "openings"] as const;
export type CheckName = (typeof checkNames)[number];

export const checkTitles: Record<CheckName, string> = {
  head: "signed tree head, and who has witnessed it",
  leaves: "every leaf up to the root",
  consistency: "earlier tree heads",
  receipts: "receipts",
  record: "form, order and time of every event",
  verdicts: "verdicts and censuses, reached again",
  openings: "disclosed text against its commitments",
};

/** `failed`: something is false. `unmet`: nothing is false, and something that was asked for is not shown. */
export type Grade = "failed" | "unmet";

/** A leaf by its index, and what it says that it is. */
export type LeafName = { index: number; event?: string; stream?: string; type?: string };

export type Finding = { check: CheckName; grade: Grade; message: string; leaf?: LeafName; file?: string };

/** What an auditor should read though it is nothing wrong. */
export type Note = {
  kind: NoteKind;
  message: string;
  /** What it tells of: the one that is worst, where there are several. */ leaf?: LeafName;
  /** The numbers of the message, for machines; times in milliseconds. */ counts?: Record<string, number>;
};
export type NoteKind =
  | "log-resumed"
  | "log-key-rotated"
  | "clock-corrected"
  | "subject-erased"
  | "text-withheld"
  | "anchor"
  | "policy-adopted"
  | "load-open"
  | "load-held"
  | "witnessed-times"
  | "newer-events"
  | "not-judged"
  | "late-verdicts"
  | "breaches-taken-back"
  | "told-afterwards"
  | "history-loaded"
  | "long-allowance"
  | "not-binding"
  | "not-covered";

export type CheckStatus = "passed" | Grade | "nothing-to-check" | "not-reached";
export type CheckReport = {
  name: CheckName;
  title: string;
  status: CheckStatus;
  /** How many things were looked at. */ checked: number;
};

/** 0 verified, 1 tampered or contradicting, 2 unusable input, 3 sound but something asked for is not shown. */
export type VerificationCode = 0 | 1 | 2 | 3;
export const outcomes = { 0: "verified", 1: "contradicted", 2: "unusable", 3: "incomplete" } as const;

export type Report = {
  format: "troth-report/1";
  exitCode: VerificationCode;
  outcome: (typeof outcomes)[VerificationCode];
  /** Undefined where not even that could be read. */
  bundle?: { kind: "log" | "dossier"; origin: string; size: number; root: string; account?: string; promise?: string };
  /** Nothing that was recorded up to then is missing: of the log, or of the account. */
  completeUpTo: Instant | null;
  checks: CheckReport[];
  firstBadLeaf: (LeafName & { check: CheckName; message: string }) | null;
  /** In the order in which they were found; `moreFindings` were left out. */
  findings: Finding[];
  moreFindings: number;
  notes: Note[];
  moreNotes: number;
  /** Sealed texts: shown here, erased for good, or kept back from this auditor. */
  text: { opened: number; erased: number; withheld: number };
  /** Of a dossier: how many occurrences of each promise stand on record with each verdict. */
  promises?: { promise: string; verdicts: Record<string, number> }[];
};

const findingCountMax = 100;
const noteCountMax = 200;

/** What puts all that went before it in doubt is told first, however much else there is to tell. */
const ranks: Partial<Record<NoteKind, number>> = { "log-resumed": 0, "not-judged": 1, "newer-events": 1, "clock-corrected": 2 };
const rankOf = ({ kind }: Note): number => ranks[kind] ?? 3;

/** Collects what is found. Bounded, however much is wrong. */
export class Inquiry {
  readonly #findings: Finding[] = [];
  readonly #notes: Note[] = [];
  readonly #noted = new Set<NoteKind>();
  readonly #checked = new Map<CheckName, number>();
  readonly #grades = new Map<CheckName, Grade>();
  readonly #reached = new Set<CheckName>();
  #findingCount = 0;
  #noteCount = 0;
  #firstBadLeaf: Report["firstBadLeaf"] = null;

  found(finding: Finding): void {
    const { check, grade, leaf, message } = finding;
    this.#findingCount += 1;
    this.#reached.add(check);
    if (this.#grades.get(check) !== "failed") this.#grades.set(check, grade);
    // One of every check is kept, whatever came before it.
    const isFirst = !this.#findings.some((one) => one.check === check && one.grade === grade);
    if (this.#findings.length < findingCountMax || isFirst) this.#findings.push(finding);
    const isEarlier = this.#firstBadLeaf === null || (leaf?.index ?? Infinity) < this.#firstBadLeaf.index;
    if (grade === "failed" && leaf !== undefined && isEarlier) this.#firstBadLeaf = { ...leaf, check, message };
  }

  failed(check: CheckName, message: string, where: Pick<Finding, "leaf" | "file"> = {}): void {
    this.found({ check, grade: "failed", message, ...where });
  }

  unmet(check: CheckName, message: string, where: Pick<Finding, "leaf" | "file"> = {}): void {
    this.found({ check, grade: "unmet", message, ...where });
  }

  note(kind: NoteKind, message: string, leaf?: LeafName, counts?: Record<string, number>): void {
    this.#noteCount += 1;
    // One of every kind is kept, whatever came before it.
    const isFirst = !this.#noted.has(kind);
    this.#noted.add(kind);
    if (this.#notes.length < noteCountMax || isFirst)
      this.#notes.push({ kind, message, ...(leaf === undefined ? {} : { leaf }), ...(counts === undefined ? {} : { counts }) });
  }

  checked(check: CheckName, count = 1): void {
    this.#checked.set(check, (this.#checked.get(check) ?? 0) + count);
  }

  /** The check came to its end, though there may have been nothing to look at. */
  reached(...checks: CheckName[]): void {
    for (const check of checks) this.#reached.add(check);
  }

  report(told: Pick<Report, "completeUpTo" | "text" | "bundle" | "promises">): Report {
    const checks = checkNames.map((name) => this.#checkReport(name));
    const exitCode = this.#exitCode(checks);
    return {
      format: "troth-report/1",
      exitCode,
      outcome: outcomes[exitCode],
      ...told,
      checks,
      firstBadLeaf: this.#firstBadLeaf,
      findings: this.#findings,
      moreFindings: this.#findingCount - this.#findings.length,
      notes: this.#notes.toSorted((a, b) => rankOf(a) - rankOf(b)),
      moreNotes: this.#noteCount - this.#notes.length,
    };
  }

  /** What no check came to is not verified, whatever the reason. */
  #exitCode(checks: readonly CheckReport[]): VerificationCode {
    const statuses = new Set(checks.map(({ status }) => status));
    if (statuses.has("failed")) return 1;
    return statuses.has("unmet") || statuses.has("not-reached") ? 3 : 0;
  }

  #checkReport(name: CheckName): CheckReport {
    const checked = this.#checked.get(name) ?? 0;
    return { name, title: checkTitles[name], status: this.#status(name, checked), checked };
  }

  #status(name: CheckName, checked: number): CheckStatus {
    const grade = this.#grades.get(name);
    if (grade !== undefined) return grade;
    if (!this.#reached.has(name)) return "not-reached";
    return checked === 0 ? "nothing-to-check" : "passed";
  }
}
