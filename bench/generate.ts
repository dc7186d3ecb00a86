/** Makes a ledger of a seeded portfolio in a folder, through the real commands, store and vault, with every verdict on record. */
import { mkdirSync } from "node:fs";
import { issueKeyFor } from "../src/commands/administration.ts";
import type { Caller, Desk } from "../src/commands/command.ts";
import { commandNamed } from "../src/commands/registry.ts";
import { vaultPath } from "../src/composition/foundation.ts";
import { keysFolderOf, ledgerPath, openLedger } from "../src/composition/ledger-folder.ts";
import { keyScope } from "../src/domain/key.ts";
import { ledgerRecord } from "../src/domain/ledger-record.ts";
import type { KeyId, Slug } from "../src/domain/values.ts";
import { openSqliteEventStore } from "../src/event-store/sqlite/sqlite-event-store.ts";
import { Ledger } from "../src/ledger/ledger.ts";
import { LogClock } from "../src/ledger/log-clock.ts";
import { keyEncryptionKey } from "../src/vault/keys-folder.ts";
import { openSqliteVault } from "../src/vault/sqlite.ts";
import { type BenchCommand, lives, type Portfolio, reps } from "./portfolio.ts";

const inFlight = 256;
const viewsMsMax = 60 * 60_000;

/** Runs lives side by side, each in its own order. */
async function runLives(desk: Desk, caller: Caller, lives: Iterator<Iterable<BenchCommand>>): Promise<void> {
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
  const ledger = await openLedger({ folder });
  await ledger.host.ready;
  do await ledger.host.caughtUp(ledger.store.log.head(), viewsMsMax);
  while ((await ledger.keeper.round()) > 0);
  const events = ledger.store.log.head();
  await ledger.close();
  return events;
}

/** As every ledger begins; otherwise it would not verify. @returns whoever records. */
async function begin(desk: Desk): Promise<Caller> {
  const actor = { kind: "system", id: "init" } as const;
  const command = { type: "OpenLedger" as const, ledger: "bench" as Slug, at: desk.ledger.now() };
  await desk.ledger.handle(ledgerRecord, "ledger", command, { actor, correlation: "bench" });
  const scopes = keyScope.options;
  const { id } = await issueKeyFor(desk, { label: "bench" as Slug, scopes, party: undefined }, actor);
  return { key: id as KeyId, scopes };
}

/** With no views beside them: built afterwards, they take a fraction of the time. */
async function recordFacts(folder: string, portfolio: Portfolio): Promise<void> {
  const vault = openSqliteVault(vaultPath(folder), keyEncryptionKey(keysFolderOf({ folder }), vaultPath(folder)));
  const store = openSqliteEventStore(ledgerPath(folder));
  const ledger = new Ledger({ store, vault, clock: new LogClock(Date.now, undefined) });
  const desk: Desk = { ledger, host: undefined as never, erasures: undefined as never, timeZoneData: "bench" };
  const caller = await begin(desk);
  await runLives(desk, caller, [reps()].values());
  await runLives(desk, caller, lives(portfolio));
  await store.close();
  await vault.close();
}
