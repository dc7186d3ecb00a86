/** A bundle as the bytes of an archive, to be written or sent as they come. */
import type { BundleFile } from "../verification/bundle-format.ts";
import { tarEnd, tarFile } from "../verification/tar.ts";

export async function* archived(files: AsyncIterable<BundleFile>): AsyncGenerator<Uint8Array> {
  for await (const file of files) yield tarFile(file);
  yield tarEnd();
}
