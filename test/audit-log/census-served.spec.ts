import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { coversAll, verifyCensusProof } from "../../src/audit/census.ts";
import { hashFromBase64, utf8 } from "../../src/audit/encoding.ts";
import { decodeEntryBundle } from "../../src/audit/entry-bundles.ts";
import { leafHash } from "../../src/audit/hashing.ts";
import { parsePolicy } from "../../src/audit/policy.ts";
import { verifyReceipt } from "../../src/audit/receipt.ts";
import { tilePath } from "../../src/audit/tiles.ts";
import { runningServer, type RunningServer } from "../support/server.ts";

type Census = { event: string; position: number; treeSize: number; accounts: number; root: string };
type Line = { account: string; events: number; line: string; index: number; proof: string[]; census: Census };

describe("the census of a running server, seen from outside", () => {
  const folder = join("/tmp", `troth-census-${process.pid}`);
  const harbour = "acc_0000000000000001";
  let server: RunningServer;
  const send = async (method: string, path: string, body?: object, secret = server.secret): Promise<Response> => {
    const answer = await fetch(`${server.url}/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${secret}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // A machine that is busy with other specs may refuse at the door; nothing was recorded then.
    const isOverloaded = answer.status === 503 && (await answer.clone().text()).includes('"overloaded"');
    if (!isOverloaded) return answer;
    await delay(100);
    return send(method, path, body, secret);
  };
  const read = async <Answer>(path: string): Promise<Answer> => (await send("GET", path)).json() as Promise<Answer>;
  const codeOf = async (answer: Response) => [answer.status, ((await answer.json()) as { code: string }).code];

  beforeAll(async () => {
    server = await runningServer(join(folder, "data"));
    for (const id of [harbour, "acc_0000000000000002", "acc_0000000000000003"]) await send("POST", "accounts", { id });
    await send("POST", "people", { id: "per_0000000000000002", account: harbour });
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is not there before the first was taken", async () => {
    await expect
      .poll(async () => codeOf(await send("GET", "audit/census")), { timeout: 10_000 })
      .toEqual([404, "census-missing"]);
    expect(await codeOf(await send("GET", `audit/census/${harbour}`))).toEqual([404, "census-missing"]);
  });

  it("proves with a receipt and the account's leaves that nothing was left out", async () => {
    const { events } = (await (await send("POST", "audit/census", {})).json()) as { events: { id: string; type: string }[] };
    expect(events.map(({ type }) => type)).toEqual(["CensusTaken"]);
    const census = await read<Census>("audit/census");
    expect(census.event).toBe(events[0]!.id);
    const { line, index, proof, census: of } = await read<Line>(`audit/census/${harbour}`);
    expect(of).toEqual(census);

    const receipt = await (await send("GET", `events/${census.event}/receipt`)).text();
    const [size] = /^\d+$/m.exec(receipt.split("\n\n")[1]!)!;
    const tile = tilePath({ level: "entries", index: 0, width: Number(size) });
    const bundle = new Uint8Array(await (await send("GET", `audit/${tile}`)).arrayBuffer());
    const leaves = decodeEntryBundle(bundle, Number(size));
    const taken = leaves.find((leaf) => Buffer.from(leaf).includes(census.event))!;
    const policy = parsePolicy(`log ${(await (await send("GET", "audit/key")).text()).trimEnd()}\nquorum none\n`);
    await verifyReceipt(taken, receipt, policy);
    const { data } = JSON.parse(Buffer.from(taken).toString()) as { data: { accounts: number; root: string; treeSize: number } };

    const proved = { line: utf8(line), index, accounts: data.accounts, proof: proof.map((text) => hashFromBase64(text)!) };
    const counted = verifyCensusProof(proved, { accounts: data.accounts, root: hashFromBase64(data.root)! });
    const own = leaves
      .slice(0, data.treeSize)
      .filter((leaf) => (JSON.parse(Buffer.from(leaf).toString()) as { account?: string }).account === harbour);
    expect([counted.account, counted.events, own.length]).toEqual([harbour, 2, 2]);
    expect(coversAll(counted, own.map(leafHash))).toBe(true);
  });

  it("adds nothing when it is asked for again, and answers after a restart without counting", async () => {
    const again = (await (await send("POST", "audit/census", {})).json()) as { events: { id: string }[]; replayed: boolean };
    expect([again.replayed, again.events[0]!.id]).toEqual([true, (await read<Census>("audit/census")).event]);
    const before = await read<Line>(`audit/census/${harbour}`);
    const { secret } = server;
    await server.stop("SIGKILL");
    server = await runningServer(join(folder, "data"), secret);
    await expect.poll(async () => (await send("GET", "audit/census")).status, { timeout: 10_000 }).toBe(200);
    expect(await read<Line>(`audit/census/${harbour}`)).toEqual(before);
  });

  it("tells what it has not counted, and refuses what is no account", async () => {
    expect(await codeOf(await send("GET", "audit/census/acc_9999999999999999"))).toEqual([404, "account-not-counted"]);
    expect(await codeOf(await send("GET", "audit/census/x"))).toEqual([422, "validation-failed"]);
  });

  it("is for auditors", async () => {
    const { secret } = (await (await send("POST", "keys", { label: "x", scopes: ["read", "record"] })).json()) as {
      secret: string;
    };
    for (const [method, path, body] of [
      ["GET", "audit/census", undefined],
      ["GET", `audit/census/${harbour}`, undefined],
      ["POST", "audit/census", {}],
    ] as const)
      expect(await codeOf(await send(method, path, body, secret))).toEqual([403, "scope-missing"]);
  });
});
