/** The canonical dump of all rows: two views are the same when their dumps are. */
import { createHash } from "node:crypto";
import type { Projection } from "./projection.ts";
import type { Views } from "./views.ts";

const tablesIn = ({ schema }: Projection): string[] => [...schema.matchAll(/CREATE TABLE (\w+)/g)].map(([, table]) => table!);

/** One line a row: the table's name and the row as JSON, in order of the primary key. */
export function* dumpViews(views: Pick<Views, "all" | "iterate">, projections: readonly Projection[]): Generator<string> {
  for (const table of projections.flatMap(tablesIn)) {
    const keys = views
      .all<{ name: string; pk: number }>(`SELECT name, pk FROM pragma_table_info('${table}') WHERE pk > 0 ORDER BY pk`)
      .map(({ name }) => name);
    for (const row of views.iterate(`SELECT * FROM ${table} ORDER BY ${keys.join(", ")}`))
      yield `${table} ${JSON.stringify(row)}`;
  }
}

/** SHA-256 over the dump, in lower-case hex. */
export const viewsDigest = (views: Pick<Views, "all" | "iterate">, projections: readonly Projection[]): string =>
  digestOf(dumpViews(views, projections));

export function digestOf(lines: Iterable<string>): string {
  const hash = createHash("sha256");
  for (const line of lines) hash.update(`${line}\n`);
  return hash.digest("hex");
}
