import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { type Anchor, verifyAnchor } from "../../src/audit/anchor.ts";
import { openUnderPolicy, parsePolicy } from "../../src/audit/policy.ts";
import { verifyReceipt } from "../../src/audit/receipt.ts";
import { parseNote } from "../../src/audit/signed-note.ts";
import { cosign } from "../../src/audit/tree-head.ts";
import { formatVerifierKey } from "../../src/audit/verifier-key.ts";
import { formatAddTreeHead, parseAddTreeHead } from "../../src/audit/witness.ts";
import { east, west } from "../audit/log.examples.ts";
import { filesInTar } from "../../src/verification/tar.ts";
import { verifyBundle } from "../../src/verification/verify.ts";
import { troth } from "../cli/support/troth.ts";
import { aFolder } from "../event-store/support/folder.ts";
import { told } from "../verification/support/forgery.ts";
import { send } from "../witness/support/heads.ts";
import {
  anImpostor,
  aWitness,
  firstKeys,
  policyOf,
  type TestWitness,
  type WatchedLedger,
  watchedLedger,
} from "./support/watched-ledger.ts";

async function twoWitnesses(folder: string): Promise<[TestWitness, TestWitness]> {
  const keys = await firstKeys(folder);
  return [await aWitness("north", join(folder, "north"), keys), await aWitness("south", join(folder, "south"), keys)];
}

const anchoredSize = async (ledger: WatchedLedger) => (await ledger.get("audit/anchored")).status;
const nowSeconds = () => Math.floor(Date.now() / 1000);

describe("a ledger with two witnesses, both of whom must see a head", () => {
  it("has its heads seen as they come, and says so in the log", async () => {
    const folder = aFolder();
    const witnesses = await twoWitnesses(folder);
    const policy = policyOf(witnesses);
    const ledger = await watchedLedger(folder, policy);
    await expect.poll(() => anchoredSize(ledger), { timeout: 20_000 }).toBe(200);
    await expect
      .poll(async () => (await ledger.events("TreeHeadAnchored")).length, { timeout: 20_000 })
      .toBeGreaterThanOrEqual(2);

    const trusting = parsePolicy(`log ${formatVerifierKey((await ledger.keys())[0]!)}\n${policy}`);
    const { treeHead, quorum } = await openUnderPolicy(await ledger.text("audit/anchored"), trusting);
    expect(treeHead.cosignatures).toHaveLength(2);
    expect(quorum.met && nowSeconds() - quorum.time!).toBeLessThan(60);
    for (const { data, stream } of await ledger.events("TreeHeadAnchored")) {
      const anchor = data as unknown as Anchor;
      expect(stream).toBe(`anchor-${anchor.size}`);
      const { time } = await verifyAnchor(
        anchor,
        witnesses.map(({ key }) => key),
      );
      expect(nowSeconds() - time).toBeLessThan(60);
    }
  });

  it("offers nothing while nothing but its own anchors is new", async () => {
    const folder = aFolder();
    const ledger = await watchedLedger(folder, policyOf(await twoWitnesses(folder)));
    await ledger.openAccounts(3);
    const { anchored } = await ledger.anchor();
    const before = (await ledger.events("TreeHeadAnchored")).length;
    expect(await ledger.anchor()).toMatchObject({ anchored });
    await delay(500); // Ten periods in which a head could be offered.
    expect(await ledger.events("TreeHeadAnchored")).toHaveLength(before);
    await ledger.openAccounts(1);
    await expect.poll(async () => (await ledger.events("TreeHeadAnchored")).length, { timeout: 20_000 }).toBe(before + 2);
  });

  it("hands out bundles that end at what they have seen, over HTTP and beside the server", async () => {
    const folder = aFolder();
    const policy = policyOf(await twoWitnesses(folder));
    const ledger = await watchedLedger(folder, policy, { everyMs: 3_600_000 });
    await ledger.openAccounts(2);
    const { anchored } = await ledger.anchor();
    const [unseen] = await ledger.openAccounts(3);
    await ledger.text(`events/${unseen}/receipt`); // Signs a head that no witness has seen.
    const auditor = { policy: parsePolicy(`log ${formatVerifierKey((await ledger.keys())[0]!)}\n${policy}`) };

    const served = new Uint8Array(await (await ledger.get("audit/bundle?head=cosigned")).arrayBuffer());
    const report = await verifyBundle(filesInTar([served]), auditor);
    expect({ exitCode: report.exitCode, size: report.bundle?.size }, told(report).messages).toEqual({
      exitCode: 0,
      size: anchored!.size,
    });

    const archive = join(folder, "log.tar");
    const { code, err } = await troth(["bundle", "--data", join(folder, "data"), "--head", "cosigned", "--out", archive]);
    expect([code, readFileSync(archive)], err).toEqual([0, Buffer.from(served)]);
    await troth(["bundle", "--data", join(folder, "data"), "--out", archive]);
    const newest = await verifyBundle(filesInTar([readFileSync(archive)]), auditor);
    expect({ exitCode: newest.exitCode, head: told(newest).messages }).toMatchObject({
      ...{ exitCode: 3, head: expect.stringMatching(/the quorum .* is not met.*it is met by checkpoints\/\d+/) as string },
    });
  });

  it("gives receipts that nobody but the two witnesses together could have made up", async () => {
    const folder = aFolder();
    const policy = policyOf(await twoWitnesses(folder));
    const ledger = await watchedLedger(folder, policy, { everyMs: 3_600_000 });
    const [id] = await ledger.openAccounts(1);
    await ledger.anchor();
    const trusting = parsePolicy(`log ${formatVerifierKey((await ledger.keys())[0]!)}\n${policy}`);
    const receipt = await ledger.text(`events/${id}/receipt?anchored=true`);
    const { position } = JSON.parse(await ledger.text(`events/${id}`)) as { position: number };
    const bundle = new Uint8Array(await (await ledger.get(`audit/tile/entries/000.p/${position}`)).arrayBuffer());
    const leaf = bundle.subarray(bundle.length - lastLeafBytes(bundle));
    expect((await verifyReceipt(leaf, receipt, trusting)).quorum.met).toBe(true);
    const [younger] = await ledger.openAccounts(1);
    const refused = await ledger.get(`events/${younger}/receipt?anchored=true`);
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([404, "not-anchored"]);
    expect((await ledger.get(`events/${younger}/receipt`)).status).toBe(200);
  });

  it("shows the cosignatures of a head with it, wherever that head is shown", async () => {
    const folder = aFolder();
    const ledger = await watchedLedger(folder, policyOf(await twoWitnesses(folder)), { everyMs: 3_600_000 });
    await ledger.openAccounts(1);
    const { anchored } = await ledger.anchor();
    const { text, signatures } = parseNote(await ledger.text("audit/anchored"));
    expect([text.split("\n")[1], signatures.length]).toEqual([String(anchored!.size), 3]);
    const ready = (await (await fetch(`${ledger.url}/readyz`)).json()) as { anchored: object };
    expect(ready.anchored).toEqual({ size: anchored!.size, at: anchored!.at });
    const metrics = await (await fetch(`${ledger.url}/metrics`)).text();
    expect(metrics).toContain(`troth_anchored_tree_leaves ${anchored!.size}`);
    expect(metrics).toContain(`troth_witness_leaves{witness="north"} ${anchored!.size}`);
    expect(metrics).toContain('troth_witness_failures{witness="south"} 0');
  });

  it("is not anchored while one of them is away, and is once it is back, with the same head", async () => {
    const folder = aFolder();
    const keys = await firstKeys(folder);
    const north = await aWitness("north", join(folder, "north"), keys);
    const south = await aWitness("south", join(folder, "south"), keys);
    await south.close();
    const ledger = await watchedLedger(folder, policyOf([north, south]));
    await ledger.openAccounts(2);
    const { anchored, witnesses } = await ledger.anchor();
    expect(anchored).toBeNull();
    expect(witnesses).toMatchObject([
      { name: "north", failures: 0, failure: null },
      { name: "south", size: 0, failure: expect.stringContaining("can't be reached") },
    ]);
    const [{ size } = { size: 0 }] = witnesses;
    await aWitness("south", join(folder, "south"), keys, Number(new URL(south.url).port));
    await expect.poll(async () => (await ledger.anchor()).anchored?.size, { timeout: 20_000 }).toBe(size);
  });

  it("needs one of them alone where the policy says so, and waits for no slow one", async () => {
    const folder = aFolder();
    const keys = await firstKeys(folder);
    const north = await aWitness("north", join(folder, "north"), keys);
    const silent = await anImpostor("silent", east, () => undefined);
    const ledger = await watchedLedger(folder, policyOf([silent, north], "any"), { offerMsMax: 60_000 });
    await ledger.openAccounts(2);
    await expect.poll(() => anchoredSize(ledger), { timeout: 20_000 }).toBe(200);
  });

  it("has the same things on record after a restart, and adds none", async () => {
    const folder = aFolder();
    const policy = policyOf(await twoWitnesses(folder));
    const first = await watchedLedger(folder, policy);
    await first.openAccounts(2);
    const { anchored } = await first.anchor();
    const onRecord = await first.events("TreeHeadAnchored");
    const note = await first.text("audit/anchored");
    await first.stop();
    const second = await watchedLedger(folder, policy);
    expect(await second.anchor()).toMatchObject({ anchored });
    expect(await second.text("audit/anchored")).toBe(note);
    expect(await second.events("TreeHeadAnchored")).toEqual(onRecord);
  });
});

describe("a witness that lies", () => {
  /** What a cosigner would answer to a request. */
  const headOf = (body: string) => parseNote(parseAddTreeHead(body).note).text;
  const answers: [string, (text: string) => string, string][] = [
    ["garbage", () => "hello\n", "of no use"],
    ["nothing", () => "", "of no use"],
    ["a cosignature of another head", (text) => cosign(text.replace("\n", "x\n"), east, nowSeconds()), "of no use"],
    ["a cosignature by another key", (text) => cosign(text, west, nowSeconds()), "of no use"],
    ["a text of its own", (text) => `more\n\n${cosign(`${text}\nmore\n`, east, nowSeconds())}`, "of no use"],
    ["a time long past", (text) => cosign(text, east, nowSeconds() - 600), "clock is off"],
    ["a time to come", (text) => cosign(text, east, nowSeconds() + 600), "clock is off"],
    ["a megabyte", () => "x".repeat(1_000_000), "its answer is too long"],
  ];

  it.each(answers)("and answers %s is not believed, and holds up nobody", async (_, lie, said) => {
    const folder = aFolder();
    const keys = await firstKeys(folder);
    const north = await aWitness("north", join(folder, "north"), keys);
    const liar = await anImpostor("liar", east, (body, response) => response.end(body === "" ? "" : lie(headOf(body))));
    const ledger = await watchedLedger(folder, policyOf([liar, north], 1));
    await ledger.openAccounts(1);
    const { anchored, witnesses } = await ledger.anchor();
    expect(anchored?.size).toBe(witnesses[1]!.size);
    expect(witnesses[0]).toMatchObject({ name: "liar", size: 0, cosignedAt: null, failure: expect.stringContaining(said) });
    expect(ledger.troubles.join("")).toContain(said);
    expect(await ledger.events("TreeHeadAnchored")).not.toHaveLength(0);
    for (const { data } of await ledger.events("TreeHeadAnchored"))
      expect((data as unknown as Anchor).witness).toBe(formatVerifierKey(north.key));
  });

  it.each([
    [301, "can't be reached"],
    [500, "it answered 500"],
    [404, "it answered 404"],
    [409, "409 without a size"],
  ])("or answers %i is asked again later", async (status, said) => {
    const folder = aFolder();
    await firstKeys(folder);
    let asked = 0;
    const odd = await anImpostor("odd", east, (body, response) => {
      asked += body === "" ? 0 : 1;
      response.writeHead(status, { location: "http://127.0.0.1:1/" }).end("no\n");
    });
    const ledger = await watchedLedger(folder, policyOf([odd]));
    await ledger.openAccounts(1);
    expect((await ledger.anchor()).witnesses[0]!.failure).toContain(said);
    const before = asked;
    await expect.poll(() => asked, { timeout: 20_000 }).toBeGreaterThan(before);
    expect(((await (await fetch(`${ledger.url}/readyz`)).json()) as { tree: string }).tree).toBe("running");
  });

  it("by a claim without proof stops a log only where it is the first thing that it says", async () => {
    const folder = aFolder();
    await firstKeys(folder);
    let isHonest = true;
    const fickle = await anImpostor("fickle", east, (body, response) => {
      if (body === "") return response.writeHead(404).end();
      if (isHonest) return response.end(cosign(headOf(body), east, nowSeconds()));
      return response.writeHead(409, { "content-type": "text/x.tlog.size" }).end("1000000\n");
    });
    const policy = policyOf([fickle]);
    const first = await watchedLedger(folder, policy);
    await first.openAccounts(1);
    expect((await first.anchor()).anchored).not.toBeNull();
    isHonest = false;
    await first.openAccounts(1);
    expect((await first.anchor()).witnesses[0]!.failure).toContain("does not show that head");
    expect((await first.get("audit/checkpoint")).status).toBe(200);
    await first.stop();

    const second = await watchedLedger(folder, policy);
    await expect.poll(async () => (await second.get("audit/checkpoint")).status, { timeout: 20_000 }).toBe(503);
    const { detail } = (await (await second.get("audit/checkpoint")).json()) as { detail: string };
    expect(detail).toContain("east.example/witness holds, of 1000000 leaves");
    const lastKnownHead = { size: 1_000_000, root: Buffer.alloc(32).toString("base64") };
    expect((await second.post("audit/resume", { lastKnownHead })).status).toBe(200);
    await expect.poll(async () => (await second.get("audit/checkpoint")).status, { timeout: 20_000 }).toBe(200);
    await expect
      .poll(async () => (await second.anchor()).witnesses[0]!.failure, { timeout: 20_000 })
      .toContain("was given up with resume-log");
  });
});

describe("a witness that knows another size than the ledger thinks", () => {
  it("is asked from the size that it names", async () => {
    const folder = aFolder();
    const keys = await firstKeys(folder);
    const north = await aWitness("north", join(folder, "north"), keys);
    const first = await watchedLedger(folder, policyOf([north]), { everyMs: 3_600_000 });
    await first.openAccounts(3);
    const { anchored } = await first.anchor();
    await first.stop();
    // What the ledger knew of its witnesses is gone, as after a move of the log alone.
    const database = new DatabaseSync(join(folder, "data/ledger.db"));
    database.exec("DELETE FROM cosignatures; DELETE FROM anchored_heads");
    database.close();
    const second = await watchedLedger(folder, policyOf([north]), { everyMs: 3_600_000 });
    await second.openAccounts(3);
    const again = await second.anchor();
    expect(again.anchored!.size).toBeGreaterThan(anchored!.size);
    expect(again.witnesses[0]!.failure).toBeNull();
  });

  it("and has seen a newer head of this log than it is offered gets the newest, as the others do", async () => {
    const folder = aFolder();
    const keys = await firstKeys(folder);
    const north = await aWitness("north", join(folder, "north"), keys);
    const south = await aWitness("south", join(folder, "south"), keys);
    await south.close();
    const ledger = await watchedLedger(folder, policyOf([north, south]), { everyMs: 3_600_000, retryMsMin: 3_600_000 });
    const { witnesses } = await ledger.anchor();
    await expect
      .poll(async () => Number((await ledger.text("audit/checkpoint")).split("\n")[1]))
      .toBeGreaterThan(witnesses[0]!.size);
    await aWitness("south", join(folder, "south"), keys, Number(new URL(south.url).port));
    const note = await ledger.text("audit/checkpoint");
    expect((await send(south.url, formatAddTreeHead({ oldSize: 0, proof: [], note }))).status).toBe(200);
    const newest = Number(note.split("\n")[1]);
    // The first offer finds out that the witness is ahead; on a slow machine the next one may have followed by itself.
    expect([undefined, newest]).toContain((await ledger.anchor()).anchored?.size);
    expect((await ledger.anchor()).anchored?.size).toBe(newest);
  });
});

const lastLeafBytes = (bundle: Uint8Array): number => {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  let at = 0;
  let length = 0;
  while (at < bundle.byteLength) {
    length = view.getUint16(at);
    at += 2 + length;
  }
  return length;
};
