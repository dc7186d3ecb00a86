/** A trust timeline drawn with letters: the score as a line, its 95 % band behind it, dates below. */
import type { Look } from "../look.ts";
import { BrailleLine } from "./braille-line.ts";

export type TrustPoint = {
  at: string;
  score: number;
  band: { low: number; high: number };
  /** Of the change since the point before, what the outcome itself did; the rest is forgetting. */
  change: { event: number };
};

export type ChartSize = { width: number; height?: number };

const labelWidth = 5;
const heightUsual = 13;

/**
 * @param points in order of time; at least one.
 * @returns lines of at most `size.width` letters, colours not counted.
 */
export function trustChart(points: readonly TrustPoint[], { width, height = heightUsual }: ChartSize, look: Look): string[] {
  const columns = width - labelWidth - 2;
  const time = timeline(points, columns);
  const cells = [...lineCells(points, time, columns, height, look.ascii)];
  const inBand = bandOver(points, time, height);
  const rows = Array.from({ length: height }, (_, row) => {
    const body = Array.from({ length: columns }, (_, column) => {
      const line = cells[row * columns + column];
      if (line !== undefined) return look.good(line);
      return inBand(row, column) ? look.dim(look.ascii ? "." : "░") : " ";
    });
    return `${axisLabel(row, height)} ${look.ascii ? "|" : "┤"}${joined(body)}`;
  });
  return [...rows, ...dateAxis(time, columns, look.ascii), legend(look)].map((line) => line.trimEnd());
}

/** Runs of equally painted letters stay readable as text; only blanks at the end are dropped. */
const joined = (cells: string[]): string => cells.join("");

type Timeline = { fromMs: number; toMs: number; msAt(column: number): number };

function timeline(points: readonly TrustPoint[], columns: number): Timeline {
  const fromMs = Date.parse(points[0]!.at);
  const toMs = Math.max(Date.parse(points.at(-1)!.at), fromMs + 1);
  return { fromMs, toMs, msAt: (column) => fromMs + ((toMs - fromMs) * column) / Math.max(1, columns - 1) };
}

/** Labels where a quarter falls on a row. */
function axisLabel(row: number, height: number): string {
  const value = 1 - row / (height - 1);
  return (Math.abs(value * 4 - Math.round(value * 4)) < 1e-9 ? value.toFixed(2) : "").padStart(labelWidth);
}

function lineCells(
  points: readonly TrustPoint[],
  time: Timeline,
  columns: number,
  height: number,
  ascii: boolean,
): (string | undefined)[] {
  const line = new BrailleLine(columns, height, ascii);
  for (let dot = 0; dot < columns * 2; dot += 1) line.to(dot, scoreAt(points, time.msAt(dot / 2)));
  return line.cells();
}

/** Between two outcomes the score drifts from where the first left it to where the second found it. */
export function scoreAt(points: readonly TrustPoint[], ms: number): number {
  const index = indexAt(points, ms);
  const here = points[index]!;
  const next = points[index + 1];
  if (next === undefined) return here.score;
  const [from, to] = [Date.parse(here.at), Date.parse(next.at)];
  const share = to === from ? 1 : Math.min(1, Math.max(0, (ms - from) / (to - from)));
  return here.score + (next.score - next.change.event - here.score) * share;
}

/** The last point at or before an instant, else the first. */
function indexAt(points: readonly TrustPoint[], ms: number): number {
  const after = points.findIndex(({ at }) => Date.parse(at) > ms);
  return after === -1 ? points.length - 1 : Math.max(0, after - 1);
}

function bandOver(points: readonly TrustPoint[], time: Timeline, height: number): (row: number, column: number) => boolean {
  return (row, column) => {
    const { band } = points[indexAt(points, time.msAt(column))]!;
    const value = 1 - row / (height - 1);
    const half = 0.5 / (height - 1);
    return value + half > band.low && value - half < band.high;
  };
}

const dateWidth = 10;

function dateAxis({ msAt }: Timeline, columns: number, ascii: boolean): string[] {
  const count = Math.max(2, Math.floor(columns / (dateWidth + 8)));
  const ticks = Array.from({ length: count }, (_, index) => Math.round(((columns - 1) * index) / (count - 1)));
  const [corner, dash, tick] = ascii ? ["+", "-", "+"] : ["└", "─", "┬"];
  const rule = Array.from({ length: columns }, (_, column) => (ticks.includes(column) ? tick : dash)).join("");
  let dates = "";
  for (const column of ticks) {
    const start = Math.min(Math.max(0, column - dateWidth / 2), columns - dateWidth);
    dates = dates.padEnd(start) + new Date(msAt(column)).toISOString().slice(0, dateWidth);
  }
  const margin = " ".repeat(labelWidth + 1);
  return [`${margin}${corner}${rule}`, `${margin} ${dates}`];
}

const legend = ({ ascii, good, dim }: Look): string =>
  `${" ".repeat(labelWidth + 2)}${good(ascii ? "*" : "⠤⠤")} score   ${dim(ascii ? "..." : "░░░")} where it lies with 95 % certainty`;
