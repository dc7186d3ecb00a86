/** Opening a data folder from the command line. */
import { type FolderOptions, NoLedgerError, openLedger, type OpenLedger } from "../composition/ledger-folder.ts";
import { StoreUnavailableError } from "../event-store/event-store.ts";
import { FolderInUseError } from "../event-store/folder-lock.ts";
import { CliError } from "./errors.ts";
import { exitCodes } from "./exit-codes.ts";

/** @throws CliError with the reason where keys are missing or do not fit; else as `openLedger`. */
export async function openFolder(options: FolderOptions): Promise<OpenLedger> {
  try {
    return await openLedger(options);
  } catch (error) {
    const isKnown = error instanceof NoLedgerError || error instanceof FolderInUseError || error instanceof StoreUnavailableError;
    if (isKnown || !(error instanceof Error) || error.name !== "Error") throw error;
    throw new CliError(exitCodes.unusable, error.message, { cause: error });
  }
}

/** Does something with an open ledger and closes it, whatever becomes of it. */
export async function withLedger<Result>(options: FolderOptions, work: (ledger: OpenLedger) => Promise<Result>): Promise<Result> {
  const ledger = await openFolder(options);
  try {
    return await work(ledger);
  } finally {
    await ledger.close();
  }
}
