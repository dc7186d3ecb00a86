import { describe, expect, it } from "vitest";
import { coversAll, verifyCensusProof } from "../../src/audit/census.ts";
import { aFolder } from "../event-store/support/folder.ts";
import { aProcess } from "../event-store/support/processes.ts";
import { censusesIn, countAll, hashesOf, openCensus, recount } from "./support/census-files.ts";
import { killPoints } from "./support/census-process.ts";

describe("a process killed between counting, keeping the lines and putting the census on record", () => {
  it("leaves censuses that come out again, and the lines of the last one", async () => {
    const folder = aFolder();
    for (const [round, point] of killPoints.entries()) {
      const { exited } = aProcess("../../audit-log/support/census-process.ts", [folder, point, 3]);
      expect((await exited)[1], point).toBe("SIGKILL");
      const { store, book, lines, close } = openCensus(folder);
      countAll(book);
      const recorded = censusesIn(store);
      expect(recorded.length, point).toBeGreaterThanOrEqual(2 * (round + 1));
      expect(recorded).toEqual(recorded.map(({ treeSize }) => recount(store, treeSize)));
      const last = lines.latest()!;
      expect([book.isReady, book.contradicted, last.treeSize]).toEqual([true, undefined, recorded.at(-1)!.treeSize]);
      for (const account of [0, 1, 2, 3, 4].map((at) => `acc_${killPoints[0]}_${at}`)) {
        const own = hashesOf(store, account, last.treeSize);
        const proved = lines.proofOf(account);
        expect(proved === undefined || coversAll(verifyCensusProof(proved, last), own), account).toBe(true);
        expect(proved === undefined).toBe(own.length === 0);
      }
      await close();
    }
  });
});
