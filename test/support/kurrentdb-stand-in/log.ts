/**
 * The log of the stand-in: streams, `$all`, and what an append at an expected revision comes to. No protocol here.
 *
 * The rules are those of the 24.6 server. Ids are compared only where the expected revision is not the current one.
 */
import { randomUUID } from "node:crypto";

export type Proposed = { id: string; type: string; contentType: string; data: Uint8Array; metadata: Uint8Array };

/** `position` is the offset in bytes in a log file that isn't there: it grows with gaps. Commit and prepare are the same. */
export type Recorded = Proposed & { stream: string; revision: number; position: bigint; createdMs: number };

/** A place in `$all`: what the protocol calls a position. */
export type Place = { commit: bigint; prepare: bigint };

/** A revision, 0-based, or what the stream must be. */
export type Expected = number | "any" | "no_stream" | "stream_exists";

/** Where the last event of the append stands, or the revision that the stream is at: -1 for one that isn't there. */
export type Outcome =
  | { stored: true; revision: number; position: bigint }
  | { stored: false; currentRevision: number }
  | { stored: false; tooLarge: number };

/** As the server's own default. It counts the data alone. */
export const appendBytesMax = 1024 * 1024;

/** What a record takes beside its data; any number serves. */
const recordOverheadBytes = 150n;
const truncatedWhole = Number.MAX_SAFE_INTEGER;
export const jsonType = "application/json";

export class Log {
  /** Every event in the order of `$all`, system events among them. */
  readonly all: Recorded[] = [];
  #endOfLog = 0n;
  readonly #streams = new Map<string, Recorded[]>();
  readonly #truncatedBefore = new Map<string, number>();
  /** The ids by which `any` and `stream_exists` are idempotent. They live in memory: a restart forgets them. */
  readonly #idsInMemory = new Map<string, Recorded>();
  readonly #waiting = new Set<() => void>();

  constructor() {
    // A server that has just started has events of its own, which whoever reads $all has to pass over.
    this.appendSystemEvent("$epoch-information");
    this.appendSystemEvent("$settings");
  }

  append(stream: string, expected: Expected, events: readonly Proposed[]): Outcome {
    if (sizeOf(events) > appendBytesMax) return { stored: false, tooLarge: appendBytesMax };
    const current = this.currentRevision(stream);
    const known = this.#alreadyThere(stream, expected, current, events);
    if (known !== undefined) return known;
    if (!this.#mayFollow(stream, expected, current)) return { stored: false, currentRevision: current };
    if (this.#isDeleted(stream)) this.#undelete(stream, current + 1);
    const last = events.map((event) => this.#write(stream, event)).at(-1);
    return { stored: true, revision: last?.revision ?? current, position: last?.position ?? this.#endOfLog };
  }

  /** Writes without any check: for what other clients and the server itself put into the log. */
  appendSystemEvent(stream: string, type = stream): Recorded {
    return this.#write(stream, {
      id: randomUUID(),
      type,
      contentType: jsonType,
      data: Buffer.from("{}"),
      metadata: new Uint8Array(),
    });
  }

  /** A link as projections write it: its data names an event of another stream. */
  appendLink(stream: string, to: Recorded): Recorded {
    const data = Buffer.from(`${to.revision}@${to.stream}`);
    return this.#write(stream, { id: randomUUID(), type: "$>", contentType: "text/plain", data, metadata: new Uint8Array() });
  }

  /** The events that a reader of the stream gets, in order; undefined where there is no such stream or it was deleted. */
  stream(name: string): Recorded[] | undefined {
    const from = this.#truncatedBefore.get(name) ?? 0;
    const events = this.#streams.get(name)?.filter(({ revision }) => revision >= from);
    return events === undefined || events.length === 0 ? undefined : events;
  }

  /** -1 for a stream that was never written to. A deleted one keeps its revision. */
  currentRevision(stream: string): number {
    return (this.#streams.get(stream)?.length ?? 0) - 1;
  }

  /** Deletes as `deleteStream` does: the events stay in `$all`, and the stream's numbers go on. */
  delete(stream: string, expected: Expected): Outcome {
    const current = this.currentRevision(stream);
    if (!this.#mayFollow(stream, expected, current)) return { stored: false, currentRevision: current };
    this.#truncatedBefore.set(stream, truncatedWhole);
    const { position } = this.appendSystemEvent(`$$${stream}`, "$metadata");
    return { stored: true, revision: current, position };
  }

  /** The first index in `all` of an event at this position or behind it. */
  indexFrom(position: bigint): number {
    let low = 0;
    let high = this.all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.all[middle]!.position < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first index in `all` of an event behind this place. */
  indexBehind(place: Place): number {
    const index = this.indexFrom(place.commit);
    const event = this.all[index];
    return event === undefined || isBehind(placeOf(event), place) ? index : index + 1;
  }

  /** Where the record of an event ends, and the next one begins. */
  endOf(index: number): bigint {
    return this.all[index + 1]?.position ?? this.#endOfLog;
  }

  /** Resolves when an event is written. */
  grown(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  /** What a restart of the server does to the log: nothing stored is lost. */
  forgetIdsInMemory(): void {
    this.#idsInMemory.clear();
  }

  #alreadyThere(stream: string, expected: Expected, current: number, events: readonly Proposed[]): Outcome | undefined {
    if (expected === "any" || expected === "stream_exists") return this.#alreadyInMemory(stream, current, events);
    const from = expected === "no_stream" ? 0 : expected + 1;
    if (from > current) return undefined;
    const there = this.#streams.get(stream)!;
    const same = events.filter(({ id }, index) => there[from + index]?.id === id).length;
    if (same === events.length && same > 0) return storedAs(there[from + same - 1]!);
    return events[0] !== undefined && there[from]!.id === events[0].id ? { stored: false, currentRevision: current } : undefined;
  }

  #alreadyInMemory(stream: string, current: number, events: readonly Proposed[]): Outcome | undefined {
    const there = events.map(({ id }) => this.#idsInMemory.get(id)).filter((event) => event?.stream === stream);
    if (there.length === events.length && there.length > 0) return storedAs(there.at(-1)!);
    return there.length > 0 ? { stored: false, currentRevision: current } : undefined;
  }

  #mayFollow(stream: string, expected: Expected, current: number): boolean {
    if (expected === "any") return true;
    if (expected === "stream_exists") return current >= 0 && !this.#isDeleted(stream);
    if (expected === "no_stream") return current === -1 || this.#isDeleted(stream);
    return expected === current;
  }

  #isDeleted(stream: string): boolean {
    return this.#truncatedBefore.get(stream) === truncatedWhole;
  }

  #undelete(stream: string, firstRevision: number): void {
    this.#truncatedBefore.set(stream, firstRevision);
    this.appendSystemEvent(`$$${stream}`, "$metadata");
  }

  #write(stream: string, event: Proposed): Recorded {
    const there = this.#streams.get(stream) ?? [];
    const recorded = { ...event, stream, revision: there.length, position: this.#endOfLog, createdMs: Date.now() };
    this.#streams.set(stream, there);
    there.push(recorded);
    this.all.push(recorded);
    this.#idsInMemory.set(event.id, recorded);
    this.#endOfLog += BigInt(event.data.length + event.metadata.length) + recordOverheadBytes;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
    return recorded;
  }
}

export function placeOf({ position }: Recorded): Place {
  return { commit: position, prepare: position };
}

export function isBehind(place: Place, other: Place): boolean {
  return place.commit > other.commit || (place.commit === other.commit && place.prepare > other.prepare);
}

function sizeOf(events: readonly Proposed[]): number {
  return events.reduce((bytes, { data }) => bytes + data.length, 0);
}

function storedAs({ revision, position }: Recorded): Outcome {
  return { stored: true, revision, position };
}
