/**
 * The faults that are scheduled on the stand-in, as the bare client meets them. What each looks like to the client was seen
 * on real servers; here no real one takes part.
 */
import { randomUUID } from "node:crypto";
import {
  type AllStreamSubscription,
  ANY,
  type AppendStreamState,
  binaryEvent,
  KurrentDBClient,
  NO_STREAM,
  type Position,
  type ResolvedEvent,
  START,
  streamNameFilter,
} from "@kurrent/kurrentdb-client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { StandIn } from "../../support/kurrentdb-stand-in/stand-in.ts";

let standIn: StandIn;
let clients: KurrentDBClient[] = [];
let stream: string;

beforeAll(async () => void (standIn = await StandIn.start({ nodes: 3 })));
afterAll(() => standIn.stop());

beforeEach(() => void (stream = `faults-${randomUUID()}/promise-1`));
afterEach(async () => {
  standIn.faults.clear();
  standIn.elect(0);
  await Promise.all(clients.map((client) => client.dispose()));
  clients = [];
});

function newClient(connectionString = standIn.connectionStringOf(0)): KurrentDBClient {
  const client = KurrentDBClient.connectionString(`${connectionString}&discoveryInterval=5&maxDiscoverAttempts=2`);
  clients.push(client);
  return client;
}

const event = (text: string, id = randomUUID()) => binaryEvent({ type: "Told", id, data: Buffer.from(text) });
const append = (client: KurrentDBClient, text: string, streamState: AppendStreamState, id = randomUUID()) =>
  client.appendToStream(stream, [event(text, id)], { streamState });
const textOf = ({ event: recorded }: ResolvedEvent) => Buffer.from(recorded!.data as Uint8Array).toString();
const stored = () => (standIn.log.stream(stream) ?? []).map(({ data }) => Buffer.from(data).toString());

async function textsRead(client: KurrentDBClient): Promise<string[]> {
  const texts: string[] = [];
  for await (const resolved of client.readStream(stream)) texts.push(textOf(resolved));
  return texts;
}

const next = () => standIn.faults.calls("append") + 1;

describe("a server that is down", () => {
  it("gives an error with the code of gRPC and no type, and takes appends again when it is back", async () => {
    const client = newClient();
    await standIn.lines[0]!.refuse();
    await expect(append(client, "a", NO_STREAM)).rejects.toSatisfy((error) => error.code === 14 && error.type === undefined);
    await standIn.lines[0]!.accept();
    await append(newClient(), "a", NO_STREAM);
    expect(stored()).toEqual(["a"]);
  });

  it("poisons the client whose first read meets it; a fresh one reads", async () => {
    await append(newClient(), "a", NO_STREAM);
    await standIn.lines[0]!.refuse();
    const poisoned = newClient();
    await expect(textsRead(poisoned)).rejects.toThrow();
    await standIn.lines[0]!.accept();
    await expect(textsRead(poisoned)).rejects.toThrow();
    expect(await textsRead(newClient())).toEqual(["a"]);
  });

  it("forgets after a restart which ids came in at any revision, and writes one again", async () => {
    const id = randomUUID();
    await append(newClient(), "a", ANY, id);
    await standIn.restart();
    // Clients of one process share a connection to one address, and the first call on a broken one fails.
    const again = () => append(newClient(), "a", ANY, id).then(({ success }) => success);
    await expect.poll(again, { interval: 5 }).toBe(true);
    expect(stored()).toEqual(["a", "a"]);
  });
});

describe("a frozen server", () => {
  it("leaves an append open beyond its deadline, until it thaws", async () => {
    const client = newClient();
    await append(client, "a", NO_STREAM);
    standIn.lines[0]!.freeze();
    const open = client.appendToStream(stream, [event("b")], { streamState: 0n, deadline: 10 });
    expect(await Promise.race([open, new Promise((resolve) => setTimeout(resolve, 100, "open"))])).toBe("open");
    standIn.lines[0]!.thaw();
    expect(await open).toMatchObject({ success: true, nextExpectedRevision: 1n });
  });
});

describe("an append", () => {
  it("can be stored and never answered", async () => {
    standIn.faults.schedule("append", { kind: "unanswered", stored: true }, next());
    const open = append(newClient(), "a", NO_STREAM);
    await expect.poll(stored, { interval: 5 }).toEqual(["a"]);
    expect(await Promise.race([open, new Promise((resolve) => setTimeout(resolve, 50, "open"))])).toBe("open");
  });

  it("can be lost on the way with its connection", async () => {
    standIn.faults.schedule("append", { kind: "cut" }, next());
    await expect(append(newClient(), "a", NO_STREAM)).rejects.toMatchObject({ type: "unavailable" });
    expect(stored()).toEqual([]);
  });

  it("can be stored and refused all the same; the same ids sent again succeed", async () => {
    const id = randomUUID();
    const client = newClient();
    standIn.faults.schedule("append", { kind: "wrong-version-though-stored" }, next());
    await expect(append(client, "a", NO_STREAM, id)).rejects.toMatchObject({ type: "wrong-expected-version", actualState: 0n });
    expect(await append(client, "a", NO_STREAM, id)).toMatchObject({ success: true, nextExpectedRevision: 0n });
    expect(stored()).toEqual(["a"]);
  });

  it.each([true, false])("can take too long for the server, stored or not (%s)", async (isStored) => {
    standIn.faults.schedule("append", { kind: "timeout", stored: isStored }, next());
    await expect(append(newClient(), "a", NO_STREAM)).rejects.toMatchObject({ type: "deadline-exceeded" });
    expect(stored()).toEqual(isStored ? ["a"] : []);
  });

  it("can be answered late, while others are answered", async () => {
    standIn.faults.schedule("append", { kind: "slow", delayMs: 50 }, ({ stream: to }) => to === stream);
    const client = newClient();
    const answered: string[] = [];
    const late = append(client, "a", NO_STREAM).then(() => answered.push("late"));
    await client.appendToStream(`${stream}-other`, [event("b")], { streamState: NO_STREAM });
    answered.push("other");
    await late;
    expect(answered).toEqual(["other", "late"]);
  });

  it("to a node without a leader fails with an error of no known kind", async () => {
    standIn.elect(undefined);
    const client = newClient();
    await expect(append(client, "a", NO_STREAM)).rejects.toMatchObject({
      type: "unknown",
      message: expect.stringContaining("Server Is Not Ready"),
    });
    standIn.elect(0);
    await append(client, "a", NO_STREAM);
    expect(stored()).toEqual(["a"]);
  });

  it("to a node that does not lead is told who leads, and the client goes there", async () => {
    const client = newClient(standIn.connectionStringOf(1));
    standIn.faults.schedule("append", { kind: "not-leader" }, ({ node }) => node === 1);
    const leader = { address: "127.0.0.1", port: standIn.lines[0]!.port };
    await expect(append(client, "a", NO_STREAM)).rejects.toMatchObject({ type: "not-leader", leader });
    await append(client, "a", NO_STREAM);
    expect(stored()).toEqual(["a"]);
  });
});

describe("a read", () => {
  it("can break in the middle", async () => {
    const client = newClient();
    await client.appendToStream(stream, [event("a"), event("b"), event("c")], { streamState: NO_STREAM });
    standIn.faults.schedule("read", { kind: "cut", afterEvents: 2 });
    await expect(textsRead(client)).rejects.toThrow();
    expect(await textsRead(client)).toEqual(["a", "b", "c"]);
  });
});

describe("a subscription", () => {
  let client: KurrentDBClient;
  let positions: Position[];

  beforeEach(async () => {
    client = newClient();
    const texts = ["a", "b", "c", "d"];
    await client.appendToStream(
      stream,
      texts.map((text) => event(text)),
      { streamState: NO_STREAM },
    );
    positions = standIn.log.stream(stream)!.map(({ position }) => ({ commit: position, prepare: position }));
  });

  function following(fromPosition: Position | typeof START = START) {
    const seen: { texts: string[]; error?: Error; subscription: AllStreamSubscription } = {
      texts: [],
      subscription: client.subscribeToAll({ fromPosition, filter: streamNameFilter({ prefixes: [stream] }) }),
    };
    seen.subscription.on("data", (resolved) => seen.texts.push(textOf(resolved)));
    seen.subscription.on("error", (error) => void (seen.error = error));
    return seen;
  }

  it("can break in the middle, and says so", async () => {
    standIn.faults.schedule("subscribe", { kind: "cut", afterEvents: 2 });
    const seen = following();
    await expect.poll(() => seen.error, { interval: 5 }).toMatchObject({ type: "unavailable" });
    expect(seen.texts).toEqual(["a", "b"]);
  });

  it("can be cut off with its connection", async () => {
    const seen = following();
    await expect.poll(() => seen.texts, { interval: 5 }).toHaveLength(4);
    standIn.lines[0]!.cut();
    await expect.poll(() => seen.error, { interval: 5 }).toMatchObject({ type: "unavailable" });
  });

  it("can fall silent and stay open", async () => {
    standIn.faults.schedule("subscribe", { kind: "silent", afterEvents: 1 });
    const seen = following();
    await append(client, "e", 3n);
    const other = following();
    await expect.poll(() => other.texts, { interval: 5 }).toEqual(["a", "b", "c", "d", "e"]);
    expect([seen.texts, seen.error]).toEqual([["a"], undefined]);
  });

  it("can deliver events anew after a resume", async () => {
    standIn.faults.schedule("subscribe", { kind: "repeat", events: 2 });
    const seen = following(positions[2]!);
    await expect.poll(() => seen.texts, { interval: 5 }).toEqual(["b", "c", "d"]);
  });

  it("can leave out an event", async () => {
    standIn.faults.schedule("subscribe", { kind: "gap", stream, revision: 1 });
    const seen = following();
    await expect.poll(() => seen.texts, { interval: 5 }).toEqual(["a", "c", "d"]);
  });
});

describe("discovery among three nodes", () => {
  it("leads to the one that leads, also after an election", async () => {
    const client = newClient(standIn.connectionString);
    await append(client, "a", NO_STREAM);
    standIn.elect(1);
    await standIn.lines[0]!.refuse();
    await expect(append(client, "b", 0n)).rejects.toThrow();
    await append(newClient(standIn.connectionString), "b", 0n);
    await standIn.lines[0]!.accept();
    expect(stored()).toEqual(["a", "b"]);
  });

  it("left out, where a string names a follower alone: one read is told who leads, and the next ones go there", async () => {
    const client = newClient(standIn.connectionStringOf(2));
    await append(client, "a", NO_STREAM);
    const leader = { address: "127.0.0.1", port: standIn.lines[0]!.port };
    await expect(textsRead(client)).rejects.toMatchObject({ type: "not-leader", leader });
    expect(await textsRead(client)).toEqual(["a"]);
  });

  it("that failed once poisons the client's appends; a fresh one appends", async () => {
    standIn.faults.schedule("gossip", { kind: "cut" }, undefined, 6);
    const poisoned = newClient(standIn.connectionString);
    await expect(append(poisoned, "a", NO_STREAM)).rejects.toThrow("Failed to discover");
    standIn.faults.clear();
    await expect(append(poisoned, "a", NO_STREAM)).rejects.toThrow("Failed to discover");
    await append(newClient(standIn.connectionString), "a", NO_STREAM);
    expect(stored()).toEqual(["a"]);
  });
});
