import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { RevisionConflictError, StoreUnavailableError } from "../../src/event-store/event-store.ts";
import { type Append, answering } from "../../src/event-store/sqlite/append-group.ts";
import { AppendQueue } from "../../src/event-store/sqlite/append-queue.ts";
import { someEvents } from "./support/events.ts";

const appendOf = (stream: string, eventCount = 1): Append => ({
  stream,
  expectedRevision: -1,
  events: someEvents(stream, 0, eventCount),
});

/** A queue on a writer that notes its groups and lets `fail` refuse some. */
function aQueue(fail: (group: readonly Append[]) => Error | undefined = () => undefined) {
  const groups: string[][] = [];
  const write = answering((group) => {
    groups.push(group.map(({ stream }) => stream));
    const error = fail(group);
    if (error !== undefined) throw error;
    return group.map(({ stream, events }) =>
      stream === "taken" ? new RevisionConflictError(stream, -1, 0) : { revision: events.length - 1, position: groups.length },
    );
  });
  const queue = new AppendQueue(write);
  return { queue, groups };
}

describe("the queue of appends", () => {
  it("writes what one turn of the event loop brings as one group, in the order of the calls", async () => {
    const { queue, groups } = aQueue();
    const answers = ["a", "b", "c"].map((stream) => queue.add(appendOf(stream)));
    expect(groups).toEqual([]);
    await Promise.all(answers);
    await queue.add(appendOf("d"));
    expect(groups).toEqual([["a", "b", "c"], ["d"]]);
  });

  it("bounds a group by its events and lets the event loop run between two", async () => {
    const { queue, groups } = aQueue();
    const answers = Promise.all(["a", "b", "c", "d"].map((stream) => queue.add(appendOf(stream, 400))));
    await setImmediate();
    expect(groups).toEqual([["a", "b"]]);
    await answers;
    expect(groups).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
  });

  it("writes an append beyond the bound by itself", async () => {
    const { queue, groups } = aQueue();
    await Promise.all([queue.add(appendOf("a")), queue.add(appendOf("b", 2_000)), queue.add(appendOf("c"))]);
    expect(groups).toEqual([["a"], ["b"], ["c"]]);
  });

  it("lets a conflict cost its own append alone", async () => {
    const { queue } = aQueue();
    const answers = await Promise.allSettled(["a", "taken", "b"].map((stream) => queue.add(appendOf(stream))));
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("answers nobody otherwise than unavailable when the group could not be stored, not even with a conflict", async () => {
    const { queue, groups } = aQueue(() => new StoreUnavailableError("full"));
    const answers = await Promise.allSettled(["a", "taken", "b"].map((stream) => queue.add(appendOf(stream))));
    for (const answer of answers) expect(answer).toMatchObject({ status: "rejected", reason: { reason: "full" } });
    expect(groups).toHaveLength(1);
  });

  it("writes one by one what fails together, when the fault lies in the data", async () => {
    const { queue, groups } = aQueue((group) =>
      group.some(({ stream }) => stream === "bad") ? new TypeError("no bytes") : undefined,
    );
    const answers = await Promise.allSettled(["a", "bad", "b"].map((stream) => queue.add(appendOf(stream))));
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(groups).toEqual([["a", "bad", "b"], ["a"], ["bad"], ["b"]]);
  });

  it("writes what waits when it is closed, and takes no more", async () => {
    const { queue, groups } = aQueue();
    const answer = queue.add(appendOf("a"));
    await queue.close();
    expect(groups).toEqual([["a"]]);
    await answer;
    await expect(queue.add(appendOf("b"))).rejects.toMatchObject({ reason: "closed" });
  });
});

describe("the queue of appends before a writer that answers later", () => {
  function aSlowQueue(lingerMs?: () => number) {
    const groups: string[][] = [];
    const answers: (() => void)[] = [];
    const queue = new AppendQueue((group) => {
      groups.push(group.map(({ stream }) => stream));
      return new Promise((resolve) => answers.push(() => resolve(group.map(() => ({ revision: 0, position: groups.length })))));
    }, lingerMs);
    return { queue, groups, answers };
  }
  const forLong = () => 3_600_000;
  const turns = async () => {
    for (let turn = 0; turn < 3; turn += 1) await setImmediate();
  };

  it("keeps one group under way, and gathers the next until those that it answers are back", async () => {
    const { queue, groups, answers } = aSlowQueue(forLong);
    const given: Promise<unknown>[] = [];
    for (const stream of ["a", "b", "c"]) {
      given.push(queue.add(appendOf(stream)));
      await turns();
    }
    expect(groups).toEqual([["a"]]);
    answers.shift()!();
    await turns();
    expect(groups).toEqual([["a"]]);
    given.push(queue.add(appendOf("a")));
    await turns();
    expect(groups).toEqual([["a"], ["b", "c", "a"]]);
    answers.shift()!();
    await Promise.all(given);
  });

  it("does not wait for long for those who do not come back", async () => {
    const { queue, groups, answers } = aSlowQueue();
    const first = queue.add(appendOf("a"));
    await turns();
    const second = queue.add(appendOf("b"));
    answers.shift()!();
    await first;
    await expect.poll(() => groups, { interval: 2 }).toEqual([["a"], ["b"]]);
    answers.shift()!();
    await second;
  });

  it("lets nobody wait who comes alone", async () => {
    const { queue, groups, answers } = aSlowQueue(forLong);
    const first = queue.add(appendOf("a"));
    await turns();
    answers.shift()!();
    await first;
    const second = queue.add(appendOf("a"));
    await turns();
    expect(groups).toEqual([["a"], ["a"]]);
    answers.shift()!();
    await second;
  });

  it("is closed when all that waited is answered", async () => {
    const { queue, groups, answers } = aSlowQueue();
    const given = ["a", "b", "c"].map((stream) => queue.add(appendOf(stream, 600)));
    let isClosed = false;
    const closed = queue.close().then(() => (isClosed = true));
    await turns();
    for (const count of [1, 2, 3]) {
      expect([groups.length, isClosed]).toEqual([count, false]);
      answers.shift()!();
      await turns();
    }
    await Promise.all([...given, closed]);
  });
});
