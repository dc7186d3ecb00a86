/** An export: rows of one dataset in the order of its key, at one position of the views, in bounded memory. */
import { setTimeout as delay } from "node:timers/promises";
import type { DatabaseSync } from "node:sqlite";
import type { Instant } from "../domain/values.ts";
import type { Log } from "../event-store/log.ts";
import { openViewsForReading } from "../projections/database.ts";
import { viewsOf } from "../projections/views.ts";
import type { PersonalFields, SealedAt } from "../queries/personal.ts";
import { type Column, type Dataset, datasets, type DatasetName, personalColumn, selectOf } from "./datasets.ts";
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
};

/** What exports read. */
export type ExportSource = {
  viewsPath: string;
  log: Log;
  now(): Instant;
  /** How long it rests for each moment that it works: 0 where nobody else needs this thread. */
  restPerWork: number;
};

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

/**
 * The bytes of an export, as they are asked for. What it reads stays as it was when the first of them were.
 *
 * @throws ExportKeyError before anything is read.
 */
export function exported(source: ExportSource, request: ExportRequest): AsyncGenerator<string | Uint8Array> {
  const columns = columnsOf(request);
  const after = keyIn(datasets[request.dataset], request.after);
  return encoded(formats[request.format].encoder(columns, after !== undefined), source, request, after);
}

async function* encoded(
  encoder: Encoder,
  source: ExportSource,
  { dataset, open, signal }: ExportRequest,
  after: Cell[] | undefined,
): AsyncGenerator<string | Uint8Array> {
  let workedFrom = performance.now();
  for await (const rows of dataset === "events"
    ? eventRows(source, after, open)
    : viewRows(source, datasets[dataset], after, open)) {
    signal?.throwIfAborted();
    const bytes = encoder.rows(rows);
    if (bytes.length > 0) yield bytes;
    await delay((performance.now() - workedFrom) * source.restPerWork);
    workedFrom = performance.now();
  }
  const last = encoder.end();
  if (last.length > 0) yield last;
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

async function* viewRows(
  { viewsPath, now }: ExportSource,
  of: Dataset,
  after: Cell[] | undefined,
  open: OpenText | undefined,
): AsyncGenerator<Row[]> {
  const database = openViewsForReading(viewsPath);
  try {
    const views = viewsOf(database);
    database.exec("BEGIN");
    const at = now();
    defineFigures(database, views, at);
    for (const rows of batched(rowsOf(database, of, at, after, open !== undefined))) {
      yield open === undefined || of.sealed === undefined ? rows : await withText(rows, open, sealedAt);
    }
  } finally {
    database.close();
  }
}

function rowsOf(database: DatabaseSync, of: Dataset, at: Instant, after: Cell[] | undefined, withSealed: boolean): Iterable<Row> {
  const places = of.key.map(() => "?").join(", ");
  const where = after === undefined ? "" : ` WHERE (${of.key.join(", ")}) > (${places})`;
  const statement = database.prepare(`SELECT * FROM (${selectOf(of, at, withSealed)})${where} ORDER BY ${of.key.join(", ")}`);
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
async function* eventRows({ log }: ExportSource, after: Cell[] | undefined, open: OpenText | undefined): AsyncGenerator<Row[]> {
  const head = log.head();
  let position = (after?.[0] ?? 0) as number;
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
