/** What the benchmarks share: medians, quantiles, and a line that says on what they ran. */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";

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

export const isTiny = process.argv.includes("--tiny");

/** Machine, Node and commit: without them a figure says nothing. */
export function circumstances(): string {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"]).toString().trim();
  return `${cpus().length} cores (${cpus()[0]?.model ?? "unknown"}), Node ${process.version}, commit ${commit}`;
}

export const residentMegabytes = (): number => process.memoryUsage().rss / 1_048_576;
