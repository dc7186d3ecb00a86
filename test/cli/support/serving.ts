/** A `troth` process that goes on running, with all that it said. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { node, root } from "./troth.ts";

const startMsMax = 30_000;

export type Serving = {
  url: string;
  child: ReturnType<typeof spawn>;
  out(): string;
  err(): string;
  /** Resolves once the process has said this. */
  said(text: string): Promise<void>;
  /** @returns the exit code, 128 and more for a signal that ended it. */
  stop(signal: NodeJS.Signals): Promise<number>;
};

/** Starts a server and waits until it listens. Killed at the latest when the test ends. */
export async function startTroth(args: readonly string[], env: Record<string, string> = {}): Promise<Serving> {
  const child = spawn(node, [join(root, "src/troth.js"), ...args], { cwd: root, env: { PATH: process.env["PATH"], ...env } });
  const heard = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => void (heard.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => void (heard.err += chunk.toString()));
  const exited = new Promise<number>((done) => child.on("close", (code, signal) => done(code ?? (signal === null ? 0 : 128))));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const said = async (text: string): Promise<void> => {
    const until = Date.now() + startMsMax;
    while (!`${heard.out}${heard.err}`.includes(text)) {
      if (Date.now() > until || child.exitCode !== null) throw new Error(`it never said "${text}": ${heard.out}${heard.err}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  };
  await said("/docs");
  return {
    url: /API {2}(http:\S+)\/v1/.exec(heard.err)![1]!,
    child,
    out: () => heard.out,
    err: () => heard.err,
    said,
    stop: (signal) => (child.kill(signal), exited),
  };
}
