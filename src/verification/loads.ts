/** Loads of history: begun once, completed once. While one is open the clock says nothing of its promises. */
import { epochMs, type Instant } from "../domain/values.ts";
import type { LeafEvent } from "./leaf-event.ts";

/** What judging asks of a load; nothing of it while it is open. */
export type Load = { completedAt?: Instant; upTo?: Instant };
export type CompletedLoad = { id: string; startedAt: Instant; completedAt: Instant; position: number };
type KnownLoad = { id: string; startedAt: Instant; completedPosition: number; completed: Load };

/** One for all: judgements are kept as long as what they rest on is the same. */
const open: Load = {};

type LoadEvent = Extract<LeafEvent, { type: "RecordingStarted" | "RecordingCompleted" }>;

export class Loads {
  readonly #loads = new Map<string, KnownLoad>();
  readonly #isLog: boolean;

  /** @param isLog whether every load is told of from its start; in a dossier those of others are not. */
  constructor(isLog: boolean) {
    this.#isLog = isLog;
  }

  /** @returns why no ledger can have recorded it; undefined where one can. */
  apply({ type, data, position, recordedAt, occurredAt }: LoadEvent): string | undefined {
    const known = this.#loads.get(data.recording);
    if (type === "RecordingStarted") {
      if (known !== undefined) return "the load of history had been started before";
      this.#loads.set(data.recording, { id: data.recording, startedAt: recordedAt, completedPosition: Infinity, completed: {} });
      return undefined;
    }
    if (known === undefined) return this.#isLog ? "the load of history had not been started" : undefined;
    if (known.completedPosition < Infinity) return "the load of history had been completed before";
    known.completedPosition = position;
    known.completed = { completedAt: recordedAt, upTo: data.upTo };
    return data.upTo > occurredAt ? `it is completed up to ${data.upTo}, which was still to come` : undefined;
  }

  /** Undefined where it is open, or none at all. */
  completed(recording: string | undefined): CompletedLoad | undefined {
    const load = recording === undefined ? undefined : this.#loads.get(recording);
    if (load?.completed.completedAt === undefined) return undefined;
    const { id, startedAt, completedPosition: position, completed } = load;
    return { id, startedAt, completedAt: completed.completedAt!, position };
  }

  /** Whether any was completed after more than that. */
  hasLong(openMs: number): boolean {
    const isLong = ({ startedAt, completed: { completedAt } }: KnownLoad) =>
      completedAt !== undefined && epochMs(completedAt) - epochMs(startedAt) > openMs;
    return [...this.#loads.values()].some(isLong);
  }

  /** When it was started; undefined where nothing tells of that. */
  startedAt(recording: string): Instant | undefined {
    return this.#loads.get(recording)?.startedAt;
  }

  has(recording: string): boolean {
    return this.#loads.has(recording);
  }

  /** As the first `size` leaves tell it. */
  at(recording: string, size: number): Load {
    const load = this.#loads.get(recording);
    return load === undefined || load.completedPosition > size ? open : load.completed;
  }

  *open(): Generator<{ id: string; startedAt: Instant }> {
    for (const { id, startedAt, completedPosition } of this.#loads.values())
      if (completedPosition === Infinity) yield { id, startedAt };
  }
}
