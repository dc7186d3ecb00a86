/** Brings an event of an older schema version to the current one on reading. Events themselves never change. */
import { type EventType, schemaVersion } from "../domain/catalogue.ts";

/** For each type, the step from version n (its key) to n + 1. */
const steps: Record<string, Record<number, (data: never) => unknown>> = {};

/** @throws Error for a version that is newer than this release: it must not guess at what it means. */
export function upcast<Versioned extends { v: number; type: EventType; data: unknown }>(envelope: Versioned): Versioned {
  const current = schemaVersion(envelope.type);
  if (envelope.v === current) return envelope;
  if (envelope.v > current) throw new Error(`${envelope.type} version ${envelope.v} is newer than this release`);
  let { data } = envelope;
  for (let version = envelope.v; version < current; version += 1) data = steps[envelope.type]![version]!(data as never);
  return { ...envelope, v: current, data };
}
