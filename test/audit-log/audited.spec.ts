import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatVerifierKey } from "../../src/audit/verifier-key.ts";
import { troth } from "../cli/support/troth.ts";
import { aFolder } from "../event-store/support/folder.ts";
import { aWitness, firstKeys, policyOf, watchedLedger } from "./support/watched-ledger.ts";

describe("the bundle of a ledger with two witnesses, whose key was rotated", () => {
  it("verifies for an auditor with the first key and both witnesses, and for nobody who trusts other ones", async () => {
    const folder = aFolder();
    const keys = await firstKeys(folder);
    const witnesses = [
      await aWitness("north", join(folder, "north"), keys),
      await aWitness("south", join(folder, "south"), keys),
    ];
    const ledger = await watchedLedger(folder, policyOf(witnesses));
    await ledger.openAccounts(3);
    await ledger.anchor();
    const kept = join(folder, "kept-head.txt");
    writeFileSync(kept, await ledger.text("audit/anchored"));
    const [id] = await ledger.openAccounts(1);
    const receipt = join(folder, "event.receipt");
    writeFileSync(receipt, await ledger.text(`events/${id}/receipt`));
    await expect
      .poll(async () => (await ledger.post("audit/rotate-key", { oldKeyUntil: new Date(Date.now() + 60_000) })).status)
      .toBe(200);
    await ledger.openAccounts(3);
    await ledger.anchor();
    await ledger.stop();

    const bundle = join(folder, "log.tar");
    const written = await troth(["bundle", "--data", join(folder, "data"), "--out", bundle, "--head", "cosigned"]);
    expect(written.code, written.err).toBe(0);
    const verified = async (logKey: string, policy: string) => {
      const file = join(folder, "policy.txt");
      writeFileSync(file, `log ${logKey}\n${policy}`);
      return troth(["verify", bundle, "--policy", file, "--since", kept, "--receipt", receipt, "--json"]);
    };
    const first = formatVerifierKey(keys[0]!);
    const sound = await verified(first, policyOf(witnesses));
    expect(sound.code, sound.out + sound.err).toBe(0);
    expect(sound.out).toContain("key");
    const stranger = await aWitness("stranger", join(folder, "stranger"), keys);
    expect((await verified(first, policyOf([...witnesses, stranger]))).code).toBe(3);
    expect((await verified(first, policyOf([...witnesses, stranger], 2))).code).toBe(0);
  });
});
