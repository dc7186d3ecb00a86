/** What became of an import, counted and listed. Lists end at a thousand lines: the counts go on. */
import type { Omission, Warning } from "../../importing/items.ts";
import { type Shell, note } from "../shell.ts";

/** `name` is that of an event or a message: a UID, a Message-ID. It stands in the report alone, for it may hold an address. */
export type Refusal = { line: number; name?: string; field: string | null; column?: string; code: string; reason: string };

export type ImportReport = {
  file: string;
  dryRun: boolean;
  /** Lines or rows that hold something, events, messages. */
  lines: number;
  commands: number;
  accepted: number;
  /** Sent before; nothing was added for them. */
  known: number;
  /** Lines of the file of which a part or all was refused. */
  refused: number;
  refusals: Refusal[];
  warnings: Partial<Record<Warning, number>>;
  warned: { line: number; warning: Warning }[];
  /** What was left out, by reason. */
  omitted: Partial<Record<Omission, number>>;
  recording: string | null;
  complete: boolean;
};

const listCountMax = 1_000;

export const warningTexts: Record<Warning, string> = {
  "no-due-date": "no due date: never late, and never broken by the clock",
  "due-before-made": "was due before it was made",
  "kept-before-made": "was kept before it was made",
  "finished-without-fraction": "has a finishing date and fraction 0: taken as not kept",
  "unknown-colleague": "somebody of ours without an id: left out of the participants",
  "unknown-address": "an address that nobody knows: left out",
  "doubtful-separator": "`From ` without an empty line before it: taken as text of the message before, and no message of its own",
};

const omissionTexts: Record<Omission, string> = {
  "no-account": "concerns no account",
  "not-yet": "has not taken place yet",
  private: "is private",
  tentative: "is tentative",
  superseded: "a newer version stands in the file",
  automatic: "was sent by a machine or a list",
  filtered: "left out by the mapping",
};

export class Tally {
  readonly report: ImportReport;
  readonly #shell: Shell;
  readonly #isQuiet: boolean;
  readonly #onRefusal: (refusal: Refusal) => void;
  #lastRefused = 0;

  /** @param onRefusal hears of each, also of those that the list has no room for. */
  constructor(
    shell: Shell,
    file: string,
    dryRun: boolean,
    isQuiet: boolean,
    onRefusal: (refusal: Refusal) => void = () => undefined,
  ) {
    this.#shell = shell;
    this.#isQuiet = isQuiet;
    this.#onRefusal = onRefusal;
    const counts = { lines: 0, commands: 0, accepted: 0, known: 0, refused: 0 };
    this.report = {
      file,
      dryRun,
      ...counts,
      refusals: [],
      warnings: {},
      warned: [],
      omitted: {},
      recording: null,
      complete: false,
    };
  }

  /** One refusal a line of the file: what follows from it in the same line says nothing new. */
  refuse(refusal: Refusal): void {
    const { report } = this;
    if (refusal.line === this.#lastRefused) return;
    this.#lastRefused = refusal.line;
    report.refused += 1;
    this.#onRefusal(refusal);
    if (report.refused > listCountMax) return;
    report.refusals.push(refusal);
    if (!this.#isQuiet) note(this.#shell, refusalLine(refusal));
  }

  omit(omitted: Partial<Record<Omission, number>>): void {
    for (const [reason, count] of Object.entries(omitted) as [Omission, number][])
      this.report.omitted[reason] = (this.report.omitted[reason] ?? 0) + count;
  }

  warn(line: number, warnings: readonly Warning[]): void {
    for (const warning of warnings) {
      if (warning === "doubtful-separator" && !this.#isQuiet) note(this.#shell, `line ${line}: ${warningTexts[warning]}`);
      this.report.warnings[warning] = (this.report.warnings[warning] ?? 0) + 1;
      if (this.report.warned.length < listCountMax) this.report.warned.push({ line, warning });
    }
  }
}

function refusalLine({ line, field, column, reason, code }: Refusal): string {
  const where = field === null || field === "" ? "" : `, ${field.slice(1).replaceAll("/", ".")}`;
  const from = column === undefined ? "" : ` (column "${column}")`;
  return `line ${line}${where}${from}: ${reason} [${code}]`;
}

export function* reportLines(report: ImportReport): Generator<string> {
  const { file, dryRun, lines, commands, accepted, known, refused, warnings, omitted, recording } = report;
  if (dryRun)
    yield `${file}: ${lines} lines give ${commands} commands; ${refused} lines would be refused. Nothing was sent, and nothing was compared with the ledger.`;
  else
    yield `${file}: ${lines} lines, ${commands} commands: ${accepted} recorded, ${known} known before, ${refused} lines refused.`;
  for (const [warning, count] of Object.entries(warnings)) yield `  warning: ${count} × ${warningTexts[warning as Warning]}`;
  for (const [reason, count] of Object.entries(omitted)) yield `  left out: ${count} × ${omissionTexts[reason as Omission]}`;
  if (recording !== null) yield `  load of history ${recording}${report.complete ? " is complete" : " stays open"}`;
  if (refused > listCountMax) yield `  only the first ${listCountMax} refused lines are listed`;
}
