/** Judgements that are kept from one question to the next say the same as those that are made anew. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { builtInPolicy } from "../../src/domain/policy.ts";
import type { Instant } from "../../src/domain/values.ts";
import { Lag } from "../../src/verification/lag.ts";
import { type LeafEvent, readLeaf } from "../../src/verification/leaf-event.ts";
import { Recomputation } from "../../src/verification/recomputation.ts";
import { buyer, iso, promised, rep, smallLog, type SmallLog } from "./support/small-log.ts";

const day = (number: number): string => iso(new Date(Date.UTC(2026, 0, 3 + number)).toISOString());
const dayNumber = fc.integer({ min: 0, max: 60 });
const { version: _, ...builtIn } = builtInPolicy;

/** Something that happens at the end of the log; the days on which it does are its own to tell. */
type Step = (log: SmallLog) => unknown;
const said =
  (type: string, data: object): Step =>
  (log) =>
    log.add(type, `promise-${promised}`, { asserted: true, ...data });
const steps: fc.Arbitrary<Step> = fc.oneof(
  dayNumber.map(
    (number): Step =>
      (log) =>
        log.visit(day(number)),
  ),
  fc.tuple(dayNumber, fc.constantFrom("call", "visit")).map(([number, kind]): Step => (log) => {
    const visit = log.leaves.findIndex((leaf) => Buffer.from(leaf).includes("InteractionRecorded"));
    if (visit < 0) return;
    const facts = {
      kind,
      purpose: "relationship",
      direction: "outbound",
      startedAt: day(number),
      participants: [rep, buyer],
      tags: [],
    };
    log.add("InteractionCorrected", `interaction-int_${String(visit).padStart(16, "0")}`, facts);
  }),
  dayNumber.map((number) => said("KeepingClaimed", { occurrence: 1, by: rep, fraction: 1, keptAt: day(number) })),
  dayNumber.map((number) => said("PromiseConfirmed", { occurrence: 1, by: buyer, fraction: 1, keptAt: day(number) })),
  fc.constant(said("OccurrenceWaived", { occurrence: 1, by: buyer })),
  fc.integer({ min: 0, max: 100_000 }).map((recordingAllowanceMinutes): Step => (log) => {
    const version = log.leaves.filter((leaf) => Buffer.from(leaf).includes("PolicyAdopted")).length + 1;
    const policy = { ...builtIn, promises: { ...builtIn.promises, recordingAllowanceMinutes } };
    log.add("PolicyAdopted", "policy-default", { version, policy }, { account: undefined });
  }),
);

const eventsOf = ({ leaves }: SmallLog): LeafEvent[] =>
  leaves.map((leaf, index) => {
    const read = readLeaf(leaf, index);
    if (read.kind !== "event") throw new Error(JSON.stringify(read));
    return read.event;
  });

class Judge {
  readonly #lag = new Lag(0);
  readonly #judge = new Recomputation(this.#lag);

  puts(event: LeafEvent): void {
    this.#lag.append(event.position, Date.parse(event.recordedAt));
    this.#judge.apply(event);
  }

  dueIn(size: number, now: Instant) {
    return [...this.#judge.unrecorded(size, now, size, now)];
  }
}

describe("what should stand on record", () => {
  it("is the same whether it was asked for after every event, or once", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(steps, fc.integer({ min: 0, max: 20 })), { maxLength: 10 }), (told) => {
        const log = smallLog();
        let number = 0;
        for (const [step, later] of told) {
          number += later;
          log.at = day(number);
          step(log);
        }
        const events = eventsOf(log);
        const asked = new Judge();
        for (const [index, event] of events.entries()) {
          asked.puts(event);
          const once = new Judge();
          for (const one of events.slice(0, index + 1)) once.puts(one);
          for (const now of [event.recordedAt, day(200) as Instant])
            expect(asked.dueIn(index + 1, now)).toEqual(once.dueIn(index + 1, now));
        }
      }),
      { numRuns: 60 },
    );
  });
});
