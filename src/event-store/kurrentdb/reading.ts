/**
 * Reads of one stream of the cluster: small pages, each drained to its end. A read that is left early stalls later ones, so one that
 * takes too long costs its client.
 */
import type { Connection } from "./connection.ts";
import { physicalStream, type ReceivedEvent, receivedEvent } from "./cluster-event.ts";
import { isOfType, within } from "./retry.ts";

export type Reading = {
  /** At most `maxCount` events from `fromRevision` on; empty for an unknown stream. */
  page(stream: string, fromRevision: number, maxCount: number): Promise<ReceivedEvent[]>;
  /** The last event of a stream; undefined for an unknown one. */
  last(stream: string): Promise<ReceivedEvent | undefined>;
};

export function readingOf(connection: Connection, prefix: string, timeoutMs: number): Reading {
  const read = async (
    stream: string,
    options: { fromRevision: bigint | "end"; direction: "forwards" | "backwards"; maxCount: number },
  ): Promise<ReceivedEvent[]> => {
    try {
      return await connection.use((client) => {
        const drained = async (): Promise<ReceivedEvent[]> => {
          const events: ReceivedEvent[] = [];
          for await (const { event } of client.readStream(physicalStream(prefix, stream), options))
            if (event !== undefined) events.push(receivedEvent(prefix, event));
          return events;
        };
        return within(timeoutMs, `reading stream ${stream}`, drained());
      });
    } catch (error) {
      if (isOfType(error, "stream-not-found")) return [];
      throw error;
    }
  };
  return {
    page: (stream, fromRevision, maxCount) =>
      read(stream, { fromRevision: BigInt(fromRevision), direction: "forwards", maxCount }),
    last: async (stream) => (await read(stream, { fromRevision: "end", direction: "backwards", maxCount: 1 }))[0],
  };
}
