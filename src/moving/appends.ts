/** A stretch of the log as appends that give it again: each takes events that follow each other and are of one stream. */
import type { NewEvent, StoredEvent } from "../event-store/event-store.ts";
import type { Log } from "../event-store/log.ts";

export type OneAppend = {
  stream: string;
  /** Of the stream before it; -1 for a new one. */
  expectedRevision: number;
  events: NewEvent[];
  /** Position of its last event. */
  position: number;
};

/** A cluster takes 1 MiB with one append; the rest is for what lies around the events. */
const appendBytesMax = 512 * 1024;
const appendCountMax = 100;
const pageCount = 500;

/** Reads as it is asked, a page at a time. @param upTo position of the last event. */
export function* appendsOf(log: Pick<Log, "readAll">, afterPosition: number, upTo: number): Generator<OneAppend> {
  let open: OneAppend | undefined;
  let bytes = 0;
  for (let position = afterPosition; position < upTo;) {
    const page = log.readAll(position, Math.min(pageCount, upTo - position));
    if (page.length === 0) break;
    for (const event of page) {
      const more = bytesOf(event);
      if (open === undefined || !continues(open, event) || bytes + more > appendBytesMax) {
        if (open !== undefined) yield open;
        open = { stream: event.stream, expectedRevision: event.revision - 1, events: [], position };
        bytes = 0;
      }
      open.events.push(newEventOf(event));
      open.position = position = event.position;
      bytes += more;
    }
  }
  if (open !== undefined) yield open;
}

const continues = ({ stream, expectedRevision, events }: OneAppend, event: StoredEvent): boolean =>
  event.stream === stream && event.revision === expectedRevision + events.length + 1 && events.length < appendCountMax;

const bytesOf = ({ leaf, ciphertext }: StoredEvent): number =>
  leaf.byteLength + (ciphertext === null ? 0 : Buffer.byteLength(ciphertext));

const newEventOf = ({ id, leaf, ciphertext }: StoredEvent): NewEvent => ({ id, type: typeIn(leaf), leaf, ciphertext });

/** Also of a kind that this release does not know. */
function typeIn(leaf: Uint8Array): string {
  const { type } = JSON.parse(Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString("utf8")) as { type: unknown };
  return typeof type === "string" ? type : "unknown";
}
