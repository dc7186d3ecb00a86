/** Taking a census: counting every account's events, and putting the root on record so that nothing can be left out afterwards. */
import { z } from "zod";
import { type CensusFigures, ledgerRecord } from "../domain/ledger-record.ts";
import { CensusBehindError, type CensusCount } from "../transparency/census.ts";
import type { CommandMeta } from "../ledger/ledger.ts";
import { type Acknowledged, defineCommand, type Desk, metaOf, noParams, requireUnbound } from "./command.ts";

const figuresOf = ({ treeSize, accounts, root }: CensusCount): CensusFigures => ({
  treeSize,
  accounts,
  root: Buffer.from(root).toString("base64"),
});

/**
 * Counts the log and records the census, or answers with the last one where only heads and censuses came since. A log that does
 * not bear out what was signed is not counted on record: a tree head of its size is signed first.
 *
 * @throws LogDivergedError, TreeBehindError, CensusBehindError; as `Ledger.handle`.
 */
export async function takeCensusAs(desk: Desk, meta: Omit<CommandMeta, "expectedRevision">): Promise<Acknowledged> {
  if (desk.census === undefined) throw new CensusBehindError(0);
  const handled = await desk.census.take(async (count) => {
    await desk.auditLog?.treeHeadOf(count.treeSize);
    const census = figuresOf(count);
    // The size names the census: two that count at once come to one event.
    const identity = meta.identity ?? { scope: "census", key: String(census.treeSize), fingerprint: census.root };
    const command = { type: "RecordCensus" as const, census, at: desk.ledger.now() };
    return desk.ledger.handle(ledgerRecord, "ledger", command, { ...meta, identity });
  });
  return { ...handled, id: "ledger" };
}

export const takeCensus = defineCommand({
  name: "take-census",
  method: "POST",
  path: "/audit/census",
  tag: "Ledger",
  summary: "Count every account's events and put the root on record",
  description:
    "Proof that nothing was left out: whoever has the log counts again and must come to the same root, and an account's line in it shows how many events there are. Taken once a day by itself. Adds nothing where only tree heads and censuses came since the last one.",
  scope: "audit",
  params: noParams,
  body: z.strictObject({}),
  example: {},
  refusals: ["not-your-part"],
  waits: ["log-diverged", "tree-behind", "census-behind"],
  async run(desk, request) {
    requireUnbound(request.caller);
    const { actor, correlation, identity } = metaOf("take-census", desk, request);
    return takeCensusAs(desk, { actor, correlation, identity });
  },
});
