/** Every node of a cluster signs with the same key: which one it is stands in the log. */
import { formatVerifierKey } from "../audit/verifier-key.ts";
import { ledgerRecord } from "../domain/ledger-record.ts";
import type { LocalEventStore } from "../event-store/log.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { openLogKeys } from "../transparency/keys-folder.ts";

/**
 * Holds the key of this node against the one that the log names, and puts it on record where the log names none yet.
 *
 * @param mayMake makes the key where there is none: for a ledger that has just begun.
 * @throws DomainError `log-key-differs`; Error that tells the operator what to do for a key that is missing or another log's.
 */
export async function declareLogKey(
  { keysFolder, store, desk: { ledger } }: { keysFolder: string; store: Pick<LocalEventStore, "log">; desk: { ledger: Ledger } },
  mayMake: boolean,
): Promise<void> {
  const { state, events } = await ledger.load(ledgerRecord, "ledger");
  // Nothing was recorded yet: whoever records first declares the key.
  if (events[0] === undefined) return;
  const { ledger: name } = events[0].data as { ledger: string };
  const keys = openLogKeys({
    folder: keysFolder,
    origin: `troth/${name}`,
    log: store.log,
    isSigned: !mayMake,
    now: () => new Date().toISOString(),
  });
  keys.signersAt(store.log.head());
  const key = formatVerifierKey(keys.verifiers()[0]!);
  if (state.logKey === key) return;
  const actor = { kind: "system", id: "node" } as const;
  await ledger.handle(
    ledgerRecord,
    "ledger",
    { type: "DeclareLogKey", key, at: ledger.now() },
    { actor, correlation: `log-key-${name}` },
  );
}
