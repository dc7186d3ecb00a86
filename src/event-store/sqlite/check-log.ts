/** Looking for damage: a glance at every start, and a scan of everything on demand. */
import { setImmediate } from "node:timers/promises";
import { type DatabaseSync } from "node:sqlite";
import { noStream, type StoredEvent, StoreUnavailableError } from "../event-store.ts";
import { openForReading } from "./schema.ts";
import { sqliteLog } from "./sqlite-log.ts";
import { damaged, unavailable } from "./sqlite-error.ts";

export type Finding = {
  kind:
    /** The file can't be read, or SQLite itself finds its pages or indexes wrong. */
    | "file"
    | "position-missing"
    | "revision-missing"
    /** An event stands before its predecessor in the stream. */
    | "order"
    /** The leaf isn't a JSON object. */
    | "leaf-unreadable"
    /** The leaf names another id, stream or revision than its row. */
    | "leaf-disagrees";
  /** Where in the log, as far as that can be said. */
  position?: number;
  message: string;
};

/** A badly damaged log would fill the memory with findings; nobody reads more than this many. */
const findingCountMax = 1_000;
const pageRowCount = 1_000;
const tailEventCount = 100;

/** How far a check has come: rows read of all the rows it will read. */
export type OnProgress = (done: number, total: number) => void;

/**
 * The check at the start, whose cost doesn't grow with the log: both ends, the last events without a gap, the last one's leaf
 * and its entries in both indexes. The header, the schema and a cut-off file SQLite has checked by opening it.
 *
 * @throws StoreUnavailableError when something is wrong.
 */
export function checkTail(database: DatabaseSync): void {
  // One snapshot: another connection may append between one look and the next.
  database.exec("BEGIN");
  try {
    checkEnds(database);
  } finally {
    if (database.isTransaction) database.exec("ROLLBACK");
  }
}

function checkEnds(database: DatabaseSync): void {
  const log = sqliteLog(database);
  const head = log.head();
  if (head === 0) return;
  const [first] = log.readAll(0, 1);
  const tail = log.readAll(Math.max(0, head - tailEventCount), tailEventCount);
  const last = tail.at(-1);
  if (first === undefined || last?.position !== head) throw damaged(`the log ends before position ${head}`);
  const finding = leafFinding(last) ?? indexFinding(database, last);
  if (finding !== undefined) throw damaged(finding.message);
}

/**
 * Reads the whole log and says what is wrong with it; nothing, for a sound one. The file may be in use: what is appended
 * meanwhile is not looked at. SQLite's own integrity check comes first and is one long step without progress.
 *
 * @param onProgress called after each page of rows.
 * @throws LogFormatError for a file of a later format or of another program.
 */
export async function checkLog(path: string, onProgress: OnProgress = () => {}): Promise<Finding[]> {
  const findings: Finding[] = [];
  let database: DatabaseSync;
  try {
    database = openForReading(path);
  } catch (error) {
    return [fileFinding(error)];
  }
  try {
    for (const scan of [integrityFindings, eventFindings, revisionFindings]) {
      try {
        for await (const finding of scan(database, onProgress)) {
          findings.push(finding);
          if (findings.length >= findingCountMax) return findings;
        }
      } catch (error) {
        // One scan that can't go on doesn't keep the others from finding more.
        findings.push(fileFinding(error));
      }
    }
    return findings;
  } finally {
    database.close();
  }
}

function fileFinding(error: unknown): Finding {
  const failure = unavailable(error);
  if (!(failure instanceof StoreUnavailableError)) throw failure;
  const { cause } = failure;
  return { kind: "file", message: cause instanceof Error ? cause.message : failure.message };
}

function* integrityFindings(database: DatabaseSync): Generator<Finding> {
  const rows = database.prepare("PRAGMA integrity_check(100)").all() as unknown as [string][];
  for (const [message] of rows) if (message !== "ok") yield { kind: "file", message };
}

/** Every event in the order of the log: no position left out, each leaf as its row says. */
async function* eventFindings(database: DatabaseSync, onProgress: OnProgress): AsyncGenerator<Finding> {
  const page = database.prepare(
    "SELECT position, stream, revision, id, leaf FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?",
  );
  const head = headOf(database);
  let done = 0;
  for (let after = 0; ; await setImmediate()) {
    const rows = page.all(after, head, pageRowCount) as unknown as [number, string, number, string, Uint8Array][];
    if (rows.length === 0) return;
    for (const [position, stream, revision, id, leaf] of rows) {
      if (position !== after + 1)
        yield { kind: "position-missing", position: after + 1, message: `no event at positions ${after + 1} to ${position - 1}` };
      const finding = leafFinding({ position, stream, revision, id, leaf });
      if (finding !== undefined) yield finding;
      after = position;
    }
    done += rows.length;
    onProgress(done, 2 * head);
  }
}

/** Every stream through its index, without holding all streams in memory: no revision left out, positions ascending. */
async function* revisionFindings(database: DatabaseSync, onProgress: OnProgress): AsyncGenerator<Finding> {
  const page = database.prepare(
    "SELECT stream, revision, position FROM events WHERE (stream, revision) > (?, ?) AND position <= ? ORDER BY stream, revision LIMIT ?",
  );
  const head = headOf(database);
  let done = head;
  let last = { stream: "", revision: noStream, position: 0 };
  for (; ; await setImmediate()) {
    const rows = page.all(last.stream, last.revision, head, pageRowCount) as unknown as [string, number, number][];
    if (rows.length === 0) return;
    for (const [stream, revision, position] of rows) {
      const before = stream === last.stream ? last : { revision: noStream, position: 0 };
      if (revision !== before.revision + 1)
        yield { kind: "revision-missing", position, message: `stream ${stream} has no revision ${before.revision + 1}` };
      if (position < before.position)
        yield {
          kind: "order",
          position,
          message: `revision ${revision} of stream ${stream} stands before revision ${before.revision}`,
        };
      last = { stream, revision, position };
    }
    done += rows.length;
    onProgress(done, 2 * head);
  }
}

const headOf = (database: DatabaseSync): number =>
  (database.prepare("SELECT max(position) FROM events").get() as unknown as [number | null])[0] ?? 0;

function leafFinding({ position, stream, revision, id, leaf }: Omit<StoredEvent, "ciphertext">): Finding | undefined {
  const envelope = parsed(leaf);
  if (envelope === undefined)
    return { kind: "leaf-unreadable", position, message: `the leaf at position ${position} is no JSON object` };
  const wrong = Object.entries({ stream, revision, id }).find(([field, value]) => envelope[field] !== value);
  if (wrong === undefined) return undefined;
  return { kind: "leaf-disagrees", position, message: `the leaf at position ${position} has another ${wrong[0]} than its row` };
}

/** Strict UTF-8: a byte that a lenient decoder would replace is damage. */
const decoder = new TextDecoder("utf-8", { fatal: true });

function parsed(leaf: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(decoder.decode(leaf));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function indexFinding(database: DatabaseSync, { position, stream, revision, id }: StoredEvent): Finding | undefined {
  const byRevision = database.prepare("SELECT position FROM events WHERE stream = ? AND revision = ?").get(stream, revision);
  const byId = database.prepare("SELECT position FROM events WHERE id = ? AND position = ?").get(id, position);
  if (byId !== undefined && (byRevision as unknown as [number] | undefined)?.[0] === position) return undefined;
  return { kind: "file", position, message: `the event at position ${position} is not in the indexes` };
}
