/**
 * Looking for bytes in everything that a folder holds, as somebody would who got hold of the disk. A file that a running
 * process removes between the listing and the reading (a database's journal) holds nothing any more.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export type Needle = string | Uint8Array;

const searched = (needle: Needle): Buffer => (typeof needle === "string" ? Buffer.from(needle, "utf8") : Buffer.from(needle));

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

/** Which files below the folders hold which of the needles: `file: needle`, needles by their place in the list. */
export function found(folders: readonly string[], needles: readonly Needle[]): string[] {
  const bytes = needles.map(searched);
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .flatMap(({ parentPath, name }) => {
        const content = contentOf(join(parentPath, name));
        return bytes.flatMap((one, index) => (content.includes(one) ? [`${name}: ${index}`] : []));
      }),
  );
}
