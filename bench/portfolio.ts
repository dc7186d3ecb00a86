/** A seeded portfolio as commands: accounts with a buyer, rhythms of visits, promises, breaches, late facts. The same seed gives the same commands. */
import { dayMs, hourMs } from "../src/domain/values.ts";

export type BenchCommand = { command: string; params?: object; body: Record<string, unknown> };

/** Mulberry32: small, seeded, good enough to spread facts. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const idOf = (prefix: string, number: number) => {
  let text = "";
  for (let rest = number; rest > 0; rest = Math.floor(rest / 32)) text = alphabet[rest % 32] + text;
  return `${prefix}_${text.padStart(16, "0")}`;
};

const start = Date.parse("2025-01-06T00:00:00.000Z");
const at = (day: number, hours = 0) => new Date(start + day * dayMs + hours * hourMs).toISOString();
const dateOf = (day: number) => at(day).slice(0, 10);

export const repCount = 50;
export const repId = (number: number) => idOf("per", 1 + (number % repCount));
export const accountIdOf = (number: number) => idOf("acc", 1 + number);
const buyerIdOf = (number: number) => idOf("per", 1_000 + number);

export function* reps(): Generator<BenchCommand> {
  for (let number = 0; number < repCount; number += 1) {
    yield {
      command: "add-person",
      body: { id: repId(number), name: `Rep ${number}`, team: number % 2 === 0 ? "north" : "south", at: at(-30) },
    };
  }
}

/** Everything that happens with one account: about `interactionCount` + 8 commands. */
export function* accountLife(number: number, interactionCount: number): Generator<BenchCommand> {
  const random = seeded(number + 1);
  const account = accountIdOf(number);
  const rep = repId(number);
  const buyer = buyerIdOf(number);
  const rhythm = 7 + Math.floor(random() * 21);
  yield {
    command: "open-account",
    body: { id: account, name: `Account ${number}`, timeZone: "Europe/Berlin", owner: rep, at: at(-20) },
  };
  yield { command: "add-person", body: { id: buyer, account, name: `Buyer ${number}`, at: at(-20) } };
  yield {
    command: "make-promise",
    body: {
      id: idOf("prm", 1 + number * 8),
      account,
      promisor: rep,
      promisee: buyer,
      kind: "visit",
      text: "I will come by regularly, for an hour, without a briefcase.",
      terms: {
        type: "recurring",
        rrule: `FREQ=DAILY;INTERVAL=${rhythm}`,
        from: dateOf(0),
        until: dateOf(rhythm * Math.min(interactionCount, 26)),
        graceMinutes: 2880,
      },
      matcher: { kinds: ["visit"], minMinutes: 45 },
      at: at(-10),
    },
  };
  yield {
    command: "make-promise",
    body: {
      id: idOf("prm", 2 + number * 8),
      account,
      promisor: rep,
      promisee: buyer,
      kind: "abstention",
      terms: { type: "abstain", from: at(0), until: at(200) },
      matcher: { purposes: ["sales"] },
      at: at(-10),
    },
  };
  for (let index = 0; index < 2; index += 1) {
    const promise = idOf("prm", 3 + index + number * 8);
    const due = 20 + Math.floor(random() * 200);
    yield {
      command: "make-promise",
      body: {
        id: promise,
        account,
        promisor: rep,
        promisee: buyer,
        kind: "delivery",
        terms: { type: "once", dueAt: at(due, 17) },
        at: at(due - 10),
      },
    };
    if (random() < 0.9)
      yield {
        command: "claim-keeping",
        params: { promise },
        body: { keptAt: at(due + (random() < 0.2 ? 2 : 0), 12), at: at(due + 2, 12) },
      };
  }
  const spacing = Math.min(rhythm, lastDay / Math.max(1, interactionCount));
  for (let index = 0; index < interactionCount; index += 1) {
    const day = Math.floor(index * spacing) + (random() < 0.1 ? 2 : 0);
    yield {
      command: "record-interaction",
      body: { ...interactionOf(number, random, Math.min(day, lastDay)), source: "bench", externalId: `${number}-${index}` },
    };
  }
}

/** Interactions reach no further than this day, which has passed. */
const lastDay = 600;

function interactionOf(number: number, random: () => number, day: number): Record<string, unknown> {
  const isVisit = random() < 0.85;
  return {
    account: accountIdOf(number),
    kind: isVisit ? "visit" : "call",
    purpose: random() < 0.05 ? "sales" : "relationship",
    direction: random() < 0.3 ? "inbound" : "outbound",
    startedAt: at(day, 9 + Math.floor(random() * 8)),
    minutes: isVisit ? 60 : 15,
    participants: [repId(number), buyerIdOf(number)],
    tags: [],
    ...(random() < 0.5 ? { note: "Talked about the season and the new depot." } : {}),
  };
}

/** Interactions with accounts of a portfolio, in no order, as callers send them who know of no external id. */
export function interactionsSent(seed: number, accountCount: number, count: number): Record<string, unknown>[] {
  const random = seeded(seed);
  return Array.from({ length: count }, () =>
    interactionOf(Math.floor(random() * accountCount), random, Math.floor(random() * lastDay)),
  );
}

export type Portfolio = {
  accountCount: number;
  interactionCount: number;
  /** Of the busy accounts: one in a hundred. */
  busyInteractionCount: number;
};

/** The first account, the hundred and first and so on. */
export const isBusy = (number: number): boolean => number % 100 === 0;

/** The lives of all accounts. Within one life the order counts, between them it does not. */
export function* lives({ accountCount, interactionCount, busyInteractionCount }: Portfolio): Generator<Generator<BenchCommand>> {
  for (let number = 0; number < accountCount; number += 1)
    yield accountLife(number, isBusy(number) ? busyInteractionCount : interactionCount);
}
