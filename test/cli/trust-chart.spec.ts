import { describe, expect, it } from "vitest";
import { shareBar } from "../../src/cli/chart/bar.ts";
import { scoreAt, trustChart, type TrustPoint } from "../../src/cli/chart/trust-chart.ts";
import { lookFor } from "../../src/cli/look.ts";

const plain = lookFor({ env: {}, out: { write: () => undefined } });
const ascii = { ...plain, ascii: true };

const point = (day: string, score: number, low: number, high: number, event = 0): TrustPoint => ({
  at: `${day}T00:00:00.000Z`,
  score,
  band: { low, high },
  change: { event },
});
const points = [point("2026-01-01", 0.5, 0, 1), point("2026-01-06", 1, 0.5, 1, 0.5), point("2026-01-11", 1, 0.5, 1)];

describe("a trust chart", () => {
  it("shows score, band and dates on aligned axes", () => {
    expect(trustChart(points, { width: 47, height: 5 }, ascii)).toEqual([
      " 1.00 |...................*********************",
      " 0.75 |...................*....................",
      " 0.50 |********************....................",
      " 0.25 |....................",
      " 0.00 |....................",
      "      ++--------------------------------------+",
      "       2026-01-01                    2026-01-11",
      "       * score   ... where it lies with 95 % certainty",
    ]);
  });

  it("draws the line in braille, two by four dots a letter", () => {
    const [top, , middle] = trustChart(points, { width: 47, height: 5 }, plain);
    expect(top).toMatch(/^ 1\.00 ┤░{19,20}[⠀-⣿]{20,21}$/);
    expect(middle).toMatch(/^ 0\.50 ┤[⠀-⣿]{20,21}░{19,20}$/);
  });

  it.each([64, 80, 96, 120])("is never wider than the terminal of %i columns", (width) => {
    for (const look of [plain, ascii])
      for (const line of trustChart(points, { width }, look)) expect([...line].length).toBeLessThanOrEqual(width);
  });

  it("keeps every row's axis in the same column", () => {
    const rows = trustChart(points, { width: 80 }, plain).slice(0, 13);
    expect(new Set(rows.map((row) => row.indexOf("┤")))).toEqual(new Set([6]));
  });

  it("can show a single point", () => {
    expect(trustChart(points.slice(0, 1), { width: 64 }, ascii).join("\n")).toContain("*");
  });
});

describe("the score between two outcomes", () => {
  it("drifts to where the next outcome found it, and jumps there", () => {
    const two = [point("2026-01-01", 0.8, 0, 1), point("2026-01-11", 0.7, 0, 1, 0.2)];
    expect(scoreAt(two, Date.parse("2026-01-06"))).toBeCloseTo(0.65);
    expect(scoreAt(two, Date.parse("2026-01-11"))).toBe(0.7);
    expect(scoreAt(two, Date.parse("2027-01-01"))).toBe(0.7);
    expect(scoreAt(two, Date.parse("2025-01-01"))).toBe(0.8);
  });
});

describe("a bar", () => {
  it.each([
    [0, "----------"],
    [0.139, "#---------"],
    [0.5, "#####-----"],
    [1.2, "##########"],
  ])("of %d", (share, bar) => expect(shareBar(share, 10, ascii)).toBe(bar));
});

describe("how output looks", () => {
  const terminal = { write: () => undefined, isTTY: true };
  const red = (env: Record<string, string>, out = terminal) => lookFor({ env, out }).bad("x");

  it("is coloured on a terminal alone, and not where NO_COLOR is set", () => {
    expect(red({})).toBe("\u001b[31mx\u001b[39m");
    expect(red({ NO_COLOR: "" })).toBe("\u001b[31mx\u001b[39m");
    expect(red({ NO_COLOR: "1" })).toBe("x");
    expect(red({ TERM: "dumb" })).toBe("x");
    expect(red({}, { ...terminal, isTTY: false })).toBe("x");
  });

  it("is ASCII in a locale that knows nothing else, or where it is asked for", () => {
    const isAscii = (env: Record<string, string>, forced = false) => lookFor({ env, out: terminal }, forced).ascii;
    expect(isAscii({ LANG: "C" })).toBe(true);
    expect(isAscii({ LANG: "C", LC_ALL: "en_US.UTF-8" })).toBe(false);
    expect(isAscii({ LANG: "de_DE.utf8" })).toBe(false);
    expect(isAscii({})).toBe(false);
    expect(isAscii({}, true)).toBe(true);
  });
});
