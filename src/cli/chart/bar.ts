/** A share of a whole as a bar. */
import type { Look } from "../look.ts";

export function shareBar(share: number, width: number, { ascii, warn, good }: Look): string {
  const part = Math.round(Math.min(1, Math.max(0, share)) * width);
  const [of, rest] = ascii ? ["#", "-"] : ["█", "▒"];
  return warn(of.repeat(part)) + good(rest.repeat(width - part));
}
