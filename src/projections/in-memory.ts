/** Views of chosen events, in memory: of a prefix of the log, of what had happened by an instant, of one account. The definition of every faster way. */
import { DatabaseSync } from "node:sqlite";
import type { StoredEvent } from "../event-store/event-store.ts";
import type { Projection } from "./projection.ts";
import { fingerprint } from "./registry.ts";
import { createTables, ProjectionRunner } from "./runner.ts";
import { type Views, viewsOf } from "./views.ts";

export type InMemoryViews = {
  views: Views;
  /** Events in order of position, each applied once; those before it may be left out. Settles what they touched. */
  apply(events: readonly StoredEvent[]): void;
  /** The same for many, all of which are settled once, by `settle`; nothing is to be read before. */
  applyUnsettled(events: readonly StoredEvent[]): void;
  settle(): void;
  close(): void;
};

export function inMemoryViews(projections: readonly Projection[]): InMemoryViews {
  const database = new DatabaseSync(":memory:");
  createTables(database, projections, fingerprint(projections));
  const runner = new ProjectionRunner(database, projections);
  return {
    views: viewsOf(database),
    apply: (events) => runner.apply(events),
    applyUnsettled: (events) => runner.applyUnsettled(events),
    settle: () => runner.settle(),
    close: () => database.close(),
  };
}
