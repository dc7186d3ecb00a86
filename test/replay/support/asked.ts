/** A question under another policy, put to a ledger in memory. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Instant } from "../../../src/domain/values.ts";
import { rebuildViews } from "../../../src/projections/rebuild.ts";
import { projections } from "../../../src/projections/registry.ts";
import {
  type Difference,
  difference,
  type DifferenceKind,
  type DifferencePlace,
  type Known,
  whatIfRequest,
  type WhatIfSummary,
  whatIfSummary,
} from "../../../src/replay/what-if.ts";
import { readDifferences } from "../../../src/replay/what-if-differences.ts";
import { differencesPath, runWhatIf, scratchPaths } from "../../../src/replay/what-if-run.ts";
import type { TestLedger } from "../../support/ledger.ts";

export type Asked = {
  summary: WhatIfSummary;
  differences: Difference[];
  of<Kind extends DifferenceKind>(kind: Kind): Extract<Difference, { kind: Kind }>[];
};

/** Answers and differences are held against their own schemas. */
export async function asked(
  { store: { log }, desk }: TestLedger,
  request: object,
  { now = desk.ledger.now(), known }: { now?: Instant; known?: Known } = {},
): Promise<Asked> {
  const folder = mkdtempSync(join(tmpdir(), "troth-what-if-"));
  try {
    const { path: viewsPath } = await rebuildViews(folder, log, projections);
    const workFolder = join(folder, "work");
    mkdirSync(workFolder);
    const parsed = whatIfRequest.parse(request);
    const input = { request: parsed, known, log, viewsPath, workFolder, now, onProgress: () => Promise.resolve() };
    const summary = whatIfSummary.parse(await runWhatIf(input));
    for (const path of scratchPaths(workFolder)) rmSync(path, { force: true });
    if (readdirSync(workFolder).length !== 1) throw new Error(`left behind: ${readdirSync(workFolder).join(", ")}`);
    const differences = everyDifference(differencesPath(workFolder));
    return {
      summary,
      differences,
      of: <Kind extends DifferenceKind>(kind: Kind) =>
        differences.filter((one) => one.kind === kind) as Extract<Difference, { kind: Kind }>[],
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** In pages of a size that leaves some over. */
function everyDifference(path: string): Difference[] {
  const found: Difference[] = [];
  for (let after: DifferencePlace | null | undefined = undefined; after !== null;) {
    const { items, next } = readDifferences(path, { after, limit: 3 });
    found.push(...items.map((text) => difference.parse(JSON.parse(text))));
    after = next;
  }
  return found;
}
