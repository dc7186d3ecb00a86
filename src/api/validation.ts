/** Schemas at the edge: zod says yes or no, and this says which field offends and why. */
import { z } from "zod";
import { fieldErrorCountMax, pointerPart } from "./json-body.ts";
import { ApiError, type FieldError } from "./problem.ts";

type Issue = z.core.$ZodIssue;

/** An issue then says what it found, so that what is missing can be told from what is wrong. Inputs go into no answer. */
export const reporting = { reportInput: true } as const;

/** Compiling a schema takes a millisecond or two, and there are a hundred and more: those are compiled that are asked this often. */
const usesUntilCompiled = 50;

type Used = { uses: number; schema: z.ZodType };
const used = new WeakMap<z.ZodType, Used>();

/** The schema as it judges soonest. One that is compiled takes what it took, and leaves it to the original to say what is wrong. */
export function soonest<Schema extends z.ZodType>(schema: Schema): Schema {
  let known = used.get(schema);
  if (known === undefined) {
    known = { uses: 0, schema };
    used.set(schema, known);
  }
  known.uses += 1;
  if (known.uses === usesUntilCompiled) known.schema = z.compile(schema);
  return known.schema as Schema;
}

/** @throws ApiError `validation-failed` naming the fields. */
export function validated<Schema extends z.ZodType>(schema: Schema, value: unknown, where: FieldError["in"]): z.output<Schema> {
  const result = soonest(schema).safeParse(value, reporting);
  if (result.success) return result.data;
  throw invalid({ issues: result.error.issues, where });
}

/** A part of a request, with what a parse that was `reporting` found of it. @property under where it stands in what was sent. */
export type Offending = { issues: readonly Issue[]; where: FieldError["in"]; under?: string };

export function invalid(...parts: Offending[]): ApiError {
  const errors: FieldError[] = [];
  for (const { issues, where, under = "" } of parts) for (const issue of issues) addErrors(issue, under, where, errors);
  const [first] = errors;
  const detail = first === undefined ? "The request does not fit its schema." : `${first.field || "/"}: ${first.reason}`;
  return new ApiError("validation-failed", detail, { errors });
}

function addErrors(issue: Issue, base: string, where: FieldError["in"], errors: FieldError[]): void {
  const field = base + issue.path.map((part) => `/${pointerPart(part)}`).join("");
  const add = (at: string, reason: string): void => {
    if (errors.length < fieldErrorCountMax) errors.push({ in: where, field: at, reason });
  };
  if (issue.code === "unrecognized_keys") {
    for (const key of issue.keys) add(`${field}/${pointerPart(key)}`, "is not known here");
    return;
  }
  const branch = issue.code === "invalid_union" ? meantBranch(issue.errors) : undefined;
  if (branch !== undefined) for (const inner of branch) addErrors(inner, field, where, errors);
  else add(field, reasonOf(issue));
}

/** Of a union, the branch that the caller seems to have meant: the one whose kind of value fits. */
function meantBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const fitting = branches.filter((issues) => !issues.some(({ path, code }) => path.length === 0 && isOfAnotherKind(code)));
  return fitting.length === 1 ? fitting[0] : undefined;
}

const isOfAnotherKind = (code: Issue["code"]): boolean => code === "invalid_type" || code === "invalid_value";

const reasonsByFormat: Record<string, string> = {
  datetime: "must be an instant in UTC with milliseconds, such as `2026-01-09T10:00:00.000Z`, on a day that exists",
  date: "must be a date that exists, such as `2026-01-09`",
};

function reasonOf(issue: Issue): string {
  if (issue.code === "invalid_format") return reasonsByFormat[issue.format] ?? issue.message;
  if (isMissing(issue)) return "is required";
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const reasons = issue.errors.flatMap((branch) => branch.slice(0, 1).map(reasonOf));
    return [...new Set(reasons)].join("; or ");
  }
  return plainReasonOf(issue);
}

/** What zod says by itself, in the words of this API. A schema's own words stay. */
function plainReasonOf(issue: Issue): string {
  if (!/^(Invalid|Too|Unrecognized)/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      if (Array.isArray(issue.input) && issue.expected !== "array") return "must be one value, not several";
      return `must be ${kindNames[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.map((value) => `\`${String(value)}\``).join(", ")}`;
    case "too_small":
      return boundReason(issue.origin, issue.inclusive === false ? "more than" : "at least", issue.minimum);
    case "too_big":
      return boundReason(issue.origin, issue.inclusive === false ? "less than" : "at most", issue.maximum);
    default:
      return issue.message;
  }
}

const kindNames: Record<string, string> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

const units: Record<string, string> = { string: "characters", array: "items", set: "items", record: "fields" };

function boundReason(origin: string, bound: string, limit: number | bigint): string {
  const unit = units[origin];
  return unit === undefined ? `must be ${bound} ${limit}` : `must have ${bound} ${limit} ${unit}`;
}

function isMissing(issue: Issue): boolean {
  if (issue.code === "invalid_type" || issue.code === "invalid_value") return issue.input === undefined;
  if (issue.code !== "invalid_union") return false;
  // What tells the branches apart is looked for in the object around it.
  if (issue.discriminator === undefined) return issue.input === undefined;
  return (issue.input as Record<string, unknown> | undefined)?.[issue.discriminator] === undefined;
}

/** What Fastify calls with each part of a request. */
export function compileValidator({ schema, httpPart }: { schema: unknown; httpPart?: string | undefined }) {
  const zod = schema as z.ZodType;
  const where = httpPart === "body" ? "body" : httpPart === "params" ? "path" : "query";
  return (value: unknown): { value: unknown } | { error: ApiError } => {
    // No body at all is a body without fields. A body that is `null` does not come this far.
    const result = soonest(zod).safeParse(value ?? {}, reporting);
    return result.success ? { value: result.data } : { error: invalid({ issues: result.error.issues, where }) };
  };
}
