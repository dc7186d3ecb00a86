/**
 * What a KurrentDB server does, as far as Troth builds on it, told to the bare client. The statements run on the stand-in,
 * and the very same ones on the real server that `KURRENTDB_URL` names: what holds for the one must hold for the other.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import {
  ANY,
  type AllStreamSubscription,
  type AppendStreamState,
  BACKWARDS,
  binaryEvent,
  END,
  type EventData,
  type Filter,
  FORWARDS,
  KurrentDBClient,
  NO_STREAM,
  type Position,
  START,
  streamNameFilter,
  STREAM_EXISTS,
  type ResolvedEvent,
} from "@kurrent/kurrentdb-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type KurrentDb, kurrentDb } from "../../support/kurrentdb.ts";

let server: KurrentDb;
let client: KurrentDBClient;

beforeAll(async () => {
  server = await kurrentDb();
  client = KurrentDBClient.connectionString(server.connectionString);
});

afterAll(async () => {
  await client.dispose();
  await server.stop();
});

const newStream = () => `stand-in-${randomUUID()}/promise-1`;
const prefixOf = (stream: string) => `${stream.slice(0, stream.indexOf("/"))}/`;
const event = (text: string, id = randomUUID()) =>
  binaryEvent({ type: "Told", id, data: Buffer.from(text), metadata: Buffer.from(`{"id":"evt_${text}"}`) });
const append = (stream: string, streamState: AppendStreamState, ...events: EventData[]) =>
  client.appendToStream(stream, events, { streamState });

async function drained(events: AsyncIterable<ResolvedEvent>): Promise<ResolvedEvent[]> {
  const all: ResolvedEvent[] = [];
  for await (const resolved of events) all.push(resolved);
  return all;
}

const many = (count: number) => Array.from({ length: count }, (_, index) => event(`${index}`));

const textOf = ({ event: recorded }: ResolvedEvent) => Buffer.from(recorded!.data as Uint8Array).toString();
const textsOf = (events: ResolvedEvent[]) => events.map(textOf);
const positionOf = ({ event: recorded }: ResolvedEvent) => recorded!.position!;
const textsIn = async (stream: string) => textsOf(await drained(client.readStream(stream)));
const conflict = (expectedState: unknown, actualState: unknown) =>
  expect.objectContaining({ type: "wrong-expected-version", expectedState, actualState });

describe("an append", () => {
  it("at no stream, then at the current revision, is stored", async () => {
    const stream = newStream();
    const first = await append(stream, NO_STREAM, event("a"), event("b"));
    const second = await append(stream, first.nextExpectedRevision, event("c"));
    expect([first, second]).toMatchObject([
      { success: true, nextExpectedRevision: 1n },
      { success: true, nextExpectedRevision: 2n },
    ]);
    const read = await drained(client.readStream(stream));
    expect(textsOf(read)).toEqual(["a", "b", "c"]);
    expect([positionOf(read[1]!), positionOf(read[2]!)]).toEqual([first.position, second.position]);
    expect(first.position!.commit).toBeLessThan(second.position!.commit);
  });

  it("keeps every byte, the id and the type", async () => {
    const stream = newStream();
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const id = randomUUID();
    await append(stream, NO_STREAM, binaryEvent({ type: "Told", id, data: bytes, metadata: Uint8Array.from([255, 0]) }));
    const [read] = await drained(client.readStream(stream));
    expect(read!.event).toMatchObject({ id, type: "Told", streamId: stream, revision: 0n, isJson: false });
    expect([...(read!.event!.data as Uint8Array)]).toEqual([...bytes]);
    expect([...(read!.event!.metadata as Uint8Array)]).toEqual([255, 0]);
  });

  it("at another revision is refused, and says which revision is the current one", async () => {
    const stream = newStream();
    await expect(append(stream, 0n, event("x"))).rejects.toEqual(conflict(0n, "no_stream"));
    await append(stream, NO_STREAM, event("a"), event("b"));
    await expect(append(stream, NO_STREAM, event("x"))).rejects.toEqual(conflict("no_stream", 1n));
    await expect(append(stream, 0n, event("x"))).rejects.toEqual(conflict(0n, 1n));
    await expect(append(stream, 7n, event("x"))).rejects.toEqual(conflict(7n, 1n));
    expect(await textsIn(stream)).toEqual(["a", "b"]);
  });

  it("of two that race for one revision, one alone is stored", async () => {
    const stream = newStream();
    const outcomes = await Promise.allSettled(["a", "b", "c", "d"].map((text) => append(stream, NO_STREAM, event(text))));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(await textsIn(stream)).toHaveLength(1);
  });

  it("of one mebibyte of data is stored, one byte more is refused", async () => {
    const stream = newStream();
    const limit = 1024 * 1024;
    await append(stream, NO_STREAM, event("x".repeat(limit)));
    await expect(append(stream, 0n, event("x".repeat(limit)), event("y"))).rejects.toMatchObject({
      type: "maximum-append-size-exceeded",
      maxAppendSize: limit,
    });
    expect(await textsIn(stream)).toHaveLength(1);
  });

  it("with credentials of its own goes alone, and comes to the same", async () => {
    const stream = newStream();
    const options = { credentials: { username: "admin", password: "changeit" } };
    const stored = await client.appendToStream(stream, [event("a")], { streamState: NO_STREAM, ...options });
    expect(stored).toMatchObject({ success: true, nextExpectedRevision: 0n });
    await expect(client.appendToStream(stream, [event("b")], { streamState: NO_STREAM, ...options })).rejects.toEqual(
      conflict("no_stream", 0n),
    );
  });
});

describe("an append sent again", () => {
  const [one, two] = [randomUUID(), randomUUID()];
  let stream: string;
  let first: Awaited<ReturnType<typeof append>>;

  beforeAll(async () => {
    stream = newStream();
    first = await append(stream, NO_STREAM, event("a", one), event("b", two));
    await append(stream, 1n, event("c"));
  });

  it("answers with the old revision and position, and writes nothing", async () => {
    expect(await append(stream, NO_STREAM, event("a", one), event("b", two))).toEqual(first);
    expect(await textsIn(stream)).toEqual(["a", "b", "c"]);
  });

  it("in part, or with other bytes under the same id, succeeds as well", async () => {
    expect(await append(stream, NO_STREAM, event("a", one))).toMatchObject({ success: true, nextExpectedRevision: 0n });
    expect(await append(stream, NO_STREAM, event("other", one), event("b", two))).toEqual(first);
    expect(await append(stream, 0n, event("b", two))).toEqual(first);
    expect(await textsIn(stream)).toEqual(["a", "b", "c"]);
  });

  it("with one event more is refused", async () => {
    await expect(append(stream, NO_STREAM, event("a", one), event("b", two), event("d"))).rejects.toEqual(
      conflict("no_stream", 2n),
    );
  });

  it("at the current revision writes a duplicate: there the server compares no ids", async () => {
    await append(stream, 2n, event("a", one));
    expect(await textsIn(stream)).toEqual(["a", "b", "c", "a"]);
  });
});

describe("an append at any revision", () => {
  it("is stored wherever the stream is, or where there is one at all", async () => {
    const stream = newStream();
    await expect(append(stream, STREAM_EXISTS, event("x"))).rejects.toEqual(conflict("stream_exists", "no_stream"));
    await append(stream, ANY, event("a"));
    await append(stream, STREAM_EXISTS, event("b"));
    await append(stream, ANY, event("c"));
    expect(await textsIn(stream)).toEqual(["a", "b", "c"]);
  });

  it("sent again writes nothing, as long as the server remembers", async () => {
    const stream = newStream();
    const id = randomUUID();
    await append(stream, ANY, event("a", id));
    await append(stream, ANY, event("a", id));
    expect(await textsIn(stream)).toEqual(["a"]);
  });
});

describe("a read of a stream", () => {
  let stream: string;

  beforeAll(async () => {
    stream = newStream();
    await append(stream, NO_STREAM, ...["a", "b", "c", "d"].map((text) => event(text)));
  });

  const read = async (options: Parameters<typeof client.readStream>[1]) =>
    textsOf(await drained(client.readStream(stream, options)));

  it("gives pages in either direction, from a revision on", async () => {
    expect(await read({ fromRevision: 1n, maxCount: 2, direction: FORWARDS })).toEqual(["b", "c"]);
    expect(await read({ fromRevision: 2n, maxCount: 2, direction: BACKWARDS })).toEqual(["c", "b"]);
    expect(await read({ fromRevision: END, maxCount: 1, direction: BACKWARDS })).toEqual(["d"]);
    expect(await read({ fromRevision: START })).toEqual(["a", "b", "c", "d"]);
  });

  it("beyond its end gives nothing", async () => {
    expect(await read({ fromRevision: 4n })).toEqual([]);
  });

  it("that isn't there says so", async () => {
    await expect(drained(client.readStream(newStream()))).rejects.toMatchObject({ type: "stream-not-found" });
  });
});

describe("a deleted stream", () => {
  it("isn't there to readers, and goes on numbering when it is written to anew", async () => {
    const stream = newStream();
    await append(stream, NO_STREAM, event("a"), event("b"));
    await client.deleteStream(stream, { expectedRevision: 1n });
    await expect(textsIn(stream)).rejects.toMatchObject({ type: "stream-not-found" });
    expect(await append(stream, NO_STREAM, event("c"))).toMatchObject({ nextExpectedRevision: 2n });
    expect(await textsIn(stream)).toEqual(["c"]);
  });
});

describe("a read of all", () => {
  let stream: string;
  let positions: Position[];

  beforeAll(async () => {
    stream = newStream();
    const { nextExpectedRevision } = await append(stream, NO_STREAM, event("a"), event("b"));
    await append(`${prefixOf(stream)}person-1`, NO_STREAM, event("c"));
    await append(newStream(), NO_STREAM, event("elsewhere"));
    await append(stream, nextExpectedRevision, event("d"));
    const own = await drained(client.readAll({ filter: streamNameFilter({ prefixes: [prefixOf(stream)] }) }));
    expect(textsOf(own)).toEqual(["a", "b", "c", "d"]);
    positions = own.map(positionOf);
  });

  it("goes in the order of writing, with positions that grow", () => {
    expect(positions.map(({ commit }) => commit)).toEqual(positions.map(({ commit }) => commit).sort((a, b) => Number(a - b)));
    expect(new Set(positions.map(({ commit }) => commit)).size).toBe(4);
  });

  it("from a position includes that position", async () => {
    const [from] = await drained(client.readAll({ fromPosition: positions[1]!, maxCount: 1 }));
    expect(textOf(from!)).toBe("b");
  });

  it("backwards begins before the position", async () => {
    const [before] = await drained(client.readAll({ fromPosition: positions[1]!, maxCount: 1, direction: BACKWARDS }));
    expect(textOf(before!)).toBe("a");
  });

  it("holds events of the server itself, which a filter passes over", async () => {
    const everything = await drained(client.readAll({ maxCount: 200 }));
    expect(everything.some(({ event: recorded }) => recorded?.type.startsWith("$"))).toBe(true);
  });

  it("from a position far ahead gives nothing and says nothing", async () => {
    const ahead = positions[3]!.commit + 1_000_000_000n;
    expect(await drained(client.readAll({ fromPosition: { commit: ahead, prepare: ahead } }))).toEqual([]);
  });
});

describe("a subscription to all, filtered by a prefix", () => {
  type Seen = { texts: string[]; checkpoints: Position[]; caughtUp: number };
  let subscriptions: AllStreamSubscription[] = [];

  const following = (stream: string, fromPosition: Position | typeof START, maxSearchWindow = 1000) => {
    const seen: Seen = { texts: [], checkpoints: [], caughtUp: 0 };
    const checkpointReached = async (_: unknown, position: Position) => void seen.checkpoints.push(position);
    const filter = streamNameFilter({ prefixes: [prefixOf(stream)], maxSearchWindow, checkpointReached });
    const subscription = client.subscribeToAll({ fromPosition, filter });
    subscription.on("data", (resolved) => seen.texts.push(textOf(resolved)));
    subscription.on("caughtUp", () => seen.caughtUp++);
    subscriptions.push(subscription);
    return seen;
  };
  const eventually = (seen: Seen, texts: string[]) =>
    expect.poll(() => [seen.texts, seen.caughtUp], { timeout: 10_000, interval: 5 }).toEqual([texts, 1]);

  afterAll(async () => {
    await Promise.all(subscriptions.map((each) => each.unsubscribe()));
    subscriptions = [];
  });

  it("delivers what is there, says that it has caught up, and delivers what comes", async () => {
    const stream = newStream();
    await append(stream, NO_STREAM, event("a"), event("b"));
    const seen = following(stream, START);
    await eventually(seen, ["a", "b"]);
    await append(newStream(), NO_STREAM, event("elsewhere"));
    await append(stream, 1n, event("c"));
    await eventually(seen, ["a", "b", "c"]);
  });

  it("from a position leaves out that position", async () => {
    const stream = newStream();
    await append(stream, NO_STREAM, event("a"));
    const { position } = await append(stream, 0n, event("b"));
    await append(stream, 1n, event("c"));
    await eventually(following(stream, position!), ["c"]);
  });

  it("tells by checkpoints how far it has looked, where little passes the filter", async () => {
    const stream = newStream();
    const { position } = await append(stream, NO_STREAM, event("a"));
    const seen = following(stream, position!, 10);
    await eventually(seen, []);
    const other = newStream();
    const last = await append(other, NO_STREAM, ...many(40));
    await expect.poll(() => seen.checkpoints.length, { timeout: 10_000, interval: 5 }).toBeGreaterThanOrEqual(3);
    const reached = seen.checkpoints.map(({ commit }) => commit);
    expect(reached).toEqual([...reached].sort((a, b) => Number(a - b)));
    expect(reached.at(-1)!).toBeLessThanOrEqual(last.position!.commit);
    expect(seen.texts).toEqual([]);
  });

  it("whose filter names no interval between checkpoints fails", async () => {
    const filter = { filterOn: "streamName", prefixes: ["any/"] } as unknown as Filter;
    const subscription = client.subscribeToAll({ filter });
    const [error] = await once(subscription, "data").catch((thrown: unknown) => [thrown]);
    expect(error).toMatchObject({ type: "unknown" });
  });

  it("resumed at a checkpoint misses nothing", async () => {
    const stream = newStream();
    const { position } = await append(stream, NO_STREAM, event("a"));
    const before = following(stream, position!, 10);
    await append(newStream(), NO_STREAM, ...many(20));
    await expect.poll(() => before.checkpoints.length, { timeout: 10_000, interval: 5 }).toBeGreaterThanOrEqual(1);
    await append(stream, 0n, event("b"));
    await eventually(following(stream, before.checkpoints.at(-1)!), ["b"]);
  });

  it("has checkpoints in the middle of what is there whose prepare position is not the commit position", async () => {
    const stream = newStream();
    const { position } = await append(stream, NO_STREAM, event("a"));
    await append(newStream(), NO_STREAM, ...many(35));
    await append(stream, 0n, event("b"));
    const seen = following(stream, position!, 10);
    await eventually(seen, ["b"]);
    const inTheMiddle = seen.checkpoints.filter(({ commit, prepare }) => commit !== prepare);
    expect(inTheMiddle.length).toBeGreaterThan(0);
    for (const checkpoint of inTheMiddle) await eventually(following(stream, checkpoint, 10), ["b"]);
  });

  it("where nothing ever passed the filter has a checkpoint that is no place in the log, and no other after it", async () => {
    const stream = newStream();
    const seen = following(stream, START, 1_000_000);
    await eventually(seen, []);
    await append(stream, NO_STREAM, event("a"));
    await eventually(seen, ["a"]);
    const largest = 2n ** 64n - 1n;
    expect(seen.checkpoints).toEqual([{ commit: largest, prepare: largest }]);
  });
});
