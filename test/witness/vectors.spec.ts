/** A log that nobody on this project wrote, offered to a witness of ours by our own client. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TileReader } from "../../src/audit/tile-proofs.ts";
import { tilePath } from "../../src/audit/tiles.ts";
import { openTreeHead } from "../../src/audit/tree-head.ts";
import { parseVerifierKey, verifierOf } from "../../src/audit/verifier-key.ts";
import { openWitness, serveWitness } from "../../src/composition/witness.ts";
import { heldHead, offer } from "../../src/transparency/offering.ts";
import { aFolder } from "../event-store/support/folder.ts";
import { vectors } from "../support/samples.ts";

const folder = vectors();

describe.skipIf(!folder)("tessera-testlog/testdata/log", () => {
  const log = join(folder ?? "", "tessera-testlog/testdata/log");
  const readTile: TileReader = (level, index, width) => readFileSync(join(log, tilePath({ level, index, width })));

  async function watched() {
    const notice = readFileSync(join(folder!, "tessera-testlog/NOTICE.md"), "utf8");
    const logKey = parseVerifierKey(/vkey: (\S+)/.exec(notice)![1]!);
    const witness = openWitness(aFolder(), "north.example/witness");
    const { url, close } = await serveWitness(witness, { logs: [logKey], host: "127.0.0.1", port: 0 });
    const headAt = async (size: number) => {
      const note = readFileSync(join(log, `checkpoint.${size}`), "utf8");
      return { ...(await openTreeHead(note, [logKey])), note };
    };
    const address = { key: verifierOf(witness.key), url };
    const offerOf = async (size: number, knownSize: number) =>
      offer(address, await headAt(size), knownSize, { readTile, now: Date.now, signal: AbortSignal.timeout(20_000) });
    return { logKey, address, headAt, offerOf, close };
  }

  it("is cosigned from checkpoint.0 to checkpoint.15, one leaf at a time", async () => {
    const { logKey, address, headAt, offerOf, close } = await watched();
    for (let size = 0; size <= 15; size += 1)
      expect(await offerOf(size, Math.max(0, size - 1)), `checkpoint.${size}`).toMatchObject({ outcome: "cosigned" });
    const held = await heldHead(address, (await headAt(15)).origin, AbortSignal.timeout(20_000));
    const opened = await openTreeHead(held!, [logKey], [address.key]);
    expect([opened.size, opened.cosignatures.length]).toEqual([15, 1]);
    await close();
  });

  it.each([
    [3, 11],
    [8, 15],
    [1, 2],
  ])("is cosigned from checkpoint.%i to checkpoint.%i by a log that has forgotten what it was told", async (from, to) => {
    const { offerOf, close } = await watched();
    expect(await offerOf(from, 0)).toMatchObject({ outcome: "cosigned" });
    expect(await offerOf(to, 0)).toMatchObject({ outcome: "cosigned" });
    expect(await offerOf(from, 0)).toEqual({ outcome: "ahead", size: to });
    await close();
  });
});
