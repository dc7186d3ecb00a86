/** Sends what a file holds and tells its lines what became of them. */
import { externalReference } from "../../commands/command.ts";
import { commandNamed } from "../../commands/registry.ts";
import type { Mapping } from "../../importing/mapping.ts";
import type { CommandLine } from "../../importing/rows.ts";
import { type Answer, type BatchRequest, type LineAnswer, type Problem, sendBatch } from "./batch-client.ts";
import type { Identity } from "./identity.ts";
import type { Refusal, Tally } from "./import-report.ts";
import type { Item } from "./items.ts";

export type ImportRun = {
  items: AsyncIterable<Item>;
  tally: Tally;
  /** Of a CSV file: names the columns behind fields. */
  mapping?: Mapping;
};

/** A command on its way: answers come in the order of commands, so those under way are a queue. */
type Sent = { line: number; isByContent: boolean; isByRow: boolean };

/** @param onAnswer sees every answer with the line of the file that it answers. */
export async function runImport(
  { items, tally, mapping }: ImportRun,
  request: BatchRequest,
  identity: Identity,
  onAnswer: (line: number, answer: LineAnswer) => void,
): Promise<void> {
  const { report } = tally;
  const sent: Sent[] = [];
  let unreadable: unknown;

  async function* texts(): AsyncGenerator<string> {
    try {
      for await (const item of items) for (const each of taken(item, tally, mapping)) yield textOf(each, item.line);
    } catch (error) {
      unreadable = error;
      throw error;
    }
  }

  function textOf(each: CommandLine, number: number): string {
    const { line, isByContent } = identity.identified(each);
    sent.push({ line: number, isByContent, isByRow: mapping !== undefined });
    report.commands += 1;
    return `${JSON.stringify(line)}\n`;
  }

  try {
    for await (const answer of sendBatch(request, texts())) {
      if ("line" in answer) settle(answer, sent.shift()!);
      else conclude(answer);
    }
  } catch (error) {
    // A file that can't be read to its end breaks the connection off, so that its load stays open.
    throw unreadable ?? error;
  }

  function settle(answer: LineAnswer, { line, isByContent, isByRow }: Sent): void {
    onAnswer(line, answer);
    const { problem } = answer;
    if (problem === undefined && answer.replayed !== true) report.accepted += 1;
    else if (problem === undefined || isKnown(problem, isByContent, isByRow)) report.known += 1;
    else tally.refuse(refusalOf(line, problem, mapping));
  }

  function conclude(answer: Exclude<Answer, LineAnswer>): void {
    if ("recording" in answer) report.recording = answer.recording;
    else report.complete = answer.summary.complete;
  }
}

/**
 * A line known by its content can differ from what was sent before only in the load of history that it came with, and a row's
 * promise bears an id made of the row's own id.
 */
const isKnown = ({ code }: Problem, isByContent: boolean, isByRow: boolean): boolean =>
  (isByContent && code === "idempotency-key-reused") || (isByRow && code === "promise-exists");

/** The commands of an item; none for one that is refused here. */
function taken(item: Item, tally: Tally, mapping: Mapping | undefined): CommandLine[] {
  tally.report.lines += 1;
  if ("reason" in item) {
    tally.refuse({
      line: item.line,
      field: item.field,
      ...columnOf(item.field, mapping),
      code: "unreadable",
      reason: item.reason,
    });
    return [];
  }
  tally.warn(item.line, item.warnings);
  return item.lines;
}

/** Looks at every line as the API would, but for what only the ledger knows. */
export async function dryRun({ items, tally, mapping }: ImportRun): Promise<void> {
  const { validated } = await import("../../api/validation.ts");
  const { problemOf } = await import("../../api/problem.ts");
  for await (const item of items) {
    for (const { command: name, params = {}, body = {} } of taken(item, tally, mapping)) {
      tally.report.commands += 1;
      const command = commandNamed(name);
      if (command === undefined) {
        tally.refuse({ line: item.line, field: "/command", code: "command-unknown", reason: "is not the name of a command" });
        continue;
      }
      try {
        validated(command.params, foreseen(params), "path");
        validated(command.body, body, "body");
      } catch (error) {
        tally.refuse(refusalOf(item.line, problemOf(error).problem as Problem, mapping));
      }
    }
  }
}

/** An id in the place of each reference by external id, as only the ledger can tell it. */
function foreseen(params: Record<string, unknown>): Record<string, unknown> {
  const idOf = ([name, value]: [string, unknown]) =>
    externalReference.safeParse(value).success
      ? [name, `${name === "promise" ? "prm" : name.slice(0, 3)}_${"0".repeat(16)}`]
      : [name, value];
  return Object.fromEntries(Object.entries(params).map(idOf));
}

function refusalOf(line: number, { code, detail, errors }: Problem, mapping: Mapping | undefined): Refusal {
  const [first] = errors ?? [];
  if (first === undefined) return { line, field: null, code, reason: detail ?? code };
  return { line, field: first.field, ...columnOf(first.field, mapping), code, reason: first.reason };
}

/** Fields of commands that stand under another name in a mapping of promises. */
const mappedNames: Record<string, string[]> = {
  at: ["madeAt"],
  "terms.dueAt": ["dueAt"],
  keptAt: ["finishedAt"],
  "terms.graceMinutes": ["graceMinutes"],
};

function columnOf(field: string, mapping: Mapping | undefined): { column?: string } {
  if (mapping === undefined) return {};
  const path = field.slice(1).replaceAll("/", ".");
  for (const name of [path, path.split(".")[0]!, ...(mappedNames[path] ?? [])]) {
    const spec = mapping.fields[name];
    if (spec !== undefined && "column" in spec) return { column: spec.column };
  }
  return {};
}
