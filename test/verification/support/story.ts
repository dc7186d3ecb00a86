/** The founding story, told to a ledger of its own over the real API, and the evidence of it. */
import { join } from "node:path";
import type { SignerKey } from "../../../src/audit/verifier-key.ts";
import { troth } from "../../cli/support/troth.ts";
import type { BundleFile } from "../../../src/verification/bundle-format.ts";
import { filesInArchive, keyIn, type Leaf, leavesIn } from "./forgery.ts";

export type Evidence = { folder: string; archive: string; files: BundleFile[]; leaves: Leaf[]; key: SignerKey };

/** @param folder an empty one. */
export async function storyIn(folder: string): Promise<Evidence> {
  const data = join(folder, "data");
  const archive = join(folder, "log.tar");
  for (const args of [
    ["demo", "--data", data],
    ["bundle", "--data", data, "--out", archive, "--open"],
  ]) {
    const { code, err } = await troth(args);
    if (code !== 0) throw new Error(err);
  }
  const files = await filesInArchive(archive);
  return { folder, archive, files, leaves: leavesIn(files), key: keyIn(`${data}.keys`) };
}
