/**
 * Appends to many streams that are to stand on the cluster in the order in which they are given, many of them in flight. A server takes
 * what comes on one call in its order, so all go by one client, which sends them on one call. Nothing is tried again here: what was
 * refused while a later one was taken would stand behind it for ever. At the first failure the sending ends, and the caller looks at
 * what the cluster holds before it goes on. Whether the order was kept is for the caller to check too: it is read back.
 */
import type { NewEvent } from "../event-store.ts";
import { type Answer, attemptAppend } from "./appending.ts";
import { clusterEvent, physicalStream } from "./cluster-event.ts";
import { clientMaker, Connection } from "./connection.ts";

export type OrderedAppend = { stream: string; expectedRevision: number; events: readonly NewEvent[] };

export interface OrderedAppends {
  /**
   * Sends one after the other. Resolves when none is in flight any more.
   * @returns what ended the sending; undefined where all are stored. Those in flight then may be stored or not: `streams` names theirs.
   */
  send(appends: Iterable<OrderedAppend>): Promise<{ cause: Error; streams: string[] } | undefined>;
  dispose(): Promise<void>;
}

export type OrderedAppendsOptions = {
  connectionString: string;
  prefix: string;
  /** Default 256; more are not faster. */
  inFlightMax?: number;
  /** How long one may take. Default 10,000. */
  attemptMsMax?: number;
};

/** @throws Error for the connection string. */
export async function openOrderedAppends(options: OrderedAppendsOptions): Promise<OrderedAppends> {
  const { connectionString, prefix, inFlightMax = 256, attemptMsMax = 10_000 } = options;
  const connection = new Connection(await clientMaker(connectionString));
  const attempt = ({ stream, expectedRevision, events }: OrderedAppend): Promise<Answer> =>
    attemptAppend(connection, physicalStream(prefix, stream), expectedRevision, events.map(clusterEvent), attemptMsMax);

  return {
    async send(appends) {
      const unknown: string[] = [];
      let cause: Error | undefined;
      let inFlight = 0;
      let answered = Promise.withResolvers<undefined>();
      const start = async (append: OrderedAppend): Promise<void> => {
        inFlight += 1;
        const answer = await attempt(append);
        inFlight -= 1;
        if (answer.kind !== "stored") {
          unknown.push(append.stream);
          cause ??= failureOf(answer, append);
        }
        answered.resolve(undefined);
      };
      const fewerThan = async (count: number): Promise<void> => {
        while (inFlight >= count) {
          answered = Promise.withResolvers();
          await answered.promise;
        }
      };
      // The client makes its call while the first is under way; until it has, others might overtake each other.
      let room = 1;
      for (const append of appends) {
        void start(append);
        await fewerThan(room);
        room = inFlightMax;
        if (cause !== undefined) break;
      }
      await fewerThan(1);
      return cause && { cause, streams: unknown };
    },
    dispose: () => connection.dispose(),
  };
}

function failureOf(answer: Exclude<Answer, { kind: "stored" }>, { stream, expectedRevision }: OrderedAppend): Error {
  switch (answer.kind) {
    case "conflict":
      return new Error(`stream ${stream} is at revision ${answer.actualRevision} on the cluster, not at ${expectedRevision}`);
    case "unknown":
      return new Error(`the cluster did not say whether it has stored an append to ${stream}`, { cause: answer.cause });
    case "refused":
      return answer.error;
  }
}
