/** What SQLite's result codes mean to a user of the store. */
import { StoreUnavailableError } from "../event-store.ts";

/** Primary codes and the few extended ones that matter. @see https://sqlite.org/rescode.html */
const sqlite = { corrupt: 11, full: 13, tooBig: 18, constraint: 19, mismatch: 20, notADatabase: 26 } as const;
/** The shared memory file of the WAL can't grow: in practice a full disk met a moment before the log itself would meet it. */
const ioErrorShmSize = 4874;

const codeOf = (error: unknown): number | undefined => (error as { errcode?: number }).errcode;
export const primaryCodeOf = (error: unknown): number | undefined => {
  const code = codeOf(error);
  return code === undefined ? undefined : code % 256;
};

/** SQLITE_CONSTRAINT_UNIQUE. The statement alone is undone; the transaction goes on. */
export const isUniqueViolation = (error: unknown): boolean => codeOf(error) === 2067;

/** The port's error for a failure of SQLite; any other error, a bug of a caller's, is given back as it is. */
export function unavailable(error: unknown): unknown {
  if (error instanceof StoreUnavailableError) return error;
  // The only way to an invalid state is a statement or connection that `close` has finalised.
  if ((error as { code?: string }).code === "ERR_INVALID_STATE") return new StoreUnavailableError("closed", { cause: error });
  const primaryCode = primaryCodeOf(error);
  if (primaryCode === undefined) return error;
  if (primaryCode === sqlite.full || codeOf(error) === ioErrorShmSize) return new StoreUnavailableError("full", { cause: error });
  if (primaryCode === sqlite.corrupt || primaryCode === sqlite.notADatabase)
    return new StoreUnavailableError("damaged", { cause: error });
  return new StoreUnavailableError("failed", { cause: error });
}

/** Whether a failure lies in what was to be stored, so that other appends may succeed where this one did not. */
export function liesInTheData(error: unknown): boolean {
  if (error instanceof StoreUnavailableError) return false;
  const primaryCode = primaryCodeOf(error);
  return (
    primaryCode === undefined ||
    primaryCode === sqlite.tooBig ||
    primaryCode === sqlite.constraint ||
    primaryCode === sqlite.mismatch
  );
}

/** Runs `read`, throwing the port's errors. */
export function translated<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw unavailable(error);
  }
}

export const damaged = (finding: string): StoreUnavailableError =>
  new StoreUnavailableError("damaged", { cause: new Error(finding) });
