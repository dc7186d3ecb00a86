/** What a file holds, piece by piece, as commands or as the reason why there are none. */
import type { Json } from "./fields.ts";
import { RowError } from "./refusals.ts";

export type CommandLine = {
  command: string;
  /** A promise is named by its id, or by the external id that it was made with. */
  params?: Record<string, Json>;
  body: Record<string, Json>;
  idempotencyKey?: string;
  ifMatch?: number;
};

export type Warning =
  | "no-due-date"
  | "due-before-made"
  | "kept-before-made"
  | "finished-without-fraction"
  | "unknown-colleague"
  | "unknown-address"
  | "doubtful-separator";

/** Why something is left out that is no fault: it concerns no account, or it has not happened. */
export type Omission = "no-account" | "not-yet" | "private" | "tentative" | "superseded" | "automatic" | "filtered";

export type Imported = {
  lines: CommandLine[];
  warnings: Warning[];
  /** Openings of accounts and people that may be there already; they come first. */
  openings?: CommandLine[];
  omitted?: Partial<Record<Omission, number>>;
};

export type Refused = { field: string; reason: string };

/** `line` is where it begins in the file, `name` its own: a UID, a Message-ID. */
export type Item = { line: number; name?: string } & (Imported | Refused);

export const omission = (reason: Omission): Imported => ({ lines: [], warnings: [], omitted: { [reason]: 1 } });

/** A fault of one piece, which the others survive. */
export function attempted(work: () => Imported): Imported | Refused {
  try {
    return work();
  } catch (error) {
    if (error instanceof RowError) return { field: `/${error.field.replaceAll(".", "/")}`, reason: error.message };
    throw error;
  }
}
