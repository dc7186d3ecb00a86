/** Log lines for the eye, where a person watches. Elsewhere they stay JSON. */
import type { Output } from "./shell.ts";

type Line = {
  time?: number;
  level?: number;
  msg?: string;
  method?: string;
  route?: string;
  status?: number;
  ms?: number;
  key?: string;
  [more: string]: unknown;
};

const levels: Record<number, string> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };
/** Said once by pino on every line, and of no interest to who sits before it. */
const left = new Set(["time", "level", "msg", "pid", "hostname", "method", "route", "status", "ms", "key", "correlation"]);

export const prettyLog = (out: Output): { write(line: string): void } => ({
  write: (line) => void out.write(`${prettyLine(line)}\n`),
});

export function prettyLine(text: string): string {
  let line: Line;
  try {
    line = JSON.parse(text) as Line;
  } catch {
    return text.trimEnd();
  }
  const time = new Date(line.time ?? 0).toISOString().slice(11, 23);
  const level = (levels[line.level ?? 30] ?? "info").padEnd(5);
  const said =
    line.method === undefined ? (line.msg ?? "") : `${line.method} ${line.route} ${line.status} ${line.ms} ms ${line.key ?? ""}`;
  const more = Object.entries(line).filter(([name, value]) => !left.has(name) && value !== undefined);
  return [time, level, said.trimEnd(), ...more.map(([name, value]) => `${name}=${JSON.stringify(value)}`)].join(" ");
}
