import { connect } from "node:net";
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApiError } from "../../src/api/problem.ts";
import { StoreUnavailableError } from "../../src/event-store/event-store.ts";
import { account, call, type TestApi, testApi, visit } from "../support/api.ts";

let api: TestApi;
let base: URL;
beforeAll(async () => {
  api = await testApi({ limits: { bodyTimeoutMs: 300 } });
  base = new URL(await api.listen());
});
afterAll(() => api.close());

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe("the log of requests", () => {
  it("is one line a request: route, status, time, key and correlation", async () => {
    api.lines.length = 0;
    const { headers } = await api.when("POST", `/v1/accounts/${account}/close`);
    const { id } = api.ledger.events().at(-1)!.actor;
    expect(api.lines.filter(({ msg }) => msg === "request")).toEqual([
      expect.objectContaining({
        level: 30,
        method: "POST",
        route: "/v1/accounts/:account/close",
        status: 200,
        ms: expect.any(Number),
        key: id,
        correlation: headers["troth-correlation"],
      }),
    ]);
    expect(api.lines).toHaveLength(1);
    await api.when("POST", `/v1/accounts/${account}/reopen`);
  });

  it("holds no secret and nothing personal, whatever the request", async () => {
    api.lines.length = 0;
    const name = "Margarethe Berg";
    const email = "m.berg@example.com";
    const sealed = { name, email, note: `${name} likes sailing` };
    await api.when("POST", "/v1/people", { body: { account, ...sealed } });
    await api.when("POST", "/v1/people", { body: { account, ...sealed, unknown: name } });
    await api.when("POST", "/v1/people", { body: { account, ...sealed, id: name } });
    await api.when("POST", "/v1/people", { payload: `{"name":"${name}", nope`, headers: { "content-type": "application/json" } });
    await api.when("POST", "/v1/people", { body: sealed, key: api.admin.slice(0, -1) });
    await api.when("POST", "/v1/people", {
      body: sealed,
      headers: { "idempotency-key": name, "troth-correlation": name, "x-name": name },
    });
    await api.when("GET", `/v1/accounts?owner=${encodeURIComponent(email)}`);
    await api.when("GET", `/v1/nothing/${encodeURIComponent(name)}?q=${encodeURIComponent(email)}`);
    await api.when("GET", `/v1/accounts/${encodeURIComponent(email)}`);
    await api.when("POST", "/v1/batch", {
      payload: `{"command":"add-person","body":${JSON.stringify({ ...sealed, unknown: name })}}\n${name}`,
      headers: { "content-type": "application/x-ndjson" },
    });
    await api.when("GET", "/v1/events?open=true&limit=500");
    expect(api.lines.filter(({ msg }) => msg === "request")).toHaveLength(11);
    const text = JSON.stringify(api.lines);
    for (const secret of [name, "Berg", email, encodeURIComponent(email), "sailing", api.admin.slice(-43), "Bearer"])
      expect(text).not.toContain(secret);
  });
});

describe("every answer", () => {
  it("is for its caller alone and is no page", async () => {
    for (const [method, url] of [
      ["GET", "/v1/accounts"],
      ["POST", "/v1/interactions"],
      ["GET", "/v1/nothing"],
      ["GET", "/livez"],
    ] as const) {
      const { headers } = await api.when(method, url, method === "POST" ? { body: visit } : {});
      expect(headers).toMatchObject({
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "troth-correlation": expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
    }
  });
});

describe("a caller who asks too much", () => {
  it("is refused until the window ends, by key, and health is not", async () => {
    const busy = await testApi({ limits: { requestCountMax: 5, rateWindowMs: 60_000 } });
    const { secret } = await busy.newKey(["read"]);
    for (let count = 1; count <= 5; count += 1) {
      const { status, headers } = await busy.when("GET", "/v1/events?limit=1", { key: secret });
      expect([status, headers["ratelimit"], headers["ratelimit-policy"]]).toEqual([
        200,
        `"key";r=${5 - count};t=60`,
        '"key";q=5;w=60',
      ]);
    }
    const { headers } = await busy.refused(429, "rate-limited", "GET", "/v1/events?limit=1", { key: secret });
    expect(headers["retry-after"]).toBe("60");
    expect((await busy.when("GET", "/v1/events?limit=1")).status).toBe(200);
    for (let count = 0; count < 10; count += 1) expect((await busy.when("GET", "/livez", { key: null })).status).toBe(200);
    await busy.close();
  });

  it("and has no key is refused by address, while those with a key are not", async () => {
    const busy = await testApi({ limits: { refusedKeyCountMax: 3 } });
    for (let count = 0; count < 3; count += 1) await busy.refused(401, "unauthorized", "GET", "/v1/events", { key: null });
    await busy.refused(429, "rate-limited", "GET", "/v1/events", { key: "troth_key_9999999999999999_guess" });
    await busy.refused(401, "unauthorized", "GET", "/v1/events", { key: null, remoteAddress: "203.0.113.7" });
    expect((await busy.when("GET", "/v1/events?limit=1")).status).toBe(200);
    await busy.close();
  });
});

describe("a server that can't keep up", () => {
  it("refuses what is below /v1 and goes on saying how it is", async () => {
    const slow = await testApi({ limits: { eventLoopDelayMsMax: 1 } });
    await slow.app.ready();
    await delay(50);
    const until = performance.now() + 1_200;
    while (performance.now() < until);
    await delay(20);
    const { headers } = await slow.refused(503, "overloaded", "POST", "/v1/interactions", { body: visit });
    expect(headers["retry-after"]).toBeDefined();
    expect((await slow.when("GET", "/livez", { key: null })).status).toBe(200);
    await slow.close();
  });
});

describe("a store that fails", () => {
  it.each([
    ["full", 507, "store-full"],
    ["failed", 503, "store-unavailable"],
    ["damaged", 503, "store-unavailable"],
  ] as const)("%s: the caller is told, and the log says what it was", async (reason, status, code) => {
    const failing = await testApi();
    failing.ledger.store.append = () => Promise.reject(new StoreUnavailableError(reason));
    const { headers } = await failing.refused(status, code, "POST", "/v1/promises", { body: call });
    expect(Number(headers["retry-after"])).toBeGreaterThan(0);
    expect(failing.lines.find(({ msg }) => msg === code)).toMatchObject({ level: 50, fault: { name: "StoreUnavailableError" } });
    failing.lines.length = 0;
    const lines = Array.from({ length: 50 }, () => JSON.stringify({ command: "record-interaction", body: visit })).join("\n");
    const batch = await failing.when("POST", "/v1/batch", {
      payload: lines,
      headers: { "content-type": "application/x-ndjson" },
    });
    expect(batch.text.match(new RegExp(`"code":"${code}"`, "g"))).toHaveLength(50);
    expect(failing.lines.filter(({ msg }) => msg === code)).toHaveLength(10);
    await failing.close();
  });
});

describe("over a socket", () => {
  const open = (headers: Record<string, string>) => {
    const sending = httpRequest(new URL("/v1/interactions", base), {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${api.admin}`, ...headers },
    });
    const answer = new Promise<{ status: number; text: string; connection: string | undefined }>((resolve, reject) => {
      sending.once("response", (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
        response.once("end", () => resolve({ status: response.statusCode!, text, connection: response.headers.connection }));
      });
      sending.on("error", reject);
    });
    answer.catch(() => undefined);
    return { sending, answer };
  };
  const gigabytes = String(2 * 1024 ** 3);

  it("a body of two gigabytes is refused by its length alone, before any of it", async () => {
    const { sending, answer } = open({ "content-length": gigabytes });
    sending.flushHeaders();
    const { status, text, connection } = await answer;
    expect([status, JSON.parse(text).code, connection]).toEqual([413, "body-too-large", "close"]);
    sending.destroy();
  });

  it("a body of two gigabytes without a length is refused at the limit, at bounded memory", async () => {
    const before = process.memoryUsage().rss;
    const { sending, answer } = open({ "transfer-encoding": "chunked" });
    const chunk = Buffer.alloc(1024 * 1024, 0x20);
    let sent = 0;
    const done = answer.then(
      () => true,
      () => true,
    );
    while (sent < 2 * 1024 && !sending.destroyed) {
      sent += 1;
      if (!sending.write(chunk)) {
        const isOver = await Promise.race([done, new Promise((resolve) => sending.once("drain", () => resolve(false)))]);
        if (isOver === true) break;
      }
    }
    expect(sent).toBeLessThan(200);
    await done;
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
    expect(api.lines.at(-1)).toMatchObject({ status: 413 });
    sending.destroy();
  });

  it("whoever has no key is not listened to any further", async () => {
    const { sending, answer } = open({ "content-length": gigabytes, authorization: "Bearer nothing" });
    sending.flushHeaders();
    const { status, connection } = await answer;
    expect([status, connection]).toEqual([401, "close"]);
    sending.destroy();
  });

  it("a body that trickles in is given up", async () => {
    const { sending, answer } = open({ "content-length": "1000" });
    sending.write('{"account":');
    const { status, text, connection } = await answer;
    expect([status, JSON.parse(text).code, connection]).toEqual([408, "request-timeout", "close"]);
    sending.destroy();
    await delay(400);
    expect(api.lines.filter(({ status: one }) => one === 500)).toEqual([]);
  });

  it("what is no HTTP is answered with a problem", async () => {
    const socket = connect(Number(base.port), "127.0.0.1");
    socket.write("NONSENSE\r\n\r\n");
    let text = "";
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(text).toContain('"code":"malformed-request"');
  });

  it("requests under way are answered when the server shuts down, and none after", async () => {
    const closing = await testApi();
    const at = await closing.listen();
    const { append } = closing.ledger.store;
    let isAppending = false;
    closing.ledger.store.append = async (...rest) => {
      isAppending = true;
      await delay(500);
      return append(...rest);
    };
    const send = () =>
      fetch(`${at}/v1/interactions`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${closing.admin}` },
        body: JSON.stringify(visit),
      });
    const underWay = send();
    while (!isAppending) await delay(5);
    const started = performance.now();
    const closed = closing.app.close();
    expect((await underWay).status).toBe(201);
    await closed;
    expect(performance.now() - started).toBeLessThan(5_000);
    await expect(send()).rejects.toThrow();
  });
});

it("an error of the API's own carries its headers", () => {
  expect(new ApiError("overloaded", "x", { headers: { a: "b" } }).headers).toEqual({ a: "b" });
});
