/** How the columns of a CSV file become the fields of a command: what a mapping file may say. */
import { z } from "zod";
import { slug, timeZone } from "../domain/values.ts";
import { patternOf } from "./dates.ts";

const form = z.enum(["text", "number", "boolean", "instant", "day", "list"]);
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
    .describe("What a text in the file becomes. A text that is not named is refused."),
  default: z.json().optional().describe("The field's value where the cell is empty; without it the field is left out."),
};

const fieldSpec = z.union([
  z.strictObject({ value: z.json() }),
  z.strictObject({ column: z.string().min(1), ...conversion }),
  z.strictObject({
    template: z.string().min(1).describe("Text with columns in braces: `{Kind} with {Contact}`."),
    ...conversion,
  }),
]);
export type FieldSpec = z.infer<typeof fieldSpec>;
export type CellSpec = Exclude<FieldSpec, { value: unknown }>;

/** A field of the command's body, its parts joined by dots: `startedAt`, `amount.value`. */
const fieldPath = z
  .string()
  .regex(
    /^(?!.*\b(constructor|prototype)\b)[a-z][A-Za-z]*(\.[a-z][A-Za-z]*)*$/,
    "must be a field such as `startedAt` or `amount.value`",
  );

export const mapping = z.strictObject({
  kind: z.enum(["interactions", "promises"]).optional().describe("What the rows are, so that a wrong --kind is noticed."),
  source: slug.optional().describe("The system that the file comes from; --source wins."),
  delimiter: z.string().length(1).default(","),
  decimal: z.enum([".", ","]).default("."),
  timeZone: timeZone.optional().describe("Where dates without a zone are meant."),
  fields: z.record(fieldPath, fieldSpec),
});
export type Mapping = z.output<typeof mapping>;
export type ImportKind = NonNullable<Mapping["kind"]>;

/** Which columns a field is made of. */
export function columnsOf(spec: FieldSpec): string[] {
  if ("value" in spec) return [];
  if ("column" in spec) return [spec.column];
  return [...spec.template.matchAll(placeholder)].map(([, column]) => column!);
}

export const placeholder = /\{([^{}]+)\}/g;

/** What a schema can't see: forms of dates and time zones that do not exist. @throws Error with a sentence for each. */
export function checkMapping({ timeZone, fields }: Mapping): void {
  if (timeZone !== undefined) checkTimeZone("timeZone", timeZone);
  for (const [path, spec] of Object.entries(fields)) {
    if ("value" in spec) continue;
    if (spec.timeZone !== undefined) checkTimeZone(`fields.${path}.timeZone`, spec.timeZone);
    if (spec.date !== undefined && !namedDates.has(spec.date)) patternOf(spec.date);
  }
}

const namedDates = new Set(["iso", "epoch-seconds", "epoch-ms"]);

function checkTimeZone(where: string, name: string): void {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
  } catch {
    throw new Error(`${where}: there is no time zone \`${name}\``);
  }
}
