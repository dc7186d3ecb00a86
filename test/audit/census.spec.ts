import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Census,
  CensusCounter,
  coversAll,
  decodeCensusLine,
  encodeCensusLine,
  verifyCensusProof,
} from "../../src/audit/census.ts";
import { emptyRoot, leafHash } from "../../src/audit/hashing.ts";
import { rootHash } from "../../src/audit/merkle.ts";
import { auditError, flipped, hex, leafHashes } from "./log.examples.ts";

const leaves = leafHashes(100);

/** The definition: all leaf hashes of each account, in log order. */
function byAccount(log: readonly string[]): Map<string, Uint8Array[]> {
  const found = new Map<string, Uint8Array[]>();
  for (const [index, account] of log.entries()) found.set(account, [...(found.get(account) ?? []), leaves[index]!]);
  return found;
}

function countedOf(log: readonly string[], counter = new CensusCounter(), from = 0): CensusCounter {
  for (const [index, account] of log.entries()) if (index >= from) counter.add(account, leaves[index]!);
  return counter;
}

const logs = fc.array(fc.constantFrom("acc_a", "acc_b", "acc_B", "acc_10", "acc_9", "acc_é", "acc_aa"), { maxLength: 100 });

describe("a census", () => {
  it("has a line for each account, in order of id, and the root over them", () => {
    fc.assert(
      fc.property(logs, (log) => {
        const census = countedOf(log).census();
        const expected = [...byAccount(log)]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([account, own]) => ({ account, events: own.length, root: rootHash(own) }));
        expect(census.lines.map(({ root, ...line }) => [line, hex(root)])).toEqual(
          expected.map(({ root, ...line }) => [line, hex(root)]),
        );
        expect(hex(census.root)).toBe(hex(rootHash(expected.map((line) => leafHash(encodeCensusLine(line))))));
        expect(census.accounts).toBe(expected.length);
      }),
    );
  });

  it("is the same when counting goes on from what was stored", () => {
    fc.assert(
      fc.property(logs, fc.nat(100), (log, cut) => {
        const stored = structuredClone([...countedOf(log.slice(0, cut)).counts()]);
        const resumed = countedOf(log, CensusCounter.of(stored), Math.min(cut, log.length));
        expect(hex(resumed.census().root)).toBe(hex(countedOf(log).census().root));
      }),
    );
  });

  it("writes each line as canonical JSON", () => {
    const line = { account: "acc_1", events: 2, root: rootHash(leaves.slice(0, 2)) };
    const root = Buffer.from(line.root).toString("base64");
    expect(Buffer.from(encodeCensusLine(line)).toString()).toBe(`{"account":"acc_1","events":2,"root":"${root}"}`);
    const read = decodeCensusLine(encodeCensusLine(line));
    expect([read.account, read.events, hex(read.root)]).toEqual(["acc_1", 2, hex(line.root)]);
  });

  it("proves the line of every account, and of no other", async () => {
    const log = Array.from({ length: 100 }, (_, at) => `acc_${at % 17}`);
    const census = countedOf(log).census();
    expect(census.proofOf("acc_99")).toBeUndefined();
    expect(census.proofOf("")).toBeUndefined();
    for (const [account, own] of byAccount(log)) {
      const proof = census.proofOf(account)!;
      const line = verifyCensusProof(proof, census);
      expect([line.account, line.events]).toEqual([account, own.length]);
      expect(coversAll(line, own)).toBe(true);
      expect(coversAll(line, own.slice(1))).toBe(false);
      expect(coversAll(line, own.toReversed())).toBe(false);
      expect(coversAll(line, [...own, leaves[0]!])).toBe(false);
      const failed = { code: "proof-failed" };
      expect(
        await auditError(() => verifyCensusProof(proof, { ...census, accounts: 17, root: flipped(census.root, 9) })),
      ).toEqual(failed);
      expect(await auditError(() => verifyCensusProof(proof, { accounts: 18, root: census.root }))).toEqual(failed);
      expect(await auditError(() => verifyCensusProof({ ...proof, accounts: 33 }, { accounts: 33, root: census.root }))).toEqual(
        failed,
      );
      expect(await auditError(() => verifyCensusProof({ ...proof, index: proof.index ^ 1 }, census))).toEqual(failed);
      for (const [at, hash] of proof.proof.entries()) {
        const changed = { ...proof, proof: proof.proof.with(at, flipped(hash, at)) };
        expect(await auditError(() => verifyCensusProof(changed, census))).toEqual(failed);
      }
      const bigger = encodeCensusLine({ ...line, events: line.events + 1 });
      expect(await auditError(() => verifyCensusProof({ ...proof, line: bigger }, census))).toEqual(failed);
    }
  });

  it("is that of the empty tree where there is no account", () => {
    expect(hex(new CensusCounter().census().root)).toBe(hex(emptyRoot()));
    expect([...new CensusCounter().counts(["acc_1"])]).toEqual([]);
  });

  it("stands as it was when counting goes on, and so does what was stored", () => {
    const counter = countedOf(["acc_1", "acc_2"]);
    const [census, counts] = [counter.census(), [...counter.counts()]];
    const state = () => [hex(census.root), census.accounts, ...counts.map(({ events, hashes }) => [events, ...hashes.map(hex)])];
    const before = state();
    countedOf(["acc_1", "acc_1", "acc_3"], counter);
    expect(state()).toEqual(before);
  });

  it("does not cover leaves of another number, whatever its root", () => {
    const [root, own] = [rootHash(leaves, 3), leaves.slice(0, 3)];
    expect(coversAll({ account: "acc_1", events: 3, root }, own)).toBe(true);
    expect(coversAll({ account: "acc_1", events: 4, root }, own)).toBe(false);
  });

  it("refuses an account that comes twice", () => {
    const line = { account: "acc_1", events: 1, root: leaves[0]! };
    expect(() => new Census([line, { ...line, events: 2 }])).toThrow(RangeError);
    expect(() => CensusCounter.of([{ account: "acc_1", events: 3, hashes: [leaves[0]!] }])).toThrow(RangeError);
  });

  const good = Buffer.from(encodeCensusLine({ account: "acc_1", events: 2, root: emptyRoot() })).toString();
  it.each([
    "",
    "null",
    "[]",
    "{}",
    ` ${good}`,
    `${good}\n`,
    good.replace('"events":2,', ""),
    good.replace('"events":2', '"events":2.0'),
    good.replace('"events":2', '"events":0'),
    good.replace('"events":2', '"events":-1'),
    good.replace('"events":2', '"events":"2"'),
    good.replace('"events":2', '"events":9007199254740992'),
    good.replace("}", ',"extra":1}'),
    good.replace('"account":"acc_1",', '"account":"acc_1","account":"acc_1",'),
    good.replace("acc_1", "acc\\u005f1"),
    good.replace("acc_1", "\\ud800"),
    good.replace(/"root":".{4}/, '"root":"'),
    `{"events":2,${good.slice(1).replace('"events":2,', "")}`,
    "[".repeat(100_000),
  ])("refuses the line %j", async (odd) => {
    expect(await auditError(() => decodeCensusLine(Buffer.from(odd)))).toEqual({ code: "malformed-census" });
  });
});
