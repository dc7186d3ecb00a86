/** From the cells of a row to the fields of a command's body. */
import { dayFrom, instantFrom } from "./dates.ts";
import { type CellSpec, type FieldSpec, type Form, type Mapping, placeholder } from "./mapping.ts";
import { RowError } from "./refusals.ts";

export type Row = Readonly<Record<string, string>>;
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** What the usual fields are, so that a mapping need not say it. */
const usualForms: Record<string, Form> = {
  ...Object.fromEntries(["startedAt", "at", "madeAt", "dueAt", "finishedAt", "offerExpiresAt"].map((name) => [name, "instant"])),
  ...Object.fromEntries(["minutes", "weight", "fraction", "graceMinutes"].map((name) => [name, "number"])),
  ...Object.fromEntries(["participants", "tags"].map((name) => [name, "list"])),
  "terms.dueAt": "instant",
  "terms.graceMinutes": "number",
  needsAcceptance: "boolean",
  cancelled: "boolean",
};

/** The fields that a row gives, by path. Empty cells give none. @throws RowError */
export function fieldsOf(row: Row, mapping: Mapping): Map<string, Json> {
  const fields = new Map<string, Json>();
  for (const [path, spec] of Object.entries(mapping.fields)) {
    const value = fieldValue(path, spec, row, mapping);
    if (value !== undefined) fields.set(path, value);
  }
  return fields;
}

function fieldValue(path: string, spec: FieldSpec, row: Row, mapping: Mapping): Json | undefined {
  if ("value" in spec) return spec.value as Json;
  if ("each" in spec) {
    const values = spec.each.map((cell) => cellValue(path, cell, row, mapping)).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : values.flat();
  }
  return cellValue(path, spec, row, mapping);
}

function cellValue(path: string, spec: CellSpec, row: Row, mapping: Mapping): Json | undefined {
  // Line ends of other systems are no text of theirs.
  const text = textOf(spec, row).replace(/\r\n?/g, "\n").trim();
  if (text === "") return spec.default as Json | undefined;
  if (text.includes("\ufffd")) throw new RowError(path, "is not UTF-8");
  const form = spec.as ?? usualForms[path] ?? "text";
  if (form === "list") return listOf(path, text, spec);
  if (spec.refersTo !== undefined) return referenceTo(spec.refersTo, mapped(path, text, spec));
  return valueOf(path, mapped(path, text, spec), form, spec, mapping);
}

const textOf = (spec: CellSpec, row: Row): string => ("column" in spec ? (row[spec.column] ?? "") : filled(spec.template, row));

/** A template whose columns are all empty is empty, whatever stands between them. */
function filled(template: string, row: Row): string {
  let isEmpty = true;
  const text = template.replace(placeholder, (_, column: string) => {
    const cell = (row[column] ?? "").trim();
    if (cell !== "") isEmpty = false;
    return cell;
  });
  return isEmpty && template.includes("{") ? "" : text;
}

const listOf = (path: string, text: string, spec: CellSpec): Json[] =>
  text
    .split(spec.split ?? ";")
    .map((item) => item.trim())
    .filter((item) => item !== "")
    .map((item) => mapped(path, item, spec))
    .map((item) => (spec.refersTo === undefined ? item : referenceTo(spec.refersTo, item)));

const referenceTo = (source: string, externalId: string): Json => ({ source, externalId });

function mapped(path: string, text: string, { map, otherwise }: CellSpec): string {
  if (map === undefined) return text;
  if (!Object.hasOwn(map, text) && otherwise !== undefined) return otherwise;
  if (!Object.hasOwn(map, text)) throw new RowError(path, "is not among the texts that the mapping's `map` names");
  return map[text]!;
}

function valueOf(path: string, text: string, form: Exclude<Form, "list">, spec: CellSpec, mapping: Mapping): Json {
  switch (form) {
    case "text":
      return text;
    case "number":
      return numberOf(path, text, mapping);
    case "boolean":
      return booleanOf(path, text);
    case "duration":
      return minutesIn(path, text);
    case "instant": {
      const found = instantFrom(text, {
        date: spec.date,
        timeZone: spec.timeZone ?? mapping.timeZone,
        isEnd: path === "dueAt" || path === "terms.dueAt",
      });
      if ("reason" in found) throw new RowError(path, found.reason);
      return found.instant;
    }
    case "day": {
      const found = dayFrom(text, spec);
      if ("reason" in found) throw new RowError(path, found.reason);
      return found.day;
    }
  }
}

function numberOf(path: string, text: string, { decimal }: Mapping): number {
  const plain = decimal === "," ? text.replace(",", ".") : text;
  if (!/^[+-]?\d+(\.\d+)?$/.test(plain)) throw new RowError(path, "is no number");
  return Number(plain);
}

/** Minutes, from `1:30`, `1:30:00` or `PT1H30M`. */
function minutesIn(path: string, text: string): number {
  const clock = /^(\d{1,4}):(\d\d)(?::(\d\d))?$/.exec(text);
  if (clock !== null) return Math.round(Number(clock[1]) * 60 + Number(clock[2]) + Number(clock[3] ?? "0") / 60);
  try {
    return Math.round(Temporal.Duration.from(text).total("minutes"));
  } catch {
    throw new RowError(path, "is no duration such as `1:30` or `PT1H30M`");
  }
}

function booleanOf(path: string, text: string): boolean {
  if (/^(true|yes|1)$/i.test(text)) return true;
  if (/^(false|no|0)$/i.test(text)) return false;
  throw new RowError(path, "is neither true nor false");
}

/** The body that paths and their values make. */
export function bodyOf(fields: ReadonlyMap<string, Json>): Record<string, Json> {
  const body: Record<string, Json> = {};
  for (const [path, value] of fields) {
    const names = path.split(".");
    const last = names.pop()!;
    let part = body;
    for (const name of names) part = (part[name] ??= {}) as Record<string, Json>;
    part[last] = value;
  }
  return body;
}
