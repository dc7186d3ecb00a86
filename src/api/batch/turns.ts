/**
 * Which lines of a batch must wait for which. Lines run at once unless a later one touches what an earlier one writes: a visit
 * waits for the opening of its account, the closing of an account waits for the visits before it. So the outcome is that of
 * running the lines one after another, at a fraction of the time.
 *
 * A name is an id as it stands in a line, or a request's own key. What nobody can name before it was answered (an id that the
 * server makes) no line in flight can depend on.
 */

import type { ExternalReference } from "../../commands/external-references.ts";

/** A line under way. */
type Task = { running: Promise<unknown>; isDone: boolean };

/** Of a name: the last line that writes it, and those that read it, some of which may be done. */
type Entry = { writer: Task | undefined; readers: Task[]; readingCount: number };

export type Touched = {
  reads: readonly string[];
  writes: readonly string[];
  /** Waits for all before, and all after wait for it. */
  alone: boolean;
};

export class Turns {
  readonly #entries = new Map<string, Entry>();
  readonly #running = new Set<Task>();
  #barrier: Task | undefined;

  /** Runs `work` once everything that it must wait for has settled. Calls are in the order of lines; `work` must not reject. */
  run<Result>(touched: Touched, work: () => Promise<Result>): Promise<Result> {
    const before = this.#before(touched);
    const running = before.length === 0 ? work() : Promise.all(before.map(({ running }) => running)).then(work);
    const task: Task = { running, isDone: false };
    this.#enter(touched, task);
    void running.then(() => this.#leave(touched, task));
    return running;
  }

  #before({ reads, writes, alone }: Touched): readonly Task[] {
    if (alone) return [...this.#running];
    const before: Task[] = [];
    if (this.#barrier !== undefined) before.push(this.#barrier);
    for (const name of reads) {
      const writer = this.#entries.get(name)?.writer;
      if (writer !== undefined) before.push(writer);
    }
    for (const name of writes) {
      const entry = this.#entries.get(name);
      if (entry === undefined) continue;
      if (entry.writer !== undefined) before.push(entry.writer);
      for (const reader of entry.readers) if (!reader.isDone) before.push(reader);
    }
    return before;
  }

  #enter({ reads, writes, alone }: Touched, task: Task): void {
    this.#running.add(task);
    if (alone) this.#barrier = task;
    for (const name of reads) addReader(this.#entryOf(name), task);
    for (const name of writes) this.#entryOf(name).writer = task;
  }

  #leave({ reads, writes }: Touched, task: Task): void {
    task.isDone = true;
    this.#running.delete(task);
    if (this.#barrier === task) this.#barrier = undefined;
    for (const name of reads) {
      const entry = this.#entries.get(name)!;
      entry.readingCount -= 1;
      this.#forget(name, entry);
    }
    for (const name of writes) {
      const entry = this.#entries.get(name);
      if (entry?.writer !== task) continue;
      entry.writer = undefined;
      this.#forget(name, entry);
    }
  }

  #forget(name: string, { writer, readingCount }: Entry): void {
    if (writer === undefined && readingCount === 0) this.#entries.delete(name);
  }

  #entryOf(name: string): Entry {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = { writer: undefined, readers: [], readingCount: 0 };
      this.#entries.set(name, entry);
    }
    return entry;
  }
}

/** Somebody of ours may take part in every line of a batch, so that there is never a moment without a reader. */
const staleCountMax = 64;

function addReader(entry: Entry, task: Task): void {
  if (entry.readers.length > entry.readingCount + staleCountMax) entry.readers = entry.readers.filter(({ isDone }) => !isDone);
  entry.readers.push(task);
  entry.readingCount += 1;
}

const idForm = /^(?:acc|per|int|agr|prm|out|key|rec)_[0-9a-z]{16,40}$/;

/** What a line touches: it writes what its path names and what its body calls `id`, and reads every other id that it holds. */
export function touchedBy(line: {
  name: string;
  params: object;
  /** By their external ids. */
  named: { written: readonly ExternalReference[]; read: readonly ExternalReference[] };
  body: object;
  idempotencyKey: string | undefined;
  alone: boolean;
}): Touched {
  // A name may stand here twice, or in both: to find that out costs more than to wait for oneself, which nobody does.
  const reads: string[] = [];
  const writes: string[] = [];
  for (const id of Object.values(line.params)) if (typeof id === "string") writes.push(id);
  collect(line.body, reads, writes);
  const { source, externalId } = line.body as { source?: unknown; externalId?: unknown };
  if (externalId !== undefined) writes.push(externalName(String(source), String(externalId)));
  for (const { source, externalId } of line.named.written) writes.push(externalName(source, externalId));
  for (const { source, externalId } of line.named.read) reads.push(externalName(source, externalId));
  if (line.idempotencyKey !== undefined) writes.push(`${line.name} ${line.idempotencyKey}`);
  return { reads, writes, alone: line.alone };
}

const externalName = (source: string, externalId: string): string => `external ${source} ${externalId}`;

const underscore = "_".charCodeAt(0);

function collect(value: object, reads: string[], writes: string[]): void {
  for (const name in value) {
    const member = (value as Record<string, unknown>)[name];
    if (typeof member === "string") {
      if (member.charCodeAt(3) === underscore && idForm.test(member)) (name === "id" ? writes : reads).push(member);
    } else if (typeof member === "object" && member !== null) collect(member, reads, writes);
  }
}
