/**
 * What every event store holds. It asks for nothing that a KurrentDB cluster can't give: no order among appends that are
 * under way together, no look at an id that isn't at the place it is expected, no answer about an id with another body.
 */
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import {
  type Appended,
  type EventStore,
  noStream,
  RevisionConflictError,
  type StoredEvent,
  StoreUnavailableError,
} from "../../src/event-store/event-store.ts";
import { anEvent, anId, idsOf, someEvents } from "../event-store/support/events.ts";

export type StoreUnderTest = {
  /** A store on an empty log. */
  store: EventStore;
  /** Closes the store and opens another on the same log; missing where the log doesn't outlive its store. */
  reopen?: () => Promise<EventStore>;
  /** Called once after each test; the store may be closed by then. */
  dispose: () => Promise<void>;
};

const fleet = "account-fleet";
const visit = "interaction-visit";

export function eventStoreContract(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  let underTest: StoreUnderTest;
  let store: EventStore;
  beforeEach(async () => {
    underTest = await makeStore();
    store = underTest.store;
  });
  afterEach(() => underTest.dispose());

  /** Appends events to a new stream one by one. */
  const given = async (stream: string, eventCount: number): Promise<void> => {
    for (let revision = 0; revision < eventCount; revision++)
      await store.append(stream, revision - 1, [anEvent(stream, revision)]);
  };
  const everything = (): Promise<StoredEvent[]> => store.readAll(0, 100_000);

  describe(`${name}: appending`, () => {
    it("starts a stream at revision 0 and the log at position 1", async () => {
      expect(await store.append(fleet, noStream, [anEvent(fleet, 0)])).toEqual({ revision: 0, position: 1 });
    });

    it("goes on at the next revision and the next position", async () => {
      await store.append(fleet, noStream, [anEvent(fleet, 0)]);
      await store.append(visit, noStream, [anEvent(visit, 0)]);
      expect(await store.append(fleet, 0, [anEvent(fleet, 1)])).toEqual({ revision: 1, position: 3 });
    });

    it("answers with the place of the last of several events", async () => {
      expect(await store.append(fleet, noStream, someEvents(fleet, 0, 3))).toEqual({ revision: 2, position: 3 });
      expect(await store.append(fleet, 2, someEvents(fleet, 3, 2))).toEqual({ revision: 4, position: 5 });
    });

    it("gives every byte of the leaf back, and the ciphertext beside it", async () => {
      const sealed = anEvent(fleet, 0, { note: 'ä → 𝄞 \u0000 \\ "', ciphertext: '[{"v":1,"sealed":"7w=="}]' });
      const plain = anEvent(fleet, 1);
      await store.append(fleet, noStream, [sealed, plain]);
      const [first, second] = await store.readStream(fleet);
      expect([...first!.leaf]).toEqual([...sealed.leaf]);
      expect(first).toMatchObject({ id: sealed.id, stream: fleet, revision: 0, position: 1, ciphertext: sealed.ciphertext });
      expect([...second!.leaf]).toEqual([...plain.leaf]);
      expect(second).toMatchObject({ id: plain.id, stream: fleet, revision: 1, position: 2, ciphertext: null });
    });

    it("takes a leaf of 60 KB with as much ciphertext", async () => {
      const large = anEvent(fleet, 0, { note: "n".repeat(60_000), ciphertext: JSON.stringify("c".repeat(60_000)) });
      await store.append(fleet, noStream, [large]);
      const [event] = await store.readStream(fleet);
      expect(Buffer.from(event!.leaf).equals(large.leaf)).toBe(true);
      expect(event!.ciphertext).toBe(large.ciphertext);
    });

    it("is refused without events", async () => {
      await expect(store.append(fleet, noStream, [])).rejects.toThrow(RangeError);
    });
  });

  describe(`${name}: an append at the wrong revision`, () => {
    it.each([
      ["a stream that exists already", 2, noStream],
      ["a stream that went on", 3, 1],
      ["a stream that isn't as far yet", 2, 5],
      ["a stream that doesn't exist", 0, 0],
    ])("to %s is refused, naming both revisions", async (_, eventCount, expectedRevision) => {
      await given(fleet, eventCount);
      const error = await refusal(store.append(fleet, expectedRevision, [anEvent(fleet, expectedRevision + 1)]));
      expect(error).toBeInstanceOf(RevisionConflictError);
      expect(error).toMatchObject({ stream: fleet, expectedRevision, actualRevision: eventCount - 1 });
    });

    it("stores none of its events and takes no position", async () => {
      await given(fleet, 2);
      const before = await everything();
      await refusal(store.append(fleet, 0, someEvents(fleet, 1, 5)));
      expect(await everything()).toEqual(before);
      expect(await store.append(visit, noStream, [anEvent(visit, 0)])).toEqual({ revision: 0, position: 3 });
    });
  });

  describe(`${name}: an append repeated`, () => {
    const events = () => someEvents(fleet, 1, 2);

    it("answers as the first time and writes nothing", async () => {
      await given(fleet, 1);
      const repeated = events();
      const first = await store.append(fleet, 0, repeated);
      const before = await everything();
      expect(await store.append(fleet, 0, repeated)).toEqual(first);
      expect(await everything()).toEqual(before);
    });

    it("does so when it began the stream", async () => {
      const repeated = someEvents(fleet, 0, 2);
      const first = await store.append(fleet, noStream, repeated);
      expect(await store.append(fleet, noStream, repeated)).toEqual(first);
      expect(await store.head()).toBe(2);
    });

    it("does so after other events have followed", async () => {
      await given(fleet, 1);
      const repeated = events();
      const first = await store.append(fleet, 0, repeated);
      await store.append(fleet, 2, someEvents(fleet, 3, 20));
      await given(visit, 20);
      expect(await store.append(fleet, 0, repeated)).toEqual(first);
      expect(await store.head()).toBe(43);
    });

    it("does so after the store was opened anew", async () => {
      if (underTest.reopen === undefined) return console.log(`${name}: skipped, its log does not outlive the store`);
      await given(fleet, 1);
      const repeated = events();
      const first = await store.append(fleet, 0, repeated);
      await store.append(fleet, 2, [anEvent(fleet, 3)]);
      store = await underTest.reopen();
      expect(await store.append(fleet, 0, repeated)).toEqual(first);
      expect(await store.head()).toBe(4);
    });

    it("is stored once when it is sent again while still under way", async () => {
      await given(fleet, 1);
      const repeated = events();
      const answers = await Promise.all([1, 2, 3].map(() => store.append(fleet, 0, repeated)));
      expect(answers).toEqual([1, 2, 3].map(() => ({ revision: 2, position: 3 })));
      expect(await store.head()).toBe(3);
    });

    it("is refused when another event stands at its place", async () => {
      await given(fleet, 2);
      const error = await refusal(store.append(fleet, 0, [anEvent(fleet, 1)]));
      expect(error).toMatchObject({ expectedRevision: 0, actualRevision: 1 });
    });

    it("is refused when it was stored only in part", async () => {
      await given(fleet, 1);
      const [first, second] = events();
      await store.append(fleet, 0, [first!]);
      expect(await refusal(store.append(fleet, 0, [first!, second!]))).toBeInstanceOf(RevisionConflictError);
      expect(await store.head()).toBe(2);
    });
  });

  describe(`${name}: writers at the same revision`, () => {
    it("have exactly one winner, and the others are told where the stream is", async () => {
      for (let round = 0; round < 10; round++) {
        const rivals = Array.from({ length: 8 }, () => someEvents(fleet, 2 * round, 2));
        const answers = await Promise.allSettled(rivals.map((rival) => store.append(fleet, 2 * round - 1, rival)));
        const winner = answers.findIndex(({ status }) => status === "fulfilled");
        expect(answers.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
        for (const answer of answers)
          if (answer.status === "rejected")
            expect(answer.reason).toMatchObject({ name: "RevisionConflictError", actualRevision: 2 * round + 1 });
        expect(idsOf(await store.readStream(fleet, 2 * round))).toEqual(idsOf(rivals[winner]!));
      }
    });

    it("all get in, each once, when they look again and retry", async () => {
      const append = async (id: string): Promise<Appended> => {
        for (;;) {
          const revision = (await store.readStream(fleet)).at(-1)?.revision ?? noStream;
          try {
            return await store.append(fleet, revision, [anEvent(fleet, revision + 1, { id })]);
          } catch (error) {
            if (!(error instanceof RevisionConflictError)) throw error;
          }
        }
      };
      const ids = Array.from({ length: 12 }, () => anId());
      const answers = await Promise.all(ids.map(append));
      expect(answers.map(({ revision }) => revision).sort((a, b) => a - b)).toEqual(ids.map((_, index) => index));
      expect(idsOf(await store.readStream(fleet)).sort()).toEqual(ids.sort());
    });
  });

  describe(`${name}: reading`, () => {
    it("finds an empty log empty", async () => {
      expect(await store.head()).toBe(0);
      expect(await everything()).toEqual([]);
      expect(await store.readStream(fleet)).toEqual([]);
    });

    it("gives a stream in order, from any revision on", async () => {
      await given(fleet, 3);
      await given(visit, 2);
      await store.append(fleet, 2, someEvents(fleet, 3, 2));
      expect((await store.readStream(fleet)).map(({ revision, position }) => [revision, position])).toEqual([
        [0, 1],
        [1, 2],
        [2, 3],
        [3, 6],
        [4, 7],
      ]);
      expect((await store.readStream(fleet, 3)).map(({ revision }) => revision)).toEqual([3, 4]);
      expect(await store.readStream(fleet, 5)).toEqual([]);
    });

    it("does not mix streams whose names begin alike", async () => {
      await given("account-a", 1);
      await given("account-ab", 2);
      expect(await store.readStream("account-a")).toHaveLength(1);
    });

    it("gives the whole log without a gap, in pages of any size", async () => {
      await Promise.all(["a", "b", "c", "d"].map((letter) => given(`account-${letter}`, 6)));
      const whole = await everything();
      expect(whole.map(({ position }) => position)).toEqual(Array.from({ length: 24 }, (_, index) => index + 1));
      for (const pageSize of [1, 5, 24, 25]) {
        const pages: StoredEvent[][] = [];
        do pages.push(await store.readAll(pages.flat().length, pageSize));
        while (pages.at(-1)!.length > 0);
        const paged = pages.flat();
        expect(Math.max(...pages.map(({ length }) => length))).toBeLessThanOrEqual(pageSize);
        expect(paged).toEqual(whole);
      }
      expect(await store.readAll(24, 10)).toEqual([]);
    });

    it("sees an append as soon as it is answered", async () => {
      for (let revision = 0; revision < 10; revision++) {
        const { position } = await store.append(fleet, revision - 1, [anEvent(fleet, revision)]);
        expect(await store.head()).toBe(position);
        expect((await store.readAll(position - 1, 10)).map((event) => event.revision)).toEqual([revision]);
        expect((await store.readStream(fleet, revision)).map((event) => event.position)).toEqual([position]);
      }
    });
  });

  describe(`${name}: following`, () => {
    /** A follower, whose `seen` holds once it has seen that many events; it is stopped after the test. */
    const following = (afterPosition: number, onBatch: () => Promise<void> | void = () => {}) => {
      const stop = new AbortController();
      const events: StoredEvent[] = [];
      let wake = (): void => {};
      const ended = store.follow(
        afterPosition,
        async (batch) => {
          expect(batch).not.toHaveLength(0);
          events.push(...batch);
          wake();
          await onBatch();
        },
        stop.signal,
      );
      const seen = async (eventCount: number): Promise<void> => {
        while (events.length < eventCount) await Promise.race([ended, new Promise<void>((resolve) => (wake = resolve))]);
      };
      onTestFinished(() => stop.abort());
      return { events, ended, seen, stop };
    };

    it("catches up, then follows, without loss, repetition or another order", async () => {
      await Promise.all(["a", "b", "c"].map((letter) => given(`account-${letter}`, 40)));
      const follower = following(0);
      await Promise.all(["d", "e", "f"].map((letter) => given(`account-${letter}`, 40)));
      await follower.seen(240);
      for (let revision = 0; revision < 5; revision++) {
        await store.append(fleet, revision - 1, [anEvent(fleet, revision)]);
        await follower.seen(241 + revision);
      }
      follower.stop.abort();
      await follower.ended;
      expect(follower.events).toEqual(await everything());
    });

    it("begins after the position it is given", async () => {
      await given(fleet, 5);
      const follower = following(3);
      await store.append(fleet, 4, [anEvent(fleet, 5)]);
      await follower.seen(3);
      expect(follower.events.map(({ position }) => position)).toEqual([4, 5, 6]);
    });

    it("waits at the head of the log for its first event", async () => {
      const follower = following(0);
      await setImmediate();
      await given(fleet, 1);
      await follower.seen(1);
      expect(follower.events.map(({ position }) => position)).toEqual([1]);
    });

    it("hands over one batch at a time", async () => {
      let underWay = 0;
      let overlaps = 0;
      const follower = following(0, async () => {
        overlaps += underWay;
        underWay += 1;
        for (let turn = 0; turn < 5; turn++) await setImmediate();
        underWay -= 1;
      });
      await Promise.all(["a", "b", "c"].map((letter) => given(`account-${letter}`, 20)));
      await follower.seen(60);
      expect(overlaps).toBe(0);
    });

    it("serves several followers, each all of it", async () => {
      const followers = [following(0), following(0), following(0)];
      await given(fleet, 20);
      for (const follower of followers) {
        await follower.seen(20);
        expect(follower.events).toEqual(await everything());
      }
    });

    it("calls nobody when it was aborted before it began", async () => {
      await given(fleet, 1);
      await store.follow(0, () => expect.unreachable(), AbortSignal.abort());
    });

    it("ends when aborted while it waits", async () => {
      await given(fleet, 1);
      const follower = following(0);
      await follower.seen(1);
      for (let turn = 0; turn < 5; turn++) await setImmediate();
      follower.stop.abort();
      await follower.ended;
      await store.append(fleet, 0, [anEvent(fleet, 1)]);
      await setImmediate();
      expect(follower.events).toHaveLength(1);
    });

    it("ends when aborted by its own batch", async () => {
      await given(fleet, 1);
      const follower = following(0, () => follower.stop.abort());
      await follower.ended;
      expect(follower.events).toHaveLength(1);
    });

    it("rejects with what its batch throws", async () => {
      await given(fleet, 1);
      const failure = new Error("the view's disk is full");
      await expect(store.follow(0, () => Promise.reject(failure), new AbortController().signal)).rejects.toBe(failure);
    });
  });

  describe(`${name}: closing`, () => {
    const isClosed = { name: "StoreUnavailableError", reason: "closed" };

    it("refuses everything afterwards", async () => {
      await given(fleet, 1);
      await store.close();
      await expect(store.append(fleet, 0, [anEvent(fleet, 1)])).rejects.toMatchObject(isClosed);
      await expect(store.readStream(fleet)).rejects.toMatchObject(isClosed);
      await expect(store.readAll(0, 10)).rejects.toMatchObject(isClosed);
      await expect(store.head()).rejects.toMatchObject(isClosed);
      await expect(store.follow(0, () => {}, new AbortController().signal)).rejects.toMatchObject(isClosed);
    });

    it("may be repeated", async () => {
      await store.close();
      await store.close();
    });

    it("ends a follower that waits", async () => {
      const ended = store.follow(0, () => {}, new AbortController().signal);
      const refused = expect(ended).rejects.toMatchObject(isClosed);
      await setImmediate();
      await store.close();
      await refused;
    });

    it("leaves no append under way without an answer, and stores what it answered well", async () => {
      const appends = Array.from({ length: 20 }, (_, index) => `account-${index}`).map((stream) => {
        const event = anEvent(stream, 0);
        return { id: event.id, answer: store.append(stream, noStream, [event]) };
      });
      const answers = Promise.allSettled(appends.map(({ answer }) => answer));
      await store.close();
      const stored = (await answers).map(({ status }, index) => (status === "fulfilled" ? appends[index]!.id : undefined));
      for (const answer of await answers)
        if (answer.status === "rejected") expect(answer.reason).toBeInstanceOf(StoreUnavailableError);
      if (underTest.reopen === undefined) return;
      store = await underTest.reopen();
      expect(idsOf(await everything())).toEqual(expect.arrayContaining(stored.filter((id) => id !== undefined)));
    });

    it("keeps the log for the next to open it", async () => {
      if (underTest.reopen === undefined) return console.log(`${name}: skipped, its log does not outlive the store`);
      await given(fleet, 3);
      await given(visit, 2);
      const before = await everything();
      store = await underTest.reopen();
      expect(await everything()).toEqual(before);
      expect(await store.append(fleet, 2, [anEvent(fleet, 3)])).toEqual({ revision: 3, position: 6 });
    });
  });
}

/** What an append was refused with. */
async function refusal(answer: Promise<Appended>): Promise<unknown> {
  try {
    await answer;
  } catch (error) {
    return error;
  }
  return expect.unreachable("the append was not refused");
}
