/** A question under another policy, asked of a folder that nobody serves. */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { invalid, reporting } from "../api/validation.ts";
import type { OpenLedger } from "../composition/ledger-folder.ts";
import { freshId } from "../ledger/ids.ts";
import { VantageError } from "../queries/vantage.ts";
import { checkWhatIf } from "../replay/what-if-checks.ts";
import {
  type DifferencePlace,
  type Known,
  type WhatIfJob,
  whatIfRequest,
  type WhatIfRequest,
  type WhatIfSummary,
} from "../replay/what-if.ts";
import { CliError } from "./errors.ts";
import { exitCodes } from "./exit-codes.ts";
import { withLedger } from "./folder.ts";
import { type FolderFlags, folderOf } from "./options.ts";
import { progressOn } from "./progress.ts";
import { say, sayJson, type Shell } from "./shell.ts";

export type WhatIfFlags = {
  policy: string;
  graceMinutes?: string;
  account?: string[];
  owner?: string;
  team?: string;
  promisor?: string;
  from?: string;
  until?: string;
  knownAt?: string;
  out?: string;
};

export async function whatIf(shell: Shell, flags: FolderFlags & WhatIfFlags & { json?: boolean }): Promise<void> {
  const request = requestOf(flags);
  const out = flags.out === undefined ? undefined : newFile(flags.out);
  try {
    const summary = await withLedger(folderOf(flags, shell), (ledger) => answered(shell, ledger, request, out));
    if (flags.json) return sayJson(shell, summary);
    say(shell, ...linesOf(summary, flags.policy));
  } catch (error) {
    if (flags.out !== undefined) rmSync(flags.out, { force: true });
    throw error;
  } finally {
    if (out !== undefined) closeSync(out);
  }
}

/** @throws CliError naming the file and the field. */
function requestOf(flags: WhatIfFlags): WhatIfRequest {
  const { account: accounts, owner, team, promisor, from, until } = flags;
  const asked = {
    policy: policyIn(flags.policy),
    graceMinutes: numberOf(flags.graceMinutes),
    slice: { accounts, owner, team, promisor, from, until },
    knownAt: flags.knownAt,
  };
  const parsed = whatIfRequest.safeParse(asked, reporting);
  if (parsed.success) return parsed.data;
  const { errors } = invalid({ issues: parsed.error.issues, where: "body" });
  throw new CliError(exitCodes.usage, faultText(errors![0]!, flags.policy));
}

function policyIn(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw new CliError(exitCodes.usage, `${path} is not JSON`);
    const { code } = error as NodeJS.ErrnoException;
    throw new CliError(exitCodes.usage, code === "ENOENT" ? `there is no file ${path}` : `${path} can't be read (${code})`);
  }
}

const numberOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));

const flagNames: Record<string, string> = { accounts: "account", graceMinutes: "grace-minutes", knownAt: "known-at" };

function faultText({ field, reason }: { field: string; reason: string }, file: string): string {
  const [, part, ...rest] = field.split("/");
  const place = rest.map((each) => `/${each}`).join("");
  if (part === "policy") return place === "" ? `${file}: ${reason}` : `${file}: ${place}: ${reason}`;
  const name = part === "slice" ? rest[0]! : part!;
  return `--${flagNames[name] ?? name}: ${reason}`;
}

function newFile(path: string): number {
  try {
    return openSync(path, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new CliError(exitCodes.usage, `${path} is there already; nothing is overwritten`);
  }
}

const pollMs = 50;
const pageCount = 500;

async function answered(
  shell: Shell,
  ledger: OpenLedger,
  request: WhatIfRequest,
  out: number | undefined,
): Promise<WhatIfSummary> {
  const { whatIfs, host, store } = ledger;
  await host.ready;
  await host.caughtUp(store.log.head(), 600_000);
  const known = knownIn(ledger, request);
  whatIfs.hurry();
  const { id } = whatIfs.start(freshId("rpl", Date.now()), request, known);
  const progress = progressOn(shell);
  const ended = whatIfs.ended(id).then(() => true);
  while (!(await Promise.race([ended, delay(pollMs, false)]))) {
    const { phase, done, of } = whatIfs.get(id)!.progress;
    progress.at(done / of, phase === "building" ? `${done} of ${of} events` : `${done} of ${of} accounts`);
  }
  progress.end();
  const { summary, failure } = whatIfs.get(id) as WhatIfJob;
  if (summary === null) throw new Error(failure ?? "the replay ended without an answer");
  if (out !== undefined) write(whatIfs, id, out);
  return summary;
}

/** @throws CliError for a place where nothing is known. */
function knownIn({ readingDesk }: OpenLedger, request: WhatIfRequest): Known | undefined {
  try {
    return checkWhatIf(readingDesk, request);
  } catch (error) {
    throw error instanceof VantageError ? new CliError(exitCodes.usage, `--known-at: ${error.message}`) : error;
  }
}

function write(whatIfs: OpenLedger["whatIfs"], id: string, out: number): void {
  for (let place: DifferencePlace | null | undefined = undefined; place !== null;) {
    const { items, next } = whatIfs.differences(id, { after: place, limit: pageCount });
    if (items.length > 0) writeSync(out, `${items.join("\n")}\n`);
    place = next;
  }
}

function* linesOf(
  { basis, accounts, verdicts, trust, rapport, dormancy, keeping }: WhatIfSummary,
  file: string,
): Generator<string> {
  yield `Under ${file} instead of policy ${basis.policy}, as known at ${basis.size} events:`;
  yield `  accounts  ${accounts} compared`;
  yield `  verdicts  ${verdicts.changed} of ${verdicts.compared} differ`;
  for (const { before, after, times } of verdicts.moves) yield `    ${before} → ${after}: ${times}`;
  for (const { promise, occurrence, before, after, why } of verdicts.largest)
    yield `    ${promise} no. ${occurrence}: ${before.standing} → ${after.standing}, since ${why.map(({ text }) => text).join("; ")}`;
  yield `  trust     ${trust.changed} scores differ, ${trust.raised} higher and ${trust.lowered} lower`;
  for (const { account, direction, before, after } of trust.largest)
    yield `    ${account} ${direction}: ${before.score.toFixed(3)} → ${after.score.toFixed(3)}`;
  yield `  rapport   ${rapport.changed} differ`;
  yield `  dormancy  ${dormancy.changed} of ${dormancy.compared} accounts differ`;
  for (const { before, after, times } of dormancy.moves) if (before !== after) yield `    ${before} → ${after}: ${times}`;
  const { before, after } = keeping.all;
  yield `  keeping   ${rateText(before.rate)} → ${rateText(after.rate)} over all; ${keeping.changed} groups differ`;
}

const rateText = (rate: number | null): string => (rate === null ? "no rate" : `${(rate * 100).toFixed(1)} %`);
