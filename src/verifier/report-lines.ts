/** A report for people: the outcome first, then each check, then everything that is wrong and everything that is worth knowing. */
import type { CheckReport, CheckStatus, Finding, LeafName, Report } from "../verification/report.ts";
import { plainLine } from "./terminal.ts";

const outcomeLines: Record<Report["exitCode"], string> = {
  0: "VERIFIED: everything that was asked for is shown.",
  1: "CONTRADICTED: this evidence was tampered with, or contradicts itself or what you kept.",
  2: "UNUSABLE: this can't be read as evidence.",
  3: "INCOMPLETE: nothing is false, and something that was asked for is not shown.",
};
const statusWords: Record<CheckStatus, string> = {
  passed: "ok",
  failed: "FALSE",
  unmet: "NOT SHOWN",
  "nothing-to-check": "none",
  "not-reached": "not reached",
};

/** Whatever the evidence says of itself, each is one line of visible characters. */
export function* reportLines(report: Report): Generator<string> {
  for (const line of linesOf(report)) yield plainLine(line);
}

function* linesOf(report: Report): Generator<string> {
  const { bundle, exitCode, checks, findings, moreFindings, notes, moreNotes, firstBadLeaf, completeUpTo, text } = report;
  yield outcomeLines[exitCode];
  if (bundle !== undefined) {
    const what = bundle.kind === "log" ? "the whole log" : `the dossier of ${bundle.promise ?? bundle.account}`;
    yield `${what} of ${bundle.origin}, at ${bundle.size} leaves with root ${bundle.root}`;
  }
  yield completeUpTo === null ? "complete up to: nothing says" : `complete up to ${completeUpTo}`;
  yield "";
  for (const check of checks) yield checkLine(check);
  if (firstBadLeaf !== null) yield* ["", `First bad leaf: ${leafText(firstBadLeaf)}`, `  ${firstBadLeaf.message}`];
  if (findings.length > 0) yield* ["", "Found:"];
  for (const finding of findings) yield findingLine(finding);
  if (moreFindings > 0) yield `  … and ${moreFindings} more`;
  if (notes.length > 0) yield* ["", "Worth knowing:"];
  for (const { kind, message, leaf } of notes) yield `  [${kind}] ${leaf === undefined ? "" : `leaf ${leaf.index}: `}${message}`;
  if (moreNotes > 0) yield `  … and ${moreNotes} more`;
  if (report.promises !== undefined && report.promises.length > 0) yield* ["", "Verdicts on record:"];
  for (const { promise, verdicts } of report.promises ?? []) yield `  ${promise}: ${verdictsText(verdicts)}`;
  const sealed = text.opened + text.erased + text.withheld;
  if (sealed > 0) yield* ["", `Sealed texts: ${text.opened} opened, ${text.erased} erased, ${text.withheld} withheld.`];
}

const verdictsText = (verdicts: Record<string, number>): string =>
  Object.entries(verdicts)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(", ") || "none yet";

const checkLine = ({ title, status, checked }: CheckReport): string =>
  `  ${statusWords[status].padEnd(12)}${title}${checked > 0 ? ` (${checked})` : ""}`;

function findingLine({ check, grade, message, leaf, file }: Finding): string {
  const where = leaf !== undefined ? `${leafText(leaf)}: ` : file !== undefined && !message.includes(file) ? `${file}: ` : "";
  return `  [${check}] ${grade === "unmet" ? "not shown: " : ""}${where}${message}`;
}

const leafText = ({ index, event, stream, type }: LeafName): string => {
  const more = [type, event, stream].filter((part) => part !== undefined);
  return `leaf ${index}${more.length === 0 ? "" : ` (${more.join(", ")})`}`;
};
