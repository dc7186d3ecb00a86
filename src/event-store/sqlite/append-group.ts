/** Writing a group of appends in one transaction. */
import { type DatabaseSync } from "node:sqlite";
import { type Appended, type NewEvent, noStream, RevisionConflictError } from "../event-store.ts";
import { isUniqueViolation, liesInTheData, unavailable } from "./sqlite-error.ts";

export type Append = { stream: string; expectedRevision: number; events: readonly NewEvent[] };
export type Outcome = Appended | RevisionConflictError;
/** What became of one append: `Error` where it may not have been stored, or could not be. */
export type Answer = Appended | Error;
/** Answers for each append of a group, in order, and never throws. */
export type AnsweringWriter = (group: readonly Append[]) => Answer[];

/**
 * Prepares a connection for writing. The function it returns stores a group of appends in their order and answers for each;
 * a conflict costs its own append alone. When it throws, nothing of the group is stored as far as SQLite can tell.
 */
export function groupWriter(database: DatabaseSync): (group: readonly Append[]) => Outcome[] {
  const head = database.prepare("SELECT max(position) FROM events");
  const lastRevision = database.prepare("SELECT max(revision) FROM events WHERE stream = ?");
  const idsFrom = database.prepare(
    "SELECT id, revision, position FROM events WHERE stream = ? AND revision > ? ORDER BY revision LIMIT ?",
  );
  const insert = database.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)");

  function storedEarlier({ stream, expectedRevision, events }: Append): Appended | undefined {
    if (expectedRevision < noStream) return undefined;
    const earlier = idsFrom.all(stream, expectedRevision, events.length) as unknown as [
      id: string,
      revision: number,
      position: number,
    ][];
    if (earlier.length !== events.length || earlier.some(([id], index) => id !== events[index]!.id)) return undefined;
    const [, revision, position] = earlier.at(-1)!;
    return { revision, position };
  }

  /** Most appends begin a stream. The index on (stream, revision) tells whether one is there, so nothing need be asked first. */
  function begun({ stream, events }: Append, position: number): Appended | undefined {
    let revision = noStream;
    try {
      for (const { id, leaf, ciphertext } of events) insert.run(++position, stream, ++revision, id, leaf, ciphertext);
    } catch (error) {
      if (revision === 0 && isUniqueViolation(error)) return undefined;
      throw error;
    }
    return { revision, position };
  }

  function outcomeOf(append: Append, position: number): Outcome {
    const { stream, expectedRevision, events } = append;
    const started = expectedRevision === noStream ? begun(append, position) : undefined;
    if (started !== undefined) return started;
    const actualRevision = (lastRevision.get(stream) as unknown as [number | null])[0] ?? noStream;
    if (actualRevision !== expectedRevision)
      return storedEarlier(append) ?? new RevisionConflictError(stream, expectedRevision, actualRevision);
    let revision = expectedRevision;
    for (const { id, leaf, ciphertext } of events) insert.run(++position, stream, ++revision, id, leaf, ciphertext);
    return { revision, position };
  }

  return (group) => {
    // IMMEDIATE, since a read transaction that wants to write later is refused without waiting for its turn.
    database.exec("BEGIN IMMEDIATE");
    try {
      let position = (head.get() as unknown as [number | null])[0] ?? 0;
      const outcomes = group.map((append) => {
        const outcome = outcomeOf(append, position);
        if (!(outcome instanceof RevisionConflictError)) position = Math.max(position, outcome.position);
        return outcome;
      });
      database.exec("COMMIT");
      return outcomes;
    } catch (error) {
      // After some failures SQLite has ended the transaction itself.
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  };
}

/**
 * Answers only after the commit: until then not even a conflict is certain, it may be with an append of the same group. A group
 * that fails for what one of them holds is written one by one.
 *
 * @param write stores a group and answers for each of it in order, or throws when it stored none.
 */
export function answering(write: (group: readonly Append[]) => Outcome[]): AnsweringWriter {
  return function answersOf(group: readonly Append[]): Answer[] {
    try {
      return write(group);
    } catch (error) {
      if (group.length > 1 && liesInTheData(error)) return group.flatMap((one) => answersOf([one]));
      const failure = unavailable(error) as Error;
      return group.map(() => failure);
    }
  };
}
