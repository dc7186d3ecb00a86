/**
 * Views for statements of others: the datasets by name, and nothing else. The connection can't write, and an authorizer sees every name that a
 * statement means before it runs.
 */
import { randomBytes } from "node:crypto";
import { constants, type DatabaseSync, type StatementSync } from "node:sqlite";
import type { Log } from "../event-store/log.ts";
import { layPastViews } from "../projections/history/past-views.ts";
import type { Views } from "../projections/views.ts";
import type { Instants } from "../queries/query.ts";
import { happenedBy } from "../queries/vantage.ts";
import { type DatasetName, datasetNames, datasets, runningTables, selectOf, type Tables } from "./datasets.ts";
import { defineFigures } from "./figures.ts";

/** A statement that is not let in, in a sentence. */
export class SqlRefusedError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "SqlRefusedError";
  }
}

export type SqlDoor = {
  /** @throws SqlRefusedError; what SQLite throws for a statement that it can't read. */
  prepare(sql: string): StatementSync;
};

/** No cell of ours comes near it, and no statement makes one that fills the memory. */
const cellBytesMax = 8 * 2 ** 20;

/** Where the door stands. @property past with the log, where what is read is a past: `views` stand there then. */
export type DoorStanding = Instants & { past?: { log: Log; size: number } | undefined };

/**
 * @param database read-only, with the views or the past as `main` and the log as `log`.
 * @param views another connection to the same, for the figures that models give.
 */
export function openSqlDoor(database: DatabaseSync, views: Views, { past, ...at }: DoorStanding): SqlDoor {
  defineFigures(database, views, at);
  // A common table expression can take the name of any view that it knows of, and would be taken for it; nobody knows this one.
  const inner = `${randomBytes(16).toString("hex")}_`;
  const tablesRead = past === undefined ? runningTables : pastTables(database, views, { ...past, ...at }, `${inner}of_`);
  for (const name of datasetNames) {
    database.exec(`CREATE TEMP VIEW "${inner}${name}" AS ${selectOf(datasets[name], at, tablesRead)}`);
    database.exec(`CREATE TEMP VIEW ${name} AS SELECT * FROM temp."${inner}${name}"`);
  }
  const tables = tableNamesIn(database);
  database.limits.length = cellBytesMax;
  let refused: string | undefined;
  database.setAuthorizer((action, first, second, schema, through) => {
    const refusal = refusalOf(action, { first, second, schema, through }, { inner, tables });
    if (refusal === undefined) return constants.SQLITE_OK;
    refused ??= refusal;
    return constants.SQLITE_DENY;
  });
  return {
    prepare(sql) {
      refused = undefined;
      try {
        const statement = database.prepare(sql);
        // VACUUM, which asks for leave only once it runs, and whatever else gives no rows.
        if (statement.columns().length === 0) throw new SqlRefusedError("a SELECT is wanted");
        if (!isNothing(sql.slice(statement.sourceSQL.length))) throw new SqlRefusedError("one statement at a time");
        statement.setReturnArrays(true);
        return statement;
      } catch (error) {
        throw refused === undefined ? error : new SqlRefusedError(refused);
      }
    },
  };
}

/** Lays the tables as they were under names of their own. */
function pastTables(
  database: DatabaseSync,
  views: Views,
  { log, size, ...at }: Instants & { log: Log; size: number },
  prefix: string,
): Tables {
  layPastViews(database, log, views, prefix)({ size, asOf: happenedBy(at) });
  database.exec(`CREATE TEMP VIEW "${prefix}events" AS SELECT * FROM log.events WHERE position <= ${size}`);
  return (table) => `temp."${prefix}${table}"`;
}

/** The names of a statement's columns, each once: of those that came before, a second becomes `account_2`, in which no reader loses it. */
export function columnNamesOf(statement: StatementSync): string[] {
  const names = statement.columns().map(({ name }) => name);
  const taken = new Set(names);
  const seen = new Set<string>();
  return names.map((name) => {
    let distinct = name;
    for (let count = 2; seen.has(distinct); count += 1) if (!taken.has(`${name}_${count}`)) distinct = `${name}_${count}`;
    taken.add(distinct);
    seen.add(distinct);
    return distinct;
  });
}

const isNothing = (rest: string): boolean => /^(\s|;|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)*$/.test(rest);

/** What the inner views read. How many rows there are is no secret, and is asked for without any column. */
const countedTables = new Set<string | null>([
  ...["accounts", "people", "interactions", "promises", "occurrences", "business_outcomes", "dormancy", "events"],
]);
const tableFunctions = new Set<string | null>(["json_each", "json_tree"]);

type Meant = { first: string | null; second: string | null; schema: string | null; through: string | null };

type Names = {
  /** What the names of the inner views begin with. */
  inner: string;
  /** Of all that is a table or acts as one, in lower case; but for the datasets, whose views come before any table of their name. */
  tables: ReadonlySet<string>;
};

function tableNamesIn(database: DatabaseSync): ReadonlySet<string> {
  const listed = ["main", "temp", "log"].flatMap((schema) =>
    database.prepare(`SELECT name FROM ${schema}.sqlite_schema`).all(),
  ) as { name: string }[];
  const modules = database.prepare(`PRAGMA module_list`).all() as { name: string }[];
  return new Set([...listed, ...modules].map(({ name }) => name.toLowerCase())).difference(new Set<string>(datasetNames));
}

/**
 * A common table expression of which no column is read. SQLite asks about it by its name alone, as about a table of which none is read, so it
 * is let in where no table has that name. What has it in its text was asked about already.
 */
const isCommonTable = ({ first, second, schema }: Meant, tables: ReadonlySet<string>): boolean =>
  first !== null && second === "" && schema === null && !/^(sqlite|pragma)_/i.test(first) && !tables.has(first.toLowerCase());

function refusalOf(action: number, meant: Meant, { inner, tables }: Names): string | undefined {
  const { first, second, schema, through } = meant;
  switch (action) {
    case constants.SQLITE_SELECT:
    case constants.SQLITE_RECURSIVE:
      return undefined;
    case constants.SQLITE_FUNCTION:
      return second === "load_extension" ? "`load_extension` is not for here" : undefined;
    case constants.SQLITE_READ: {
      const isOurs = through?.startsWith(inner) === true || first?.startsWith(inner) === true;
      const isDataset = schema === "temp" && datasetNames.includes(first as DatasetName);
      const isCount = second === "" && countedTables.has(first);
      if (isOurs || isDataset || isCount || tableFunctions.has(first) || isCommonTable(meant, tables)) return undefined;
      const where = schema === null || schema === "temp" ? "" : ` in \`${schema}\``;
      return `there is no view \`${first}\`${where} to read here, and none may be called that; \`troth sql --views\` lists those that there are`;
    }
    default:
      return `${actionNames.get(action) ?? "this"} is not let in: nothing but reading the views is`;
  }
}

const actionNames = new Map<number, string>([
  [constants.SQLITE_INSERT, "INSERT"],
  [constants.SQLITE_UPDATE, "UPDATE"],
  [constants.SQLITE_DELETE, "DELETE"],
  [constants.SQLITE_ATTACH, "ATTACH"],
  [constants.SQLITE_DETACH, "DETACH"],
  [constants.SQLITE_PRAGMA, "PRAGMA"],
  [constants.SQLITE_TRANSACTION, "a transaction"],
  [constants.SQLITE_CREATE_TABLE, "CREATE TABLE"],
  [constants.SQLITE_CREATE_TEMP_TABLE, "CREATE TABLE"],
  [constants.SQLITE_CREATE_VIEW, "CREATE VIEW"],
  [constants.SQLITE_CREATE_TEMP_VIEW, "CREATE VIEW"],
  [constants.SQLITE_DROP_TABLE, "DROP TABLE"],
  [constants.SQLITE_DROP_VIEW, "DROP VIEW"],
]);
