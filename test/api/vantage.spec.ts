/** `asOf` and `knownAt` on reads: what they mean, what they refuse, and on what an answer says that it rests. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toBase64 } from "../../src/audit/encoding.ts";
import { leafHash } from "../../src/audit/hashing.ts";
import { rootHash } from "../../src/audit/merkle.ts";
import { signatureType, signerKey, verifierOf } from "../../src/audit/verifier-key.ts";
import { ApiError } from "../../src/api/problem.ts";
import { ask, type Reader } from "../../src/queries/asking.ts";
import { queries } from "../../src/queries/registry.ts";
import { inlineAuditLog } from "../../src/transparency/inline-audit-log.ts";
import { memoryHeads, memoryTiles } from "../../src/transparency/memory.ts";
import { rootsOf } from "../../src/transparency/roots.ts";
import { SignedTree } from "../../src/transparency/signed-tree.ts";
import { account, berg, call, fieldsOf, novak, otherAccount, type TestApi, testApi, visit } from "../support/api.ts";
import { testLedger } from "../support/ledger.ts";

const promise = "prm_0000000000000001";
const january = "2026-01-10T00:00:00.000Z";
const begin = "2026-02-01T09:00:00.000Z";
const learned = "2026-03-10T09:00:00.000Z";
const now = "2026-04-01T09:00:00.000Z";

let api: TestApi;
/** Of the log when the promise had been broken by all that was known; and after the late fact that says otherwise. */
let [broken, kept] = [0, 0];

async function signed(ledger: ReturnType<typeof testLedger>): Promise<void> {
  const signer = signerKey("troth/main", signatureType.ed25519, new Uint8Array(32).fill(1));
  const keys = { signersAt: () => [signer], verifiers: () => [verifierOf(signer)] };
  const tiles = memoryTiles();
  const tree = new SignedTree({ log: ledger.store.log, tiles, heads: [memoryHeads()], keys, today: () => "2026-02-01" });
  await tree.open();
  ledger.readingDesk.rootAt = rootsOf(inlineAuditLog(tree, tiles, keys));
}

beforeAll(async () => {
  const ledger = testLedger(begin);
  await signed(ledger);
  api = await testApi({ ledger });
  const { run, setNow, store } = ledger;
  const due = { type: "once", dueAt: "2026-02-20T00:00:00.000Z" };
  await run("make-promise", {
    ...call,
    id: promise,
    terms: due,
    matcher: { kinds: ["call"] },
    at: january,
    text: "I will call.",
  });
  setNow("2026-03-01T09:00:00.000Z");
  await run("change-account", { name: "Harbour Lines" }, { account });
  broken = store.log.head();
  setNow(learned);
  await run("record-interaction", {
    ...{ ...visit, kind: "call", id: "int_0000000000000001", participants: [novak, berg] },
    startedAt: "2026-02-15T10:00:00.000Z",
  });
  kept = store.log.head();
  setNow(now);
});
afterAll(() => api.close());

const stateAt = async (query: string) => (await api.when("GET", `/v1/promises/${promise}?${query}`)).json.state as string;

describe("a read", () => {
  it("stands at the present where nothing is asked", async () => {
    const { json, headers } = await api.when("GET", `/v1/promises/${promise}`);
    expect(json.state).toBe("kept");
    expect(json.basis).toEqual({ asOf: now, knownAt: now, size: kept, policy: 0 });
    expect(headers["cache-control"]).toBe("no-store");
  });

  it("as known before a late fact judges without it, and as known after it with it", async () => {
    expect(await stateAt("knownAt=2026-03-09T00:00:00.000Z")).toBe("broken");
    expect(await stateAt(`knownAt=${learned}`)).toBe("kept");
    expect(await stateAt("asOf=2026-03-09T00:00:00.000Z")).toBe("kept");
    expect(await stateAt(`asOf=2026-02-10T00:00:00.000Z&knownAt=${learned}`)).toBe("in-force");
  });

  it("takes a size of the log, and stands at its log time", async () => {
    const { json } = await api.when("GET", `/v1/promises/${promise}?knownAt=${broken}`);
    expect(json.state).toBe("broken");
    expect(json.basis).toMatchObject({ size: broken, knownAt: "2026-03-01T09:00:00.000Z", asOf: "2026-03-01T09:00:00.000Z" });
  });

  it("tests the allowance against the instant pinned beside a size", async () => {
    expect(await stateAt("asOf=2026-02-20T12:00:00.000Z&knownAt=6@2026-02-20T12:00:00.000Z")).toBe("overdue");
    expect(await stateAt("asOf=2026-02-20T12:00:00.000Z&knownAt=6@2026-02-21T00:00:00.000Z")).toBe("broken");
  });

  it("is answered again to the byte by its basis, whatever was recorded since", async () => {
    const first = await api.when("GET", `/v1/accounts/${account}/trust?knownAt=${learned}`);
    const { asOf, knownAt, size } = first.json.basis;
    await api.ledger.run("record-interaction", { ...visit, startedAt: "2026-02-16T10:00:00.000Z", participants: [novak] });
    const again = await api.when("GET", `/v1/accounts/${account}/trust?asOf=${asOf}&knownAt=${size}@${knownAt}`);
    expect(again.text).toBe(first.text);
  });

  it("names the root of the tree at its size", async () => {
    for (const size of [1, broken, kept]) {
      const { json } = await api.when("GET", `/v1/accounts?knownAt=${size}`);
      const leaves = api.ledger.store.log.readAll(0, size).map(({ leaf }) => leafHash(leaf));
      expect(json.basis.root).toBe(toBase64(rootHash(leaves, size)));
    }
  });

  it("names no root of a log that nobody signs", async () => {
    const unsigned = await testApi();
    expect((await unsigned.when("GET", "/v1/accounts?knownAt=1")).json.basis.root).toBeNull();
    await unsigned.close();
  });

  it("shows text as it was known then, and erased text as erased", async () => {
    const nameAt = async (query: string) => (await api.when("GET", `/v1/accounts/${account}?${query}`)).json.personal.name;
    expect(await nameAt("knownAt=3")).toEqual({ status: "opened", value: "Harbour Freight Lines" });
    expect(await nameAt(`knownAt=${broken}`)).toEqual({ status: "opened", value: "Harbour Lines" });
    await api.ledger.run("open-account", { id: "acc_0000000000000009", name: "To be forgotten" });
    const size = api.ledger.store.log.head();
    await api.ledger.run("erase-subject", {}, { subject: "acc_0000000000000009" });
    const { json } = await api.when("GET", `/v1/accounts/acc_0000000000000009?knownAt=${size}`);
    expect(json.personal.name).toEqual({ status: "erased" });
  });

  it("may be kept by its caller where it is about a size and shows no text", async () => {
    const { secret } = await api.newKey(["read"]);
    const { headers } = await api.when("GET", `/v1/accounts?knownAt=${broken}`, { key: secret });
    expect([headers["cache-control"], headers["vary"]]).toEqual(["private, max-age=3600", "authorization"]);
    expect((await api.when("GET", `/v1/accounts?knownAt=${broken}`)).headers["cache-control"]).toBe("no-store");
    expect((await api.when("GET", `/v1/accounts/${account}?knownAt=${broken}`)).headers["etag"]).toBeUndefined();
  });
});

describe("pages that stand somewhere", () => {
  it("stay there, whether the next one says so again or not", async () => {
    const first = await api.when("GET", `/v1/accounts?limit=1&asOf=${learned}`);
    expect(first.json.next).not.toBeNull();
    await api.ledger.run("open-account", {});
    for (const more of ["", `&asOf=${learned}`, `&knownAt=${first.json.basis.size}`]) {
      const { json } = await api.when("GET", `/v1/accounts?limit=1&after=${first.json.next}${more}`);
      expect(json.items.map(({ id }: { id: string }) => id)).toEqual([otherAccount]);
      expect(json.basis).toEqual(first.json.basis);
    }
  });

  it("are refused for another place", async () => {
    const { json } = await api.when("GET", `/v1/accounts?limit=1&knownAt=${broken}`);
    const present = await api.when("GET", "/v1/accounts?limit=1");
    await api.refused(400, "cursor-invalid", "GET", `/v1/accounts?after=${json.next}&knownAt=${kept}`);
    await api.refused(400, "cursor-invalid", "GET", `/v1/accounts?after=${present.json.next}&knownAt=${kept}`);
  });
});

describe("a read is refused that stands nowhere", () => {
  it.each([
    ["as of the future", "asOf=2026-04-02T00:00:00.000Z", "in-the-future", "/asOf"],
    ["as known in the future", "knownAt=2026-04-02T00:00:00.000Z", "in-the-future", "/knownAt"],
    ["as known before the first event", "knownAt=2026-01-31T00:00:00.000Z", "before-ledger", "/knownAt"],
    ["as known at no size", "knownAt=0", "before-ledger", "/knownAt"],
    ["as of before anything happened", "asOf=1990-01-01T00:00:00.000Z", "before-ledger", "/asOf"],
    ["beyond the log", "knownAt=1000000", "beyond-log", "/knownAt"],
    ["as of later than known", "asOf=2026-03-02T00:00:00.000Z&knownAt=2026-03-01T10:00:00.000Z", "as-of-after-known-at", "/asOf"],
    ["as known at nothing", "knownAt=", "validation-failed", "/knownAt"],
    ["beyond any log", "knownAt=9007199254740993", "beyond-log", "/knownAt"],
    ["at two days", "asOf=2026-03-02T00:00:00.000Z&asOf=2026-03-03T00:00:00.000Z", "validation-failed", "/asOf"],
    ["at a day that does not exist", "asOf=2026-02-30T00:00:00.000Z", "validation-failed", "/asOf"],
    ["at an instant of another zone", "knownAt=2026-03-01T00:00:00.000%2B01:00", "validation-failed", "/knownAt"],
    ["at a size that is none", "knownAt=-1", "validation-failed", "/knownAt"],
    ["at a size with something else beside it", "knownAt=5@yesterday", "validation-failed", "/knownAt"],
  ])("%s", async (_what, query, code, field) => {
    expect(fieldsOf(await api.refused(422, code, "GET", `/v1/reports/keeping-rates?${query}`))).toEqual([field]);
  });

  it("and is told how a size is asked for at a later instant", async () => {
    const asOf = "2026-03-20T00:00:00.000Z";
    const { json } = await api.refused(422, "as-of-after-known-at", "GET", `/v1/accounts?asOf=${asOf}&knownAt=${broken}`);
    expect(json.detail).toContain(`\`${broken}@${asOf}\``);
    expect((await api.when("GET", `/v1/accounts?asOf=${asOf}&knownAt=${broken}@${asOf}`)).status).toBe(200);
  });

  it("or asks of a key or the access log what they were", async () => {
    for (const path of ["keys", "access-log"])
      expect(fieldsOf(await api.refused(422, "validation-failed", "GET", `/v1/${path}?knownAt=3`))).toEqual(["/knownAt"]);
  });

  it("as of before the account was opened", async () => {
    await api.refused(404, "account-not-found", "GET", `/v1/accounts/${account}?knownAt=1`);
  });
});

describe("a key bound to a party", () => {
  it("sees at a vantage what it may see now, and no more", async () => {
    const { secret } = await api.newKey(["read", "personal"], berg);
    expect((await api.when("GET", `/v1/promises/${promise}?knownAt=${broken}`, { key: secret })).status).toBe(200);
    await api.ledger.run("move-person", { account: otherAccount }, { person: berg });
    await api.refused(403, "key-bound", "GET", `/v1/accounts/${account}?knownAt=${broken}`, { key: secret });
  });
});

describe("what takes its time", () => {
  it("is left to the reader, and nothing else is", async () => {
    const left: string[] = [];
    const ledger = testLedger(begin);
    const reader: Reader = (query, request, standings) => {
      left.push(query.name);
      return ask(ledger.readingDesk, query, request, standings);
    };
    const served = await testApi({ ledger, deps: { reader } });
    for (const path of ["reports/balance", `accounts/${account}`, `accounts/${account}?knownAt=5`, `accounts/${account}/history`])
      expect((await served.when("GET", `/v1/${path}`)).status).toBe(200);
    expect(left).toEqual(["balance", "get-account", "account-history"]);
    await served.close();
  });

  it("ends when its caller has gone away", async () => {
    const began = Promise.withResolvers<AbortSignal>();
    const reader: Reader = (_query, _request, _standings, signal) => {
      began.resolve(signal);
      return new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => reject(new ApiError("request-timeout", "Gone."))),
      );
    };
    const served = await testApi({ deps: { reader } });
    const url = await served.listen();
    const caller = new AbortController();
    const asked = fetch(`${url}/v1/reports/balance`, {
      headers: { authorization: `Bearer ${served.admin}` },
      signal: caller.signal,
    }).catch(() => "gone");
    const signal = await began.promise;
    const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
    caller.abort();
    expect(await asked).toBe("gone");
    await aborted;
    await served.close();
  });
});

it("every read of the relationship takes both, and the document says so", () => {
  const without = queries.filter(({ query }) => !("asOf" in query.shape && "knownAt" in query.shape)).map(({ name }) => name);
  expect(without.toSorted()).toEqual(["access-log", "account-history", "list-keys"]);
});
