/** `troth serve` as a process: its start, its folder, and its end. */
import { openSync, readSync, closeSync, writeSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { runningServer } from "../support/server.ts";
import { aKey, aLedger, copyOf, removedAtEnd, scratchFolder, troth, trothProcess } from "./support/troth.ts";
import { startTroth } from "./support/serving.ts";

const later = removedAtEnd();

let made: string;
beforeAll(async () => void (made = await aLedger(later)));

describe("a start", () => {
  it("makes a ledger where there is none, prints its admin key once, and says where it listens", async () => {
    const data = join(scratchFolder(), "data");
    const first = await startTroth(["serve", "--data", data, "--port", "0"]);
    expect(first.err()).toMatch(/Admin key, shown this once:\n\s+troth_key_/);
    expect(first.err()).toContain(`docs ${first.url}/docs`);
    expect(await fetch(`${first.url}/docs/static/index.html`).then(({ status }) => status)).toBe(200);
    expect(await first.stop("SIGTERM")).toBe(0);
    const lines = first
      .out()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(lines).toContainEqual(expect.objectContaining({ msg: "serving", url: first.url, folder: data }));
    expect(first.out()).not.toContain("troth_key_");
    const second = await startTroth(["serve", "--data", data, "--port", "0"]);
    expect(second.err()).not.toContain("troth_key_");
    expect(await second.stop("SIGINT")).toBe(0);
  });

  it("warns where other machines can reach it", async () => {
    const server = await startTroth(["serve", "--data", copyOf(made), "--port", "0", "--host", "0.0.0.0"]);
    expect(server.err()).toContain("warning: 0.0.0.0 is open to other machines");
    expect(await server.stop("SIGTERM")).toBe(0);
  });

  it("on a folder that another process serves names it and stops with an exit code of its own", async () => {
    const data = copyOf(made);
    const server = await runningServer(data);
    const second = await trothProcess(["serve", "--data", data, "--port", "0"]);
    expect(second).toMatchObject({ code: 3, err: `troth: the folder ${data} is in use by process ${server.pid}\n` });
    for (const args of [["rebuild"], ["import", "examples/accounts.ndjson"]])
      expect((await troth([...args, "--data", data])).code).toBe(3);
    expect(await server.stop()).toBe(0);
  });

  it("on a port that is taken says so", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await new Promise((done) => taken.once("listening", done));
    const { port } = taken.address() as { port: number };
    const { code, err } = await trothProcess(["serve", "--data", copyOf(made), "--port", String(port)]);
    taken.close();
    expect(code).toBe(6);
    expect(err).toContain(`127.0.0.1:${port}`);
    expect(err).not.toMatch(/\n\s+at /);
  });

  it.each([
    ["cut off", (path: string) => truncated(path, 0.5)],
    ["overwritten at its end", (path: string) => overwritten(path)],
  ])("with a ledger that was %s is refused", async (_what, damage) => {
    const data = copyOf(made);
    damage(join(data, "ledger.db"));
    const { code, err } = await trothProcess(["serve", "--data", data, "--port", "0"]);
    expect(code).toBe(5);
    expect(err).toMatch(/^troth: the event store is unavailable: damaged \(/);
    expect(err.trim().split("\n")).toHaveLength(1);
  });
});

function truncated(path: string, share: number): void {
  const file = openSync(path, "r+");
  const { size } = statSync(path);
  const kept = Buffer.alloc(Math.floor(size * share));
  readSync(file, kept, 0, kept.length, 0);
  closeSync(file);
  const cut = openSync(path, "w");
  writeSync(cut, kept);
  closeSync(cut);
}

/** All pages but the first, which holds the header. */
function overwritten(path: string): void {
  const file = openSync(path, "r+");
  const { size } = statSync(path);
  writeSync(file, Buffer.alloc(size - 4096, 0x5a), 0, size - 4096, 4096);
  closeSync(file);
}

describe("SIGTERM", () => {
  it("answers what was read of a batch, records it, and exits with 0", async () => {
    const data = copyOf(made);
    const secret = await aKey(data, "record");
    const server = await runningServer(data);
    const asked = new AbortController();
    let isStopping: Promise<number | null> | undefined;
    const response = await fetch(`${server.url}/v1/batch`, {
      method: "POST",
      headers: { authorization: `Bearer ${secret}`, "content-type": "application/x-ndjson" },
      body: unendedBatch(asked.signal) as never,
      duplex: "half",
    } as RequestInit);
    expect(response.status).toBe(200);
    let text = "";
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      isStopping ??= text.split("\n").length > 20 ? server.stop("SIGTERM") : undefined;
    }
    asked.abort();
    expect(await isStopping).toBe(0);
    const lines = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { status: number; id: string; summary?: object });
    expect(lines.at(-1)).toMatchObject({ summary: { complete: false, refused: 0 } });
    const answers = lines.slice(0, -1);
    expect(answers.length).toBeGreaterThan(20);
    expect(answers.every(({ status }) => status === 201)).toBe(true);
    const { head } = JSON.parse((await troth(["status", "--data", data, "--json"])).out) as { head: number };
    expect(head).toBe(3 + answers.length);
  });

  it("twice ends at once", async () => {
    const server = await startTroth(["serve", "--data", copyOf(made), "--port", "0"]);
    // A request whose body never ends holds up an orderly end.
    const held = fetch(`${server.url}/v1/batch`, { method: "POST", body: never() as never, duplex: "half" } as RequestInit).catch(
      () => undefined,
    );
    server.child.kill("SIGTERM");
    await server.said("stopping");
    server.child.kill("SIGTERM");
    expect([0, 143]).toContain(await server.stop("SIGTERM"));
    await held;
  });
});

/** More than is answered before the signal comes, and then nothing more, though the body goes on. */
async function* unendedBatch(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${JSON.stringify({ command: "open-account", body: {} })}\n`.repeat(400));
  while (!signal.aborted) await new Promise((done) => setTimeout(done, 20));
}

async function* never(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("{");
  await new Promise((done) => setTimeout(done, 10_000).unref());
}
