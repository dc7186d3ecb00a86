/** A whole ledger in memory, or on the cluster that KURRENTDB_URL names, on a clock that stands still until it is moved: for specs of what spans several parts. */
import { DatabaseSync } from "node:sqlite";
import { commandNamed } from "../../src/commands/registry.ts";
import type { Acknowledged, Caller, Desk } from "../../src/commands/command.ts";
import type { KeyScope } from "../../src/domain/key.ts";
import type { Instant, KeyId, PartyId } from "../../src/domain/values.ts";
import type { LocalEventStore } from "../../src/event-store/log.ts";
import { memoryEventStore } from "../../src/event-store/memory/memory.ts";
import { Keeper } from "../../src/keeper/keeper.ts";
import { decodeAll, type LedgerEvent } from "../../src/ledger/envelope.ts";
import { Erasures } from "../../src/ledger/erasures.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { LogClock } from "../../src/ledger/log-clock.ts";
import { LogTimes } from "../../src/ledger/log-times.ts";
import { inlineHost } from "../../src/projections/inline-host.ts";
import type { ViewsHost } from "../../src/projections/reader.ts";
import { fingerprint, projections } from "../../src/projections/registry.ts";
import { createTables } from "../../src/projections/runner.ts";
import { viewsAt } from "../../src/projections/vantage.ts";
import { answer } from "../../src/queries/asking.ts";
import type { ReadingDesk } from "../../src/queries/query.ts";
import { queries } from "../../src/queries/registry.ts";
import type { CensusTaker } from "../../src/transparency/census.ts";
import { inlineCensus } from "../../src/transparency/inline-census.ts";
import { memoryTombstones, openMemoryVault } from "../../src/vault/memory.ts";
import type { ErasableVault } from "../../src/vault/vault.ts";
import { clusterStore } from "./cluster-store.ts";

/** Suites run on this server, unchanged, where it is named. */
const cluster = process.env["KURRENTDB_URL"];

const everyScope: KeyScope[] = ["record", "read", "personal", "arbitrate", "audit", "admin"];

export type TestLedger = {
  store: LocalEventStore;
  vault: ErasableVault;
  host: ViewsHost;
  desk: Desk;
  readingDesk: ReadingDesk;
  census: CensusTaker;
  keeper: Keeper;
  /** Moves the clock. */
  setNow(at: string): void;
  /** Runs a command by name as an unbound key with every scope, unless told otherwise. */
  run(
    name: string,
    body: object,
    params?: object,
    request?: { caller?: Caller; idempotencyKey?: string; expectedRevision?: number },
  ): Promise<Acknowledged>;
  /** Asks a query by name, once the views have caught up. */
  ask<Answer = Record<string, unknown>>(name: string, params?: object, query?: object, caller?: Caller): Promise<Answer>;
  events(): LedgerEvent[];
  eventsOf(stream: string): LedgerEvent[];
};

export const callerFor = (party?: PartyId, scopes: KeyScope[] = everyScope): Caller => ({
  key: "key_0000000000000000" as KeyId,
  scopes,
  party,
});

export function emptyViews(): DatabaseSync {
  const database = new DatabaseSync(":memory:");
  createTables(database, projections, fingerprint(projections));
  return database;
}

export function testLedger(
  start = "2026-01-01T00:00:00.000Z",
  parts: { store?: LocalEventStore; vault?: ErasableVault; sharesStore?: boolean; elapsedMs?: () => number } = {},
): TestLedger {
  let now = Date.parse(start);
  const store = parts.store ?? (cluster === undefined ? memoryEventStore() : clusterStore(cluster));
  const vault = parts.vault ?? openMemoryVault();
  const ledger = new Ledger({
    ...{ store, log: store.log, vault, clock: new LogClock(() => now, undefined) },
    ...{ sharesStore: parts.sharesStore ?? cluster !== undefined, elapsedMs: parts.elapsedMs },
  });
  const host = inlineHost(store.log, emptyViews(), projections);
  const census = inlineCensus(store.log);
  const erasures = new Erasures({ ledger, store, vault, tombstones: memoryTombstones() });
  const desk = { ledger, host, erasures, timeZoneData: "test", census };
  const readingDesk: ReadingDesk = {
    ...{ views: host.views, log: store.log, times: new LogTimes(store.log), vault, now: () => ledger.readingTime() },
    past: (vantage) => viewsAt(store.log, vantage),
  };
  const events = () => decodeAll(store.log.readAll(0, 1_000_000));
  return {
    store,
    vault,
    host,
    desk,
    readingDesk,
    census,
    keeper: new Keeper(ledger, host),
    setNow: (at) => void (now = Date.parse(at)),
    async run(name, body, params = {}, { caller = callerFor(), ...request } = {}) {
      const command = commandNamed(name);
      if (command === undefined) throw new Error(`there is no command ${name}`);
      return command.run(desk, {
        params: command.params.parse(params),
        body: command.body.parse(body),
        caller,
        correlation: "test",
        ...request,
      });
    },
    async ask<Answer>(name: string, params: object = {}, query: object = {}, caller = callerFor()) {
      const definition = queries.find((one) => one.name === name);
      if (definition === undefined) throw new Error(`there is no query ${name}`);
      await host.caughtUp(store.log.head());
      const answered = await answer(readingDesk, definition, {
        params: definition.params.parse(params),
        query: definition.query.parse(query),
        caller,
      });
      return definition.answer.parse(answered) as Answer;
    },
    events,
    eventsOf: (stream) => events().filter((event) => event.stream === stream),
  };
}

export const instantOf = (text: string): Instant => text as Instant;
