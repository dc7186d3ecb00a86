import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { noStream, type StoredEvent } from "../../src/event-store/event-store.ts";
import type { LocalEventStore } from "../../src/event-store/log.ts";
import { memoryEventStore } from "../../src/event-store/memory/memory.ts";
import { openSqliteEventStore } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { found } from "../support/bytes.ts";
import { anEvent } from "./support/events.ts";
import { aFolder } from "./support/folder.ts";

const sealed = (text: string) => JSON.stringify([{ k: 1, c: text }]);

async function given(store: LocalEventStore, texts: readonly (string | undefined)[]): Promise<void> {
  await Promise.all(
    texts.map((text, index) => {
      const event = anEvent(`account-${index}`, 0, text === undefined ? {} : { ciphertext: sealed(text) });
      return store.append(`account-${index}`, noStream, [event]);
    }),
  );
}

const holding =
  (part: string, replacement = "[null]") =>
  ({ ciphertext }: StoredEvent) =>
    ciphertext?.includes(part) ? replacement : undefined;

function sqliteStore(path = join(aFolder(), "ledger.db")) {
  const store = openSqliteEventStore(path);
  onTestFinished(() => store.close());
  return { store, path };
}

describe.each<[string, () => LocalEventStore]>([
  ["in memory", memoryEventStore],
  ["in SQLite", () => sqliteStore().store],
])("ciphertext overwritten %s", (_, open) => {
  it("gives way in the events that are meant, at the length that it had, and nothing else changes", async () => {
    const store = open();
    await given(store, ["of anna", "of ben", undefined, "of anna again"]);
    const before = structuredClone(store.log.readAll(0, 10));
    await store.overwriteCiphertext(["anna"], holding("anna"));
    const after = store.log.readAll(0, 10);
    expect(after.map(({ ciphertext }) => ciphertext?.trimEnd() ?? null)).toEqual(["[null]", sealed("of ben"), null, "[null]"]);
    expect(after.map(({ ciphertext }) => ciphertext?.length)).toEqual(before.map(({ ciphertext }) => ciphertext?.length));
    expect(after.map(({ ciphertext: _, ...event }) => event)).toEqual(before.map(({ ciphertext: _, ...event }) => event));
    expect(await store.readStream("account-0")).toEqual(after.slice(0, 1));
    expect(store.log.readById(after[0]!.id)).toEqual(after[0]);
  });

  it("is remembered by its marks, and may be overwritten again", async () => {
    const store = open();
    expect(store.overwritten()).toEqual([]);
    await given(store, ["of anna", "of ben"]);
    await store.overwriteCiphertext(["anna"], holding("anna"));
    await store.overwriteCiphertext(["anna", "ben"], holding("of"));
    expect(store.overwritten()).toEqual(["anna", "ben"]);
    expect(store.log.readAll(0, 10).map(({ ciphertext }) => ciphertext!.trim())).toEqual(["[null]", "[null]"]);
  });

  it("is refused where the replacement is longer", async () => {
    const store = open();
    await given(store, ["short"]);
    await expect(store.overwriteCiphertext([], holding("short", sealed("not so short")))).rejects.toThrow(RangeError);
    expect(store.log.readAll(0, 1)[0]!.ciphertext).toBe(sealed("short"));
  });
});

describe("ciphertext overwritten in a file", () => {
  /** Texts of all sizes, those that spread over several pages too, so that rows lie in every way that SQLite knows. */
  const texts = Array.from({ length: 2_500 }, (_, index) =>
    `${index % 7 === 0 ? "anna" : "ben"}-${String(index).padStart(6, "0")}-`.padEnd(20 + ((index * 37) % 9_000), "x"),
  );
  const countOf = (owner: string) => texts.filter((text) => text.startsWith(owner)).length;

  /** How many of an owner's texts are to be found in the files, each counted as often as it is there. */
  const inFiles = (path: string, owner: string) =>
    ["", "-wal", "-shm"]
      .filter((suffix) => existsSync(`${path}${suffix}`))
      .flatMap((suffix) => [...readFileSync(`${path}${suffix}`, "latin1").matchAll(new RegExp(`${owner}-\\d{6}-`, "g"))]).length;

  it("is in none of its files, the write-ahead log included, and all of the others' is", async () => {
    const { store, path } = sqliteStore();
    // One by one at first: the first rows move once, when the table outgrows its first page.
    for (const [index, text] of texts.slice(0, 20).entries())
      await store.append(`account-first-${index}`, noStream, [
        anEvent(`account-first-${index}`, 0, { ciphertext: sealed(text) }),
      ]);
    await given(store, texts.slice(20));
    expect(inFiles(path, "anna")).toBeGreaterThanOrEqual(countOf("anna"));
    await store.overwriteCiphertext(["anna"], holding("anna"));
    expect([inFiles(path, "anna"), inFiles(path, "ben")]).toEqual([0, countOf("ben")]);
    await store.close();
    expect([inFiles(path, "anna"), inFiles(path, "ben")]).toEqual([0, countOf("ben")]);
    const again = sqliteStore(path).store;
    expect(again.overwritten()).toEqual(["anna"]);
    expect(again.log.head()).toBe(texts.length);
    await again.overwriteCiphertext(["ben"], holding("ben"));
    expect([inFiles(path, "anna"), inFiles(path, "ben")]).toEqual([0, 0]);
  });

  it("lets appends through between its steps", async () => {
    const { store } = sqliteStore();
    await given(store, texts);
    const overwriting = store.overwriteCiphertext(["anna"], holding("anna"));
    let count = 0;
    let isOver = false;
    void overwriting.then(() => (isOver = true));
    while (!isOver) await store.append(`account-late-${count}`, noStream, [anEvent(`account-late-${(count += 1) - 1}`, 0)]);
    expect(count).toBeGreaterThanOrEqual(2);
    expect(store.log.head()).toBe(texts.length + count);
  });

  it("waits for who still reads an earlier state, and empties the write-ahead log then", async () => {
    const { store, path } = sqliteStore();
    await given(store, ["of anna"]);
    const reader = new DatabaseSync(path, { readOnly: true });
    reader.exec("BEGIN; SELECT count(*) FROM events");
    const overwriting = store.overwriteCiphertext(["anna"], holding("anna"));
    await new Promise((done) => setTimeout(done, 100));
    expect(store.overwritten(), "not while the old page may be read").toEqual([]);
    reader.exec("COMMIT");
    await overwriting;
    reader.close();
    expect(store.overwritten()).toEqual(["anna"]);
    expect(found([dirname(path)], ["of anna"])).toEqual([]);
  });

  it("is found missing by readers on other connections", async () => {
    const { store, path } = sqliteStore();
    await given(store, ["of anna"]);
    const log = openSqliteLog(path);
    expect(log.readAll(0, 1)[0]!.ciphertext).toBe(sealed("of anna"));
    await store.overwriteCiphertext(["anna"], holding("anna"));
    expect(log.readAll(0, 1)[0]!.ciphertext!.trim()).toBe("[null]");
    log.close();
    expect(existsSync(`${path}-wal`) && statSync(`${path}-wal`).size > 100_000).toBe(false);
  });
});
