/** Server-sent events: the log from any place on, then as it grows, at the pace of whoever reads. */
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { EventStore, StoredEvent } from "../../event-store/event-store.ts";
import { positionToken } from "../headers.ts";
import { type EventFilter } from "./event-filter.ts";
import { type Opener, eventTexts } from "./event-text.ts";

/** @see https://html.spec.whatwg.org/multipage/server-sent-events.html */
export const eventStreamMediaType = "text/event-stream";

/** So long a small batch waits for company: a subscriber must not read the log once for every group commit. */
const gatheringMs = 10;
const smallBatchCount = 100;

export type EventStreamOptions = {
  store: EventStore;
  afterPosition: number;
  filter: EventFilter | undefined;
  open: Opener | undefined;
  heartbeatMs: number;
  /** Ends the stream; the reader comes back with its last id. */
  signal: AbortSignal;
  onEnd(error?: unknown): void;
};

/** The bytes of the stream. They end when `signal` aborts or the store fails; destroying them stops following. */
export function eventStream(options: EventStreamOptions): Readable {
  const { store, afterPosition, heartbeatMs, signal, onEnd } = options;
  const reader = new AbortController();
  const stopped = AbortSignal.any([signal, reader.signal]);
  const stream = new PacedReadable(() => {
    reader.abort();
    clearInterval(heartbeat);
  });
  let position = afterPosition;
  // An id without data moves the reader's place and shows it nothing: filters may pass over the log for hours.
  const placed = (): string => `: alive\nid: ${positionToken(position)}\n\n`;
  const heartbeat = setInterval(() => stream.readableLength === 0 && stream.push(placed()), heartbeatMs);

  const onBatch = async (events: readonly StoredEvent[]): Promise<void> => {
    const text = await batchText(events, options);
    position = events.at(-1)!.position;
    if (stopped.aborted) return;
    if (text !== "") await stream.pushAndWait(text);
    if (events.length < smallBatchCount) await delay(gatheringMs, undefined, { signal: stopped }).catch(() => undefined);
  };

  stream.push(placed());
  store.follow(afterPosition, onBatch, stopped).then(
    () => (stream.end(), onEnd()),
    (error: unknown) => (stream.end(), onEnd(error)),
  );
  return stream;
}

async function batchText(events: readonly StoredEvent[], { filter, open }: EventStreamOptions): Promise<string> {
  const wanted = filter === undefined ? events : events.filter(filter);
  const texts = await eventTexts(wanted, open);
  // Canonical JSON has no line feeds, so each event is one line of data.
  return wanted.map(({ position }, index) => `id: ${positionToken(position)}\ndata: ${texts[index]!}\n\n`).join("");
}

/** A stream that is written to at the pace at which it is read. */
class PacedReadable extends Readable {
  readonly #onDestroy: () => void;
  #wake: (() => void) | undefined;

  constructor(onDestroy: () => void) {
    super({ highWaterMark: 64 * 1024 });
    this.#onDestroy = onDestroy;
  }

  override _read(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#onDestroy();
    this.#wake?.();
    done(error);
  }

  /** Resolves when there is room for more, or nobody reads any longer. */
  pushAndWait(text: string): Promise<void> | undefined {
    if (this.destroyed || this.push(text)) return undefined;
    return new Promise((resolve) => (this.#wake = resolve));
  }

  end(): void {
    if (!this.destroyed) this.push(null);
  }
}
