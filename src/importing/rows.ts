/** From one row of a CSV file to the commands that record it. */
import { bodyOf, fieldsOf, type Json, type Row } from "./fields.ts";
import { type CommandLine, type Imported, omission, type Warning } from "./items.ts";
import type { ImportKind, Mapping } from "./mapping.ts";
import { RowError } from "./refusals.ts";

export type RowContext = {
  mapping: Mapping;
  source: string | undefined;
  /** An opaque id of a promise that the same text always gives. */
  promiseIdOf(text: string): string;
};

/** @throws RowError naming the field that is at fault. */
export function importedFrom(kind: ImportKind, row: Row, context: RowContext): Imported {
  if (!isTaken(row, context.mapping)) return omission("filtered");
  switch (kind) {
    case "interactions":
      return interactionOf(row, context);
    case "promises":
      return promiseOf(row, context);
    case "accounts":
      return named("open-account", row, context);
    case "people":
      return named("add-person", row, context);
  }
}

const isTaken = (row: Row, { only }: Mapping): boolean =>
  Object.entries(only).every(([column, texts]) => texts.includes((row[column] ?? "").trim()));

/** What has an external id is told anew whenever its row has changed; without one each row is a fact of its own. */
function interactionOf(row: Row, context: RowContext): Imported {
  const body = sourced(row, context);
  const isKnown = body["externalId"] !== undefined;
  return { lines: [{ command: isKnown ? "sync-interaction" : "record-interaction", body }], warnings: [] };
}

const named = (command: string, row: Row, context: RowContext): Imported => ({
  lines: [{ command, body: sourced(row, context) }],
  warnings: [],
});

function sourced(row: Row, { mapping, source }: RowContext): Record<string, Json> {
  const body = bodyOf(fieldsOf(row, mapping));
  if (source !== undefined && body["source"] === undefined) body["source"] = source;
  if (body["externalId"] !== undefined && body["source"] === undefined) unsourced();
  return body;
}

function unsourced(): never {
  throw new RowError("externalId", "needs a source: --source, or `source` in the mapping");
}

/** Fields of a row of promises that are no fields of `make-promise` under the same name. */
const ownFields = ["externalId", "madeAt", "dueAt", "graceMinutes", "finishedAt", "fraction"] as const;

/** A promise, and where the row says when it was kept, the claim that it was. */
function promiseOf(row: Row, { mapping, source, promiseIdOf }: RowContext): Imported {
  const fields = fieldsOf(row, mapping);
  const [externalId, madeAt, dueAt, graceMinutes, finishedAt, fraction] = ownFields.map((name) => {
    const value = fields.get(name);
    fields.delete(name);
    return value;
  });
  if (typeof madeAt !== "string") throw new RowError("madeAt", "is required: when was it promised?");
  const body: Record<string, Json> = { ...bodyOf(fields), at: madeAt };
  const terms = (body["terms"] ??= onceTerms(dueAt, graceMinutes)) as Record<string, Json>;
  const origin = externalId === undefined ? undefined : { source: body["source"] ?? source ?? unsourced(), externalId };
  if (origin === undefined && source !== undefined) body["source"] ??= source;
  // By its external id whoever imports it knows it again; by its content only the same key does.
  const promise = origin ?? promiseIdOf(JSON.stringify([source ?? "", body]));
  const lines: CommandLine[] = [{ command: "make-promise", body: origin ? { ...body, ...origin } : { id: promise, ...body } }];
  const isKept = typeof finishedAt === "string" && fraction !== 0;
  if (isKept) lines.push(claim(promise, madeAt, finishedAt, fraction));
  return { lines, warnings: terms["type"] === "once" ? warningsOf(madeAt, terms["dueAt"], finishedAt, isKept) : [] };
}

const onceTerms = (dueAt: Json | undefined, graceMinutes: Json | undefined): Json => ({
  type: "once",
  ...(dueAt === undefined ? {} : { dueAt }),
  ...(graceMinutes === undefined ? {} : { graceMinutes }),
});

/** What was done before it was promised is told once it is promised. */
const claim = (promise: Json, madeAt: string, keptAt: string, fraction: Json | undefined): CommandLine => ({
  command: "claim-keeping",
  params: { promise },
  body: { keptAt, at: keptAt > madeAt ? keptAt : madeAt, ...(fraction === undefined ? {} : { fraction }) },
});

function warningsOf(madeAt: string, dueAt: Json | undefined, finishedAt: Json | undefined, isKept: boolean): Warning[] {
  const warnings: Warning[] = [];
  if (typeof dueAt !== "string") warnings.push("no-due-date");
  else if (dueAt < madeAt) warnings.push("due-before-made");
  if (typeof finishedAt === "string" && finishedAt < madeAt) warnings.push("kept-before-made");
  if (typeof finishedAt === "string" && !isKept) warnings.push("finished-without-fraction");
  return warnings;
}
