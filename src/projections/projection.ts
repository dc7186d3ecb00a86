/** What a projection is: tables, and what each type of event does to them. Disposable: everything here can be rebuilt from the log. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { EventType, TrothEvent } from "../domain/catalogue.ts";
import type { Interaction } from "../domain/interaction.ts";
import type { AccountId, PromiseId } from "../domain/values.ts";
import type { LedgerEvent } from "../ledger/envelope.ts";
import { preparedOn } from "./statements.ts";

/** The tables, for writing. Each statement is prepared once. */
export interface Tables {
  run(sql: string, parameters: readonly SQLInputValue[]): void;
  all<Result>(sql: string, parameters?: readonly SQLInputValue[]): Result[];
  get<Result>(sql: string, parameters?: readonly SQLInputValue[]): Result | undefined;
}

export function tablesOf(database: DatabaseSync): Tables {
  const prepared = preparedOn(database);
  return {
    run: (sql, parameters) => void prepared(sql).run(...parameters),
    all: <Result>(sql: string, parameters: readonly SQLInputValue[] = []) => prepared(sql).all(...parameters) as Result[],
    get: <Result>(sql: string, parameters: readonly SQLInputValue[] = []) =>
      prepared(sql).get(...parameters) as Result | undefined,
  };
}

/** What a batch of events made out of date. It is brought up to date once, at the end of the batch, however often it was touched. */
export class Touched {
  readonly promises = new Set<PromiseId>();
  readonly accounts = new Set<AccountId>();
  /** New interactions by account; "any" where an earlier one changed. Promises that they may concern are judged anew. */
  readonly evidence = new Map<AccountId, Interaction[] | "any">();
  /** Revisions that verdicts gave to promises: a series is attested in many events, and its row is written once. */
  readonly revisions = new Map<PromiseId, number>();
  /** Parameters changed on which every promise or account rests, or the views are being built: nothing need be remembered of each. */
  everyPromise = false;
  everyAccount = false;

  clear(): void {
    this.promises.clear();
    this.accounts.clear();
    this.evidence.clear();
    this.revisions.clear();
    this.everyPromise = false;
    this.everyAccount = false;
  }
}

export type EventFor<Type extends EventType> = LedgerEvent & Extract<TrothEvent, { type: Type }>;
export type Handlers = { [Type in EventType]?: (tables: Tables, event: EventFor<Type>, touched: Touched) => void };

export type Projection = {
  name: string;
  /** Bump it when the rows change for the same events: the views are then built anew beside the old ones. */
  version: number;
  schema: string;
  on: Handlers;
  /** Brings up to date what the batch touched. Runs in the batch's transaction, in the order of the registry. */
  settle?(tables: Tables, touched: Touched): void;
};

export const defineProjection = (projection: Projection): Projection => projection;

/** The part of a stream's name after its category. */
export const idOf = <Id extends string>({ stream }: { stream: string }): Id => stream.slice(stream.indexOf("-") + 1) as Id;

/** Where the latest sealed value of each field lies: field name to position. */
export const sealedPositions = (before: string | undefined, event: LedgerEvent): string => {
  const positions = before === undefined ? {} : (JSON.parse(before) as Record<string, number>);
  for (const { field } of event.sealed) positions[field] = event.position;
  return JSON.stringify(positions);
};
