/** Data and test vectors from outside the project. They lie beside it and are no part of it, so a spec must do without them. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const projectRoot = resolve(import.meta.dirname, "../..");

/** Folder of real data, or undefined with the reason printed: skip then. */
export const samples = () => folder("TROTH_DATA_SAMPLES", "../shared/data");

/** Folder of conformance vectors, or undefined with the reason printed: skip then. */
export const vectors = () => folder("TROTH_VECTORS", "../shared/vectors");

/** Rows of a CSV file without quoting, as records under the names in its first line. */
export function csvRecords(...path: string[]): Record<string, string>[] {
  const [head = "", ...lines] = readFileSync(join(...path), "utf8")
    .trim()
    .split(/\r?\n/);
  const names = head.split(",");
  return lines.map((line) => Object.fromEntries(line.split(",").map((cell, i) => [names[i]!, cell])));
}

function folder(variable: string, usual: string): string | undefined {
  const path = resolve(projectRoot, process.env[variable] ?? usual);
  if (existsSync(path)) return path;
  console.warn(`skipped: there is no folder ${path}; name one in ${variable}`);
  return undefined;
}
