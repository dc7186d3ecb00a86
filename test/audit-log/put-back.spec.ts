import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseNote } from "../../src/audit/signed-note.ts";
import { cosign, openTreeHead } from "../../src/audit/tree-head.ts";
import { parseAddTreeHead } from "../../src/audit/witness.ts";
import { openWitnessStates } from "../../src/witness/states.ts";
import { east } from "../audit/log.examples.ts";
import { aFolder } from "../event-store/support/folder.ts";
import { anImpostor, aWitness, firstKeys, policyOf, type TestWitness, watchedLedger } from "./support/watched-ledger.ts";

/**
 * Data and keys go back to an earlier moment together, so that nothing of what was signed since is left on the machine: only a
 * witness knows. @returns the head that it saw last.
 */
async function putBack(): Promise<{ folder: string; policy: string; north: TestWitness; seen: { size: number; root: string } }> {
  const folder = aFolder();
  const keys = await firstKeys(folder);
  const north = await aWitness("north", join(folder, "north"), keys);
  const policy = policyOf([north]);
  const first = await watchedLedger(folder, policy);
  await first.openAccounts(2);
  await first.anchor();
  await first.stop();
  for (const part of ["data", "data.keys"]) cpSync(join(folder, part), join(folder, "backup", part), { recursive: true });
  const second = await watchedLedger(folder, policy);
  await second.openAccounts(10);
  const { anchored } = await second.anchor();
  await second.stop();
  for (const part of ["data", "data.keys"]) {
    rmSync(join(folder, part), { recursive: true });
    cpSync(join(folder, "backup", part), join(folder, part), { recursive: true });
  }
  return { folder, policy, north, seen: { size: anchored!.size, root: anchored!.root } };
}

const treeOf = async (url: string) => ((await (await fetch(`${url}/readyz`)).json()) as { tree: string }).tree;

describe("a ledger put back to an earlier moment, with its keys", () => {
  it.each([
    ["is behind what its witness saw", 0],
    ["has since grown past it in another way", 30],
  ])("signs nothing where it %s, until the break is declared and the witness forgets", async (_, accounts) => {
    const { folder, policy, north, seen } = await putBack();
    if (accounts > 0) {
      // Nobody watches, so nobody objects: this is what witnesses are for.
      const unwatched = await watchedLedger(folder);
      const [id] = await unwatched.openAccounts(accounts);
      await unwatched.text(`events/${id}/receipt`);
      await unwatched.stop();
    }
    const ledger = await watchedLedger(folder, policy);
    await expect.poll(() => treeOf(ledger.url), { timeout: 20_000 }).toBe("diverged");
    await ledger.openAccounts(1);
    const refused = await ledger.get("audit/checkpoint");
    const { code, detail } = (await refused.json()) as { code: string; detail: string };
    expect([refused.status, code]).toEqual([503, "log-diverged"]);
    expect(detail).toContain(`${seen.size} leaves with root ${seen.root}`);
    await ledger.stop();

    // The head lies beside the key now: the next start knows without any witness.
    await north.close();
    const alone = await watchedLedger(folder);
    await expect.poll(() => treeOf(alone.url), { timeout: 20_000 }).toBe("diverged");
    const wrong = await alone.post("audit/resume", { lastKnownHead: { ...seen, size: seen.size + 1 } });
    expect(((await wrong.json()) as { code: string }).code).toBe("known-head-differs");
    expect((await alone.post("audit/resume", { lastKnownHead: seen })).status).toBe(200);
    await expect.poll(() => treeOf(alone.url), { timeout: 20_000 }).toBe("running");
    const keys = await alone.keys();
    expect((await openTreeHead(await alone.text("audit/checkpoint"), keys)).size).toBeGreaterThan(2);
    await alone.stop();

    const back = await aWitness("north", north.folder!, keys, Number(new URL(north.url).port));
    const resumed = await watchedLedger(folder, policy);
    await resumed.openAccounts(1);
    expect((await resumed.anchor()).witnesses[0]!.failure).toContain("given up with resume-log");
    expect(await treeOf(resumed.url)).toBe("running");
    const states = openWitnessStates(join(back.folder!, "witness.db"));
    expect(states.forget(keys[0]!.name)?.size).toBe(seen.size);
    states.close();
    await resumed.openAccounts(1);
    const { anchored, witnesses } = await resumed.anchor();
    expect([anchored?.size, witnesses[0]!.failure]).toEqual([witnesses[0]!.size, null]);
  });

  it("goes on signing where no witness answers at the start, and stops once one does", async () => {
    const { folder, policy, north, seen } = await putBack();
    await north.close();
    const ledger = await watchedLedger(folder, policy);
    await ledger.openAccounts(1);
    await expect.poll(() => treeOf(ledger.url), { timeout: 20_000 }).toBe("running");
    await aWitness("north", north.folder!, await ledger.keys(), Number(new URL(north.url).port));
    await expect.poll(() => treeOf(ledger.url), { timeout: 20_000 }).toBe("diverged");
    const { detail } = (await (await ledger.get("audit/checkpoint")).json()) as { detail: string };
    expect(detail).toContain(`north.example/witness holds, of ${seen.size} leaves`);
  });
});

describe("the start of a ledger with witnesses", () => {
  it("signs nothing new before they have answered", async () => {
    const folder = aFolder();
    const [key] = await firstKeys(folder);
    let answer: (() => void) | undefined;
    const slow = await anImpostor("slow", east, (body, response) => {
      answer ??= () => response.end(cosign(parseNote(parseAddTreeHead(body).note).text, east, Math.floor(Date.now() / 1000)));
    });
    const ledger = await watchedLedger(folder, policyOf([slow]), { startMsMax: 60_000, offerMsMax: 60_000 });
    const [id] = await ledger.openAccounts(1);
    const receipt = async () => (await ledger.get(`events/${id}/receipt`)).status;
    // It waits for five seconds to be signed, as every receipt may.
    expect(await receipt()).toBe(503);
    const before = await openTreeHead(await ledger.text("audit/checkpoint"), [key!]);
    await expect.poll(() => answer).toBeDefined();
    answer!();
    await expect.poll(receipt, { timeout: 20_000 }).toBe(200);
    expect((await openTreeHead(await ledger.text("audit/checkpoint"), [key!])).size).toBeGreaterThan(before.size);
  });

  it("waits no longer than it may for one that does not answer", async () => {
    const folder = aFolder();
    await firstKeys(folder);
    const silent = await anImpostor("silent", east, () => undefined);
    const ledger = await watchedLedger(folder, policyOf([silent]), { startMsMax: 100, offerMsMax: 60_000 });
    const [id] = await ledger.openAccounts(1);
    await expect.poll(async () => (await ledger.get(`events/${id}/receipt`)).status, { timeout: 30_000 }).toBe(200);
  });
});
