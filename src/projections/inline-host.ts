/** Views applied in this thread, when asked: for tests and for commands that run alone. */
import type { DatabaseSync } from "node:sqlite";
import type { Log } from "../event-store/log.ts";
import type { Projection } from "./projection.ts";
import { type ViewsHost, ViewsBehindError } from "./reader.ts";
import { ProjectionRunner } from "./runner.ts";
import { viewsOf } from "./views.ts";

const batchCount = 1_000;

/** @param database open for writing, with the tables of `projections`; closed with the host. */
export function inlineHost(log: Log, database: DatabaseSync, projections: readonly Projection[]): ViewsHost {
  const runner = new ProjectionRunner(database, projections);
  const catchUp = () => {
    for (let batch = log.readAll(runner.position, batchCount); batch.length > 0; batch = log.readAll(runner.position, batchCount))
      runner.apply(batch);
  };
  return {
    views: viewsOf(database),
    caughtUp(position) {
      catchUp();
      return runner.position < position ? Promise.reject(new ViewsBehindError(runner.position, position)) : Promise.resolve();
    },
    wake: () => undefined,
    status: () => ({ position: runner.position, building: false }),
    close() {
      database.close();
      return Promise.resolve();
    },
  };
}
