/** What the benchmarks share: medians, quantiles, flags, and how figures are told. */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { parseArgs } from "node:util";

export const quantile = (values: readonly number[], share: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
};
export const median = (values: readonly number[]): number => quantile(values, 0.5);

export async function timed<Result>(work: () => Promise<Result> | Result): Promise<{ seconds: number; result: Result }> {
  const before = performance.now();
  const result = await work();
  return { seconds: (performance.now() - before) / 1_000, result };
}

/** Machine, Node and commit: without them a figure says nothing. */
export function circumstances(): string {
  return `${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), Node ${process.version}, commit ${commit()}`;
}

function commit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], { stdio: ["ignore", "pipe", "ignore"] })
      .toString()
      .trim();
  } catch {
    return "unknown";
  }
}

/**
 * Flags of a benchmark: `--tiny` for inputs that take seconds, `--json` and `--markdown` for how the figures are told, and
 * one for each number that may be set.
 *
 * @param numbers the usual value of each, and its tiny one.
 */
export function flagsOf<Name extends string>(
  numbers: Record<Name, readonly [usual: number, tiny: number]>,
): Record<Name, number> & { profile: string | undefined } {
  const names = Object.keys(numbers) as Name[];
  const { values } = parseArgs({
    options: {
      ...{ tiny: { type: "boolean" }, json: { type: "boolean" }, markdown: { type: "boolean" }, profile: { type: "string" } },
      ...Object.fromEntries(names.map((name) => [name, { type: "string" as const }])),
    },
  });
  const given = values as Record<string, string | boolean | undefined>;
  const numberOf = (name: Name): number => Number(given[name] ?? numbers[name][given["tiny"] === true ? 1 : 0]);
  const read = Object.fromEntries(names.map((name) => [name, numberOf(name)])) as Record<Name, number>;
  return { ...read, profile: given["profile"] as string | undefined };
}

export type Figure = {
  name: string;
  value: number | string;
  unit?: string;
  /** What the design asks for: at least, or at most. */
  target?: string;
};

const has = (flag: string): boolean => process.argv.includes(flag);

/** Prints what was measured: for people, or as JSON or a Markdown table for `RESULTS.md`. */
export function tell(title: string, options: Record<string, unknown>, figures: readonly Figure[]): void {
  if (has("--json")) {
    console.log(JSON.stringify({ title, circumstances: circumstances(), options, figures }, undefined, 2));
    return;
  }
  const texts = figures.map(({ name, value, unit = "", target = "" }) => [name, `${shown(value)} ${unit}`.trim(), target]);
  const settings = Object.entries(options).filter(([, value]) => value !== undefined);
  const said = `${settings.map(([name, value]) => `${name} ${String(value)}`).join(", ")}; ${circumstances()}`;
  if (has("--markdown")) {
    console.log(`### ${title}\n\n${said}\n\n| Figure | Value | Target |\n| --- | ---: | --- |`);
    for (const cells of texts) console.log(`| ${cells.join(" | ")} |`);
    return;
  }
  console.log(`${title}: ${said}`);
  for (const [name, value, target] of texts)
    console.log(`  ${name!.padEnd(58)}${value!.padStart(20)}${target === "" ? "" : `   target ${target}`}`);
}

function shown(value: number | string): string {
  if (typeof value === "string") return value;
  if (Number.isInteger(value) || Math.abs(value) >= 1_000) return value.toFixed(0);
  return value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}
