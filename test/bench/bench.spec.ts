import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

type Told = { title: string; circumstances: string; figures: { name: string; value: number | string }[] };

const run = async (name: string): Promise<Told> => {
  const path = fileURLToPath(new URL(`../../bench/${name}.bench.ts`, import.meta.url));
  // Most of their seconds would go into compiling the same modules in each of their processes.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "troth-bench", "compiled") };
  const { stdout } = await promisify(execFile)(process.execPath, [path, "--tiny", "--json"], { env, maxBuffer: 1_000_000 });
  return JSON.parse(stdout) as Told;
};

const valuesOf = ({ figures }: Told, part: string): (number | string)[] =>
  figures.filter(({ name }) => name.includes(part)).map(({ value }) => value);

describe("a benchmark with tiny inputs", () => {
  it.concurrent.each([
    "append",
    "history",
    "census",
    "whatif",
    "export",
    // Measures what ingest, batch and rebuild do.
    "scale",
    "audit-log",
    "erase",
    "verify",
  ])("%s runs to its end, with a ratio and a digest", { timeout: 120_000 }, async (name) => {
    const told = await run(name);
    expect(told.circumstances).toMatch(/cores.*Node v\d+.*commit/);
    const ratios = valuesOf(told, "ratio");
    expect(ratios.length).toBeGreaterThan(0);
    for (const ratio of ratios) expect(ratio).toBeGreaterThan(0);
    for (const digest of valuesOf(told, "digest")) expect(digest).toMatch(/^[0-9a-f]{16}$/);
    expect(valuesOf(told, "digest").length).toBeGreaterThan(0);
  });
});
