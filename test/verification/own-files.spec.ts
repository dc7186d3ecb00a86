/** Slips of the auditor's own: they say nothing about the log, and must not read as an accusation. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leafHash } from "../../src/audit/hashing.ts";
import { inclusionProof } from "../../src/audit/merkle.ts";
import { formatReceipt } from "../../src/audit/receipt.ts";
import { formatVerifierKey, verifierOf } from "../../src/audit/verifier-key.ts";
import type { Auditor } from "../../src/verification/auditor.ts";
import { type BundleFile, UnusableError } from "../../src/verification/bundle-format.ts";
import { tarEnd, tarFile } from "../../src/verification/tar.ts";
import { runVerification, type VerifyOptions } from "../../src/verifier/run.ts";
import { bundleOf, headOf, policyOf, told, verified } from "./support/forgery.ts";
import { account, dossierOf, iso, key, reportOn, smallLog } from "./support/small-log.ts";

const log = smallLog();
const hashes = log.leaves.map(leafHash);
const { note } = headOf(log.leaves, key);
const receiptOf = (index: number) => formatReceipt({ index, proof: inclusionProof(hashes, index), note });

let folder: string;
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "troth-own-"));
  const files = await bundleOf(log.leaves, key);
  writeFileSync(at("log.tar"), Buffer.concat([...files.map(tarFile), tarEnd()]));
  writeFileSync(at("empty.tar"), tarEnd());
  writeFileSync(at("policy.txt"), `log ${formatVerifierKey(verifierOf(key))}\nquorum none\n`);
  writeFileSync(at("kept.head"), note);
  for (const index of [2, 4]) {
    writeFileSync(at(`${index}.receipt`), receiptOf(index));
    writeFileSync(at(`${index}.leaf`), log.leaves[index]!);
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = async (options: Partial<VerifyOptions>) => {
  const named = { bundle: at("log.tar"), policy: at("policy.txt"), ...options };
  const { code, unusable, report } = await runVerification(named, Readable.from([]), () => undefined);
  return { code, message: unusable ?? report!.findings.map(({ message }) => message).join("\n") };
};

describe("files that an auditor brings along", () => {
  it("are taken as they are", async () => {
    expect(await run({ since: [at("kept.head")], receipt: [at("2.receipt")], leaf: [at("2.leaf")] })).toEqual({
      ...{ code: 0, message: "" },
    });
  });

  it.each([
    ["a head with an empty line too many", { since: [{ name: "kept.head", note: Buffer.from(`${note}\n`) }] }],
    ["a head that is none", { since: [{ name: "kept.head", note: Buffer.from("<html>") }] }],
    ["a receipt that is none", { receipts: [{ name: "kept.receipt", receipt: Buffer.from("{}") }] }],
    [
      "a receipt whose head is none",
      { receipts: [{ name: "kept.receipt", receipt: Buffer.from(receiptOf(2).replace("troth/main\n", "troth/main\n\n")) }] },
    ],
  ])("are unusable, and contradict nothing: %s", async (_, own) => {
    await expect(reportOn(log, own)).rejects.toThrow(UnusableError);
  });

  it("go together by what they say, and not by their order", async () => {
    const receipt = [at("2.receipt"), at("4.receipt")];
    expect(await run({ receipt, leaf: [at("4.leaf")] })).toEqual({ code: 0, message: "" });
    expect(await run({ receipt, leaf: [at("4.leaf"), at("2.leaf")] })).toEqual({ code: 0, message: "" });
    expect(await run({ receipt, leaf: [at("kept.head")] })).toMatchObject({
      ...{ code: 2, message: expect.stringContaining("none of the receipts") as string },
    });
  });

  it("contradict where the only event is not that of the only receipt", async () => {
    expect(await run({ receipt: [at("2.receipt")], leaf: [at("4.leaf")] })).toMatchObject({ code: 1 });
  });
});

describe("what an auditor asks for", () => {
  it.each(["2026-02-31", "2026-02-31T00:00:00Z", "2026-13-01", "yesterday", "2026-01-31T10:00:00"])(
    "is no instant: %s",
    async (asOf) => expect(await run({ asOf })).toMatchObject({ code: 2 }),
  );

  it("is an instant in any zone", async () => expect((await run({ asOf: "2026-01-01T00:00:00+01:00" })).code).toBe(0));

  it("is no archive without any file", async () => expect(await run({ bundle: at("empty.tar") })).toMatchObject({ code: 2 }));
});

describe("a cosignature of a time that has not come", () => {
  const seen = async (cosignedAt: string, now: string) => {
    const head = headOf(log.leaves, key, Date.parse(cosignedAt) / 1_000);
    const report = await verified(await bundleOf(log.leaves, key, { head }), {
      ...{ policy: policyOf(key, "w"), now: iso(now) as never },
    });
    return { ...told(report), notes: report.notes.map(({ message }) => message).join("\n") };
  };

  it("counts for nothing, and is told", async () => {
    const { exitCode, messages, notes } = await seen("2199-01-01", "2026-06-01");
    expect({ exitCode, messages }).toMatchObject({ exitCode: 3, messages: expect.stringContaining("quorum") as string });
    expect(notes).toContain("2199-01-01T00:00:00.000Z, and your clock shows 2026-06-01T00:00:00.000Z");
  });

  it("counts where the auditor's clock may be slow", async () => {
    expect(await seen("2026-06-01T12:00Z", "2026-06-01")).toMatchObject({ exitCode: 0 });
  });
});

describe("a leaf of a time that has not come", () => {
  const ahead = smallLog();
  const late = ahead.pass("2026-01-20");
  ahead.pass("2026-01-31");
  const census = ahead.census("2026-01-31T01:00Z");
  const bundles: [string, () => Promise<BundleFile[]>][] = [
    ["the whole log", () => bundleOf(ahead.leaves, key)],
    ["a dossier", () => dossierOf(ahead, census)],
  ];
  const by = async (files: BundleFile[], now: string, more: Partial<Auditor> = {}) =>
    verified(files, { policy: policyOf(key), now: iso(now) as never, ...more });

  it.each(bundles)("is false: %s", async (what, files) => {
    const report = await by(await files(), "2026-01-05", { asOf: iso("2026-01-25") as never });
    const { exitCode, messages, leaf } = told(report);
    expect({ exitCode, leaf }).toEqual({ exitCode: 1, leaf: what === "a dossier" ? undefined : late });
    expect(messages).toContain("by your clock it is 2026-01-06T00:00:00.000Z at most");
    expect(messages).toContain("and you asked for 2026-01-25");
    expect(report.completeUpTo).toBe("2026-01-05T00:00:00.000Z");
  });

  it.each(bundles)("may be by a day, for a clock may be slow, and nothing is complete up to then: %s", async (_, files) => {
    const report = await by(await files(), "2026-01-30T12:00Z");
    expect(told(report)).toMatchObject({ exitCode: 0, messages: "" });
    expect(report.completeUpTo).toBe("2026-01-30T12:00:00.000Z");
    const asked = await by(await files(), "2026-01-30T12:00Z", { asOf: iso("2026-01-30T18:00Z") as never });
    expect(told(asked)).toMatchObject({ exitCode: 3 });
  });

  it.each([true, false])("is no matter where the clock had run ahead and was corrected: of a whole log %s", async (isLog) => {
    const log = smallLog();
    log.add("AccountChanged", `account-${account}`, { tags: ["a"] }, { at: "2026-03-01" });
    log.ledger("ClockCorrected", { logTime: iso("2026-01-04") }, "2026-01-04");
    const counted = log.census("2026-01-04T01:00Z");
    const files = isLog ? await bundleOf(log.leaves, key) : await dossierOf(log, counted);
    expect(told(await by(files, "2026-01-05"))).toMatchObject({ exitCode: 0, messages: "" });
    // For whoever does not say how late it is, a breach may have been due.
    expect(told(await verified(files, { policy: policyOf(key) }))).toMatchObject({ exitCode: 3 });
  });
});
