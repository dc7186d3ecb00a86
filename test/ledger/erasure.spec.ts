/** Erasing a person, through commands and queries: what is gone, what stays, and what is refused from then on. */
import { beforeEach, describe, expect, it } from "vitest";
import type { LocalEventStore } from "../../src/event-store/log.ts";
import { memoryEventStore } from "../../src/event-store/memory/memory.ts";
import { blanking } from "../../src/ledger/erasures.ts";
import { openMemoryVault } from "../../src/vault/memory.ts";
import { type ErasableVault, SubjectErasedError } from "../../src/vault/vault.ts";
import { testLedger, type TestLedger } from "../support/ledger.ts";

const account = "acc_0000000000000001";
const rep = "per_0000000000000001";
const anna = "per_0000000000000002";
const ben = "per_0000000000000003";
const visit = {
  account,
  kind: "visit",
  purpose: "relationship",
  direction: "outbound",
  startedAt: "2026-01-20T10:00:00.000Z",
  minutes: 60,
};

let ledger: TestLedger;
beforeEach(async () => {
  ledger = await aLedger();
});

async function aLedger(parts: { store?: LocalEventStore; vault?: ErasableVault } = {}): Promise<TestLedger> {
  const made = testLedger("2026-02-01T00:00:00.000Z", parts);
  await made.run("open-account", { id: account, name: "Harbour Freight Lines" });
  await made.run("add-person", { id: rep, name: "R. Novak" });
  await made.run("add-person", { id: anna, account, name: "A. Amsel", email: "a.amsel@example.com" });
  await made.run("add-person", { id: ben, account, name: "B. Berg" });
  await made.run("make-promise", {
    id: "prm_0000000000000001",
    account,
    promisor: rep,
    promisee: anna,
    kind: "visit",
    text: "I come on the twentieth.",
    terms: { type: "once", dueAt: "2026-01-21T00:00:00.000Z" },
    matcher: { kinds: ["visit"] },
    at: "2026-01-01T00:00:00.000Z",
  });
  await made.run("record-interaction", {
    ...visit,
    id: "int_0000000000000001",
    participants: [rep, anna],
    note: { text: "Ben likes sailing.", subject: ben },
    source: "crm",
    externalId: "visit-1",
  });
  await made.keeper.settle();
  return made;
}

const erase = (subject = anna, body: object = { reason: "subject-asked" }) => ledger.run("erase-subject", body, { subject });
const erasures = () => ledger.events().filter(({ type }) => type === "SubjectErased");

describe("erasing a person", () => {
  it("is on record once, with its reason and without an account", async () => {
    const { id, events } = await erase();
    expect({ id, added: events.length }).toEqual({ id: anna, added: 1 });
    expect(erasures()).toMatchObject([{ stream: "ledger", data: { subject: anna, reason: "subject-asked" }, sealed: [] }]);
    expect(erasures()[0]!.account).toBeUndefined();
    expect((await erase(anna, {})).events).toEqual([]);
    expect(erasures()).toHaveLength(1);
  });

  it("leaves nothing of theirs to read, and all of the others', in one event too", async () => {
    await erase();
    expect(await ledger.ask("get-person", { person: anna })).toMatchObject({
      personal: { name: { status: "erased" }, email: { status: "erased" } },
    });
    expect(await ledger.ask("get-promise", { promise: "prm_0000000000000001" })).toMatchObject({
      personal: { text: { status: "erased" } },
    });
    expect(await ledger.ask("get-interaction", { interaction: "int_0000000000000001" })).toMatchObject({
      personal: { externalId: { status: "erased" }, note: { status: "opened", value: "Ben likes sailing." } },
    });
    expect(await ledger.ask("get-person", { person: ben })).toMatchObject({ personal: { name: { status: "opened" } } });
  });

  it("changes no leaf, no verdict and no trust", async () => {
    const leaves = () => ledger.store.log.readAll(0, 1_000).map(({ leaf }) => Buffer.from(leaf).toString());
    const judged = async () => {
      const { personal: _, basis: __, ...promise } = await ledger.ask("get-promise", { promise: "prm_0000000000000001" });
      const { basis: ___, ...trust } = await ledger.ask("account-trust", { account });
      return { promise, trust };
    };
    const before = { leaves: leaves(), judged: await judged() };
    expect(before.judged.promise).toMatchObject({ state: "kept" });
    await erase();
    expect(leaves().slice(0, before.leaves.length)).toEqual(before.leaves);
    expect(await judged()).toEqual(before.judged);
    expect(await ledger.keeper.settle(), "nothing is judged anew").toBe(0);
  });

  it("refuses their text from then on, and takes facts about them without any", async () => {
    await erase();
    const head = ledger.store.log.head();
    await expect(ledger.run("change-person", { name: "A. Amsel" }, { person: anna })).rejects.toThrow(SubjectErasedError);
    const met = { ...visit, startedAt: "2026-01-22T10:00:00.000Z", participants: [rep, anna] };
    await expect(ledger.run("record-interaction", { ...met, note: "A word." })).rejects.toThrow(SubjectErasedError);
    expect(ledger.store.log.head()).toBe(head);
    expect((await ledger.run("record-interaction", met)).events).toHaveLength(1);
  });

  it("answers what was sent before the erasure as it did then", async () => {
    const sent = { ...visit, participants: [rep, anna], note: "A word." };
    const request = { idempotencyKey: "visit-2" };
    const first = await ledger.run("record-interaction", sent, {}, request);
    await erase();
    expect(await ledger.run("record-interaction", sent, {}, request)).toMatchObject({ id: first.id, isReplay: true });
  });

  it("is refused for somebody who is not there, and for a key that speaks for a party", async () => {
    await expect(erase("per_9999999999999999")).rejects.toMatchObject({ code: "subject-not-found" });
    await expect(erase("acc_9999999999999999")).rejects.toMatchObject({ code: "subject-not-found" });
    const caller = { key: "key_0000000000000000" as never, scopes: ["admin" as const], party: anna as never };
    await expect(ledger.run("erase-subject", {}, { subject: anna }, { caller })).rejects.toMatchObject({ code: "not-your-part" });
    expect(erasures()).toEqual([]);
  });

  it("erases an account's own text as well", async () => {
    await erase(account);
    expect(await ledger.ask("get-account", { account })).toMatchObject({ personal: { name: { status: "erased" } } });
  });
});

describe("an erasure while text of the same person is being recorded", () => {
  it("overwrites what was sealed before its key was destroyed, and reaches the log after", async () => {
    const inner = memoryEventStore();
    const held = Promise.withResolvers<undefined>();
    let isHolding = false;
    const store: LocalEventStore = {
      ...inner,
      async append(stream, revision, events) {
        if (isHolding && stream.startsWith("interaction")) await held.promise;
        return inner.append(stream, revision, events);
      },
    };
    const vault = openMemoryVault();
    const buried = Promise.withResolvers<undefined>();
    ledger = await aLedger({
      store,
      vault: {
        ...vault,
        async erase(subject, at) {
          await vault.erase(subject, at);
          buried.resolve(undefined);
        },
      },
    });
    isHolding = true;
    const recorded = ledger.run("record-interaction", { ...visit, participants: [rep, anna], note: "On its way." });
    // Until the text is sealed: the stream of the visit is all that is waited for.
    await new Promise((done) => setImmediate(done));
    const erased = erase();
    await buried.promise;
    held.resolve(undefined);
    await Promise.all([recorded, erased]);
    const last = ledger.store.log.readAll(0, 1_000).findLast(({ stream }) => stream.startsWith("interaction"))!;
    expect(last.ciphertext!.trim()).toBe("[null]");
  });
});

describe("what was sealed, once its subject is erased", () => {
  const event = (sealed: object[], ciphertext: string | null) => ({
    ...{ position: 1, stream: "person-1", revision: 0, id: "evt_0000000000000001", ciphertext },
    leaf: Buffer.from(JSON.stringify({ sealed })),
  });
  const blank = blanking([anna as never]);
  const [annas, bens] = [
    { subject: anna, field: "name" },
    { subject: ben, field: "name" },
  ];

  it("is null in its place", () => {
    expect(blank(event([annas, bens], '[{"k":1,"c":"a"},{"k":1,"c":"b"}]'))).toBe('[null,{"k":1,"c":"b"}]');
  });
  it("is left as it is where it is somebody else's, or only named", () => {
    expect(blank(event([bens], '[{"k":1,"c":"b"}]'))).toBeUndefined();
    expect(blank(event([{ ...bens, about: anna }], '[{"k":1,"c":"b"}]'))).toBeUndefined();
    expect(blank(event([annas], null))).toBeUndefined();
  });
  it("is nothing at all where it can't be read", () => {
    expect(blank(event([annas], "broken"))).toBe("");
    expect(blank(event([annas], "7"))).toBe("");
  });
  it("is the same for many subjects at once", () => {
    const many = blanking(Array.from({ length: 50 }, (_, index) => `per_${String(index).padStart(16, "0")}` as never));
    expect(many(event([annas, bens], '[{"k":1,"c":"a"},{"k":1,"c":"b"}]'))).toBe("[null,null]");
  });
});

describe("a reader", () => {
  it("is told `unavailable`, and never `erased`, where text can't be opened for any other reason", async () => {
    const { log } = ledger.store;
    const [stored] = log.readAll(0, 1_000).filter(({ stream }) => stream === `person-${anna}`);
    const { sealed } = JSON.parse(Buffer.from(stored!.leaf).toString()) as { sealed: never[] };
    const reader = { key: "key", purpose: "test", at: "2026-02-01T00:00:00.000Z" as never };
    const statuses = async (vault: ErasableVault, ciphertext: string | null) =>
      (await vault.open([{ event: stored!.id as never, sealed, ciphertext }], reader))[0]!.map(({ status }) => status);
    expect(await statuses(ledger.vault, null), "ciphertext lost").toEqual(["unavailable", "unavailable"]);
    expect(await statuses(openMemoryVault(), stored!.ciphertext), "another vault").toEqual(["unavailable", "unavailable"]);
    await ledger.store.overwriteCiphertext([], (event) => (event.id === stored!.id ? "[null,null]" : undefined));
    const [blank] = log.readPositions([stored!.position]);
    expect(await statuses(ledger.vault, blank!.ciphertext), "blanked without an erasure").toEqual(["unavailable", "unavailable"]);
    await erase();
    expect(await statuses(ledger.vault, stored!.ciphertext), "erased, its ciphertext brought back").toEqual(["erased", "erased"]);
    expect(await statuses(ledger.vault, null), "erased").toEqual(["erased", "erased"]);
  });
});
