/** Verifies an evidence bundle: the whole log or a dossier. Pure but for what it is given, so that a browser runs the very same. */
import type { Auditor, OnProgress } from "./auditor.ts";
import { type Manifest, manifestPath, parseManifest, UnusableError } from "./bundle-format.ts";
import { type BundleFiles, BundleReader, MissingFileError } from "./bundle-reader.ts";
import { verifyDossier } from "./dossier.ts";
import { Inquiry, type Report } from "./report.ts";
import { verifyLog } from "./whole-log.ts";

const nothingTold = { completeUpTo: null, text: { opened: 0, erased: 0, withheld: 0 } };

/**
 * Reads the files of a bundle once, in their order, and keeps at most one of them.
 *
 * @param files from `filesInTar`, or a folder's in the same order.
 * @returns what was found, whatever that is. Nothing in a bundle makes it throw but what is no bundle at all.
 * @throws UnusableError for that: a broken archive, a file that no bundle has, another format.
 */
export async function verifyBundle(
  files: BundleFiles,
  auditor: Auditor,
  onProgress: OnProgress = () => undefined,
): Promise<Report> {
  const inquiry = new Inquiry();
  const reader = new BundleReader(files);
  if ((await reader.peek()) === undefined) throw new UnusableError("there is no file in it");
  try {
    const manifest = parseManifest(await reader.take(manifestPath));
    if (manifest === undefined)
      inquiry.failed("leaves", `${manifestPath} is not the manifest of a bundle`, { file: manifestPath });
    else return inquiry.report((await verifyKind({ inquiry, auditor, reader, onProgress }, manifest)) ?? nothingTold);
  } catch (error) {
    if (!(error instanceof MissingFileError)) throw error;
    inquiry.failed("leaves", error.message, { file: error.path });
  }
  return inquiry.report(nothingTold);
}

type Parts = { inquiry: Inquiry; auditor: Auditor; reader: BundleReader; onProgress: OnProgress };

const verifyKind = (parts: Parts, manifest: Manifest) =>
  manifest.kind === "log" ? verifyLog({ ...parts, manifest }) : verifyDossier({ ...parts, manifest });
