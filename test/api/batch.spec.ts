import { type IncomingMessage, request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { linesOf } from "../../src/api/batch/lines.ts";
import { account, berg, call, novak, type TestApi, testApi, visit } from "../support/api.ts";

let api: TestApi;
beforeAll(async () => void (api = await testApi()));
afterAll(() => api.close());

/* eslint-disable @typescript-eslint/no-explicit-any */
const ndjson = { "content-type": "application/x-ndjson" };
const linesIn = (text: string): any[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

async function sendBatch(
  lines: (object | string)[],
  { query = "", headers = {}, key }: { query?: string; headers?: object; key?: string } = {},
) {
  const payload = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  const answered = await api.when("POST", `/v1/batch${query}`, { payload, key, headers: { ...ndjson, ...headers } });
  const results = linesIn(answered.text);
  return {
    ...answered,
    results: results.filter(({ line }) => line !== undefined),
    summary: results.at(-1)?.summary,
    first: results[0],
  };
}

const visitLine = (more: object = {}, rest: object = {}) => ({
  command: "record-interaction",
  body: { ...visit, ...more },
  ...rest,
});

describe("a batch", () => {
  it("answers each line in order, as its command would be answered, and sums up", async () => {
    const { status, headers, results, summary, added } = await sendBatch([
      visitLine({ id: "int_0000000000000001" }),
      visitLine({ minutes: -1 }),
      { command: "close-account", params: { account } },
      { command: "reopen-account", params: { account } },
    ]);
    expect([status, headers["content-type"]]).toEqual([200, "application/x-ndjson; charset=utf-8"]);
    expect(results).toEqual([
      { line: 1, status: 201, id: "int_0000000000000001", revision: 0, position: expect.any(Number), replayed: false },
      { line: 2, status: 422, problem: expect.objectContaining({ code: "validation-failed", status: 422 }) },
      { line: 3, status: 200, id: account, revision: 1, position: expect.any(Number), replayed: false },
      { line: 4, status: 200, id: account, revision: 2, position: expect.any(Number), replayed: false },
    ]);
    expect(summary).toEqual({ lines: 4, accepted: 3, refused: 1, complete: true });
    expect(added).toEqual(["InteractionRecorded", "AccountClosed", "AccountReopened"]);
  });

  it("records nothing more once its key was revoked", async () => {
    const { id, secret } = await api.newKey(["record", "admin"]);
    const lines = [visitLine(), { command: "revoke-key", params: { key: id } }, visitLine({ minutes: 61 })];
    const { results, added } = await sendBatch(lines, { key: secret });
    expect(results.map(({ status, problem }) => problem?.code ?? status)).toEqual([201, 200, "unauthorized"]);
    expect(added).toEqual(["InteractionRecorded", "KeyRevoked"]);
  });

  it("goes on after lines that can't be read, and names what is wrong with each", async () => {
    const { results, added } = await sendBatch([
      "{nope",
      "[]",
      { command: "no-such-command" },
      { command: "record-interaction", body: visit, unknown: 1 },
      { command: "record-interaction", body: visit, ifMatch: "3" },
      visitLine({}, { idempotencyKey: "with space" }),
      { command: "close-account", params: { account: "acc_1" } },
      `{"command":"record-interaction","body":{"__proto__":1}}`,
      `{"command":"record-interaction","body":${"[".repeat(40)}${"]".repeat(40)}}`,
      `{"command":"record-interaction","body":{"note":"${"x".repeat(300_000)}"}}`,
      "",
      visitLine(),
    ]);
    expect(results.map(({ line, status, problem }) => [line, status, problem?.code])).toEqual([
      [1, 400, "malformed-json"],
      [2, 400, "malformed-request"],
      [3, 400, "command-unknown"],
      [4, 400, "malformed-request"],
      [5, 400, "malformed-request"],
      [6, 400, "malformed-request"],
      [7, 422, "validation-failed"],
      [8, 422, "validation-failed"],
      [9, 422, "json-too-deep"],
      [10, 413, "body-too-large"],
      [12, 201, undefined],
    ]);
    expect(added).toEqual(["InteractionRecorded"]);
  });

  it("takes names of another system for what a line refers to, and waits for the lines that bring them", async () => {
    const by = (externalId: string) => ({ source: "crm", externalId });
    const { results, summary } = await sendBatch([
      { command: "add-person", body: { ...by("U-1"), team: "north" } },
      { command: "open-account", body: { ...by("A-1"), owner: by("U-1") } },
      { command: "add-person", body: { ...by("C-1"), account: by("A-1") } },
      visitLine({ account: by("A-1"), participants: [by("U-1"), by("C-1")] }),
      { command: "make-promise", body: { ...call, account: by("A-1"), promisor: by("U-1"), promisee: by("C-1") } },
      visitLine({ account: by("A-2") }),
    ]);
    expect(summary).toMatchObject({ accepted: 5, refused: 1 });
    expect(results[5]).toMatchObject({ status: 422, problem: { code: "account-not-found", errors: [{ field: "/account" }] } });
    const recorded = api.ledger.eventsOf(`interaction-${results[3].id}`)[0]!.data;
    expect(recorded).toMatchObject({ account: results[1].id, participants: [results[0].id, results[2].id] });
  });

  it("says of a field whether it is missed among the line's params, or not known in its body", async () => {
    const { results } = await sendBatch([{ command: "accept-promise", body: { promise: "prm_000000000000000b" } }]);
    expect(results[0].problem).toMatchObject({
      detail: "/params/promise: is required",
      errors: [
        { in: "path", field: "/params/promise", reason: "is required" },
        { in: "body", field: "/promise", reason: "is not known here" },
      ],
    });
  });

  it("takes what earlier lines make, whatever the distance", async () => {
    const accountId = "acc_000000000000000b";
    const person = "per_000000000000000b";
    const promise = "prm_000000000000000b";
    const lines = [
      { command: "open-account", body: { id: accountId, name: "New" } },
      { command: "add-person", body: { id: person, account: accountId } },
      visitLine({ account: accountId, participants: [person] }),
      { command: "make-promise", body: { ...call, id: promise, account: accountId, promisee: person, needsAcceptance: true } },
      { command: "accept-promise", params: { promise } },
      { command: "withdraw-promise", params: { promise } },
      ...Array.from({ length: 50 }, () => visitLine({ account: accountId })),
      { command: "close-account", params: { account: accountId } },
    ];
    const { results, added } = await sendBatch(lines);
    expect(results.map(({ status }) => status)).toEqual([201, 201, 201, 201, 200, 409, ...Array(50).fill(201), 200]);
    expect(added).toContain("AccountClosed");
  });

  it("asks for each command's scope, line by line", async () => {
    const { secret } = await api.newKey(["record"]);
    const { results } = await sendBatch([{ command: "issue-key", body: { label: "x", scopes: ["admin"] } }, visitLine()], {
      key: secret,
    });
    expect(results.map(({ status, problem }) => [status, problem?.code])).toEqual([
      [403, "scope-missing"],
      [201, undefined],
    ]);
  });

  it("knows a repeated line again, and one with another body under the same key", async () => {
    const line = visitLine({}, { idempotencyKey: "batch-1" });
    const first = await sendBatch([line, line, visitLine({ minutes: 5 }, { idempotencyKey: "batch-1" })]);
    expect(first.results.map(({ status, replayed }) => [status, replayed])).toEqual([
      [201, false],
      [200, true],
      [422, undefined],
    ]);
    expect(first.added).toHaveLength(1);
    const again = await sendBatch([line]);
    expect(again.results[0]).toMatchObject({ status: 200, replayed: true, id: first.results[0].id });
  });

  it("may be sent again under one Idempotency-Key: each line is known by its number", async () => {
    const headers = { "idempotency-key": "whole-batch" };
    const own = visitLine({ minutes: 7 }, { idempotencyKey: "own-key" });
    const first = await sendBatch([visitLine(), "", visitLine(), own], { headers });
    expect(first.added).toHaveLength(3);
    const again = await sendBatch([visitLine(), "", visitLine(), own], { headers });
    expect(again.added).toEqual([]);
    expect(again.results.map(({ id, replayed }) => [id, replayed])).toEqual(first.results.map(({ id }) => [id, true]));
    const changed = await sendBatch([visitLine({ minutes: 9 }), "", visitLine(), own, visitLine()], { headers });
    expect(changed.results.map(({ status, problem }) => [status, problem?.code])).toEqual([
      [422, "idempotency-key-reused"],
      [200, undefined],
      [200, undefined],
      [201, undefined],
    ]);
  });

  it("is refused on a line on which another command stood under the same Idempotency-Key", async () => {
    const headers = { "idempotency-key": "shifted" };
    const opening = { command: "open-account", body: {} };
    const adding = { command: "add-person", body: {} };
    const first = await sendBatch([opening, adding], { headers });
    expect(first.results.map(({ status }) => status)).toEqual([201, 201]);
    // A line came in at the top, so that each stands where another stood.
    const shifted = await sendBatch([visitLine(), opening, adding], { headers });
    expect(shifted.results.map(({ status, problem }) => [status, problem?.code])).toEqual([
      [422, "idempotency-key-reused"],
      [422, "idempotency-key-reused"],
      [201, undefined],
    ]);
    expect((await sendBatch([opening, adding], { headers })).results.map(({ replayed }) => replayed)).toEqual([true, true]);
  });

  it("is refused on a line on which an agreement stood, and the other way round", async () => {
    const headers = { "idempotency-key": "agreed" };
    const promise = { promisor: novak, promisee: berg, terms: { type: "once" } };
    const agreeing = { command: "make-agreement", body: { account, promises: [promise, promise] } };
    const opening = { command: "open-account", body: {} };
    const first = await sendBatch([agreeing, opening], { headers });
    expect(first.added).toHaveLength(4);
    const swapped = await sendBatch([opening, agreeing], { headers });
    expect(swapped.results.map(({ problem }) => problem?.code)).toEqual(["idempotency-key-reused", "idempotency-key-reused"]);
    expect(swapped.added).toEqual([]);
    expect((await sendBatch([agreeing, opening], { headers })).added).toEqual([]);
  });

  it("names what has an external id by it, whichever key sends it", async () => {
    const origin = { source: "crm", externalId: "P-17" };
    const lines = [
      { command: "make-promise", body: { ...call, ...origin, at: "2026-01-05T00:00:00.000Z" } },
      { command: "claim-keeping", params: { promise: origin }, body: { keptAt: "2026-01-30T00:00:00.000Z" } },
    ];
    const first = await sendBatch(lines, { query: "?source=crm" });
    expect(first.added.filter((type) => !type.startsWith("Recording"))).toEqual(["PromiseMade", "KeepingClaimed"]);
    expect(first.results[1].id).toBe(first.results[0].id);
    const [made] = api.ledger.eventsOf(`promise-${first.results[0].id}`);
    expect(made).toMatchObject({ data: { source: "crm" } });
    expect(JSON.stringify(made)).not.toContain("P-17");
    const { secret } = await api.newKey(["record"]);
    const again = await sendBatch(lines, { query: "?source=crm", key: secret });
    expect(again.added).toEqual(["RecordingStarted", "RecordingCompleted"]);
    expect(again.results.map(({ status }) => status)).toEqual([200, 200]);
    const stranger = { promise: { ...origin, externalId: "P-18" } };
    const { results } = await sendBatch([{ command: "accept-promise", params: stranger }]);
    expect(results[0].problem.code).toBe("promise-not-found");
  });

  it("looks at the revision that a line names", async () => {
    const change = (tags: string[], ifMatch: number) => ({
      command: "change-account",
      params: { account },
      body: { tags },
      ifMatch,
    });
    const { headers } = await api.when("PATCH", `/v1/accounts/${account}`, { body: { tags: ["start"] } });
    const revision = Number(headers["etag"]!.slice(1, -1));
    const { results } = await sendBatch([change(["one"], revision), change(["two"], revision)]);
    expect(results.map(({ status }) => status)).toEqual([200, 412]);
  });

  it("may be empty", async () => {
    expect((await sendBatch([])).summary).toEqual({ lines: 0, accepted: 0, refused: 0, complete: true });
  });

  it("is taken as lines of JSON alone", async () => {
    await api.refused(415, "unsupported-media-type", "POST", "/v1/batch", { body: visitLine() });
  });

  it("gives the same log as its lines one after another", async () => {
    const lines = Array.from({ length: 300 }, (_, n) => {
      if (n % 50 === 0) return { command: "open-account", body: { id: `acc_000000000000c${String(n).padStart(3, "0")}` } };
      return visitLine({ account: `acc_000000000000c${String(n - (n % 50)).padStart(3, "0")}`, minutes: n });
    });
    const { summary } = await sendBatch(lines);
    expect(summary).toMatchObject({ lines: 300, accepted: 300, refused: 0 });
  });
});

describe("a batch with a source", () => {
  const promise = (more: object = {}) => ({ command: "make-promise", body: { ...call, ...more } });
  const recordingOf = (id: string) => (api.ledger.eventsOf(`promise-${id}`)[0]!.data as { recording?: string }).recording;

  it("opens a load of history, puts its promises into it, and completes it", async () => {
    const recording = (await api.when("POST", "/v1/recordings", { body: { source: "other" } })).json.id;
    const { first, results, summary, added } = await sendBatch(
      [
        promise(),
        promise({ recording }),
        {
          command: "make-agreement",
          body: { account, promises: [{ promisor: novak, promisee: berg, terms: { type: "once" } }] },
        },
      ],
      { query: "?source=crm-history&upTo=2026-01-01T00:00:00.000Z" },
    );
    expect(added[0]).toBe("RecordingStarted");
    expect(added.at(-1)).toBe("RecordingCompleted");
    expect(first).toEqual({ recording: summary.recording });
    expect(summary).toMatchObject({ lines: 3, accepted: 3, complete: true });
    expect(recordingOf(results[0].id)).toBe(first.recording);
    expect(recordingOf(results[1].id)).toBe(recording);
    expect(recordingOf(results[2].ids.promises[0])).toBe(first.recording);
    expect(api.ledger.eventsOf("ledger").at(-1)!.data).toMatchObject({ upTo: "2026-01-01T00:00:00.000Z" });
  });

  it("is the same load when it is sent again with the same Idempotency-Key", async () => {
    const options = { query: "?source=crm-history&upTo=2026-01-01T00:00:00.000Z", headers: { "idempotency-key": "load-1" } };
    const line = { ...promise(), idempotencyKey: "load-1-1" };
    const once = await sendBatch([line], options);
    const again = await sendBatch([line], options);
    expect(again.first).toEqual(once.first);
    expect(again.results[0]).toMatchObject({ status: 200, replayed: true });
    expect([again.added, again.summary.complete]).toEqual([[], true]);
    const keyless = { ...options, headers: { "idempotency-key": "load-2" } };
    await sendBatch([promise()], keyless);
    const repeated = await sendBatch([promise()], keyless);
    expect([repeated.added, repeated.results[0].replayed, repeated.summary.complete]).toEqual([[], true, true]);
  });

  it("is refused as a whole before anything is read where it can't be completed", async () => {
    const sent = { payload: JSON.stringify(promise()), headers: ndjson };
    await api.refused(422, "in-the-future", "POST", "/v1/batch?source=crm&upTo=2027-01-01T00:00:00.000Z", sent);
    await api.refused(422, "validation-failed", "POST", "/v1/batch?upTo=2026-01-01T00:00:00.000Z", sent);
    await api.refused(422, "validation-failed", "POST", "/v1/batch?source=A%20name", sent);
    const { secret } = await api.newKey(["read"]);
    await api.refused(403, "scope-missing", "POST", "/v1/batch?source=crm", { ...sent, key: secret });
  });
});

describe("a batch over a socket", () => {
  let url: URL;
  let over: TestApi;
  beforeAll(async () => {
    over = await testApi();
    url = new URL("/v1/batch", await over.listen());
  });
  afterAll(() => over.close());

  const open = (query = "", headers: object = {}) => {
    const sending = httpRequest(new URL(`/v1/batch${query}`, url), {
      method: "POST",
      headers: { ...ndjson, authorization: `Bearer ${over.admin}`, ...headers },
    });
    sending.on("error", () => undefined);
    const answer = new Promise<IncomingMessage>((resolve) => sending.once("response", resolve));
    return { sending, answer };
  };
  const line = (more: object = {}) => `${JSON.stringify(visitLine(more))}\n`;

  it("answers a line before the next is sent", async () => {
    const { sending, answer } = open();
    sending.write(line());
    const response = await answer;
    const chunks = response[Symbol.asyncIterator]();
    for (let number = 1; number <= 3; number += 1) {
      const { value } = await chunks.next();
      expect(linesIn(String(value))[0]).toMatchObject({ line: number, status: 201 });
      if (number < 3) sending.write(line());
    }
    sending.end();
    expect(linesIn(String((await chunks.next()).value))[0].summary).toMatchObject({ lines: 3, complete: true });
  });

  it("is not read any further while its results are not", async () => {
    const { sending, answer } = open();
    // Long lines with long answers, so that the buffers of the system are soon full in both directions.
    const unknown = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`unknown${n}`, n]));
    const bulk = `${JSON.stringify({ command: "record-interaction", body: unknown }).padEnd(4_000)}\n`.repeat(50);
    let sent = 0;
    let isStuck = false;
    while (sent < 40_000 && !isStuck) {
      sent += 50;
      if (!sending.write(bulk)) isStuck = !(await Promise.race([once(sending, "drain"), delay(3_000).then(() => false)]));
    }
    expect(isStuck).toBe(true);
    // Whoever reads gets everything after all.
    const response = await answer;
    let text = "";
    response.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
    sending.end();
    await once(response, "end");
    expect(linesIn(text).at(-1).summary).toEqual({ lines: sent, accepted: 0, refused: sent, complete: true });
  });

  it("that breaks off leaves its load open and says so, and goes on with it later", async () => {
    const query = "?source=crm-history";
    const headers = { "idempotency-key": "broken-load" };
    const { sending, answer } = open(query, headers);
    const body = { ...call, id: "prm_00000000000000bb" };
    sending.write(`${JSON.stringify({ command: "make-promise", body, idempotencyKey: "k1" })}\n`);
    const chunks = (await answer)[Symbol.asyncIterator]();
    const { recording } = linesIn(String((await chunks.next()).value))[0];
    while (over.ledger.eventsOf("promise-prm_00000000000000bb").length === 0) await delay(10);
    sending.destroy();
    while (!over.lines.some(({ msg }) => String(msg).includes("broke off"))) await delay(10);
    expect(over.lines.find(({ msg }) => String(msg).includes("broke off"))).toMatchObject({ recording, lines: 1 });
    expect(over.ledger.eventsOf("ledger").map(({ type }) => type)).toEqual(["RecordingStarted"]);

    const again = await over.when("POST", `/v1/batch${query}`, {
      headers: { ...ndjson, ...headers },
      payload: `${JSON.stringify({ command: "make-promise", body, idempotencyKey: "k1" })}\n`,
    });
    const [first, result, last] = linesIn(again.text);
    expect([first, result.replayed, last.summary.complete]).toEqual([{ recording }, true, true]);
    expect(over.ledger.eventsOf("ledger").map(({ type }) => type)).toEqual(["RecordingStarted", "RecordingCompleted"]);
  });

  it("is answered for what was read when the server shuts down", async () => {
    const closing = await testApi();
    url = new URL("/v1/batch", await closing.listen());
    const { sending, answer } = open("?source=crm-history", { authorization: `Bearer ${closing.admin}` });
    sending.write(line());
    const response = await answer;
    let text = "";
    response.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
    while (!text.includes('"line":1')) await delay(10);
    const closed = closing.app.close();
    await once(response, "end");
    expect(linesIn(text).at(-1).summary).toMatchObject({ lines: 1, accepted: 1, complete: false });
    await closed;
    expect(closing.ledger.eventsOf("ledger").map(({ type }) => type)).toEqual(["RecordingStarted"]);
  });
});

describe("lines", () => {
  const read = async (chunks: string[], bytesMax = 10) => {
    const lines: [number, string | undefined][] = [];
    const bytes = (async function* () {
      for (const chunk of chunks) yield Buffer.from(chunk);
    })();
    for await (const { number, bytes: line } of linesOf(bytes, bytesMax)) lines.push([number, line?.toString()]);
    return lines;
  };
  it("are cut wherever the chunks are", async () => {
    expect(await read(["a", "b\nc", "\n\n", "d\r\n", " \n", "e"])).toEqual([
      [1, "ab"],
      [2, "c"],
      [4, "d\r"],
      [6, "e"],
    ]);
  });
  it("are passed over where they are too long, at the memory of one", async () => {
    expect(await read(["x".repeat(8), "x".repeat(8), "\nok\n", "y".repeat(11)])).toEqual([
      [1, undefined],
      [2, "ok"],
      [3, undefined],
    ]);
  });
});

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const once = (emitter: NodeJS.EventEmitter, name: string) =>
  new Promise<true>((resolve) => emitter.once(name, () => resolve(true)));
