/** A server killed at random moments under load: nothing that it acknowledged is lost, nothing is there twice. */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { decodeAll } from "../../src/ledger/envelope.ts";
import { runningServer } from "../support/server.ts";
import { aKey, aLedger, example, troth } from "./support/troth.ts";

const rounds = 3;
const callers = 16;
const account = "acc_0000000000000017";
const [rep, buyer] = ["per_00000000000000r1", "per_00000000000000c1"];

type Acknowledged = { events: { id: string; position: number }[]; refusal?: object };
type Sent = { path: string; key: string; body: object };

/** Sends a request, and again while the server says that it can't keep up. @throws what fetch throws once the server is gone. */
async function answerOf(url: string, secret: string, { path, key, body }: Sent): Promise<Acknowledged> {
  const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json", "idempotency-key": key };
  for (;;) {
    const response = await fetch(`${url}/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const answer = (await response.json()) as Acknowledged;
    if (response.ok) return answer;
    if (response.status !== 503) return { events: [], refusal: answer };
    await delay(50);
  }
}

/** Sends one request after the other until the server is gone. @returns the request that was never answered. */
async function call(url: string, secret: string, next: () => Sent, onAnswer: (answer: Acknowledged) => void): Promise<Sent> {
  for (;;) {
    const sent = next();
    try {
      onAnswer(await answerOf(url, secret, sent));
    } catch {
      return sent;
    }
  }
}

/** Visits, and promises that some of them keep, so that the views and the keeper have work too. */
function request(number: number): Sent {
  const startedAt = new Date(Date.UTC(2024, 1, 1) + number * 3_600_000).toISOString();
  if (number % 5 > 0) {
    const visit = { kind: "visit", purpose: "relationship", direction: "outbound", minutes: 60, participants: [rep, buyer] };
    return { path: "/interactions", key: `visit-${number}`, body: { account, ...visit, startedAt, note: `Visit ${number}` } };
  }
  const terms = { type: "once", dueAt: new Date(Date.parse(startedAt) + 7_200_000).toISOString() };
  const promise = { promisor: rep, promisee: buyer, kind: "visit", terms, matcher: { kinds: ["visit"] }, at: startedAt };
  return { path: "/promises", key: `promise-${number}`, body: { account, ...promise } };
}

describe(`a server killed at ${rounds} random moments under load`, () => {
  it("has every acknowledged event once, at its place, without a gap, and views that equal a rebuild", async () => {
    const data = await aLedger();
    expect((await troth(["import", example("accounts.ndjson"), "--data", data])).code).toBe(0);
    const secret = await aKey(data, "record", "read");
    const acknowledged = new Map<string, number>();
    const refusals: object[] = [];
    let unanswered: Sent[] = [];
    let number = 0;
    for (let round = 0; round < rounds; round += 1) {
      const server = await runningServer(data);
      // What was never answered is sent again, as callers do.
      const next = () => unanswered.pop() ?? request((number += 1));
      const before = acknowledged.size;
      const calls = Array.from({ length: callers }, () =>
        call(server.url, secret, next, ({ events, refusal }) => {
          if (refusal !== undefined) refusals.push(refusal);
          for (const { id, position } of events) acknowledged.set(id, position);
        }),
      );
      while (acknowledged.size === before) await delay(5);
      await delay(Math.random() * 700);
      await server.stop("SIGKILL");
      unanswered = [...unanswered, ...(await Promise.all(calls))];
      expect(acknowledged.size).toBeGreaterThan(before);
      expectWhole(data, acknowledged);
      const check = await troth(["check", "--deep", "--data", data]);
      expect(check.code, check.out).toBe(0);
    }
    const server = await runningServer(data);
    const answers = await Promise.all(unanswered.map((sent) => answerOf(server.url, secret, sent)));
    expect(answers.every(({ events }) => events.length > 0)).toBe(true);
    expect(await server.stop()).toBe(0);
    expect(refusals).toEqual([]);
    const facts = expectWhole(data, acknowledged).filter(({ type }) => type === "InteractionRecorded" || type === "PromiseMade");
    expect(facts, "each request once, however often it was sent").toHaveLength(number);
    const verify = await troth(["rebuild", "--verify", "--data", data, "--json"]);
    expect(JSON.parse(verify.out)).toMatchObject({ same: true });
  }, 120_000);
});

function expectWhole(data: string, acknowledged: ReadonlyMap<string, number>) {
  const log = openSqliteLog(join(data, "ledger.db"));
  const stored = log.readAll(0, 1_000_000);
  log.close();
  expect(stored.map(({ position }) => position)).toEqual(stored.map((_, index) => index + 1));
  const positions = new Map(stored.map(({ id, position }) => [id, position]));
  expect(positions.size, "every id is stored once").toBe(stored.length);
  const lost = [...acknowledged].filter(([id, position]) => positions.get(id) !== position);
  expect(lost).toEqual([]);
  return decodeAll(stored);
}
