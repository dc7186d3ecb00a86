/** Receipts that an auditor kept, held against a dossier: what it leaves out, and what is none of its business. */
import { describe, expect, it } from "vitest";
import { leafHash } from "../../src/audit/hashing.ts";
import { inclusionProof } from "../../src/audit/merkle.ts";
import { formatReceipt } from "../../src/audit/receipt.ts";
import { headOf, told } from "./support/forgery.ts";
import { dossierOf, key, reportOnDossier, smallLog } from "./support/small-log.ts";

const log = smallLog(null);
const before = log.visit("2026-01-05", { at: "2026-01-05" });
const census = log.census("2026-01-11");
const younger = log.visit("2026-01-20", { at: "2026-01-20" });
const others = log.pass("2026-01-21");
const hashes = log.leaves.map(leafHash);

const kept = (index: number, withLeaf: boolean) => {
  const { note } = headOf(log.leaves, key);
  const receipt = Buffer.from(formatReceipt({ index, proof: inclusionProof(hashes, index), note }));
  const one = { name: "kept.receipt", receipt };
  return { receipts: [withLeaf ? { ...one, leaf: log.leaves[index]! } : one] };
};
const outcomeOf = async (leftOut: readonly number[], receipts: ReturnType<typeof kept>) =>
  told(await reportOnDossier(await dossierOf(log, census, leftOut), receipts));

describe("a receipt that was kept, and a dossier", () => {
  it.each([before, younger])("agree where the dossier holds the event (leaf %i), with or without its text", async (index) => {
    for (const withLeaf of [true, false])
      expect(await outcomeOf([], kept(index, withLeaf))).toMatchObject({ exitCode: 0, messages: "" });
  });

  it("contradict each other where the dossier leaves out an event that the auditor holds, though no census counts it", async () => {
    expect(await outcomeOf([younger], kept(younger, true))).toEqual({
      ...{ exitCode: 1, checks: ["leaves"], leaf: younger },
      messages: expect.stringContaining("and the dossier leaves it out") as string,
    });
  });

  it("leave open whose event it is, where the auditor has the receipt alone", async () => {
    for (const [leftOut, index] of [
      [[younger], younger],
      [[], others],
    ] as const) {
      const { exitCode, checks, messages } = await outcomeOf(leftOut, kept(index, false));
      expect({ exitCode, checks }).toEqual({ exitCode: 3, checks: ["receipts"] });
      expect(messages).toContain(`does not hold leaf ${index}`);
    }
  });

  it("have nothing to do with each other where the event is another account's", async () => {
    expect(await outcomeOf([], kept(others, true))).toMatchObject({ exitCode: 0, messages: "" });
  });

  it("is refused where its event is not the one that it was given for", async () => {
    const [one] = kept(others, false).receipts;
    const receipts = { receipts: [{ ...one!, leaf: log.leaves[before]! }] };
    expect(await outcomeOf([], receipts)).toMatchObject({ exitCode: 1, checks: ["receipts"] });
  });
});
