import { expect } from "vitest";
import { type StoredEvent } from "../../../src/event-store/event-store.ts";
import { type Log } from "../../../src/event-store/log.ts";
import type { Acknowledged } from "./appending-process.ts";

/** What a log must hold after any end of its writers: each acknowledged append once, at its place, and no gap. */
export function expectAcknowledged(log: Log, acknowledged: readonly Acknowledged[]): StoredEvent[] {
  const stored = log.readAll(0, 1_000_000);
  expect(stored.map(({ position }) => position)).toEqual(stored.map((_, index) => index + 1));
  const positions = new Map(stored.map(({ id, position }) => [id, position]));
  expect(positions.size, "every id is stored once").toBe(stored.length);
  for (const { ids, stream, revision, position } of acknowledged) {
    expect(stored[position - 1]).toMatchObject({ stream, revision, id: ids.at(-1) });
    expect(ids.map((id) => positions.get(id))).toEqual(ids.map((_, index) => position - ids.length + 1 + index));
  }
  return stored;
}
