/** Load, decide, append: what a caller may rely on. */
import { describe, expect, it } from "vitest";
import { account, type AccountCommand } from "../../src/domain/account.ts";
import { ledgerRecord } from "../../src/domain/ledger-record.ts";
import type { AccountId } from "../../src/domain/values.ts";
import { StoreUnavailableError } from "../../src/event-store/event-store.ts";
import { memoryEventStore } from "../../src/event-store/memory/memory.ts";
import { decodeAll, EventTooLargeError } from "../../src/ledger/envelope.ts";
import { IdempotencyMismatchError, Ledger, StaleRevisionError } from "../../src/ledger/ledger.ts";
import { ClockBehindError, LogClock } from "../../src/ledger/log-clock.ts";
import { openMemoryVault } from "../../src/vault/memory.ts";
import { instantOf } from "../support/ledger.ts";

const id = "acc_0000000000000001" as AccountId;
const stream = `account-${id}`;
const monday = instantOf("2026-01-05T09:00:00.000Z");
const tuesday = instantOf("2026-01-06T09:00:00.000Z");
const open: AccountCommand & { id: AccountId } = {
  type: "OpenAccount",
  id,
  at: monday,
  timeZone: "UTC",
  tags: [],
  sealed: { name: "Harbour Freight Lines" },
};
const change = (timeZone: string, at = monday): AccountCommand & { id: AccountId } => ({
  type: "ChangeAccount",
  id,
  at,
  timeZone,
  sealed: {},
});
const meta = { actor: { kind: "key" as const, id: "key_0000000000000001" }, correlation: "test" };
const identified = (key: string, fingerprint = "same") => ({
  ...meta,
  identity: { scope: "key_0000000000000001", key, fingerprint },
});

const correct = (ledger: Ledger, how: Parameters<Ledger["handle"]>[3] = meta) =>
  ledger.handle(ledgerRecord, "ledger", { type: "CorrectClock", at: ledger.now() }, { ...how, correctsClock: true });

function ledgerOn(store = memoryEventStore(), start: string = tuesday) {
  let now = Date.parse(start);
  const vault = openMemoryVault();
  const ledger = new Ledger({ store, vault, clock: new LogClock(() => now, undefined) });
  return {
    ledger,
    store,
    vault,
    setNow: (at: string) => void (now = Date.parse(at)),
    events: () => decodeAll(store.log.readAll(0, 1_000)),
  };
}

describe("handling a command", () => {
  it("appends what follows, stamped with both instants, and answers where it stands", async () => {
    const { ledger, events } = ledgerOn();
    expect(await ledger.handle(account, stream, open, meta)).toMatchObject({
      revision: 0,
      position: 1,
      isReplay: false,
      events: [{ type: "AccountOpened", position: 1 }],
    });
    expect(events()[0]).toMatchObject({
      type: "AccountOpened",
      occurredAt: monday,
      recordedAt: tuesday,
      revision: 0,
      position: 1,
      account: id,
      actor: meta.actor,
    });
  });

  it("adds nothing when nothing follows", async () => {
    const { ledger, events } = ledgerOn();
    await ledger.handle(account, stream, open, meta);
    expect(await ledger.handle(account, stream, change("UTC"), meta)).toMatchObject({ revision: 0, events: [] });
    expect(events()).toHaveLength(1);
  });

  it("seals personal text: a commitment in the leaf, ciphertext beside it", async () => {
    const { ledger, store, vault, events } = ledgerOn();
    await ledger.handle(account, stream, open, meta);
    const [stored] = store.log.readAll(0, 1);
    expect(Buffer.from(stored!.leaf).toString()).not.toContain("Harbour");
    const [event] = events();
    const [[name]] = (await vault.open([{ event: event!.id, sealed: event!.sealed, ciphertext: event!.ciphertext }], {
      key: "key_0000000000000001",
      purpose: "test",
      at: monday,
    })) as [[object]];
    expect(name).toMatchObject({ field: "name", status: "opened", value: "Harbour Freight Lines" });
  });

  it("passes what a rule refuses on, and adds nothing", async () => {
    const { ledger, events } = ledgerOn();
    await expect(ledger.handle(account, stream, change("UTC"), meta)).rejects.toMatchObject({ code: "account-not-found" });
    expect(events()).toEqual([]);
  });

  it("refuses what happened after it was recorded", async () => {
    const { ledger, events } = ledgerOn(memoryEventStore(), monday);
    await expect(ledger.handle(account, stream, { ...open, at: tuesday }, meta)).rejects.toMatchObject({ code: "in-the-future" });
    expect(events()).toEqual([]);
  });

  it("refuses an event that does not fit its leaf", async () => {
    const { ledger, events } = ledgerOn();
    const tags = Array.from({ length: 2_000 }, (_, index) => `a-very-long-tag-that-nobody-needs-${index}`) as never[];
    await expect(ledger.handle(account, stream, { ...open, tags } as never, meta)).rejects.toThrow(EventTooLargeError);
    expect(events()).toEqual([]);
  });
});

describe("a request that is sent again", () => {
  it("is answered from the log, and adds nothing", async () => {
    const { ledger, events } = ledgerOn();
    const first = await ledger.handle(account, stream, open, identified("k1"));
    expect(await ledger.handle(account, stream, open, identified("k1"))).toEqual({ ...first, isReplay: true });
    expect(events()).toHaveLength(1);
  });

  it("is recognised after others followed", async () => {
    const { ledger } = ledgerOn();
    await ledger.handle(account, stream, open, identified("k1"));
    await ledger.handle(account, stream, change("Europe/Berlin"), identified("k2"));
    await ledger.handle(account, stream, change("Europe/Paris"), identified("k3"));
    expect(await ledger.handle(account, stream, change("Europe/Berlin"), identified("k2"))).toMatchObject({
      revision: 1,
      position: 2,
      isReplay: true,
    });
  });

  it("is refused with another body under the same key", async () => {
    const { ledger } = ledgerOn();
    await ledger.handle(account, stream, open, identified("k1", "one"));
    await expect(ledger.handle(account, stream, open, identified("k1", "another"))).rejects.toThrow(IdempotencyMismatchError);
  });

  it("is another request when it comes from another key", async () => {
    const { ledger, events } = ledgerOn();
    await ledger.handle(account, stream, open, meta);
    await ledger.handle(account, stream, change("Europe/Berlin"), identified("k"));
    await ledger.handle(account, stream, change("Europe/Paris"), {
      ...meta,
      identity: { scope: "key_0000000000000002", key: "k", fingerprint: "other" },
    });
    expect(events()).toHaveLength(3);
  });

  it("is one fact when two processes take it at the same moment", async () => {
    const store = memoryEventStore();
    const [one, two] = [ledgerOn(store), ledgerOn(store)];
    const answers = await Promise.all([
      one.ledger.handle(account, stream, open, identified("k")),
      two.ledger.handle(account, stream, open, identified("k")),
    ]);
    expect(one.events()).toHaveLength(1);
    expect(answers[0].events.map((event) => event.id)).toEqual(answers[1].events.map((event) => event.id));
  });
});

describe("writers of one stream", () => {
  it("pass each other when they named no revision", async () => {
    const { ledger, events } = ledgerOn();
    await ledger.handle(account, stream, open, meta);
    await Promise.all(
      Array.from({ length: 80 }, (_, index) =>
        ledger.handle(account, stream, change(index % 2 === 0 ? "Europe/Berlin" : "Europe/Paris"), meta),
      ),
    );
    expect(events().map(({ revision }) => revision)).toEqual(Array.from({ length: events().length }, (_, index) => index));
  });

  it("lose when they named a revision that another had left behind: exactly one wins", async () => {
    const { ledger } = ledgerOn();
    await ledger.handle(account, stream, open, meta);
    const zones = ["Europe/Berlin", "Europe/Paris", "Europe/Rome", "Europe/Madrid"];
    const outcomes = await Promise.allSettled(
      zones.map((zone) => ledger.handle(account, stream, change(zone), { ...meta, expectedRevision: 0 })),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of outcomes) if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(StaleRevisionError);
  });

  it("lose likewise to another process", async () => {
    const store = memoryEventStore();
    const [one, two] = [ledgerOn(store), ledgerOn(store)];
    await one.ledger.handle(account, stream, open, meta);
    const outcomes = await Promise.allSettled(
      [one, two].map(({ ledger }, index) =>
        ledger.handle(account, stream, change(index === 0 ? "Europe/Rome" : "Europe/Oslo"), { ...meta, expectedRevision: 0 }),
      ),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  });
});

describe("the clock", () => {
  it("that steps back a little does not take recordedAt with it", async () => {
    const { ledger, setNow, events } = ledgerOn();
    await ledger.handle(account, stream, open, meta);
    setNow("2026-01-06T08:59:56.000Z");
    await ledger.handle(account, stream, change("Europe/Berlin"), meta);
    expect(events()[1]!.recordedAt).toBe(tuesday);
  });

  it("that stands too far behind records nothing, until it has caught up", async () => {
    const { ledger, setNow, events } = ledgerOn();
    await ledger.handle(account, stream, open, meta);
    setNow("2026-01-06T08:59:54.000Z");
    await expect(ledger.handle(account, stream, change("Europe/Berlin"), meta)).rejects.toThrow(ClockBehindError);
    expect(events()).toHaveLength(1);
    setNow("2026-01-06T08:59:58.000Z");
    await ledger.handle(account, stream, change("Europe/Berlin"), meta);
    expect(events()).toHaveLength(2);
  });

  it("counts anew once the operator says that it had been wrong for good", async () => {
    const { ledger, setNow, events } = ledgerOn();
    await ledger.handle(account, stream, open, meta);
    setNow("2026-01-05T10:00:00.000Z");
    await correct(ledger);
    await ledger.handle(account, stream, change("Europe/Berlin"), meta);
    expect(events().map(({ type, recordedAt }) => [type, recordedAt])).toEqual([
      ["AccountOpened", tuesday],
      ["ClockCorrected", "2026-01-05T10:00:00.000Z"],
      ["AccountChanged", "2026-01-05T10:00:00.000Z"],
    ]);
  });

  it.each([
    ["is right", "2026-01-06T09:00:00.000Z"],
    ["is ahead", "2026-01-07T09:00:00.000Z"],
    ["is behind by no more than is bridged", "2026-01-06T08:59:55.000Z"],
  ])("that %s is not corrected: nothing is recorded, and log time stays", async (_, at) => {
    const { ledger, setNow, events } = ledgerOn();
    await ledger.handle(account, stream, open, meta);
    setNow(at);
    await expect(correct(ledger)).rejects.toMatchObject({ code: "clock-not-behind" });
    expect(events()).toHaveLength(1);
    setNow("2026-01-06T08:59:58.000Z");
    await ledger.handle(account, stream, change("Europe/Berlin"), meta);
    expect(events()[1]!.recordedAt).toBe(tuesday);
  });

  it("is corrected once by a request that comes twice", async () => {
    const { ledger, setNow, events } = ledgerOn();
    await ledger.handle(account, stream, open, meta);
    setNow("2026-01-05T10:00:00.000Z");
    expect((await correct(ledger, identified("k"))).isReplay).toBe(false);
    expect((await correct(ledger, identified("k"))).isReplay).toBe(true);
    expect(events()).toHaveLength(2);
  });

  it("is not corrected where that could not be stored", async () => {
    const store = memoryEventStore();
    let isFull = false;
    const { ledger, setNow, events } = ledgerOn({
      ...store,
      append: (...request) => (isFull ? Promise.reject(new StoreUnavailableError("full")) : store.append(...request)),
    });
    await ledger.handle(account, stream, open, meta);
    setNow("2026-01-05T10:00:00.000Z");
    isFull = true;
    await expect(correct(ledger)).rejects.toThrow(StoreUnavailableError);
    isFull = false;
    await expect(ledger.handle(account, stream, change("Europe/Berlin"), meta)).rejects.toThrow(ClockBehindError);
    expect(events()).toHaveLength(1);
  });
});

describe("an append whose answer was lost", () => {
  it("is known again by its ids when the same command is tried once more", async () => {
    const store = memoryEventStore();
    let isFirst = true;
    const flaky = {
      ...store,
      async append(...request: Parameters<typeof store.append>) {
        const appended = await store.append(...request);
        if (!isFirst) return appended;
        isFirst = false;
        throw new StoreUnavailableError("failed");
      },
    };
    const { ledger } = ledgerOn(flaky);
    await expect(ledger.handle(account, stream, open, identified("k"))).rejects.toThrow(StoreUnavailableError);
    expect(await ledger.handle(account, stream, open, identified("k"))).toMatchObject({ isReplay: true, position: 1 });
  });
});

describe("what other nodes append", () => {
  const { ledger: elsewhere, store: there } = ledgerOn();

  /** A node whose copy gets what lies on the cluster only when it asks for it, or is told. */
  function aNode(now: string = tuesday) {
    const asked: string[] = [];
    const copy = memoryEventStore();
    const copied = async () => {
      const missing = there.log.readAll(copy.log.head(), 1_000);
      for (const event of missing) await copy.append(event.stream, event.revision - 1, [{ ...event, type: "Any" }]);
      return missing;
    };
    const catchUp = async (of: string): Promise<void> => {
      asked.push(of);
      await copied();
    };
    const { ledger } = ledgerOn({ ...copy, catchUp }, now);
    return { ledger, asked, hear: async () => ledger.observe(await copied()) };
  }

  it("is found when a command refers to it, though this node has not heard of it", async () => {
    await elsewhere.handle(account, stream, open, meta);
    const { ledger, asked } = aNode();
    expect(await ledger.refer(account, stream)).toMatchObject({ status: "open" });
    expect(await ledger.refer(account, stream)).toMatchObject({ status: "open" });
    expect(asked).toEqual([stream]);
  });

  it("is not asked for where nothing need be there", async () => {
    const { ledger, asked } = aNode();
    await ledger.refer(account, "account-acc_0000000000000009", { keepsEmpty: true });
    expect(asked).toEqual([]);
  });

  it("takes the place of what was known of a stream", async () => {
    const { ledger, hear } = aNode();
    expect(await ledger.refer(account, stream)).toMatchObject({ timeZone: "UTC" });
    await elsewhere.handle(account, stream, change("Europe/Paris"), meta);
    expect(await ledger.refer(account, stream)).toMatchObject({ timeZone: "UTC" });
    await hear();
    expect(await ledger.refer(account, stream)).toMatchObject({ timeZone: "Europe/Paris" });
  });

  it("moves log time on: what is recorded next is not before it, and a clock far behind it records nothing", async () => {
    const [near, far] = [aNode("2026-01-06T08:59:57.000Z"), aNode("2026-01-06T08:00:00.000Z")];
    for (const { hear } of [near, far]) await hear();
    const { events } = await near.ledger.handle(account, `${stream}x`, { ...open, at: monday }, meta);
    expect(events[0]!.recordedAt).toBe(tuesday);
    await expect(far.ledger.handle(account, `${stream}y`, open, meta)).rejects.toThrow(ClockBehindError);
  });

  it("ends the waiting of every node once one has corrected log time", async () => {
    const wrong = ledgerOn(there, "2027-01-01T00:00:00.000Z");
    await wrong.ledger.handle(account, `${stream}z`, open, meta);
    const { ledger, hear } = aNode();
    await hear();
    await expect(ledger.handle(account, `${stream}y`, open, meta)).rejects.toThrow(ClockBehindError);
    wrong.setNow(tuesday);
    await correct(wrong.ledger);
    await hear();
    expect((await ledger.handle(account, `${stream}y`, open, meta)).events[0]!.recordedAt).toBe(tuesday);
  });
});
