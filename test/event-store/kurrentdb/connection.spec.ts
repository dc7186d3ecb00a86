import type { KurrentDBClient } from "@kurrent/kurrentdb-client";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { clusterId, receivedEvent } from "../../../src/event-store/kurrentdb/cluster-event.ts";
import { clientMaker, Connection } from "../../../src/event-store/kurrentdb/connection.ts";
import { isSpoiling, isTransient, TimedOutError, within } from "../../../src/event-store/kurrentdb/retry.ts";

const secret = "correct-horse";

describe("a connection string", () => {
  it.each([
    ["with an unknown option", `kurrentdb://admin:${secret}@db.example:2113?tls=true&retries=3`, "retries"],
    [
      "that would hide failures of appends",
      `kurrentdb://admin:${secret}@db.example?throwOnAppendFailure=false`,
      "throwonappendfailure",
    ],
    ["with a question mark in its password", `kurrentdb://admin:what?${secret}@db.example:2113?retries=3`, "retries"],
    ["with a value that is none", `kurrentdb://admin:${secret}@db.example?nodePreference=${secret}`, "can't be read"],
    ["of another scheme", `https://admin:${secret}@db.example:2113`, "can't be read"],
    ["with a file that isn't there", `kurrentdb://admin:${secret}@db.example?tlsCAFile=/nowhere/${secret}`, "can't be read"],
  ])("%s is refused, and shown to nobody", async (_, connectionString, reason) => {
    const warned = vi.spyOn(console, "warn");
    onTestFinished(() => warned.mockRestore());
    const refusal = (await clientMaker(connectionString).catch((error: unknown) => error)) as Error;
    expect(refusal.message).toContain(reason);
    expect([refusal.message, refusal.stack, String(refusal.cause)].join()).not.toContain(secret);
    expect(warned).not.toHaveBeenCalled();
  });

  it("may name several nodes and spell options as the client does", async () => {
    const make = await clientMaker("kurrentdb://a.example:2113,b.example?tls=false&node-preference=leader&DISCOVERY_INTERVAL=9/");
    await make().dispose();
  });
});

describe("a client", () => {
  function counted() {
    const clients: { number: number; isDisposed: boolean }[] = [];
    const connection = new Connection(() => {
      const client = { number: clients.length + 1, isDisposed: false, dispose: async () => void (client.isDisposed = true) };
      clients.push(client);
      return client as unknown as KurrentDBClient;
    });
    const numberOf = (client: KurrentDBClient) => (client as unknown as { number: number }).number;
    return { clients, connection, used: () => connection.use(async (client) => numberOf(client)) };
  }
  const failing = (connection: Connection, error: unknown) =>
    connection.use(() => Promise.reject(error as Error)).catch(() => undefined);

  it("is used again as long as it is not to blame", async () => {
    const { connection, used } = counted();
    for (const type of ["wrong-expected-version", "stream-not-found", "not-leader", "access-denied"])
      await failing(connection, { type });
    expect([await used(), connection.renewals]).toEqual([1, 0]);
  });

  it("makes way for a new one after an error that it may go on giving", async () => {
    const { connection, used } = counted();
    await failing(connection, new Error("Failed to discover after 10 attempts."));
    expect([await used(), connection.renewals]).toEqual([2, 1]);
  });

  it("is kept for those who still wait on it, and disposed of after the last of them", async () => {
    const { clients, connection, used } = counted();
    const waiting = Promise.withResolvers<undefined>();
    const slow = connection.use(() => waiting.promise);
    await Promise.all([failing(connection, { code: 14 }), failing(connection, { code: 14 })]);
    expect([await used(), clients[0]!.isDisposed]).toEqual([2, false]);
    waiting.resolve(undefined);
    await slow;
    expect([clients[0]!.isDisposed, clients[1]!.isDisposed, connection.renewals]).toEqual([true, false, 1]);
  });
});

describe("what may be tried again", () => {
  it.each([
    ["a server that is down: a code and no type", { code: 14, message: "14 UNAVAILABLE" }, true, true],
    ["a node without a leader", { type: "unknown", code: 2, message: "Server Is Not Ready" }, true, true],
    ["a node that does not lead, which the client leaves by itself", { type: "not-leader", code: 5 }, true, false],
    ["a discovery that failed: neither", new Error("Failed to discover after 10 attempts."), true, true],
    ["our own deadline", new TimedOutError("an append", 10), true, true],
    ["a message too large for gRPC", { code: 8 }, false, false],
    ["a lost race", { type: "wrong-expected-version" }, false, false],
    ["credentials that do not do", { type: "access-denied", code: 16 }, false, false],
    ["an append that is too large", { type: "maximum-append-size-exceeded" }, false, false],
    ["a bug", new TypeError("cannot read properties of undefined"), false, false],
  ])("%s", (_, error, mayBeTried, spoilsClient) => {
    expect([isTransient(error), isSpoiling(error)]).toEqual([mayBeTried, spoilsClient]);
  });

  it("is known in time, though the client never answers", async () => {
    await expect(within(5, "a read", new Promise(() => {}))).rejects.toThrow("a read was not answered within 5 ms");
  });
});

describe("an event on the cluster", () => {
  it("has an id that follows from Troth's for ever: the cluster knows a repeated append by it", () => {
    expect(clusterId("evt_01JADH7Z0000000000000000")).toBe("888b50a7-96be-8ee1-b2c9-fd88dcee44d9");
  });

  it("that another program wrote is a leaf all the same", () => {
    const foreign = { streamId: "troth/account-fleet", id: "7d0e2a6c-0000-4000-8000-000000000000", revision: 4n, type: "Note" };
    const received = receivedEvent("troth", {
      ...{ ...foreign, isJson: true, created: new Date(0), data: { a: 1 }, metadata: undefined },
      position: { commit: 8n, prepare: 7n },
    });
    expect(received).toEqual({
      ...{ stream: "account-fleet", revision: 4, id: foreign.id, ciphertext: null, place: { commit: 8n, prepare: 7n } },
      leaf: new TextEncoder().encode('{"a":1}'),
    });
  });
});
