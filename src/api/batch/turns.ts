/**
 * Which lines of a batch must wait for which. Lines run at once unless a later one touches what an earlier one writes: a visit
 * waits for the opening of its account, the closing of an account waits for the visits before it. So the outcome is that of
 * running the lines one after another, at a fraction of the time.
 *
 * A name is an id as it stands in a line, or a request's own key. What nobody can name before it was answered (an id that the
 * server makes) no line in flight can depend on.
 */

import type { ExternalReference } from "../../commands/external-references.ts";

type Entry = { writer: Promise<unknown> | undefined; readers: Set<Promise<unknown>> };

export type Touched = {
  reads: ReadonlySet<string>;
  writes: ReadonlySet<string>;
  /** Waits for all before, and all after wait for it. */ alone: boolean;
};

export class Turns {
  readonly #entries = new Map<string, Entry>();
  readonly #running = new Set<Promise<unknown>>();
  #barrier: Promise<unknown> | undefined;

  /** Runs `work` once everything that it must wait for has settled. Calls are in the order of lines; `work` must not reject. */
  run<Result>(touched: Touched, work: () => Promise<Result>): Promise<Result> {
    const before = this.#before(touched);
    const running = before.length === 0 ? work() : Promise.all(before).then(work);
    this.#enter(touched, running);
    void running.then(() => this.#leave(touched, running));
    return running;
  }

  #before({ reads, writes, alone }: Touched): Promise<unknown>[] {
    if (alone) return [...this.#running];
    const before = new Set<Promise<unknown>>();
    if (this.#barrier !== undefined) before.add(this.#barrier);
    for (const name of reads) {
      const writer = this.#entries.get(name)?.writer;
      if (writer !== undefined) before.add(writer);
    }
    for (const name of writes) {
      const entry = this.#entries.get(name);
      if (entry?.writer !== undefined) before.add(entry.writer);
      for (const reader of entry?.readers ?? []) before.add(reader);
    }
    return [...before];
  }

  #enter({ reads, writes, alone }: Touched, running: Promise<unknown>): void {
    this.#running.add(running);
    if (alone) this.#barrier = running;
    for (const name of reads) this.#entryOf(name).readers.add(running);
    for (const name of writes) this.#entryOf(name).writer = running;
  }

  #leave({ reads, writes }: Touched, running: Promise<unknown>): void {
    this.#running.delete(running);
    if (this.#barrier === running) this.#barrier = undefined;
    for (const names of [reads, writes]) for (const name of names) this.#leaveName(name, running);
  }

  #leaveName(name: string, running: Promise<unknown>): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    entry.readers.delete(running);
    if (entry.writer === running) entry.writer = undefined;
    if (entry.writer === undefined && entry.readers.size === 0) this.#entries.delete(name);
  }

  #entryOf(name: string): Entry {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = { writer: undefined, readers: new Set() };
      this.#entries.set(name, entry);
    }
    return entry;
  }
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
  const writes = new Set<string>();
  const reads = new Set<string>();
  for (const id of Object.values(line.params)) if (typeof id === "string") writes.add(id);
  collect(line.body, reads, writes);
  const { source, externalId } = line.body as { source?: unknown; externalId?: unknown };
  if (externalId !== undefined) writes.add(externalName(String(source), String(externalId)));
  for (const { source, externalId } of line.named.written) writes.add(externalName(source, externalId));
  for (const { source, externalId } of line.named.read) reads.add(externalName(source, externalId));
  if (line.idempotencyKey !== undefined) writes.add(`${line.name} ${line.idempotencyKey}`);
  for (const name of writes) reads.delete(name);
  return { reads, writes, alone: line.alone };
}

const externalName = (source: string, externalId: string): string => `external ${source} ${externalId}`;

function collect(value: object, reads: Set<string>, writes: Set<string>): void {
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === "string") {
      if (member.length >= 20 && member.length <= 44 && idForm.test(member)) (name === "id" ? writes : reads).add(member);
    } else if (typeof member === "object" && member !== null) collect(member, reads, writes);
  }
}
