/** How output looks: colours on a terminal that wants them, and letters that it can show. */
import type { Shell } from "./shell.ts";

export type Paint = (text: string) => string;
export type Look = {
  ascii: boolean;
  bold: Paint;
  dim: Paint;
  good: Paint;
  warn: Paint;
  bad: Paint;
  accent: Paint;
};

const plain: Paint = (text) => text;
const painted =
  (code: number, end: number): Paint =>
  (text) =>
    `\u001b[${code}m${text}\u001b[${end}m`;

export function lookFor({ env, out }: Pick<Shell, "env" | "out">, forcedAscii = false): Look {
  const ascii = forcedAscii || env["TERM"] === "dumb" || isAsciiLocale(env);
  // @see https://no-color.org: set to anything but the empty string, it means no colour.
  const isColoured = out.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  if (!isColoured) return { ascii, bold: plain, dim: plain, good: plain, warn: plain, bad: plain, accent: plain };
  return {
    ascii,
    bold: painted(1, 22),
    dim: painted(2, 22),
    good: painted(32, 39),
    warn: painted(33, 39),
    bad: painted(31, 39),
    accent: painted(36, 39),
  };
}

/** No locale at all says nothing: such an environment is mostly a container with a terminal that shows anything. */
function isAsciiLocale(env: Shell["env"]): boolean {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"];
  return locale !== undefined && locale !== "" && !/utf-?8/i.test(locale);
}

const widthMin = 64;
const widthMax = 120;
export const widthOf = ({ out }: Pick<Shell, "out">): number => Math.min(widthMax, Math.max(widthMin, out.columns ?? 96));
