/** The command line under test: as a process of its own, or in this one where many runs are needed. */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Readable } from "node:stream";
import { afterAll, onTestFinished } from "vitest";
import { runCli } from "../../../src/cli/program.ts";
import type { Shell } from "../../../src/cli/shell.ts";

export const root = resolve(import.meta.dirname, "../../..");
export const node = join(root, "node_modules/.bin/node");

export type Ran = { code: number | null; out: string; err: string };
/** `isInterrupted`: the signal comes as soon as anybody listens for it. For runs in this process. */
export type RunOptions = { env?: Record<string, string>; input?: string; isInterrupted?: boolean };

/** `troth` as a process. Its environment holds nothing of the tests' own that would change what it does. */
export function trothProcess(args: readonly string[], { env = {}, input = "" }: RunOptions = {}): Promise<Ran> {
  const child = spawn(node, [join(root, "src/troth.js"), ...args], {
    cwd: root,
    env: { PATH: process.env["PATH"], TMPDIR: tmpdir(), ...env },
  });
  const ran = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => void (ran.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => void (ran.err += chunk.toString()));
  child.stdin.end(input);
  return new Promise((done) => child.on("close", (code) => done({ code, ...ran })));
}

/** `troth` in this process. */
export async function troth(
  args: readonly string[],
  { env = {}, input = "", isInterrupted = false }: RunOptions = {},
): Promise<Ran> {
  const ran = { out: "", err: "" };
  const shell: Shell = {
    env,
    input: Readable.from([Buffer.from(input)]),
    out: { write: (text) => (ran.out += text) },
    err: { write: (text) => (ran.err += text) },
    exitCode: 0,
    onSignal: (handle) => (isInterrupted ? handle("SIGINT") : undefined),
    exitNow: (code) => {
      throw new Error(`ended at once with ${code}`);
    },
  };
  const code = await runCli(args, shell);
  return { code, ...ran };
}

/** A folder of its own for one test or suite, removed after it. */
export function scratchFolder(onEnd: (remove: () => void) => void = onTestFinished): string {
  const folder = mkdtempSync(join(tmpdir(), "troth-cli-"));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Collects what is to be removed after the suite that calls it. Inside its hooks it would be too late to ask for that. */
export function removedAtEnd(): (remove: () => void) => void {
  const removers: (() => void)[] = [];
  afterAll(() => {
    for (const remove of removers) remove();
  });
  return (remove) => void removers.push(remove);
}

/** A new ledger. @returns its data folder. */
export async function aLedger(onEnd?: (remove: () => void) => void): Promise<string> {
  const data = join(scratchFolder(onEnd), "data");
  const { code, err } = await troth(["init", "--data", data]);
  if (code !== 0) throw new Error(err);
  return data;
}

export const example = (name: string): string => join(root, "examples", name);

/** The same ledger again, with its keys, to be damaged without harm to others. */
export function copyOf(data: string): string {
  const copy = join(scratchFolder(), "data");
  cpSync(data, copy, { recursive: true });
  cpSync(`${data}.keys`, `${copy}.keys`, { recursive: true });
  return copy;
}

/** A new key of a ledger that nobody serves. @returns its secret. */
export async function aKey(data: string, ...scopes: string[]): Promise<string> {
  const { out, err } = await troth(["keys", "issue", "test", "--scope", ...scopes, "--data", data, "--json"]);
  if (out === "") throw new Error(err);
  return (JSON.parse(out) as { secret: string }).secret;
}
