import { rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { rootHash } from "../../src/audit/merkle.ts";
import { openTreeHead, signTreeHead } from "../../src/audit/tree-head.ts";
import { formatVerifierKey, verifierOf } from "../../src/audit/verifier-key.ts";
import { formatAddTreeHead, readCosignatures } from "../../src/audit/witness.ts";
import { openWitness, type RunningWitness, serveWitness } from "../../src/composition/witness.ts";
import { originHash } from "../../src/witness/witness-app.ts";
import { keys, logKey, nextLogKey, origin, otherLogKey } from "../audit/log.examples.ts";
import { aFolder } from "../event-store/support/folder.ts";
import { aProcess } from "../event-store/support/processes.ts";
import { noteAt, otherLeaves, request, send } from "./support/heads.ts";

const name = "north.example/witness";

async function aWitness(folder = aFolder(), limits = {}): Promise<RunningWitness & { key: ReturnType<typeof verifierOf> }> {
  const witness = openWitness(folder, name);
  const running = await serveWitness(witness, { logs: [keys.log], host: "127.0.0.1", port: 0, limits });
  return { ...running, key: verifierOf(witness.key) };
}

describe("a witness over HTTP", () => {
  it("cosigns each head that extends the one before, with the time of its clock", async () => {
    const { url, key, close } = await aWitness();
    const before = Math.floor(Date.now() / 1000);
    for (const [oldSize, size] of [
      [0, 8],
      [8, 8],
      [8, 21],
      [21, 130],
    ] as const) {
      const answer = await send(url, request(oldSize, size));
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/plain; charset=utf-8"]);
      const [{ time } = { time: 0 }, ...more] = await readCosignatures(await answer.text(), noteAt(size), [key]);
      expect(more).toEqual([]);
      expect(time).toBeGreaterThanOrEqual(before);
      expect(time).toBeLessThanOrEqual(Date.now() / 1000);
    }
    await close();
  });

  it("answers with every status of the protocol", async () => {
    const { url, close } = await aWitness();
    const said = async (body: string) => {
      const answer = await send(url, body);
      return [answer.status, answer.headers.get("content-type"), await answer.text()] as const;
    };
    const statusOf = async (body: string) => (await said(body))[0];
    expect(await statusOf("")).toBe(400);
    expect(await statusOf("hello\n")).toBe(400);
    expect(await statusOf(formatAddTreeHead({ oldSize: 9, proof: [], note: noteAt(8) }))).toBe(400);
    expect(await statusOf(request(0, 8, nextLogKey))).toBe(403);
    expect(await statusOf(request(0, 8, otherLogKey))).toBe(404);
    expect(await said(request(8, 9))).toEqual([409, "text/x.tlog.size", "0\n"]);
    expect(await statusOf(request(0, 8))).toBe(200);
    expect(await said(request(0, 9))).toEqual([409, "text/x.tlog.size", "8\n"]);
    expect(await statusOf(request(8, 9).replace("old 8\n", `old 8\n${"A".repeat(43)}=\n`))).toBe(422);
    const forked = signTreeHead({ origin, size: 8, root: rootHash(otherLeaves, 8) }, [logKey]);
    expect(await said(formatAddTreeHead({ oldSize: 8, proof: [], note: forked }))).toEqual([409, "text/x.tlog.size", "8\n"]);
    expect(await statusOf(request(8, 9))).toBe(200);
    await close();
  });

  it("lets exactly one of several requests from the same size win", async () => {
    const { url, close } = await aWitness();
    await send(url, request(0, 8));
    const answers = await Promise.all([20, 30, 40, 50].map(async (size) => (await send(url, request(8, size))).status));
    expect(answers.toSorted()).toEqual([200, 409, 409, 409]);
    await close();
  });

  it("shows what it cosigned last, under the hash of the log's name", async () => {
    const { url, key, close } = await aWitness();
    const show = () => fetch(`${url}/${originHash(origin)}/checkpoint`);
    expect((await show()).status).toBe(404);
    await send(url, request(0, 8));
    const head = await openTreeHead(await (await show()).text(), [keys.log], [key]);
    expect([head.size, head.cosignatures.length]).toEqual([8, 1]);
    expect((await fetch(`${url}/${originHash("troth/other")}/checkpoint`)).status).toBe(404);
    expect((await fetch(`${url}/add-checkpoint`)).status).toBe(404);
    await close();
  });

  it("goes on after a restart from what it had cosigned, with the same key", async () => {
    const folder = aFolder();
    const first = await aWitness(folder);
    await send(first.url, request(0, 21));
    await first.close();
    const second = await aWitness(folder);
    expect(formatVerifierKey(second.key)).toBe(formatVerifierKey(first.key));
    expect(await (await send(second.url, request(8, 40))).text()).toBe("21\n");
    expect((await send(second.url, request(21, 40))).status).toBe(200);
    await second.close();
  });

  it("refuses bodies that are too long, and more requests than it can bear", async () => {
    const { url, close } = await aWitness(aFolder(), { requestCountMax: 3, bodyBytesMax: 10_000 });
    expect((await send(url, "x".repeat(20_000))).status).toBe(413);
    expect((await send(url, request(0, 8))).status).toBe(200);
    await send(url, request(8, 9));
    expect((await send(url, request(9, 10))).status).toBe(429);
    expect((await fetch(`${url}/livez`)).status).toBe(429);
    await close();
  });

  it("does not wait for ever for a body that does not come", async () => {
    const { url, close } = await aWitness(aFolder(), { requestTimeoutMs: 300 });
    const ended = await new Promise<string>((settle) => {
      const options = { method: "POST", headers: { "content-length": "100" } };
      const sent = httpRequest(`${url}/add-checkpoint`, options, (answer) => settle(`answered ${answer.statusCode}`));
      sent.on("error", () => settle("cut off"));
      sent.write("old 0\n");
    });
    expect(["answered 408", "cut off"]).toContain(ended);
    await close();
  }, 90_000);
});

describe("a witness killed after it stored a head and before it answered", () => {
  it("stands by that head, and gives the cosignature when it is asked again", async () => {
    const folder = join(aFolder(), "witness");
    const { exited, lines } = aProcess("../../witness/support/witness-process.ts", [folder, formatVerifierKey(keys.log)]);
    const { value } = (await lines[Symbol.asyncIterator]().next()) as { value: string };
    await expect(send(value, request(0, 21))).rejects.toThrow();
    expect((await exited)[1]).toBe("SIGKILL");
    const { url, close } = await aWitness(folder);
    const shorter = await send(url, request(0, 8));
    expect([shorter.status, await shorter.text()]).toEqual([409, "21\n"]);
    expect((await send(url, request(21, 21))).status).toBe(200);
    await close();
  });
});

describe("the folder of a witness", () => {
  it("makes no second key for what it has cosigned, and forgets nothing by itself", async () => {
    const folder = aFolder();
    const { close } = await aWitness(folder);
    await close();
    expect(() => openWitness(folder, "other.example/witness")).toThrow("there is a witness in");
    rmSync(join(folder, "witness.db"));
    expect(() => openWitness(folder, name)).toThrow("make a new witness with a new key");
  });
});
