/** From the start of `troth serve` to its being ready. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../src/troth.js", import.meta.url));

/** @param folder a ledger whose views are there. @returns seconds. */
export async function measureStart(folder: string): Promise<number> {
  const port = await freePort();
  const before = performance.now();
  const child = spawn(process.execPath, [program, "serve", "--data", folder, "--port", String(port), "--log-level", "silent"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error(`troth serve ended: ${said}`);
      await delay(5);
    }
    return (performance.now() - before) / 1_000;
  } finally {
    if (child.exitCode === null) {
      child.kill("SIGTERM");
      await once(child, "exit");
    }
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
