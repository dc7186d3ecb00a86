/** Makes a ledger of a seeded portfolio in a folder, through the real commands, store and vault. */
import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { commandNamed } from "../src/commands/registry.ts";
import type { Caller, Desk } from "../src/commands/command.ts";
import type { KeyId } from "../src/domain/values.ts";
import { openSqliteEventStore } from "../src/event-store/sqlite/sqlite-event-store.ts";
import { Ledger } from "../src/ledger/ledger.ts";
import { LogClock } from "../src/ledger/log-clock.ts";
import { keyEncryptionKey } from "../src/vault/keys-folder.ts";
import { openSqliteVault } from "../src/vault/sqlite.ts";
import { type BenchCommand, lives, reps } from "./portfolio.ts";

const caller: Caller = {
  key: "key_0000000000000000" as KeyId,
  scopes: ["record", "read", "personal", "arbitrate", "audit", "admin"],
};
const inFlight = 256;

/** Runs lives side by side, each in its own order. @returns how many commands were run. */
export async function runLives(desk: Desk, lives: Iterator<Iterable<BenchCommand>>): Promise<number> {
  let count = 0;
  const worker = async () => {
    for (let life = lives.next(); life.done !== true; life = lives.next()) {
      for (const { command, params = {}, body } of life.value) {
        const definition = commandNamed(command)!;
        await definition.run(desk, {
          params: definition.params.parse(params),
          body: definition.body.parse(body),
          caller,
          correlation: "bench",
        });
        count += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return count;
}

export async function generate(
  folder: string,
  accountCount: number,
  interactionCount: number,
): Promise<{ events: number; seconds: number }> {
  mkdirSync(folder, { recursive: true });
  const vaultFile = join(folder, "vault.db");
  const vault = openSqliteVault(vaultFile, keyEncryptionKey(`${folder}.keys`, vaultFile));
  const store = openSqliteEventStore(join(folder, "ledger.db"));
  const desk: Desk = {
    ledger: new Ledger({ store, vault, clock: new LogClock(Date.now, undefined) }),
    host: undefined as never,
    timeZoneData: "bench",
  };
  const before = performance.now();
  await runLives(desk, [reps()].values());
  await runLives(desk, lives(accountCount, interactionCount));
  const seconds = (performance.now() - before) / 1_000;
  const events = store.log.head();
  await store.close();
  await vault.close();
  return { events, seconds };
}
