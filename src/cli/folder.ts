/** Opening a data folder from the command line. */
import { ClusterSettingsError } from "../composition/cluster-node.ts";
import { type FolderOptions, openLedger, type OpenLedger } from "../composition/ledger-folder.ts";
import { DomainError } from "../domain/errors.ts";
import { VaultUnavailableError } from "../vault/vault.ts";
import { CliError } from "./errors.ts";
import { exitCodes } from "./exit-codes.ts";

/** @throws CliError with the reason where keys are missing or do not fit; else as `openLedger`. */
export const openFolder = (options: FolderOptions): Promise<OpenLedger> => unusableOf(() => openLedger(options));

/** @throws CliError `unusable` where what was tried says, in a sentence for the operator, what is missing or does not fit. */
export async function unusableOf<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const isOfSettings =
      error instanceof ClusterSettingsError || error instanceof VaultUnavailableError || error instanceof DomainError;
    if (!(error instanceof Error) || (error.name !== "Error" && !isOfSettings)) throw error;
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
