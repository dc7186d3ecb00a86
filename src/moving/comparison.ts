/** Two logs held against each other, event by event. */
import { setImmediate as turn } from "node:timers/promises";
import type { StoredEvent } from "../event-store/event-store.ts";
import type { Log } from "../event-store/log.ts";

type Readable = Pick<Log, "readAll">;

const pageCount = 1_000;

/**
 * @param afterPosition both are known to agree up to here.
 * @returns the first position, up to `upTo`, at which they differ in anything: order, ids, leaves or what lies beside them.
 */
export async function firstDifference(
  one: Readable,
  other: Readable,
  { afterPosition, upTo }: { afterPosition: number; upTo: number },
  onProgress: (position: number) => void = () => undefined,
): Promise<number | undefined> {
  for (let position = afterPosition; position < upTo; onProgress(position), await turn()) {
    const count = Math.min(pageCount, upTo - position);
    const [page, otherPage] = [one.readAll(position, count), other.readAll(position, count)];
    for (let index = 0; index < count; index += 1) {
      position += 1;
      if (!areSame(page[index], otherPage[index])) return position;
    }
  }
  return undefined;
}

const areSame = (one: StoredEvent | undefined, other: StoredEvent | undefined): boolean =>
  one !== undefined &&
  other !== undefined &&
  one.position === other.position &&
  one.stream === other.stream &&
  one.revision === other.revision &&
  one.id === other.id &&
  one.ciphertext === other.ciphertext &&
  Buffer.compare(one.leaf, other.leaf) === 0;
