/** Writing to a log that stays where it was opened. */
import { statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { StoreUnavailableError } from "../event-store.ts";
import { type AnsweringWriter, answering, groupWriter } from "./append-group.ts";

/** Which file a path led to. */
export type FilePlace = { ino: number; dev: number };

export function placeOf(path: string): FilePlace {
  const { ino, dev } = statSync(path);
  return { ino, dev };
}

/**
 * Writes groups, and says of each whether the path still leads to the file that was opened. SQLite itself would go on writing to a
 * file that is no longer in any folder and report success, and the next start would find none of it.
 */
export function writerInPlace(database: DatabaseSync, path: string, { ino, dev }: FilePlace): AnsweringWriter {
  const write = groupWriter(database);
  return answering((group) => {
    const outcomes = write(group);
    const now = statSync(path, { throwIfNoEntry: false });
    if (now?.ino !== ino || now.dev !== dev)
      throw new StoreUnavailableError("failed", { cause: new Error(`the file ${path} was moved or removed`) });
    return outcomes;
  });
}
