/**
 * What is stored is stored for ever. Each version of each event has a file with its JSON Schema and a sample. Files are never
 * rewritten: a changed schema is a new version, with an upcaster, and `UPDATE_GOLDEN=1` writes the file of a version that has none.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type EventType, eventSchemas, isEventType, schemaVersion, type TrothEvent } from "../../src/domain/catalogue.ts";
import { account } from "../../src/domain/account.ts";
import { agreement } from "../../src/domain/agreement.ts";
import { anchor } from "../../src/domain/anchor.ts";
import type { Decider } from "../../src/domain/decider.ts";
import { interaction } from "../../src/domain/interaction.ts";
import { key } from "../../src/domain/key.ts";
import { ledgerRecord } from "../../src/domain/ledger-record.ts";
import { outcome } from "../../src/domain/outcome.ts";
import { person } from "../../src/domain/person.ts";
import { policy } from "../../src/domain/policy.ts";
import { promise } from "../../src/domain/promise/promise.ts";
import { upcast } from "../../src/ledger/upcast.ts";
import { on, recorded } from "../support/spec.ts";
import { samples } from "./event-samples.examples.ts";

const folder = join(import.meta.dirname, "../golden/events");
type Golden = { type: EventType; version: number; schema: unknown; sample: unknown };

const types = Object.keys(eventSchemas) as EventType[];
const fileOf = (type: string, version: number) => join(folder, `${type}.v${version}.json`);
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** Words may be put better; what they describe may not change. */
function schemaOf(type: EventType): unknown {
  const withoutWords = (_: string, value: unknown) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const { description, ...rest } = value as Record<string, unknown>;
    return typeof description === "string" ? rest : value;
  };
  return JSON.parse(JSON.stringify(z.toJSONSchema(eventSchemas[type]), withoutWords));
}

if (process.env["UPDATE_GOLDEN"] === "1") {
  for (const type of types.filter((one) => !existsSync(fileOf(one, schemaVersion(one))))) {
    const golden = { type, version: schemaVersion(type), schema: schemaOf(type), sample: plain(samples[type]) };
    writeFileSync(fileOf(type, golden.version), `${JSON.stringify(golden, null, 2)}\n`);
  }
}
const goldens = readdirSync(folder).map((file) => ({
  file,
  ...(JSON.parse(readFileSync(join(folder, file), "utf8")) as Golden),
}));
const current = (type: EventType) => goldens.find((one) => one.type === type && one.version === schemaVersion(type));

describe("the stored form of an event", () => {
  it.each(types)("%s is as its golden file has it", (type) => {
    const golden = current(type);
    expect(golden, `there is no ${fileOf(type, schemaVersion(type))}: run with UPDATE_GOLDEN=1`).toBeDefined();
    expect(schemaOf(type), "a changed schema is a new version, with an upcaster and a golden file of its own").toEqual(
      golden!.schema,
    );
  });

  it.each(goldens)("$file decodes for ever", ({ file, type, version, sample }) => {
    expect(file).toBe(`${type}.v${version}.json`);
    expect(isEventType(type)).toBe(true);
    const { data } = upcast({ v: version, type, data: sample } as never);
    // Nothing is filled in on reading: a sample is whole, as what is stored is.
    expect(eventSchemas[type].parse(data)).toEqual(data);
  });

  it("has no member that a sample leaves out", () => {
    for (const type of types) {
      const { properties = {} } = schemaOf(type) as { properties?: object };
      expect(Object.keys(plain(samples[type]) as object).toSorted()).toEqual(Object.keys(properties).toSorted());
    }
  });
});

describe("evolve", () => {
  const deciders: [string[], Decider<never, never, unknown>][] = [
    account,
    person,
    interaction,
    agreement,
    promise,
    outcome,
    policy,
    key,
    ledgerRecord,
    anchor,
  ].map((decider, index) => [typesOf(index), decider as never]);
  const [, , , , promiseTypes] = deciders.map(([of]) => of);

  it("handles every event type, on a stream that begins as it should", () => {
    expect(deciders.flatMap(([of]) => of).toSorted()).toEqual(types.toSorted());
    for (const [of, decider] of deciders)
      for (const type of of) expect(fold(decider, [of[0]!, type]), type).toEqual(expect.anything());
  });

  it("handles a stream whose beginning this release can't read", () => {
    for (const [of, decider] of deciders) for (const type of of) expect(() => fold(decider, [type])).not.toThrow();
  });

  it("leaves the facts of a promise as they are on what the keeper records", () => {
    const verdicts = promiseTypes!.slice(promiseTypes!.indexOf("PromiseKept"));
    expect(verdicts).toHaveLength(5);
    for (const type of verdicts)
      expect(fold(promise as never, ["PromiseMade", type])).toEqual(fold(promise as never, ["PromiseMade"]));
  });

  function fold(decider: Decider<never, never, unknown>, of: string[]): unknown {
    const told = of.map(
      (type) => ({ type, data: samples[type as EventType], at: on("2026-01-01") }) as unknown as TrothEvent & { at: never },
    );
    return recorded("stream-1", told).reduce((state, event) => decider.evolve(state, event as never), decider.initialState);
  }
});

/** The types of one aggregate, in the order of the catalogue, where each table begins with what opens its stream. */
function typesOf(index: number): string[] {
  const firsts = [
    "AccountOpened",
    "PersonAdded",
    "InteractionRecorded",
    "AgreementMade",
    "PromiseMade",
    "OutcomeRecorded",
    "PolicyAdopted",
    "KeyIssued",
    "LedgerOpened",
    "TreeHeadAnchored",
  ];
  const from = types.indexOf(firsts[index] as EventType);
  const to = firsts[index + 1] === undefined ? types.length : types.indexOf(firsts[index + 1] as EventType);
  return types.slice(from, to);
}
