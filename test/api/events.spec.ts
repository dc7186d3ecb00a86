import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { linesMediaType } from "../../src/api/events/events.ts";
import { account, fieldsOf, otherAccount, unknownAccount, type TestApi, testApi, visit } from "../support/api.ts";

let api: TestApi;
let base: string;
beforeAll(async () => {
  api = await testApi({ limits: { heartbeatMs: 50, eventScanCountMax: 10, eventStreamCountMax: 5 } });
  base = await api.listen();
  for (let minutes = 1; minutes <= 30; minutes += 1) await api.ledger.run("record-interaction", { ...visit, minutes });
  await api.ledger.run("record-interaction", { ...visit, account: otherAccount, note: "Talked about sailing." });
});
afterAll(() => api.close());

/* eslint-disable @typescript-eslint/no-explicit-any */
const positionsOf = (items: any[]): number[] => items.map(({ position }) => position);
const upTo = (head: number, after = 0): number[] => Array.from({ length: head - after }, (_, index) => after + index + 1);
const head = () => api.ledger.store.log.head();

describe("a page of the log", () => {
  it("holds events as they were hashed, with their place", async () => {
    const { status, json } = await api.when("GET", "/v1/events?limit=3");
    expect(status).toBe(200);
    for (const { position, ...envelope } of json.items) {
      const [stored] = api.ledger.store.log.readPositions([position]);
      expect(envelope).toEqual(JSON.parse(Buffer.from(stored!.leaf).toString("utf8")));
    }
  });

  it("leads through the whole log, each event once, and ends at its head", async () => {
    const seen: number[] = [];
    let next = "p0";
    for (let last = ""; next !== last;) {
      last = next;
      const { json } = await api.when("GET", `/v1/events?limit=7&after=${next}`);
      seen.push(...positionsOf(json.items));
      next = json.next;
    }
    expect(seen).toEqual(upTo(head()));
  });

  it("names where it ends, so that one may come back for more", async () => {
    const { headers, json } = await api.when("GET", "/v1/events?limit=500");
    expect(json.next).toBe(headers["troth-position"]);
    expect((await api.when("GET", `/v1/events?after=${json.next}`)).json).toEqual({ items: [], next: json.next });
    const { json: made } = await api.when("POST", "/v1/interactions", { body: visit });
    const later = await api.when("GET", `/v1/events?after=${headers["troth-position"]}`);
    expect(positionsOf(later.json.items)).toEqual([made.position]);
  });

  it("is filtered by account and type, looking at a bounded part of the log each time", async () => {
    const seen: any[] = [];
    let pages = 0;
    let next = "p0";
    for (let last = ""; next !== last;) {
      last = next;
      pages += 1;
      const { json } = await api.when("GET", `/v1/events?account=${otherAccount}&type=InteractionRecorded&after=${next}`);
      seen.push(...json.items);
      next = json.next;
    }
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ account: otherAccount, type: "InteractionRecorded" });
    // eventScanCountMax is smaller than what one reading takes, so each page is one reading.
    expect(pages).toBeLessThanOrEqual(Math.ceil(head() / 10) + 1);
  });

  it("opens sealed text on request, and says in the access log who did", async () => {
    const { json } = await api.when("GET", `/v1/events?open=true&account=${otherAccount}&type=InteractionRecorded`);
    expect(json.items[0].opened).toEqual([
      { subject: otherAccount, field: "note", status: "opened", value: "Talked about sailing." },
    ]);
    const { lines } = await api.ledger.vault.accessLog({ limit: 1 });
    const [line] = lines;
    expect(line).toMatchObject({
      key: api.admin.slice(6, 36),
      purpose: "events",
      event: json.items[0].id,
      subjects: [otherAccount],
    });
    const { text } = await api.when("GET", "/v1/events?limit=500");
    expect(text).not.toContain("sailing");
  });

  it.each([
    ["a cursor that is none", "?after=7", 400, "cursor-invalid", "/after"],
    ["a cursor beyond the end of the log", "?after=pzzzz", 400, "cursor-invalid", "/after"],
    ["a cursor beyond range", `?after=p${"z".repeat(12)}`, 400, "cursor-invalid", "/after"],
    ["a type that there is not", "?type=Nothing", 422, "validation-failed", "/type"],
    ["an account that is none", "?account=x", 422, "validation-failed", "/account"],
    ["too large a limit", "?limit=501", 422, "validation-failed", "/limit"],
    ["an unknown parameter", "?from=1", 422, "validation-failed", "/from"],
  ])("is refused with %s", async (_what, query, status, code, field) => {
    expect(fieldsOf(await api.refused(status, code, "GET", `/v1/events${query}`))).toEqual([field]);
  });
});

describe("one event", () => {
  it("is found by its id", async () => {
    const { id, position } = api.ledger.events().at(-1)!;
    const { json } = await api.when("GET", `/v1/events/${id}`);
    expect(json).toMatchObject({ id, position });
  });

  it("shows what was erased as erased", async () => {
    const vault = api.ledger.vault as unknown as { erase(subject: string, at: string): Promise<void> };
    const { json: made } = await api.when("POST", "/v1/people", { body: { account, name: "J. Moss", email: "j@example.com" } });
    const url = `/v1/events/${made.events[0].id}?open=true`;
    const opened = (await api.when("GET", url)).json.opened;
    expect(opened.map(({ field, value }: any) => [field, value])).toEqual([
      ["name", "J. Moss"],
      ["email", "j@example.com"],
    ]);
    await vault.erase(made.id, "2026-02-01T09:00:00.000Z");
    expect((await api.when("GET", url)).json.opened).toEqual([
      { subject: made.id, field: "name", status: "erased" },
      { subject: made.id, field: "email", status: "erased" },
    ]);
    await api.refused(409, "subject-erased", "PATCH", `/v1/people/${made.id}`, { body: { name: "J. Moss" } });
  });

  it("is not found by another id", async () => {
    await api.refused(404, "event-not-found", "GET", "/v1/events/evt_9999999999999999");
    await api.refused(422, "validation-failed", "GET", "/v1/events/1");
  });
});

describe("the log as lines", () => {
  it("goes up to the head and ends", async () => {
    const { text, headers } = await api.when("GET", "/v1/events", { headers: { accept: linesMediaType } });
    expect(headers["content-type"]).toContain(linesMediaType);
    const lines = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(positionsOf(lines)).toEqual(upTo(head()));
  });

  it("begins after any place, filtered", async () => {
    const { text } = await api.when("GET", `/v1/events?after=p5&account=${otherAccount}`, {
      headers: { accept: linesMediaType },
    });
    const lines = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.every((line) => line.account === otherAccount && line.position > 5)).toBe(true);
  });

  it("has no limit", async () => {
    await api.refused(422, "validation-failed", "GET", "/v1/events?limit=5", { headers: { accept: linesMediaType } });
  });
});

type Streamed = { id: string; position: number };

/** Reads a stream until `isEnough`; heartbeats move the last id too. */
async function follow(
  url: string,
  headers: Record<string, string>,
  isEnough: (events: Streamed[], text: string) => boolean,
  key = api.admin,
) {
  const ending = new AbortController();
  const response = await fetch(url, {
    headers: { accept: "text/event-stream", authorization: `Bearer ${key}`, ...headers },
    signal: ending.signal,
  });
  const events: Streamed[] = [];
  let lastId = "";
  let text = "";
  let rest = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = (rest + chunk).split("\n\n");
    rest = blocks.pop()!;
    for (const block of blocks) {
      const id = /^id: (.+)$/m.exec(block)?.[1];
      const data = /^data: (.+)$/m.exec(block)?.[1];
      if (id !== undefined) lastId = id;
      if (data !== undefined) events.push({ id: id!, position: JSON.parse(data).position });
    }
    if (isEnough(events, text)) break;
  }
  ending.abort();
  return { response, events, lastId, text };
}

describe("the log as a stream", () => {
  const url = () => `${base}/v1/events`;

  it("holds everything, then what is appended while it is open", async () => {
    const before = head();
    const following = follow(url(), {}, (events) => events.length >= before + 3);
    for (let count = 0; count < 3; count += 1) await api.when("POST", "/v1/interactions", { body: visit });
    const { events, response } = await following;
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    expect(events.map(({ position }) => position)).toEqual(upTo(before + 3));
  });

  it("goes on where it left off, missing and repeating nothing", async () => {
    const seen: number[] = [];
    let lastId: string | undefined;
    while (seen.length < head()) {
      const wanted = seen.length + 1 + (seen.length % 5);
      const part = await follow(
        url(),
        lastId === undefined ? {} : { "last-event-id": lastId },
        (events) => seen.length + events.length >= wanted,
      );
      // The reader was cut off within what it was sent; what it did not take in comes again.
      const taken = part.events.slice(0, wanted - seen.length);
      seen.push(...taken.map(({ position }) => position));
      lastId = taken.at(-1)!.id;
    }
    expect(seen).toEqual(upTo(head()));
  });

  it("says that it is alive, and how far it has looked, when there is nothing to say", async () => {
    const { text, lastId, events } = await follow(
      `${url()}?account=${unknownAccount}`,
      {},
      (_, so) => so.split(": alive").length > 3,
    );
    expect([events, lastId]).toEqual([[], `p${head().toString(36)}`]);
    expect(text).toContain(": alive\n");
  });

  it("begins at the place of an answer, so that only what is new comes", async () => {
    const { headers } = await api.when("GET", "/v1/events?limit=500");
    const following = follow(`${url()}?after=${headers["troth-position"]}`, {}, (events) => events.length > 0);
    const { json } = await api.when("POST", "/v1/interactions", { body: visit });
    expect((await following).events.map(({ position }) => position)).toEqual([json.position]);
  });

  it("is refused with a Last-Event-ID that is none", async () => {
    const response = await fetch(url(), {
      headers: { accept: "text/event-stream", authorization: `Bearer ${api.admin}`, "last-event-id": "7" },
    });
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { code: "cursor-invalid", errors: [{ in: "header", field: "Last-Event-ID" }] },
    ]);
  });

  it("is one of so many at most", async () => {
    const open = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const ending = new AbortController();
        const response = await fetch(url(), {
          headers: { accept: "text/event-stream", authorization: `Bearer ${api.admin}` },
          signal: ending.signal,
        });
        return { ending, response };
      }),
    );
    expect(open.map(({ response }) => response.status)).toEqual([200, 200, 200, 200, 200]);
    const { headers } = await api.refused(503, "overloaded", "GET", "/v1/events", { headers: { accept: "text/event-stream" } });
    expect(headers["retry-after"]).toBe("10");
    for (const { ending } of open) ending.abort();
    const metrics = async () => (await api.when("GET", "/metrics")).text;
    while (!(await metrics()).includes("troth_event_streams 0")) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it("does not run ahead of whoever reads slowly", async ({ skip }) => {
    if (process.env["KURRENTDB_URL"] !== undefined) return skip("the copy of a node is followed where a spec does not see it");
    const slow = await testApi();
    const at = await slow.listen();
    const tags = Array.from({ length: 50 }, (_, n) => `tag-${n}-${"y".repeat(30)}`);
    const visits = Array.from({ length: 8_000 }, () =>
      JSON.stringify({ command: "record-interaction", body: { ...visit, tags } }),
    );
    await slow.when("POST", "/v1/batch", { payload: visits.join("\n"), headers: { "content-type": linesMediaType } });
    const total = slow.ledger.store.log.head();
    let reached = 0;
    const { readAll } = slow.ledger.store.log;
    slow.ledger.store.log.readAll = (after, max) => {
      reached = Math.max(reached, after);
      return readAll(after, max);
    };
    const headers = { accept: "text/event-stream", authorization: `Bearer ${slow.admin}` };
    const response = await fetch(`${at}/v1/events`, { headers });
    await settled(() => reached);
    // Two thousand bytes an event: the buffers of the system hold some of them, and nothing else does.
    expect(reached).toBeGreaterThan(0);
    expect(reached).toBeLessThan(total);
    let last = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      last = (last + chunk).slice(-4_000);
      if (last.includes(`"position":${total}}`)) break;
    }
    await slow.close();
  });

  it("ends when the server shuts down, and the server waits for nobody", async () => {
    const closing = await testApi();
    const at = await closing.listen();
    const response = await fetch(`${at}/v1/events`, {
      headers: { accept: "text/event-stream", authorization: `Bearer ${closing.admin}` },
    });
    const text = response.text();
    await closing.app.close();
    expect(await text).toContain("data: ");
  });
});

/** Waits until a figure has stood still for a while. */
async function settled(figure: () => number): Promise<void> {
  for (let before = -1; before !== figure();) {
    before = figure();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
