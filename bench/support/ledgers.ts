/** Ledgers to measure on: made once, kept in the folder for temporary files, copied for whoever writes to them. */
import { createHash } from "node:crypto";
import { constants, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { eventSchemas } from "../../src/domain/catalogue.ts";
import { generate } from "../generate.ts";
import type { Portfolio } from "../portfolio.ts";

/** Changes with the seed and the commands of the portfolio, and with the events' schemas. */
function format(): string {
  const hash = createHash("sha256");
  for (const name of ["../portfolio.ts", "../generate.ts"]) hash.update(readFileSync(new URL(name, import.meta.url)));
  hash.update(JSON.stringify(Object.values(eventSchemas).map((schema) => z.toJSONSchema(schema, { unrepresentable: "any" }))));
  return hash.digest("hex").slice(0, 12);
}

/** The data folder of a portfolio's ledger. It is not to be written to. */
export async function portfolioLedger(portfolio: Portfolio): Promise<string> {
  const { accountCount, interactionCount, busyInteractionCount } = portfolio;
  const cache = join(tmpdir(), "troth-bench", `${format()}-${accountCount}-${interactionCount}-${busyInteractionCount}`);
  if (existsSync(cache)) return join(cache, "ledger");
  const making = `${cache}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  await generate(join(making, "ledger"), portfolio);
  try {
    renameSync(making, cache);
  } catch (error) {
    // Another benchmark was first with the same one.
    if (!existsSync(cache)) throw error;
    rmSync(making, { recursive: true });
  }
  return join(cache, "ledger");
}

/** Does something with a copy of a ledger, which is gone afterwards. */
export const onCopy = <Result>(folder: string, work: (copy: string) => Promise<Result>): Promise<Result> =>
  inScratch(async (scratch) => {
    for (const suffix of ["", ".keys"])
      cpSync(`${folder}${suffix}`, join(scratch, `ledger${suffix}`), { recursive: true, mode: constants.COPYFILE_FICLONE });
    return work(join(scratch, "ledger"));
  });

export async function inScratch<Result>(work: (folder: string) => Promise<Result> | Result): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), "troth-bench-run-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
