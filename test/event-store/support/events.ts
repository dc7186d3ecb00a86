/** Events as small as the store allows: it looks at nothing in a leaf but its id, stream and revision. */
import { type NewEvent } from "../../../src/event-store/event-store.ts";

const encoder = new TextEncoder();
let count = 0;

/** An event id that no other call gives, in this process or another of the same test. */
export const anId = (): string => `evt_${process.pid}x${String(++count).padStart(20, "0")}`;

/** An event for one place in a stream. `note` makes leaves differ; in a real leaf there is no free text. */
export function anEvent(
  stream: string,
  revision: number,
  options: { id?: string; note?: string; ciphertext?: string } = {},
): NewEvent {
  const { id = anId(), note = "", ciphertext = null } = options;
  const leaf = { id, note, revision, stream, type: "InteractionRecorded" };
  return { id, type: leaf.type, leaf: encoder.encode(JSON.stringify(leaf)), ciphertext };
}

/** Events for `eventCount` places of a stream in a row. */
export const someEvents = (stream: string, fromRevision: number, eventCount: number): NewEvent[] =>
  Array.from({ length: eventCount }, (_, index) => anEvent(stream, fromRevision + index));

export const idsOf = (events: readonly { id: string }[]): string[] => events.map(({ id }) => id);
