/** What a promise kept late is still worth. Lateness counts from the due instant; grace does not shorten it. */
import { dayMs, hourMs, minuteMs } from "./values.ts";

/** A focal delay: the credit that is left there, and how sharply the piece that ends there bends. */
type Knot = { lateMs: number; credit: number; bend: number };

const onTime: Knot = { lateMs: 0, credit: 1, bend: 0 };
const knots: readonly Knot[] = [
  { lateMs: minuteMs, credit: 0.99999, bend: 300_000 },
  { lateMs: hourMs, credit: 0.999, bend: 3_000 },
  { lateMs: dayMs, credit: 0.99, bend: 548 },
  { lateMs: 7 * dayMs, credit: 0.9, bend: 32 },
  { lateMs: 30 * dayMs, credit: 0.5, bend: 5.4 },
  { lateMs: 365 * dayMs, credit: 0.1, bend: 4.2 },
  { lateMs: 3650 * dayMs, credit: 0.01, bend: 4 },
];

/**
 * Credit for keeping a promise late: continuous and strictly falling, with a steep drop after each focal delay
 * (a minute, an hour, a day, a week, a month, a year).
 *
 * @param latenessMs milliseconds after the due instant; on time or early where not positive.
 * @returns 1 when on time, in (0, 1) when late, 0 beyond 3,650 days.
 * @see the lateness function of commits.to (MIT); hyperbolic discounting between one focal delay and the next.
 */
export function latenessCredit(latenessMs: number): number {
  if (latenessMs <= 0) return 1;
  const next = knots.findIndex(({ lateMs }) => latenessMs <= lateMs);
  return next < 0 ? 0 : between(knots[next - 1] ?? onTime, knots[next]!, latenessMs);
}

/** The hyperbola through both knots. At the later one it gives that one's own credit, up to rounding. */
function between(from: Knot, to: Knot, latenessMs: number): number {
  const growth = (to.credit / from.credit) ** -to.bend - 1;
  const covered = (latenessMs - from.lateMs) / (to.lateMs - from.lateMs);
  return from.credit * (1 + growth * covered) ** (-1 / to.bend);
}
