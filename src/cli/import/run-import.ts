/** Sends what a file holds and tells its lines what became of them. */
import { withIds } from "../../commands/external-references.ts";
import { commandNamed } from "../../commands/registry.ts";
import type { CommandLine, Item } from "../../importing/items.ts";
import { cellsOf, type Mapping } from "../../importing/mapping.ts";
import { type Answer, type BatchRequest, type LineAnswer, type Problem, sendBatch } from "./batch-client.ts";
import type { Identity } from "./identity.ts";
import type { Refusal, Tally } from "./import-report.ts";

export type ImportRun = {
  items: AsyncIterable<Item>;
  tally: Tally;
  /** Of a CSV file: names the columns behind fields. */
  mapping?: Mapping | undefined;
};

/** A piece of the file: where it begins, and its own name. */
type Place = { line: number; name?: string };

/** A command on its way: answers come in the order of commands, so those under way are a queue. */
type Sent = { place: Place; knownCodes: ReadonlySet<string> };

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
      for await (const item of items)
        for (const each of taken(item, tally, mapping)) yield textOf(each.line, placeOf(item), each.isOpening);
    } catch (error) {
      unreadable = error;
      throw error;
    }
  }

  function textOf(each: CommandLine, place: Place, isOpening: boolean): string {
    const { line, isByContent } = identity.identified(each);
    sent.push({ place, knownCodes: knownCodesOf(each, { isByContent, isByRow: mapping !== undefined, isOpening }) });
    report.commands += 1;
    return `${JSON.stringify(line)}\n`;
  }

  const lines = texts();
  try {
    const first = await lines.next();
    // A load of history without a line would say that all of it had been told.
    if (first.done === true) {
      report.complete = true;
      return;
    }
    for await (const answer of sendBatch(request, startingWith(first.value, lines))) {
      if ("line" in answer) settle(answer, sent.shift()!);
      else conclude(answer);
    }
  } catch (error) {
    // A file that can't be read to its end breaks the connection off, so that its load stays open.
    throw unreadable ?? error;
  } finally {
    await lines.return(undefined);
  }

  function settle(answer: LineAnswer, { place, knownCodes }: Sent): void {
    onAnswer(place.line, answer);
    const { problem } = answer;
    if (problem === undefined && answer.replayed !== true) report.accepted += 1;
    else if (problem === undefined || knownCodes.has(problem.code)) report.known += 1;
    else tally.refuse(refusalOf(place, problem, mapping));
  }

  function conclude(answer: Exclude<Answer, LineAnswer>): void {
    if ("recording" in answer) report.recording = answer.recording;
    else report.complete = answer.summary.complete;
  }
}

async function* startingWith(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

/** Refusals that say no more than that there is nothing to add. */
function knownCodesOf(
  { body }: CommandLine,
  { isByContent, isByRow, isOpening }: { isByContent: boolean; isByRow: boolean; isOpening: boolean },
): Set<string> {
  const codes = new Set<string>();
  // A line known by its content can differ from what was sent before only in the load of history that it came with.
  if (isByContent || isOpening) codes.add("idempotency-key-reused");
  // A row's promise bears an id made of the row's own id.
  if (isByRow) codes.add("promise-exists");
  if (isOpening) for (const code of ["account-exists", "person-exists"]) codes.add(code);
  // Cancelled before it was ever told of.
  if (body?.["cancelled"] === true) codes.add("interaction-not-found");
  return codes;
}

const placeOf = ({ line, name }: Item): Place => (name === undefined ? { line } : { line, name });

/** The commands of an item; none for one that is refused here. */
function taken(item: Item, tally: Tally, mapping: Mapping | undefined): { line: CommandLine; isOpening: boolean }[] {
  tally.report.lines += 1;
  if ("reason" in item) {
    const { field, reason } = item;
    tally.refuse({ ...placeOf(item), field, ...columnOf(field, mapping), code: "unreadable", reason });
    return [];
  }
  tally.warn(item.line, item.warnings);
  tally.omit(item.omitted ?? {});
  return [
    ...(item.openings ?? []).map((line) => ({ line, isOpening: true })),
    ...item.lines.map((line) => ({ line, isOpening: false })),
  ];
}

/** Looks at every line as the API would, but for what only the ledger knows. */
export async function dryRun({ items, tally, mapping }: ImportRun): Promise<void> {
  const { validated } = await import("../../api/validation.ts");
  const { problemOf } = await import("../../api/problem.ts");
  for await (const item of items) {
    for (const {
      line: { command: name, params = {}, body = {} },
    } of taken(item, tally, mapping)) {
      tally.report.commands += 1;
      const command = commandNamed(name);
      if (command === undefined) {
        tally.refuse({ ...placeOf(item), field: "/command", code: "command-unknown", reason: "is not the name of a command" });
        continue;
      }
      try {
        // An id in the place of each reference by external id, as only the ledger can tell it.
        const named = withIds({ params, body }, (prefix) => `${prefix}_${"0".repeat(16)}`);
        validated(command.params, named.params, "path");
        validated(command.body, named.body, "body");
      } catch (error) {
        tally.refuse(refusalOf(placeOf(item), problemOf(error).problem as Problem, mapping));
      }
    }
  }
}

function refusalOf(place: Place, { code, detail, errors }: Problem, mapping: Mapping | undefined): Refusal {
  const [first] = errors ?? [];
  if (first === undefined) return { ...place, field: null, code, reason: detail ?? code };
  return { ...place, field: first.field, ...columnOf(first.field, mapping), code, reason: first.reason };
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
    const [cell] = spec === undefined ? [] : cellsOf(spec);
    if (cell !== undefined && "column" in cell) return { column: cell.column };
  }
  return {};
}
