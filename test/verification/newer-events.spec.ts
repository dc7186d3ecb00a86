/** Events of later releases: an honest log that has them contradicts nothing, and whoever makes one up frees nothing else of judgement. */
import { describe, expect, it } from "vitest";
import {
  account,
  broken,
  concluded,
  otherAccount,
  promise,
  promised,
  promisee,
  promisor,
  withPromise,
} from "./support/told-log.ts";

const due10 = "2026-03-10T00:00:00.000Z";
/** A word that moves the deadline by means of a later release, and the verdict that then is right. */
const moved = () => withPromise().onPromise("PromiseProlonged", { dueAt: due10 }).goesOnTo("2026-03-12");
const brokenAt = (log: ReturnType<typeof moved>, at: string) =>
  log.onPromise(
    "PromiseBroken",
    {
      occurrence: 1,
      reason: "deadline",
      brokenAt: at,
      evidence: [],
      basis: { size: log.size, asOf: log.now, rule: 1, policy: 0 },
    },
    { actor: { kind: "rule", id: "assess-1" }, occurredAt: at },
  );
const mayExplain = /leaf 8, of a type that is not known here, may explain it/;

describe("an honest log with an event of a later release", () => {
  it("is not contradicted by a verdict that rests on it", async () => {
    const { exitCode, messages, notes } = await concluded(brokenAt(moved(), due10), { broken: 1 }, due10).outcome();
    expect(exitCode).toBe(3);
    expect(messages).toMatch(mayExplain);
    expect(notes).toContain("newer-events: events of the type PromiseProlonged are not known here");
  });

  it("is not contradicted by what its key, person or account may have been given", async () => {
    const log = withPromise();
    log.add("KeyWidened", "key-key_0000000000000001", {}, { account: undefined });
    log.onPromise("DisputeRuled", { dispute: 1, ruling: "upheld" });
    expect((await log.outcome()).exitCode).toBe(3);
  });

  it("is not contradicted where it began with one, and what had been due before it was put on record after it", async () => {
    const log = withPromise()
      .goesOnTo("2026-02-03")
      .onLedger("LedgerBlessed", {}, { actor: { kind: "system", id: "init" } });
    const { exitCode, messages } = await concluded(broken(log), { broken: 1 }).goesOnTo("2026-03-01").outcome();
    expect({ exitCode, count: messages.split("\n").length }).toEqual({ exitCode: 3, count: 1 });
  });

  it("is not contradicted by what is missing later, though something else had been missing before", async () => {
    const log = withPromise()
      .goesOnTo("2026-02-03")
      .onLedger("LedgerBlessed", {}, { actor: { kind: "system", id: "init" } });
    concluded(broken(log), { broken: 1 }).at("2026-02-12");
    const facts = { account, direction: "outbound", kind: "visit", startedAt: "2026-01-20T00:00:00.000Z" };
    const visit = { ...facts, tags: [], purpose: "relationship" };
    log.add("InteractionRecorded", "interaction-int_0000000000000001", { ...visit, participants: [promisor, promisee] });
    const { exitCode, messages } = await log.goesOnTo("2026-03-01").outcome();
    expect(messages).toMatch(/PromiseKept of occurrence 1 should stand on record.*may explain it/);
    expect(exitCode).toBe(3);
  });

  it("is as complete as ever where nothing rests on it", async () => {
    const log = withPromise()
      .add("AccountPainted", `account-${otherAccount}`, {}, { account: otherAccount })
      .goesOnTo("2026-02-02");
    const { exitCode, messages } = await concluded(broken(log), { broken: 1 }).outcome();
    expect({ exitCode, count: messages.split("\n").length }).toEqual({ exitCode: 3, count: 1 });
  });
});

describe("an event that a forger made up", () => {
  it("does not free a verdict that rests on what stands below it", async () => {
    const log = withPromise().goesOnTo("2026-02-02");
    const basis = { size: log.size, asOf: log.now, rule: 1, policy: 0 };
    log.onPromise("PromiseProlonged", { dueAt: due10 });
    const data = { occurrence: 1, reason: "deadline", brokenAt: due10, evidence: [], basis };
    log.onPromise("PromiseBroken", data, { actor: { kind: "rule", id: "assess-1" }, occurredAt: due10 });
    expect((await log.outcome()).exitCode).toBe(1);
  });

  it("does not free the promises of others", async () => {
    const log = withPromise().add("AccountPainted", `account-${otherAccount}`, {}, { account: otherAccount });
    const { exitCode, messages } = await log.goesOnTo("2026-03-01").outcome();
    expect(exitCode).toBe(1);
    expect(messages).toContain(`promise-${promise}: PromiseBroken of occurrence 1 should stand on record`);
  });

  it("does not excuse what had been missing before it, though another one came first", async () => {
    const log = withPromise().add("AccountPainted", `account-${otherAccount}`, {}, { account: otherAccount });
    log.goesOnTo("2026-03-01").onPromise("PromiseProlonged", { dueAt: due10 });
    const { exitCode, messages } = await log.goesOnTo("2026-03-02").outcome();
    expect(exitCode).toBe(1);
    expect(messages).toMatch(/PromiseBroken of occurrence 1 should stand on record.*since before 2026-02-28T23:00:00.000Z$/m);
  });

  it("frees whatever it may bear on of nothing but that: form, order and hashes stay what they are", async () => {
    const log = withPromise().onLedger("LedgerBlessed", {}, { actor: { kind: "system", id: "init" } });
    expect((await log.onPromise("PromiseAccepted", { by: promisor, asserted: true }).outcome()).exitCode).toBe(3);
    const misplaced = withPromise().onLedger("LedgerBlessed", {}).add("AccountClosed", "ledger", {}, { account });
    expect((await misplaced.outcome()).exitCode).toBe(1);
    const again = withPromise().onLedger("LedgerBlessed", {}).goesOnTo("2026-02-01").at("2026-01-05");
    expect((await again.onPromise("PromiseWithdrawn", { by: promisor, asserted: true }).outcome()).exitCode).toBe(1);
  });

  it("is told in front of everything but a declared break", async () => {
    const { notes } = await withPromise({ ...promised() })
      .onLedger("LedgerBlessed", {})
      .outcome();
    expect(notes.split("\n")[0]).toContain("newer-events");
  });
});
