/**
 * All that a vault holds, as it lies there. Keys stay wrapped: whoever moves them needs no key-encryption key, and they open with the
 * same one in either engine.
 */
import type { SubjectId } from "../domain/values.ts";
import type { AccessLogLine, Tombstone } from "./vault.ts";

export type WrappedKey = { subject: SubjectId; version: number; wrapped: Uint8Array };

export interface VaultContents {
  /** Wrapped; undefined for a vault that was never begun. */
  idKey(): Promise<Uint8Array | undefined>;
  /** At most `count` keys of subjects after this one (in the order of bytes; "" for all), in order. */
  keys(after: string, count: number): Promise<WrappedKey[]>;
  /** In the order in which they were erased, as far as the engine knows. */
  tombstones(): Promise<Tombstone[]>;
  /** At most `count` lines of the access log after this one, in order. */
  lines(after: number, count: number): Promise<AccessLogLine[]>;
  close(): Promise<void>;
}

const pageCount = 1_000;

export async function* keyPages(contents: VaultContents): AsyncGenerator<WrappedKey[]> {
  for (let after = ""; ;) {
    const page = await contents.keys(after, pageCount);
    if (page.length === 0) return;
    yield page;
    after = page.at(-1)!.subject;
  }
}

export async function* linePages(contents: VaultContents): AsyncGenerator<AccessLogLine[]> {
  for (let after = 0; ;) {
    const page = await contents.lines(after, pageCount);
    if (page.length === 0) return;
    yield page;
    after = page.at(-1)!.line;
  }
}

/** Whether both hold the same, to the byte and to the line. */
export async function areSameContents(one: VaultContents, other: VaultContents): Promise<boolean> {
  const text = (value: unknown) => JSON.stringify(value);
  const sorted = (tombstones: Tombstone[]) => tombstones.map(({ subject, at }) => `${subject} ${at}`).sort();
  if (text(hexOf(await one.idKey())) !== text(hexOf(await other.idKey()))) return false;
  if (text(sorted(await one.tombstones())) !== text(sorted(await other.tombstones()))) return false;
  return (
    (await areSamePages(keyPages(one), keyPages(other), ({ subject, version, wrapped }) => [subject, version, hexOf(wrapped)])) &&
    (await areSamePages(linePages(one), linePages(other), ({ line, at, key, purpose, event, subjects }) => [
      ...[line, at, key, purpose, event],
      ...subjects,
    ]))
  );
}

const hexOf = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString("hex");

/** Pages are of one size on either side, so they are the same or the contents are not. */
async function areSamePages<Item>(
  pages: AsyncGenerator<Item[]>,
  others: AsyncGenerator<Item[]>,
  facts: (item: Item) => unknown[],
): Promise<boolean> {
  for (;;) {
    const [page, other] = await Promise.all([pages.next(), others.next()]);
    if (page.done || other.done) return page.done === true && other.done === true;
    if (JSON.stringify(page.value.map(facts)) !== JSON.stringify(other.value.map(facts))) return false;
  }
}
