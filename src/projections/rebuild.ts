/** Builds all views anew from the log, beside the ones in use. */
import type { Log } from "../event-store/log.ts";
import { openForBuilding, swapIn, viewsPath } from "./database.ts";
import type { Projection } from "./projection.ts";
import { ProjectionRunner } from "./runner.ts";

const batchCount = 5_000;

export type RebuildProgress = { position: number; head: number };

/**
 * @param onProgress called after every batch; a promise that it returns is awaited, so a long build can yield.
 * @returns the path of the new views and the position that they reflect.
 */
export async function rebuildViews(
  folder: string,
  log: Log,
  projections: readonly Projection[],
  onProgress: (progress: RebuildProgress) => Promise<void> | void = () => undefined,
): Promise<{ path: string; position: number }> {
  const path = viewsPath(folder, projections);
  const building = `${path}.building`;
  const database = openForBuilding(building, projections);
  const runner = new ProjectionRunner(database, projections);
  try {
    for (let batch = log.readAll(0, batchCount); batch.length > 0; batch = log.readAll(runner.position, batchCount)) {
      runner.applyUnsettled(batch);
      await onProgress({ position: runner.position, head: log.head() });
    }
    runner.settle();
  } finally {
    database.close();
  }
  swapIn(building, path);
  return { path, position: runner.position };
}
