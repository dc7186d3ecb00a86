/** Tables with one row a stream: a pure fold of its events, kept up as they come, and taken again over some of them for a moment of the past. */
import type { SQLInputValue } from "node:sqlite";
import type { EventType } from "../domain/catalogue.ts";
import type { LedgerEvent } from "../ledger/envelope.ts";
import { type EventFor, type Handlers, idOf } from "./projection.ts";

export type Row<Column extends string = string> = Record<Column, SQLInputValue>;

type Folds<Column extends string> = {
  [Type in EventType]?: (before: Row<Column>, event: EventFor<Type>) => Row<Column>;
};

export type StreamRows<Column extends string = string> = {
  table: string;
  /** The first one is the key: the id in the stream's name. */
  columns: readonly Column[];
  /** One more event; there is nothing before the first. */
  fold(before: Row<Column> | undefined, event: LedgerEvent): Row<Column>;
  /** What keeps the table up. */
  handlers: Handlers;
};

export function streamRows<Column extends string>(
  table: string,
  columns: readonly Column[],
  on: Folds<Column>,
): StreamRows<Column> {
  const fold = (before: Row<Column> | undefined, event: LedgerEvent): Row<Column> => {
    const step = on[event.type] as ((before: Row<Column>, event: LedgerEvent) => Row<Column>) | undefined;
    return step === undefined ? before! : step(before!, event);
  };
  const select = `SELECT * FROM ${table} WHERE ${columns[0]} = ?`;
  const write = `INSERT OR REPLACE INTO ${table} VALUES (${columns.map(() => "?").join(", ")})`;
  const handle = (tables: Parameters<NonNullable<Handlers["AccountOpened"]>>[0], event: LedgerEvent): void => {
    const row = fold(event.revision === 0 ? undefined : tables.get<Row<Column>>(select, [idOf(event)]), event);
    tables.run(
      write,
      columns.map((column) => row[column]),
    );
  };
  return { table, columns, fold, handlers: Object.fromEntries(Object.keys(on).map((type) => [type, handle])) as Handlers };
}
