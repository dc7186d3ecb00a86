/** What every subcommand that serves until a signal has in common. */
import { isIP } from "node:net";
import { prettyLog } from "./pretty-log.ts";
import type { Shell } from "./shell.ts";

export const levels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

export const isLoopback = (host: string): boolean =>
  host === "localhost" || (isIP(host) === 4 && host.startsWith("127.")) || host === "::1";

export function loggerOf(shell: Shell, { logLevel }: { logLevel?: string }) {
  const level = logLevel ?? shell.env["TROTH_LOG_LEVEL"] ?? "info";
  return shell.out.isTTY ? { level, stream: prettyLog(shell.out) } : { level };
}

/** Resolves at the first signal; the second ends the process. */
export function signalled(shell: Shell): Promise<void> {
  let isStopping = false;
  return new Promise((resolve) =>
    shell.onSignal((signal) => {
      if (isStopping) shell.exitNow(signal === "SIGINT" ? 130 : 143);
      isStopping = true;
      resolve();
    }),
  );
}
