/** A real server in a process of its own, on a free port of this machine. */
import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const root = resolve(import.meta.dirname, "../..");
const startTimeoutMs = 90_000;

export type RunningServer = { url: string; secret: string; pid: number; stop(signal?: NodeJS.Signals): Promise<number | null> };

/**
 * Starts `troth serve` on a folder, which is made where it is missing.
 *
 * @param secret of an earlier start on the same folder.
 * @param env variables beside those of this process.
 */
export async function runningServer(folder: string, secret = "", env: Record<string, string> = {}): Promise<RunningServer> {
  const child = spawn(join(root, "node_modules/.bin/node"), ["src/main.ts", "serve", "--data", folder, "--port", "0"], {
    cwd: root,
    env: { ...process.env, ...env },
  });
  let said = "";
  const exited = new Promise<number | null>((done) => child.on("close", done));
  const url = await new Promise<string>((found, failed) => {
    const timer = setTimeout(() => failed(new Error(`no server within ${startTimeoutMs} ms: ${said}`)), startTimeoutMs);
    const listen = (chunk: Buffer) => {
      said += chunk.toString();
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
      if (address === undefined) return;
      clearTimeout(timer);
      found(address);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    void exited.then((code) => failed(new Error(`the server ended with ${code}: ${said}`)));
  });
  // Just started on a busy machine, it may take its own start for overload: specs are about what it does once it keeps up.
  while ((await fetch(`${url}/v1/accounts`)).status === 503) await delay(100);
  return {
    url,
    secret: /troth_key_[0-9a-z]+_[\w-]+/.exec(said)?.[0] ?? secret,
    pid: child.pid!,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      return exited;
    },
  };
}

const passing = ["overloaded", "views-behind", "tree-behind"];

/** Asks again while the machine, which specs share, is too busy for an answer; nothing is recorded by what is refused so. */
export async function patiently(url: string, init?: RequestInit): Promise<Response> {
  for (;;) {
    const answer = await fetch(url, init);
    if (answer.status !== 503) return answer;
    const { code } = (await answer.clone().json()) as { code: string };
    if (!passing.includes(code)) return answer;
    await delay(100);
  }
}
