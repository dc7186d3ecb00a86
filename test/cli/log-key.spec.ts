import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { keysOfLog, type KeyRotation } from "../../src/audit/key-rotation.ts";
import { formatVerifierKey, parseVerifierKey, verifierOf } from "../../src/audit/verifier-key.ts";
import { parsePolicy } from "../../src/audit/policy.ts";
import { filesInTar } from "../../src/verification/tar.ts";
import { verifyBundle } from "../../src/verification/verify.ts";
import { aWitness, policyOf } from "../audit-log/support/watched-ledger.ts";
import { east, keys } from "../audit/log.examples.ts";
import { runningServer } from "../support/server.ts";
import { aLedger, scratchFolder, troth } from "./support/troth.ts";
import { startTroth } from "./support/serving.ts";

describe("troth rotate-log-key", () => {
  it("gives the log a new key, prints it, and lets the server go on with it", async () => {
    const data = await aLedger();
    const first = await troth(["rotate-log-key", "--data", data, "--json"]);
    expect(first.code, first.err).toBe(0);
    const { key, earlier } = JSON.parse(first.out) as { key: string; earlier: string[]; oldKeyUntil: string };
    expect(earlier).toHaveLength(1);
    const second = await troth(["rotate-log-key", "--data", data, "--old-key-until", "2020-01-01"]);
    expect(second.out).toContain("The log's key is now");
    const inPlace = readFileSync(`${data}.keys/log.key`, "utf8");
    expect(inPlace).toContain(key);
    expect(inPlace).toContain(earlier[0]!);

    const { out } = await troth(["keys", "issue", "auditor", "--scope", "audit", "read", "--data", data, "--json"]);
    const headers = { authorization: `Bearer ${(JSON.parse(out) as { secret: string }).secret}` };
    const server = await runningServer(data);
    try {
      const ask = (path: string) => fetch(`${server.url}/v1/${path}`, { headers });
      await expect.poll(async () => (await ask("audit/checkpoint")).status, { timeout: 30_000 }).toBe(200);
      const served = (await (await ask("audit/key")).text()).trimEnd().split("\n");
      expect(served.slice(1)).toEqual([key, ...earlier]);
      const { items } = (await (await ask("events?limit=100")).json()) as {
        items: { type: string; position: number; data: KeyRotation }[];
      };
      const rotations = items
        .filter(({ type }) => type === "LogKeyRotated")
        .map(({ position, data: rotation }) => ({ index: position - 1, rotation }));
      const found = await keysOfLog(parseVerifierKey(earlier[0]!), rotations);
      expect(found.map((one) => formatVerifierKey(one.key))).toEqual(served.toReversed());
      const bundle = await ask("audit/bundle");
      const policy = parsePolicy(`log ${earlier[0]}\nquorum none\n`);
      const { findings } = await verifyBundle(filesInTar([new Uint8Array(await bundle.arrayBuffer())]), { policy });
      expect(findings).toEqual([]);
      const busy = await troth(["rotate-log-key", "--data", data]);
      expect([busy.code, busy.err]).toEqual([3, expect.stringContaining("POST /v1/audit/rotate-key")]);
    } finally {
      await server.stop();
    }
  });
});

describe("troth serve --witnesses", () => {
  it("has heads seen by the witnesses of its policy, and status tells of them", async () => {
    const data = await aLedger();
    const rotated = JSON.parse((await troth(["rotate-log-key", "--data", data, "--json"])).out) as { key: string };
    const north = await aWitness("north", join(scratchFolder(), "north"), [parseVerifierKey(rotated.key)]);
    const file = join(scratchFolder(), "witnesses.txt");
    writeFileSync(file, policyOf([north]));
    const server = await startTroth(["serve", "--data", data, "--port", "0", "--witnesses", file, "--anchor-every", "1"]);
    const anchored = async () =>
      ((await (await fetch(`${server.url}/readyz`)).json()) as { anchored: { size: number } | null }).anchored?.size ?? 0;
    await expect.poll(anchored, { timeout: 30_000 }).toBeGreaterThan(0);
    const { out } = await troth(["status", "--data", data, "--json"]);
    expect(JSON.parse(out)).toMatchObject({
      signed: { size: expect.any(Number) },
      anchored: { size: expect.any(Number), by: [{ witness: "north.example/witness", at: expect.stringMatching(/Z$/) }] },
    });
    expect((await troth(["status", "--data", data])).out).toMatch(
      /anchored {4}up to \d+ events, seen by north\.example\/witness at/,
    );
    expect(await server.stop("SIGTERM")).toBe(0);
  });

  it.each([
    ["no file", undefined, "ENOENT"],
    ["a policy that can't be read", "hello\n", "line 1"],
    ["a witness without an address", `witness east ${formatVerifierKey(keys.east)}\nquorum east\n`, "has no URL"],
    [
      "a log's key as a witness",
      `witness x ${formatVerifierKey({ ...verifierOf(east), type: 1, id: 1 })} http://x\nquorum x\n`,
      "line 1",
    ],
  ])("refuses %s", async (_, policy, said) => {
    const file = join(scratchFolder(), "witnesses.txt");
    if (policy !== undefined) writeFileSync(file, policy);
    const { code, err } = await troth(["serve", "--data", scratchFolder(), "--witnesses", file]);
    expect([code, err]).toEqual([2, expect.stringContaining(said)]);
  });

  it.each(["0", "x", "100000"])("refuses a period of %s seconds", async (seconds) => {
    expect((await troth(["serve", "--data", scratchFolder(), "--anchor-every", seconds])).code).toBe(2);
  });
});
