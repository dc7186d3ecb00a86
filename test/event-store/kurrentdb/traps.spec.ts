/**
 * What servers, networks and the client library do to a node, and how it lives through it: nothing acknowledged is lost,
 * nothing is stored twice, and the copy is what the cluster holds. Each trap was met on real servers first.
 */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClusterEventStore, ClusterEventStoreOptions } from "../../../src/event-store/kurrentdb/cluster-event-store.ts";
import { type NewEvent, noStream } from "../../../src/event-store/event-store.ts";
import type { Call } from "../../support/kurrentdb-stand-in/faults.ts";
import { StandIn } from "../../support/kurrentdb-stand-in/stand-in.ts";
import { anEvent, idsOf } from "../support/events.ts";
import { aNodeFolder, aPrefix, type Folder, openNode } from "./support/node.ts";

/** Short, so that a spec waits for nothing long; long enough for a busy machine. */
const patience = {
  attemptMsMax: 500,
  appendMsMax: 8_000,
  pace: { heartbeatMs: 60, silenceMsMax: 600, confirmMsMax: 1_000, retryMsFirst: 5, retryMsMost: 50 },
};
const stream = "promise-1";

let standIn: StandIn;
let prefix: string;
let folders: Folder[] = [];
let nodes: ClusterEventStore[] = [];

beforeEach(async () => {
  standIn = await StandIn.start();
  prefix = aPrefix();
});
afterEach(async () => {
  standIn.faults.clear();
  await Promise.all(nodes.map((node) => node.close()));
  for (const folder of folders) folder.remove();
  nodes = [];
  folders = [];
  await standIn.stop();
});

type Options = Partial<ClusterEventStoreOptions> & { folder?: Folder; server?: string };

async function aNode({ folder = aNodeFolder(), server = standIn.connectionString, ...options }: Options = {}) {
  folders.push(folder);
  const connectionString = `${server}&discoveryInterval=5&maxDiscoverAttempts=2`;
  const node = await openNode(connectionString, prefix, folder, { ...patience, ...options });
  nodes.push(node);
  return node;
}

async function aFollowingNode(options: Options = {}): Promise<ClusterEventStore> {
  const node = await aNode(options);
  await node.caughtUp();
  return node;
}

const onCluster = (name = stream) => standIn.log.stream(`${prefix}/${name}`) ?? [];
const idIn = (metadata: Uint8Array): string => JSON.parse(Buffer.from(metadata).toString()).id;
const idsOnCluster = (name = stream) => onCluster(name).map(({ metadata }) => idIn(metadata));
const idsInCopy = (node: ClusterEventStore, name = stream) => idsOf(node.log.readStream(name));
const nextAppend = () => standIn.faults.calls("append") + 1;

/** What another program, or another node, appends; it goes past every fault. */
function elsewhere(event: NewEvent, name = stream): void {
  const recorded = { id: randomUUID(), type: event.type, contentType: "application/octet-stream", data: event.leaf };
  const metadata = Buffer.from(JSON.stringify({ id: event.id, ciphertext: null }));
  standIn.log.append(`${prefix}/${name}`, "any", [{ ...recorded, metadata }]);
}

/** Fails when it is not so within a while. */
const eventually = <Value>(what: () => Value) => expect.poll(what, { timeout: 8_000, interval: 5 });

describe("an append of which the answer is lost", () => {
  const [first, second] = [anEvent(stream, 0), anEvent(stream, 1)];

  it.each([
    ["stored and never answered", { kind: "unanswered", stored: true }],
    ["not stored and never answered", { kind: "unanswered", stored: false }],
    ["stored, and too late for the server", { kind: "timeout", stored: true }],
    ["not stored, and too late for the server", { kind: "timeout", stored: false }],
    ["stored, and refused all the same", { kind: "wrong-version-though-stored" }],
    ["broken off with its connection", { kind: "cut" }],
    ["sent to a node without a leader", { kind: "not-ready" }],
    ["sent to a node that does not lead", { kind: "not-leader" }],
  ] as const)("%s: it is stored once, and answered as the copy has it", async (_, fault) => {
    const node = await aFollowingNode();
    standIn.faults.schedule("append", fault, nextAppend());
    expect(await node.append(stream, noStream, [first, second])).toEqual({ revision: 1, position: 2 });
    expect(idsOnCluster()).toEqual(idsOf([first, second]));
    expect(idsInCopy(node)).toEqual(idsOf([first, second]));
  });

  it("stored and never answered, while the node hears nothing: asking the stream settles it without a second append", async () => {
    const node = await aFollowingNode();
    standIn.faults.schedule("append", { kind: "unanswered", stored: true }, nextAppend());
    standIn.faults.schedule("subscribe", { kind: "silent" }, undefined, 1);
    standIn.lines[0]!.cut();
    await node.append(stream, noStream, [first]);
    expect(idsOnCluster()).toEqual([first.id]);
  });
});

describe("what an append asks of the cluster", () => {
  it("is always a revision: at any revision the cluster forgets ids when it restarts", async () => {
    const expected: Call["expected"][] = [];
    standIn.faults.schedule("append", { kind: "cut" }, (call) => (expected.push(call.expected), false));
    const node = await aFollowingNode();
    await node.append(stream, noStream, [anEvent(stream, 0)]);
    await node.append(stream, 0, [anEvent(stream, 1)]);
    expect(expected).toEqual(["no_stream", 0]);
  });

  it("the very same append after a restart of the cluster, from a node that knows nothing of it, is stored once", async () => {
    const event = anEvent(stream, 0);
    await (await aFollowingNode()).append(stream, noStream, [event]);
    standIn.log.forgetIdsInMemory();
    standIn.faults.schedule("subscribe", { kind: "slow", delayMs: 200 });
    expect(await (await aNode()).append(stream, noStream, [event])).toEqual({ revision: 0, position: 1 });
    expect(idsOnCluster()).toEqual([event.id]);
  });

  it("part of what is stored succeeds and writes nothing; with one event more it is a conflict", async () => {
    const [one, two, three] = [anEvent(stream, 0), anEvent(stream, 1), anEvent(stream, 2)];
    await (await aFollowingNode()).append(stream, noStream, [one, two]);
    standIn.faults.schedule("subscribe", { kind: "slow", delayMs: 200 }, undefined, 2);
    expect(await (await aNode()).append(stream, noStream, [one])).toEqual({ revision: 0, position: 1 });
    const conflict = { name: "RevisionConflictError", actualRevision: 1 };
    await expect((await aNode()).append(stream, noStream, [one, two, three])).rejects.toMatchObject(conflict);
    expect(idsOnCluster()).toEqual(idsOf([one, two]));
  });

  it("the same id with another body: the first body stands, and the node reads that one", async () => {
    const event = anEvent(stream, 0, { note: "first" });
    await (await aFollowingNode()).append(stream, noStream, [event]);
    standIn.faults.schedule("subscribe", { kind: "slow", delayMs: 200 });
    const other = await aNode();
    await other.append(stream, noStream, [anEvent(stream, 0, { id: event.id, note: "second" })]);
    expect(other.log.readStream(stream).map(({ leaf }) => Buffer.from(leaf).toString())).toEqual([
      Buffer.from(event.leaf).toString(),
    ]);
  });

  it("more than the cluster takes at once is refused, and not tried again", async () => {
    const node = await aFollowingNode({ attemptMsMax: 8_000 });
    const large = anEvent(stream, 0, { note: "x".repeat(1024 * 1024) });
    await expect(node.append(stream, noStream, [large])).rejects.toThrow("maximum-append-size-exceeded");
    expect(standIn.faults.calls("append")).toBe(1);
  });
});

describe("a cluster that is away", () => {
  it("at the start, so that the first read fails: once it is there the node follows, and reads", async () => {
    elsewhere(anEvent(stream, 0));
    await standIn.lines[0]!.refuse();
    const node = await aNode();
    await expect(node.catchUp(stream)).rejects.toMatchObject({ name: "StoreUnavailableError" });
    await eventually(() => node.status().state).toBe("lost-touch");
    await standIn.lines[0]!.accept();
    await eventually(() => [node.status().state, node.log.head()]).toEqual(["following", 1]);
    await node.catchUp(stream);
  });

  it("for a while: an append waits for it and is stored once", async () => {
    const node = await aFollowingNode();
    await standIn.lines[0]!.refuse();
    const event = anEvent(stream, 0);
    const appending = node.append(stream, noStream, [event]);
    await eventually(() => node.status().state).toBe("lost-touch");
    await standIn.restart();
    expect(await appending).toEqual({ revision: 0, position: 1 });
    expect(idsOnCluster()).toEqual([event.id]);
  });

  it("for longer than an append may take: it says so in time, and the same append later is the same fact", async () => {
    const node = await aFollowingNode({ attemptMsMax: 50, appendMsMax: 200 });
    standIn.lines[0]!.freeze();
    const event = anEvent(stream, 0);
    const unavailable = { name: "StoreUnavailableError", reason: "failed" };
    await expect(node.append(stream, noStream, [event])).rejects.toMatchObject(unavailable);
    standIn.lines[0]!.thaw();
    await eventually(() => node.append(stream, noStream, [event]).catch(() => undefined)).toEqual({ revision: 0, position: 1 });
    expect(idsOnCluster()).toEqual([event.id]);
  });

  it("without a leader for a while: appends wait for the election", async () => {
    const node = await aFollowingNode();
    standIn.elect(undefined);
    const appending = node.append(stream, noStream, [anEvent(stream, 0)]);
    await eventually(() => standIn.faults.calls("append")).toBeGreaterThan(1);
    standIn.elect(0);
    expect(await appending).toEqual({ revision: 0, position: 1 });
  });
});

describe("a cluster of three nodes", () => {
  beforeEach(async () => {
    await standIn.stop();
    standIn = await StandIn.start({ nodes: 3 });
  });

  it("of which none can be found at first: a client that it has poisoned is not used again", async () => {
    standIn.faults.schedule("gossip", { kind: "cut" }, undefined, 12);
    const node = await aNode();
    expect(await node.append(stream, noStream, [anEvent(stream, 0)])).toEqual({ revision: 0, position: 1 });
  });

  it("of which the connection string names a follower alone: the node goes where it is sent", async () => {
    const node = await aFollowingNode({ server: standIn.connectionStringOf(2) });
    expect(await node.append(stream, noStream, [anEvent(stream, 0)])).toEqual({ revision: 0, position: 1 });
    // The first read is refused, be it this one or that of the heartbeat, which then takes the cluster for lost for a moment.
    const caughtUp = () => node.catchUp(stream).then(() => true);
    await eventually(caughtUp).toBe(true);
  });

  it("whose leader died: the node finds the one that leads now", async () => {
    const node = await aFollowingNode();
    await node.append(stream, noStream, [anEvent(stream, 0)]);
    standIn.elect(1);
    await standIn.lines[0]!.refuse();
    expect(await node.append(stream, 0, [anEvent(stream, 1)])).toEqual({ revision: 1, position: 2 });
    await eventually(() => node.status().state).toBe("following");
  });
});

describe("a subscription", () => {
  const events = Array.from({ length: 6 }, (_, revision) => anEvent(stream, revision));
  const following = (node: ClusterEventStore, those: readonly NewEvent[]) =>
    eventually(() => [idsInCopy(node), node.status().state]).toEqual([idsOf(those), "following"]);

  it("that breaks again and again is resumed where it was", async () => {
    for (const event of events) elsewhere(event);
    standIn.faults.schedule("subscribe", { kind: "cut", afterEvents: 2 }, undefined, 2);
    await following(await aNode(), events);
  });

  it("cut off with its connection is resumed", async () => {
    const node = await aFollowingNode();
    elsewhere(events[0]!);
    await following(node, events.slice(0, 1));
    standIn.lines[0]!.cut();
    elsewhere(events[1]!);
    await following(node, events.slice(0, 2));
  });

  it("that delivers again what was delivered adds nothing twice", async () => {
    for (const event of events.slice(0, 4)) elsewhere(event);
    const node = await aFollowingNode();
    standIn.faults.schedule("subscribe", { kind: "repeat", events: 3 });
    standIn.lines[0]!.cut();
    for (const event of events.slice(4)) elsewhere(event);
    await following(node, events);
    expect(node.log.head()).toBe(events.length);
  });

  it("that leaves out an event stops the node, which says so and takes no append", async () => {
    for (const event of events) elsewhere(event);
    standIn.faults.schedule("subscribe", { kind: "gap", stream: `${prefix}/${stream}`, revision: 3 });
    const node = await aNode();
    await eventually(() => node.status().state).toBe("stopped");
    expect(node.status().failure).toContain("revision 4");
    expect(idsInCopy(node)).toEqual(idsOf(events.slice(0, 3)));
    await expect(node.append("promise-2", noStream, [anEvent("promise-2", 0)])).rejects.toMatchObject({ reason: "damaged" });
  });

  it("that falls silent while the cluster answers is made anew", async () => {
    standIn.faults.schedule("subscribe", { kind: "silent" }, 1);
    const node = await aNode();
    elsewhere(events[0]!);
    await following(node, events.slice(0, 1));
  });

  it("over a frozen line is noticed by the heartbeat, and resumed when it thaws", async () => {
    const node = await aFollowingNode({ attemptMsMax: 100 });
    standIn.lines[0]!.freeze();
    await eventually(() => node.status().state).toBe("lost-touch");
    elsewhere(events[0]!);
    standIn.lines[0]!.thaw();
    await following(node, events.slice(0, 1));
  });

  it("to a log where nothing is the ledger's: the place that is none, which the server says it passed, skips nothing", async () => {
    const node = await aFollowingNode();
    elsewhere(events[0]!);
    await following(node, events.slice(0, 1));
    await node.close();
    elsewhere(events[1]!);
    await following(await aNode({ folder: folders[0]! }), events.slice(0, 2));
  });

  it("through much that others write goes on after a restart from where it had looked, not from its own last event", async () => {
    const foreign = (count: number) => {
      for (let each = 0; each < count; each++) standIn.log.appendSystemEvent("other-ledger/promise-1", "Told");
    };
    const resumedAt: (bigint | undefined)[] = [];
    standIn.faults.schedule("subscribe", { kind: "cut" }, (call) => (resumedAt.push(call.from), false));
    elsewhere(events[0]!);
    const own = onCluster()[0]!.position;
    foreign(20_100);
    const node = await aFollowingNode();
    await node.close();
    elsewhere(events[1]!);
    await following(await aNode({ folder: folders[0]! }), events.slice(0, 2));
    expect(resumedAt).toEqual([undefined, expect.toSatisfy((from) => from > own)]);
  });

  it("takes what is the ledger's, and neither links to it nor metadata of its streams", async () => {
    const node = await aFollowingNode();
    elsewhere(events[0]!);
    standIn.log.appendLink(`$ce-${prefix}`, onCluster()[0]!);
    standIn.log.appendSystemEvent(`$$${prefix}/${stream}`, "$metadata");
    elsewhere(events[1]!);
    await following(node, events.slice(0, 2));
    expect(node.log.head()).toBe(2);
  });
});

describe("a stream that somebody deleted on the cluster", () => {
  it("stays whole in the copy and goes on; a node that comes later copies all of it", async () => {
    const events = [0, 1, 2].map((revision) => anEvent(stream, revision));
    const node = await aFollowingNode();
    await node.append(stream, noStream, events.slice(0, 2));
    standIn.log.delete(`${prefix}/${stream}`, "any");
    expect(await node.append(stream, 1, events.slice(2))).toEqual({ revision: 2, position: 3 });
    expect(idsInCopy(node)).toEqual(idsOf(events));
    expect(idsInCopy(await aFollowingNode())).toEqual(idsOf(events));
  });
});

describe("a cluster that was put back to an earlier state", () => {
  it("does not pass for one that has nothing new: the node says what the cluster lacks", async () => {
    const node = await aFollowingNode();
    await node.append(stream, noStream, [anEvent(stream, 0), anEvent(stream, 1)]);
    await node.close();
    await standIn.stop();
    standIn = await StandIn.start();
    const again = await aNode({ folder: folders[0]! });
    await eventually(() => again.status().state).toBe("lost-touch");
    expect(again.status().failure).toContain("does not hold revision 1");
  });
});

describe("reads of single streams", () => {
  it("ask for small pages: one that is left before its end stalls those that come after it", async () => {
    const asked: (number | undefined)[] = [];
    standIn.faults.schedule("read", { kind: "cut" }, (call) => (asked.push(call.maxCount), false));
    const node = await aFollowingNode();
    standIn.faults.schedule("append", { kind: "timeout", stored: false }, nextAppend());
    await node.append(stream, noStream, [anEvent(stream, 0), anEvent(stream, 1)]);
    await node.catchUp(stream);
    expect(asked.length).toBeGreaterThan(1);
    expect(asked.every((maxCount) => maxCount! <= 2)).toBe(true);
  });

  it("of a stream that isn't there find nothing, and are no failure", async () => {
    const node = await aFollowingNode();
    await node.catchUp("promise-unknown");
    expect(node.status().state).toBe("following");
  });

  it("that break in the middle are made again for the append that they settle", async () => {
    const node = await aFollowingNode();
    const event = anEvent(stream, 0);
    standIn.faults.schedule("append", { kind: "timeout", stored: false }, nextAppend());
    standIn.faults.schedule("read", { kind: "cut" }, ({ stream: of }) => of === `${prefix}/${stream}`);
    expect(await node.append(stream, noStream, [event])).toEqual({ revision: 0, position: 1 });
    expect(idsOnCluster()).toEqual([event.id]);
  });
});

describe("closing", () => {
  it("comes to an end though the line is frozen", async () => {
    const node = await aFollowingNode();
    standIn.lines[0]!.freeze();
    await node.close();
  });

  it("lets the process end; and the client library is not loaded before a cluster is opened", async () => {
    const folder = aNodeFolder();
    folders.push(folder);
    const script = join(import.meta.dirname, "support/closing-process.ts");
    const run = promisify(execFile)(process.execPath, [script, standIn.connectionString, prefix, join(folder.path, "copy.db")], {
      timeout: 30_000,
    });
    expect((await run).stdout).toBe("loaded before: false\nloaded after: true\nhead: 1\n");
  });
});
