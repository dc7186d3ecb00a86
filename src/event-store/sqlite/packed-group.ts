/**
 * Groups of appends, and their answers, on the way from one thread to another. Structured cloning takes a few strings and numbers for
 * next to nothing, but an array of bytes with the whole buffer that it is part of: so leaves travel in one buffer that is handed over.
 */
import { RevisionConflictError, StoreUnavailableError } from "../event-store.ts";
import type { Answer, Append } from "./append-group.ts";

/** Lists of streams and expected revisions have an item an append, the others an item an event. */
export type PackedGroup = {
  streams: string[];
  expectedRevisions: number[];
  eventCounts: number[];
  ids: string[];
  types: string[];
  leafBytes: number[];
  leaves: ArrayBuffer;
  ciphertexts: (string | null)[];
};

/** One item an append. A position of 0 is that of a conflict, whose revision is the actual one; of -1, that of a failure. */
export type PackedAnswers = { revisions: number[]; positions: number[]; failures: Failure[] };
type Failure = { reason?: StoreUnavailableError["reason"]; message: string };

export function packed(group: readonly Append[]): PackedGroup {
  const events = group.length === 1 ? group[0]!.events : group.flatMap(({ events }) => events);
  const leafBytes = events.map(({ leaf }) => leaf.byteLength);
  const leaves = new Uint8Array(leafBytes.reduce((sum, bytes) => sum + bytes, 0));
  let from = 0;
  for (const { leaf } of events) {
    leaves.set(leaf, from);
    from += leaf.byteLength;
  }
  return {
    streams: group.map(({ stream }) => stream),
    expectedRevisions: group.map(({ expectedRevision }) => expectedRevision),
    eventCounts: group.map(({ events }) => events.length),
    ids: events.map(({ id }) => id),
    types: events.map(({ type }) => type),
    leafBytes,
    leaves: leaves.buffer,
    ciphertexts: events.map(({ ciphertext }) => ciphertext),
  };
}

export function unpacked({ streams, expectedRevisions, eventCounts, ...events }: PackedGroup): Append[] {
  const { ids, types, leafBytes, leaves, ciphertexts } = events;
  let index = 0;
  let from = 0;
  const next = () => {
    const leaf = new Uint8Array(leaves, from, leafBytes[index]!);
    from += leaf.byteLength;
    const event = { id: ids[index]!, type: types[index]!, leaf, ciphertext: ciphertexts[index]! };
    index += 1;
    return event;
  };
  return streams.map((stream, append) => ({
    stream,
    expectedRevision: expectedRevisions[append]!,
    events: Array.from({ length: eventCounts[append]! }, next),
  }));
}

export function packedAnswers(answers: readonly Answer[]): PackedAnswers {
  const failures: Failure[] = [];
  const places = answers.map((answer) => {
    if (!(answer instanceof Error)) return answer;
    if (answer instanceof RevisionConflictError) return { revision: answer.actualRevision, position: 0 };
    failures.push(failureIn(answer));
    return { revision: failures.length - 1, position: -1 };
  });
  return {
    revisions: places.map(({ revision }) => revision),
    positions: places.map(({ position }) => position),
    failures,
  };
}

function failureIn(error: Error): Failure {
  if (!(error instanceof StoreUnavailableError)) return { message: error.message };
  return { reason: error.reason, message: error.cause instanceof Error ? error.cause.message : error.message };
}

export function unpackedAnswers(group: readonly Append[], { revisions, positions, failures }: PackedAnswers): Answer[] {
  return group.map(({ stream, expectedRevision }, append) => {
    const [revision, position] = [revisions[append]!, positions[append]!];
    if (position > 0) return { revision, position };
    return position === 0 ? new RevisionConflictError(stream, expectedRevision, revision) : errorOf(failures[revision]!);
  });
}

const errorOf = ({ reason, message }: Failure): Error =>
  reason === undefined ? new Error(message) : new StoreUnavailableError(reason, { cause: new Error(message) });
