/** Reading a mapping file, with its faults told by name. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { checkMapping, mapping, type Mapping } from "../../importing/mapping.ts";
import { CliError } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";

/** A field's `map` may be the name of a JSON file beside the mapping: customer numbers to ids can be many. */
export function readMapping(path: string): Mapping {
  const read = mapping.safeParse(withMapFiles(readJson(path), dirname(resolve(path))));
  if (!read.success) {
    const [issue] = read.error.issues;
    throw new CliError(
      exitCodes.usage,
      `the mapping ${path} does not fit at ${issue!.path.join(".") || "its top"}: ${issue!.message}`,
    );
  }
  try {
    checkMapping(read.data);
  } catch (error) {
    throw new CliError(exitCodes.usage, `the mapping ${path} does not fit: ${(error as Error).message}`);
  }
  return read.data;
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw new CliError(exitCodes.usage, `${path} is not JSON`);
    throw new CliError(exitCodes.usage, `${path} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function withMapFiles(read: unknown, folder: string): unknown {
  const fields = (read as { fields?: unknown } | null)?.fields;
  if (typeof fields !== "object" || fields === null) return read;
  const filled = Object.entries(fields).map(([path, spec]: [string, { map?: unknown } | null]) =>
    typeof spec?.map === "string" ? [path, { ...spec, map: readJson(resolve(folder, spec.map)) }] : [path, spec],
  );
  return { ...(read as object), fields: Object.fromEntries(filled) as unknown };
}
