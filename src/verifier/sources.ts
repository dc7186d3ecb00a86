/** Where a bundle is read from: an archive, a folder that it was unpacked into, or the input. */
import { createReadStream, lstatSync, openSync, readdirSync, readFileSync, readSync, closeSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { BundleFile } from "../verification/bundle-format.ts";
import { bytesMaxOf, UnusableError } from "../verification/bundle-format.ts";
import { inBundleOrder } from "../verification/bundle-order.ts";
import { filesInTar, printable } from "../verification/tar.ts";

const chunkBytes = 1 << 20;

/** @throws UnusableError where there is nothing to be read. */
export function bundleFrom(path: string, input: AsyncIterable<Uint8Array>): AsyncIterable<BundleFile> | Iterable<BundleFile> {
  if (path === "-") return filesInTar(input);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new UnusableError(`there is no file ${path}`);
  if (found.isDirectory()) return filesInFolder(path);
  return filesInTar(createReadStream(path, { highWaterMark: chunkBytes }) as AsyncIterable<Uint8Array>);
}

/** The files of a folder in the order of a bundle. Nothing outside of it is read: there must be no links. */
function* filesInFolder(folder: string): Generator<BundleFile> {
  const paths = pathsIn(folder, folder);
  for (const path of inBundleOrder(paths)) yield { path, bytes: contentOf(join(folder, ...path.split("/")), path) };
}

function pathsIn(folder: string, root: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const whole = join(folder, entry.name);
    const path = relative(root, whole).split(sep).join("/");
    if (entry.isDirectory()) return pathsIn(whole, root);
    if (!entry.isFile() || bytesMaxOf(path) === undefined)
      throw new UnusableError(`the folder holds ${printable(path)}, which no bundle has`);
    return [path];
  });
}

/** Measured before it is read. */
function contentOf(file: string, path: string): Uint8Array {
  const { size } = lstatSync(file);
  const bytesMax = bytesMaxOf(path)!;
  if (size > bytesMax) throw new UnusableError(`${path} is longer than the ${bytesMax} bytes that it may have`);
  return readFileSync(file);
}

/** A small file of the auditor's own. @throws UnusableError where it is missing or too long. */
export function ownFile(path: string, bytesMax: number): Uint8Array {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw new UnusableError(`${path} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    const bytes = new Uint8Array(bytesMax + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, length, bytes.length - length, null);
    if (length > bytesMax) throw new UnusableError(`${path} is longer than the ${bytesMax} bytes that it may have`);
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}
