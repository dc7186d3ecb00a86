/** An export: rows of one dataset in the order of its key, at one position of the views, in bounded memory. */
import { setTimeout as delay } from "node:timers/promises";
import type { DatabaseSync } from "node:sqlite";
import type { Instant } from "../domain/values.ts";
import type { Log } from "../event-store/log.ts";
import { LogTimes } from "../ledger/log-times.ts";
import { openViewsForReading } from "../projections/database.ts";
import { openPast, pastViewsOn } from "../projections/history/past-views.ts";
import type { Vantage } from "../projections/vantage.ts";
import { type Views, viewsOf } from "../projections/views.ts";
import type { PersonalFields, SealedAt } from "../queries/personal.ts";
import type { Instants } from "../queries/query.ts";
import { happenedBy } from "../queries/vantage.ts";
import {
  type Column,
  type Dataset,
  type DatasetName,
  datasets,
  personalColumn,
  runningTables,
  selectOf,
  type Tables,
} from "./datasets.ts";
import { defineFigures } from "./figures.ts";
import { type Cell, type Encoder, type FormatName, formats, type Row } from "./formats.ts";

/** Opens sealed text: for each item, where each field lies. Whoever gives it has seen to it that the openings are logged. */
export type OpenText = (items: readonly SealedAt[]) => Promise<PersonalFields[]>;

export type ExportRequest = {
  dataset: DatasetName;
  format: FormatName;
  /** Values of the key's columns in the last row that the reader has, joined by commas. */
  after?: string | undefined;
  /** Present where personal text is asked for. */
  open?: OpenText | undefined;
  /** Once it has aborted, the export breaks off. */
  signal?: AbortSignal | undefined;
  /** Where it stands, of which the past must hold all rows; the present where absent. */
  vantage?: Vantage | undefined;
};

/** An export of which what is read stays as it was when it began. */
export type BegunExport = {
  /** The vantage from which the same is read again, whatever is recorded meanwhile. */
  vantage: Vantage;
  /** As they are asked for. Closes at its end, or when it is left. */
  bytes: AsyncGenerator<string | Uint8Array>;
  /** For whoever never asks. May be called more than once. */
  close(): void;
};

/** Begins exports. @throws ExportKeyError. */
export type Exporter = (request: ExportRequest) => Promise<BegunExport>;

/** What exports read. */
export type ExportSource = {
  viewsPath: string;
  historyPath: string;
  log: Log;
  now(): Instant;
  /** How long it rests for each moment that it works: 0 where nobody else needs this thread. */
  restPerWork: number;
};

/** What happened by a day is no part of the log: an event may tell of it later, or otherwise. */
export const eventsHaveNoAsOf = "events are what was recorded: `knownAt` says up to where";

/** A vantage as a request names it. */
export const vantageText = ({ asOf, knownAt, size }: Vantage): string => `asOf=${asOf}&knownAt=${size}@${knownAt}`;

/** `after` is no key of this dataset. */
export class ExportKeyError extends Error {
  constructor({ name, key }: Dataset) {
    super(`must be the last row's ${key.join(",")}, as an export of ${name} has it`);
    this.name = "ExportKeyError";
  }
}

/** Rows read, opened and encoded between two turns of whoever else uses this thread. */
const batchCount = 500;

export function columnsOf({ dataset, open }: Pick<ExportRequest, "dataset" | "open">): readonly Column[] {
  const of = datasets[dataset];
  return open !== undefined && of.sealed !== undefined ? [...of.columns, personalColumn] : of.columns;
}

/** @throws ExportKeyError before anything is opened. */
export function beginExport(source: ExportSource, request: ExportRequest): BegunExport {
  const of = datasets[request.dataset];
  const after = keyIn(of, request.after);
  const { vantage, batches, close } =
    of.name === "events" ? eventRows(source, after, request) : viewRows(source, of, after, request);
  const encoder = formats[request.format].encoder(columnsOf(request), after !== undefined);
  const bytes = encoded(encoder, { vantage, batches, close }, source, request.signal);
  return { vantage, bytes, close };
}

/** Rows of one state, and what is held open for them. */
type Rows = { vantage: Vantage; batches: AsyncIterable<Row[]>; close(): void };

async function* encoded(
  encoder: Encoder,
  { batches, close }: Rows,
  { restPerWork }: ExportSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<string | Uint8Array> {
  try {
    let workedFrom = performance.now();
    for await (const rows of batches) {
      signal?.throwIfAborted();
      const bytes = encoder.rows(rows);
      const workedMs = performance.now() - workedFrom;
      if (bytes.length > 0) yield bytes;
      await delay(workedMs * restPerWork);
      workedFrom = performance.now();
    }
    const last = encoder.end();
    if (last.length > 0) yield last;
  } finally {
    close();
  }
}

/** @throws ExportKeyError */
export function keyIn(of: Dataset, after: string | undefined): Cell[] | undefined {
  if (after === undefined) return undefined;
  const parts = after.split(",");
  if (parts.length !== of.key.length) throw new ExportKeyError(of);
  return parts.map((part, index) => {
    const { name, type } = of.columns.find((column) => column.name === of.key[index])!;
    if (!(formsByName[name] ?? keyForms[type]).test(part)) throw new ExportKeyError(of);
    return type === "integer" ? Number(part) : part;
  });
}

const [integerForm, instantForm] = [/^(0|[1-9][0-9]{0,14})$/, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/];
const idForm = /^[a-z_0-9]{1,60}$/;
/** What tells the key of one dataset from that of another. */
const formsByName: Record<string, RegExp> = {
  account: /^acc_[a-z_0-9]{1,56}$/,
  person: /^per_[a-z_0-9]{1,56}$/,
  interaction: /^int_[a-z_0-9]{1,56}$/,
  promise: /^prm_[a-z_0-9]{1,56}$/,
  outcome: /^out_[a-z_0-9]{1,56}$/,
  direction: /^(given|received)$/,
};
const keyForms = { integer: integerForm, instant: instantForm, text: idForm, number: idForm, boolean: idForm, json: idForm };

function viewRows(source: ExportSource, of: Dataset, after: Cell[] | undefined, { open, vantage }: ExportRequest): Rows {
  const { database, views, tables, ...stood } = vantage === undefined ? presentOf(source) : pastOf(source, vantage);
  defineFigures(database, views, stood.vantage);
  async function* batches(): AsyncGenerator<Row[]> {
    for (const rows of batched(rowsOf(database, of, { at: stood.vantage, tables, after, withSealed: open !== undefined })))
      yield open === undefined || of.sealed === undefined ? rows : await withText(rows, open, sealedAt);
  }
  return { vantage: stood.vantage, batches: batches(), close: () => void (database.isOpen && database.close()) };
}

type Opened = { database: DatabaseSync; views: Views; tables: Tables; vantage: Vantage };

function presentOf({ viewsPath, log, now }: ExportSource): Opened {
  const database = openViewsForReading(viewsPath);
  const views = viewsOf(database);
  database.exec("BEGIN");
  const vantage = presentAt(views.position(), log, now);
  return { database, views, tables: runningTables, vantage };
}

/** Log time at a size may be later than the clock by a moment, and then it is that at which all of it is known. */
function presentAt(size: number, log: Log, now: () => Instant): Vantage {
  const clock = now();
  const known = size === 0 ? clock : new LogTimes(log).at(size);
  const at = known > clock ? known : clock;
  return { asOf: at, knownAt: at, size };
}

/** What was known at a size never changes, so there is no state to keep. */
function pastOf({ historyPath, log }: ExportSource, vantage: Vantage): Opened {
  const database = openPast(historyPath);
  const views = pastViewsOn(database, log).at({ ...vantage, asOf: happenedBy(vantage) });
  return { database, views, tables: (table) => `temp.${table}`, vantage };
}

type Wanted = { at: Instants; tables: Tables; after: Cell[] | undefined; withSealed: boolean };

function rowsOf(database: DatabaseSync, of: Dataset, { at, tables, after, withSealed }: Wanted): Iterable<Row> {
  const places = of.key.map(() => "?").join(", ");
  const where = after === undefined ? "" : ` WHERE (${of.key.join(", ")}) > (${places})`;
  const select = selectOf(of, at, tables, withSealed);
  const statement = database.prepare(`SELECT * FROM (${select})${where} ORDER BY ${of.key.join(", ")}`);
  statement.setReturnArrays(true);
  return statement.iterate(...(after ?? [])) as unknown as Iterable<Row>;
}

function* batched(rows: Iterable<Row>): Generator<Row[]> {
  let batch: Row[] = [];
  for (const row of rows) {
    batch.push(row);
    if (batch.length < batchCount) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** The last cell says where sealed text lies; the text takes its place. */
async function withText(rows: readonly Row[], open: OpenText, placesIn: (row: Row) => SealedAt): Promise<Row[]> {
  const opened = await open(rows.map(placesIn));
  return rows.map((row, index) => [...row.slice(0, -1), JSON.stringify(opened[index])]);
}

const sealedAt = (row: Row): SealedAt => JSON.parse((row.at(-1) ?? "{}") as string) as SealedAt;

type Envelope = {
  type: string;
  occurredAt: string;
  recordedAt: string;
  account?: string;
  actor: { kind: string; id: string };
  correlation: string;
  data: unknown;
  sealed?: { field: string }[];
};

/** Up to the head as it was at the beginning, of whatever type. */
function eventRows({ log, now }: ExportSource, after: Cell[] | undefined, { open, vantage }: ExportRequest): Rows {
  const stood = vantage ?? presentAt(log.head(), log, now);
  const batches = eventBatches(log, (after?.[0] ?? 0) as number, stood.size, open);
  return { vantage: stood, batches, close: () => undefined };
}

async function* eventBatches(log: Log, after: number, head: number, open: OpenText | undefined): AsyncGenerator<Row[]> {
  let position = after;
  while (position < head) {
    const found = log.readAll(position, Math.min(batchCount, head - position));
    if (found.length === 0) return;
    position = found.at(-1)!.position;
    const rows = found.map(({ position, id, stream, revision, leaf }): Row => {
      const {
        type,
        occurredAt,
        recordedAt,
        account,
        actor,
        correlation,
        data,
        sealed = [],
      } = JSON.parse(Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString("utf8")) as Envelope;
      const row = [
        position,
        id,
        type,
        stream,
        revision,
        occurredAt,
        recordedAt,
        account ?? null,
        actor.kind,
        actor.id,
        correlation,
      ];
      const text = open === undefined ? [] : [JSON.stringify(Object.fromEntries(sealed.map(({ field }) => [field, position])))];
      return [...row, JSON.stringify(data), ...text];
    });
    yield open === undefined ? rows : await withText(rows, open, sealedAt);
  }
}
