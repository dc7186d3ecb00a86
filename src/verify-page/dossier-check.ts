/** A dossier, or the bundle of a whole log, verified as `troth verify` does it, in words for whoever was handed one. */
import { AuditError } from "../audit/errors.ts";
import type { Auditor } from "../verification/auditor.ts";
import { UnusableError } from "../verification/bundle-format.ts";
import type { BundleFiles } from "../verification/bundle-reader.ts";
import { type CheckName, type CheckReport, type Report } from "../verification/report.ts";
import { verifyBundle } from "../verification/verify.ts";
import { NoSignatureCheckError } from "./browser/signature.ts";
import { type Story, StoryNotes } from "./dossier-story.ts";
import { policyIn } from "./reading.ts";
import { counted, type Step, unableHeadline } from "./receipt-check.ts";

export type DossierOutcome = {
  /** `open`: nothing is false, and something that was asked for is not shown. */
  state: "waiting" | "proved" | "open" | "refuted" | "unable";
  headline: string;
  steps: Step[];
  report?: Report;
  /** Once it is verified: nothing of it is shown before. */
  story?: Story;
  skippedCount?: number;
};

const names: Record<CheckName, string> = {
  head: "The log signed it",
  leaves: "Nothing was altered, and nothing is missing",
  consistency: "It agrees with what was signed earlier",
  receipts: "Each event has its proof",
  record: "The events follow each other as they must",
  verdicts: "The verdicts follow from the facts, and the counts are right",
  openings: "Opened text is what was sealed",
};

/** @param progress told now and then: how many of how many leaves were looked at. */
export async function checkDossier(
  key: string,
  files: BundleFiles,
  progress: (done: number, of: number) => void,
): Promise<DossierOutcome> {
  if (key.trim() === "") return { state: "waiting", headline: "Still missing: the log's key.", steps: [] };
  const notes = new StoryNotes();
  try {
    const now = new Date().toISOString() as NonNullable<Auditor["now"]>;
    const report = await verifyBundle(notes.watch(files), { policy: policyIn(key), now }, progress);
    const outcome = { ...wordsOf(report), steps: stepsOf(report), report };
    if (outcome.state === "refuted") return outcome;
    return { ...outcome, story: notes.story, skippedCount: notes.skippedCount };
  } catch (error) {
    if (error instanceof NoSignatureCheckError) return { state: "unable", headline: unableHeadline, steps: [] };
    if (error instanceof UnusableError) return refuted(`This can't be read as a dossier: ${error.message}.`);
    if (error instanceof AuditError) return refuted(`The key can't be used: ${error.message}.`);
    throw error;
  }
}

const refuted = (headline: string): DossierOutcome => ({ state: "refuted", headline, steps: [] });

function wordsOf(report: Report): Pick<DossierOutcome, "state" | "headline"> {
  const { exitCode, bundle, completeUpTo, findings } = report;
  const what = bundle?.kind === "log" ? "this log" : "this dossier";
  if (exitCode === 0)
    return { state: "proved", headline: `Proved: ${what} is genuine, and nothing is missing up to ${momentOf(completeUpTo)}.` };
  if (exitCode === 3) return { state: "open", headline: `Nothing in ${what} is false, but it does not show everything.` };
  const signedByOther = findings.every(({ check }) => check === "head");
  return {
    state: "refuted",
    headline: signedByOther
      ? `Don’t rely on ${what}: it is not signed by the log whose key you have.`
      : `Don’t rely on ${what}: it was altered, or it contradicts itself.`,
  };
}

export const momentOf = (instant: string | null): string =>
  instant?.replace("T", ", ").replace(/:\d\d\.\d{3}Z$/, " UTC") ?? "nothing";

const stepsOf = ({ checks, findings }: Report): Step[] =>
  checks.map((check) => {
    const found = findings.filter((finding) => finding.check === check.name);
    const says = found.map(({ message, leaf }) => (leaf === undefined ? message : `Event number ${leaf.index + 1}: ${message}`));
    return { name: names[check.name], state: stateOf(check), says: says.length > 0 ? `${says.join(". ")}.` : saysOf(check) };
  });

const stateOf = ({ status }: CheckReport): Step["state"] =>
  status === "passed" ? "passed" : status === "failed" ? "failed" : status === "unmet" ? "unmet" : "open";

function saysOf({ status, checked }: CheckReport): string {
  if (status === "not-reached") return "Not reached.";
  return status === "nothing-to-check" ? "There was nothing to check." : `${counted(checked, "thing", "things")} checked.`;
}
