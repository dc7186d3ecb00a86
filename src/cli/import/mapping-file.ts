/** Reading a mapping file, with its faults told by name. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { calendarMapping, type CalendarMapping } from "../../importing/calendar/mapping.ts";
import { mailMapping, type MailMapping } from "../../importing/mail/mapping.ts";
import { checkMapping, checkTimeZone, type ImportKind, mapping, type Mapping } from "../../importing/mapping.ts";
import { CliError } from "../errors.ts";
import { exitCodes } from "../exit-codes.ts";

export const rowKinds = ["interactions", "promises", "accounts", "people"] as const satisfies readonly ImportKind[];
export type FileKind = ImportKind | "calendar" | "mail";

export type ReadMapping =
  | { kind: ImportKind; mapping: Mapping }
  | { kind: "calendar"; mapping: CalendarMapping }
  | { kind: "mail"; mapping: MailMapping };

/** A record in a mapping may be the name of a JSON file beside it: customer numbers to ids can be many. */
export function readMapping(kind: FileKind, path: string): ReadMapping {
  const written = withFiles(readJson(path), dirname(resolve(path)));
  const named = (written as { kind?: unknown } | null)?.kind;
  if (typeof named === "string" && named !== kind)
    throw new CliError(exitCodes.usage, `the mapping ${path} is for ${named}, not for ${kind}`);
  try {
    if (kind === "mail") return { kind, mapping: parsed(mailMapping, written, path) };
    if (kind === "calendar") {
      const read = parsed(calendarMapping, written, path);
      for (const [name, zone] of Object.entries({ ...read.timeZones, timeZone: read.timeZone ?? "UTC" }))
        checkTimeZone(name, zone);
      return { kind, mapping: read };
    }
    const read = parsed(mapping, written, path);
    checkMapping(read);
    return { kind, mapping: read };
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(exitCodes.usage, `the mapping ${path} does not fit: ${(error as Error).message}`);
  }
}

function parsed<Schema extends z.ZodType>(schema: Schema, written: unknown, path: string): z.output<Schema> {
  const read = schema.safeParse(written);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new CliError(
    exitCodes.usage,
    `the mapping ${path} does not fit at ${issue!.path.join(".") || "its top"}: ${issue!.message}`,
  );
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw new CliError(exitCodes.usage, `${path} is not JSON`);
    throw new CliError(exitCodes.usage, `${path} can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

/** Records of a mapping that may lie in files of their own: `map` of a field, and the address book. */
const filed = new Set(["map", "people", "accounts"]);

function withFiles(written: unknown, folder: string): unknown {
  if (Array.isArray(written)) return written.map((each) => withFiles(each, folder));
  if (typeof written !== "object" || written === null) return written;
  return Object.fromEntries(
    Object.entries(written).map(([name, value]) => [
      name,
      filed.has(name) && typeof value === "string" ? readJson(resolve(folder, value)) : withFiles(value, folder),
    ]),
  );
}
