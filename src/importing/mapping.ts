/** How the columns of a CSV file become the fields of a command: what a mapping file may say. */
import { z } from "zod";
import { slug, timeZone } from "../domain/values.ts";
import { patternOf } from "./dates.ts";
import { encodings } from "./decoding.ts";

const form = z.enum(["text", "number", "boolean", "instant", "day", "list", "duration"]);
export type Form = z.infer<typeof form>;

const conversion = {
  as: form.optional().describe("What the field is. Known for the usual fields; `text` for others."),
  date: z
    .string()
    .max(60)
    .optional()
    .describe(
      "How an instant or a day is written: `iso` (the usual), `epoch-seconds`, `epoch-ms`, or letters such as `dd.MM.yyyy HH:mm`.",
    ),
  timeZone: timeZone.optional().describe("Where a date without a zone is meant; the mapping's own where absent."),
  split: z.string().min(1).max(5).optional().describe("What separates the items of a list; `;` where absent."),
  map: z
    .record(z.string(), z.string())
    .optional()
    .describe("What a text in the file becomes. A text that is not named is refused, unless `otherwise` says what it becomes."),
  otherwise: z.string().optional().describe("What a text becomes that `map` does not name."),
  refersTo: slug
    .optional()
    .describe(
      "The text is an external id of this source, as the account or person was opened with; for `account`, `owner`, `participants` and the parties of a promise.",
    ),
  default: z.json().optional().describe("The field's value where the cell is empty; without it the field is left out."),
};

const cellSpec = z.union([
  z.strictObject({ column: z.string().min(1), ...conversion }),
  z.strictObject({
    template: z.string().min(1).describe("Text with columns in braces: `{Kind} with {Contact}`."),
    ...conversion,
  }),
]);
export type CellSpec = z.infer<typeof cellSpec>;

const fieldSpec = z.union([
  z.strictObject({ value: z.json() }),
  z.strictObject({
    each: z.array(cellSpec).min(1).max(20).describe("A list of what several columns hold, empty ones left out."),
  }),
  cellSpec,
]);
export type FieldSpec = z.infer<typeof fieldSpec>;

/** A field of the command's body, its parts joined by dots: `startedAt`, `amount.value`. */
const fieldPath = z
  .string()
  .regex(
    /^(?!.*\b(constructor|prototype)\b)[a-z][A-Za-z]*(\.[a-z][A-Za-z]*)*$/,
    "must be a field such as `startedAt` or `amount.value`",
  );

export const mapping = z.strictObject({
  kind: z
    .enum(["interactions", "promises", "accounts", "people"])
    .optional()
    .describe("What the rows are, so that a wrong --kind is noticed."),
  source: slug.optional().describe("The system that the file comes from; --source wins."),
  encoding: z.enum(encodings).optional().describe("UTF-8 where absent, unless a byte order mark says otherwise."),
  delimiter: z.string().length(1).default(","),
  decimal: z.enum([".", ","]).default("."),
  timeZone: timeZone.optional().describe("Where dates without a zone are meant."),
  only: z
    .record(z.string(), z.array(z.string()).min(1))
    .default({})
    .describe("Rows that are taken, by what some columns hold; others are left out and counted."),
  fields: z.record(fieldPath, fieldSpec),
});
export type Mapping = z.output<typeof mapping>;
export type ImportKind = NonNullable<Mapping["kind"]>;

/** Cells that a field is made of; none for a fixed value. */
export function cellsOf(spec: FieldSpec): CellSpec[] {
  if ("value" in spec) return [];
  return "each" in spec ? spec.each : [spec];
}

/** Which columns a mapping asks for. */
export const columnsIn = ({ fields, only }: Mapping): string[] => [
  ...new Set([...Object.keys(only), ...Object.values(fields).flatMap(cellsOf).flatMap(columnsOf)]),
];

const columnsOf = (spec: CellSpec): string[] =>
  "column" in spec ? [spec.column] : [...spec.template.matchAll(placeholder)].map(([, column]) => column!);

export const placeholder = /\{([^{}]+)\}/g;

/** What a schema can't see: forms of dates and time zones that do not exist. @throws Error with a sentence for each. */
export function checkMapping({ timeZone, fields }: Mapping): void {
  if (timeZone !== undefined) checkTimeZone("timeZone", timeZone);
  for (const [path, spec] of Object.entries(fields))
    for (const cell of cellsOf(spec)) {
      if (cell.timeZone !== undefined) checkTimeZone(`fields.${path}.timeZone`, cell.timeZone);
      if (cell.date !== undefined && !namedDates.has(cell.date)) patternOf(cell.date);
    }
}

const namedDates = new Set(["iso", "epoch-seconds", "epoch-ms"]);

export function checkTimeZone(where: string, name: string): void {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
  } catch {
    throw new Error(`${where}: there is no time zone \`${name}\``);
  }
}
