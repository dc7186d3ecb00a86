/** Makes a ledger of a seeded portfolio in a folder, through the real commands, store and vault, with every verdict on record. */
import { mkdirSync } from "node:fs";
import type { Caller, Desk } from "../src/commands/command.ts";
import { commandNamed } from "../src/commands/registry.ts";
import { keysFolderOf, ledgerPath, openLedger, vaultPath } from "../src/composition/ledger-folder.ts";
import { keyScope } from "../src/domain/key.ts";
import type { KeyId } from "../src/domain/values.ts";
import { openSqliteEventStore } from "../src/event-store/sqlite/sqlite-event-store.ts";
import { Ledger } from "../src/ledger/ledger.ts";
import { LogClock } from "../src/ledger/log-clock.ts";
import { keyEncryptionKey } from "../src/vault/keys-folder.ts";
import { openSqliteVault } from "../src/vault/sqlite.ts";
import { type BenchCommand, lives, type Portfolio, reps } from "./portfolio.ts";

const caller: Caller = { key: "key_0000000000000000" as KeyId, scopes: keyScope.options };
const inFlight = 256;
const viewsMsMax = 60 * 60_000;

/** Runs lives side by side, each in its own order. */
async function runLives(desk: Desk, lives: Iterator<Iterable<BenchCommand>>): Promise<void> {
  const worker = async () => {
    for (let life = lives.next(); life.done !== true; life = lives.next()) {
      for (const { command, params = {}, body } of life.value) {
        const definition = commandNamed(command)!;
        const request = { params: definition.params.parse(params), body: definition.body.parse(body) };
        await definition.run(desk, { ...request, caller, correlation: "bench" });
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}

/** @returns how many events the log holds. */
export async function generate(folder: string, portfolio: Portfolio): Promise<number> {
  mkdirSync(folder, { recursive: true });
  await recordFacts(folder, portfolio);
  const ledger = openLedger({ folder });
  await ledger.host.ready;
  do await ledger.host.caughtUp(ledger.store.log.head(), viewsMsMax);
  while ((await ledger.keeper.round()) > 0);
  const events = ledger.store.log.head();
  await ledger.close();
  return events;
}

/** With no views beside them: built afterwards, they take a fraction of the time. */
async function recordFacts(folder: string, portfolio: Portfolio): Promise<void> {
  const vault = openSqliteVault(vaultPath(folder), keyEncryptionKey(keysFolderOf({ folder }), vaultPath(folder)));
  const store = openSqliteEventStore(ledgerPath(folder));
  const ledger = new Ledger({ store, vault, clock: new LogClock(Date.now, undefined) });
  const desk: Desk = { ledger, host: undefined as never, erasures: undefined as never, timeZoneData: "bench" };
  await runLives(desk, [reps()].values());
  await runLives(desk, lives(portfolio));
  await store.close();
  await vault.close();
}
