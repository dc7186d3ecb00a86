/** Closing the API while somebody reads slowly: an answer is not cut off, and no connection is reset under it. */
import { connect, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { type TestApi, testApi } from "../support/api.ts";

async function listening(prepare: (api: TestApi) => void = () => undefined): Promise<{ api: TestApi; port: number }> {
  const api = await testApi();
  prepare(api);
  return { api, port: Number(new URL(await api.listen()).port) };
}

/** Sends a request and reads nothing of the answer yet. */
async function asked(port: number, head: string[], body: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").pause();
  onTestFinished(() => void socket.destroy());
  await new Promise((done) => socket.once("connect", () => done(undefined)));
  socket.write(`${head.join("\r\n")}\r\nhost: localhost\r\n\r\n${body}`);
  return socket;
}

/** All that comes until the other side ends. @throws what the connection throws, such as ECONNRESET. */
async function readToEnd(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("latin1");
}

/** A reader that is slow for longer than the server takes to look around. */
const aWhile = () => new Promise((done) => setTimeout(done, 300));

/** More than the buffers of a connection hold. */
const manyBytes = 32 * 1024 * 1024;

describe("closing", () => {
  it("leaves nothing out of an answer that is still being sent", async () => {
    const large = Buffer.alloc(manyBytes, "x");
    let isAsked: (() => void) | undefined;
    const { api, port } = await listening(({ app }) => {
      app.get("/large", (_request, reply) => {
        setImmediate(() => isAsked?.());
        return reply.send(large);
      });
    });
    const handled = new Promise<void>((done) => (isAsked = done));
    const socket = await asked(port, ["GET /large HTTP/1.1"], "");
    await handled;
    const closed = api.close();
    await aWhile();
    const text = await readToEnd(socket);
    await closed;
    expect(text.length - text.indexOf("\r\n\r\n") - 4).toBe(manyBytes);
  });

  it("lets the last answers of a batch be read by whoever is still sending", async () => {
    const { api, port } = await listening();
    const lines = '{"command":"there-is-none"}\n'.repeat(400);
    const chunk = `${Buffer.byteLength(lines).toString(16)}\r\n${lines}\r\n`;
    const head = [`POST /v1/batch HTTP/1.1`, `authorization: Bearer ${api.admin}`, "content-type: application/x-ndjson"];
    const socket = await asked(port, [...head, "transfer-encoding: chunked"], chunk.repeat(20));
    const sending = setInterval(() => socket.write(chunk), 1);
    socket.on("error", () => undefined);
    await aWhile();
    const closed = api.close();
    await aWhile();
    const text = await readToEnd(socket).finally(() => clearInterval(sending));
    await closed;
    expect(text).toMatch(/\{"summary":\{"lines":\d+,"accepted":0,"refused":\d+,"complete":false\}\}\n\r\n0\r\n\r\n$/);
  });
});
