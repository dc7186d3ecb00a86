import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";

/** A script beside this file as a process of its own, killed at the latest when the test ends. */
export function aProcess(script: string, args: readonly (string | number)[]) {
  const child = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args.map(String)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit") as Promise<[code: number | null, signal: NodeJS.Signals | null]>;
  onTestFinished(() => killed(child, exited));
  return { child, exited, lines: createInterface({ input: child.stdout }) };
}

/** Kills a process as a power button would, and waits until the system has buried it and released its locks. */
export async function killed(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.kill("SIGKILL");
  await exited;
}
