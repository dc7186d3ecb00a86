/** Erasing through the API, and the access log as an auditor reads it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { account, berg, novak, type TestApi, testApi, visit } from "../support/api.ts";

let api: TestApi;
beforeEach(async () => {
  api = await testApi();
});
afterEach(() => api.close());

const erase = `/v1/subjects/${berg}/erase`;

describe("POST /v1/subjects/{subject}/erase", () => {
  it("answers once it is done, and again without adding anything", async () => {
    const first = await api.when("POST", erase, { body: { reason: "subject-asked" } });
    expect(first).toMatchObject({ status: 200, added: ["SubjectErased"], json: { id: berg, stream: "ledger" } });
    expect(await api.when("POST", erase, { body: {} })).toMatchObject({ status: 200, added: [], json: { id: berg, events: [] } });
    const { json } = await api.when("GET", `/v1/people/${berg}`);
    expect(json.personal).toEqual({ name: { status: "erased" } });
    const sent = { ...visit, participants: [novak, berg], note: "Word." };
    await api.refused(409, "subject-erased", "POST", "/v1/interactions", { body: sent });
  });

  it("is answered from the log when it is sent again", async () => {
    const headers = { "idempotency-key": "erase-berg" };
    const first = await api.when("POST", erase, { body: {}, headers });
    const again = await api.when("POST", erase, { body: {}, headers });
    expect(again).toMatchObject({ status: 200, added: [], json: { replayed: true, events: first.json.events } });
    await api.refused(422, "idempotency-key-reused", "POST", erase, { body: { reason: "other" }, headers });
  });

  it("is refused for nobody that is there, for what is no subject, and for a body that says more", async () => {
    await api.refused(404, "subject-not-found", "POST", "/v1/subjects/per_9999999999999999/erase", { body: {} });
    await api.refused(404, "subject-not-found", "POST", "/v1/subjects/acc_9999999999999999/erase", { body: {} });
    for (const id of ["house", "prm_0000000000000001", "berg"])
      await api.refused(422, "validation-failed", "POST", `/v1/subjects/${id}/erase`, { body: {} });
    await api.refused(422, "validation-failed", "POST", erase, { body: { reason: "He asked us to." } });
    await api.refused(422, "validation-failed", "POST", erase, { body: { at: "2026-01-01T00:00:00.000Z" } });
  });

  it("asks for the scope `admin`", async () => {
    const { secret } = await api.newKey(["record", "read", "personal", "audit", "arbitrate"]);
    await api.refused(403, "scope-missing", "POST", erase, { body: {}, key: secret });
  });
});

describe("GET /v1/access-log", () => {
  const linesOf = async (query = "") => (await api.when("GET", `/v1/access-log${query}`)).json;

  it("has a line for every way to read somebody's text, with the key and the question", async () => {
    const { json: made } = await api.when("POST", "/v1/promises", {
      body: { account, promisor: novak, promisee: berg, kind: "call", text: "I call.", terms: { type: "once" } },
    });
    const { json: met } = await api.when("POST", "/v1/interactions", {
      body: { ...visit, participants: [novak, berg], note: "Word." },
    });
    const asked = [
      `accounts`,
      `accounts/${account}`,
      `accounts/${account}/timeline`,
      `accounts/${account}/promises`,
      `people`,
      `people/${berg}`,
      `interactions/${met.id}`,
      `promises`,
      `promises/${made.id}`,
      `promises/${made.id}/history`,
      `events?open=true`,
      `events/${met.events[0].id}?open=true`,
    ];
    for (const path of asked) {
      const { id, secret } = await api.newKey(["read", "personal"]);
      const { status, text } = await api.when("GET", `/v1/${path}`, { key: secret });
      expect({ path, status, isOpened: text.includes('"opened"') }).toEqual({ path, status: 200, isOpened: true });
      const { items } = await linesOf(`?key=${id}`);
      expect(items.length, path).toBeGreaterThan(0);
      const place = path.startsWith("accounts") && !path.includes("/timeline") && !path.includes("/promises") ? account : berg;
      expect(
        items.some(({ subjects }: { subjects: string[] }) => subjects.includes(place)),
        path,
      ).toBe(true);
      const closed = await api.newKey(["read"]);
      await api.when("GET", `/v1/${path.replace("open=true", "")}`, { key: closed.secret });
      expect((await linesOf(`?key=${closed.id}`)).items, "nothing was opened").toEqual([]);
    }
  });

  it("comes in pages and by subject, and keeps its lines when the subject is erased", async () => {
    for (let count = 0; count < 5; count += 1) await api.when("GET", `/v1/people/${berg}`);
    await api.when("GET", `/v1/accounts/${account}`);
    const first = await linesOf(`?subject=${berg}&limit=3`);
    expect(first.items.map(({ line }: { line: number }) => line)).toEqual([5, 4, 3]);
    const second = await linesOf(`?subject=${berg}&limit=3&after=${first.next}`);
    expect(second).toMatchObject({ items: [{ line: 2 }, { line: 1, purpose: "get-person", subjects: [berg] }], next: null });
    await api.when("POST", erase, { body: {} });
    expect(await linesOf(`?subject=${berg}&limit=3`)).toEqual(first);
  });

  it("is for the scope `audit`, and refuses a cursor that is none of its own", async () => {
    const { secret } = await api.newKey(["read", "personal", "admin"]);
    await api.refused(403, "scope-missing", "GET", "/v1/access-log", { key: secret });
    for (const cursor of ["x", Buffer.from('["5"]').toString("base64url"), Buffer.from("[5,6]").toString("base64url")])
      await api.refused(400, "cursor-invalid", "GET", `/v1/access-log?after=${cursor}`);
    await api.refused(422, "validation-failed", "GET", "/v1/access-log?subject=berg");
  });
});
