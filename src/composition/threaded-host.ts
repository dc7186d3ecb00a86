/** Views kept up in a thread of their own, read from this one. */
import { openViewsForReading } from "../projections/database.ts";
import { ViewsBehindError, type ViewsHost } from "../projections/reader.ts";
import { type Views, viewsOf } from "../projections/views.ts";
import { followingThread } from "./following-thread.ts";
import type { ViewsWorkerData } from "./views-worker.ts";

export function threadedHost(
  data: ViewsWorkerData,
  onProgress?: (progress: { position: number; head: number }) => void,
): ViewsHost & { ready: Promise<unknown> } {
  let reading: { views: Views; close(): void } | undefined;
  const thread = followingThread(new URL("./views-worker.ts", import.meta.url), data, {
    onReady(path) {
      const database = openViewsForReading(path);
      reading = { views: viewsOf(database), close: () => database.close() };
    },
    onProgress,
  });
  return {
    ...thread,
    get views() {
      if (reading === undefined) throw new ViewsBehindError(thread.status().position, 1);
      return reading.views;
    },
    async close() {
      await thread.close();
      reading?.close();
    },
  };
}
