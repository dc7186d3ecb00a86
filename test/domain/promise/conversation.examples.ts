/** Random conversations about a promise, for properties. */
import fc from "fast-check";
import type { PromiseCommand } from "../../../src/domain/promise/commands.ts";
import type { Assertion, ChangeProposal } from "../../../src/domain/promise/events.ts";
import { addMs, dayMs, type Instant } from "../../../src/domain/values.ts";
import { colleague, customer, interactionId, salesman } from "../parties.examples.ts";
import * as p from "../promise.examples.ts";

/** An instant of the hundred days after the promise was made, on the hour. */
const day: fc.Arbitrary<Instant> = fc.integer({ min: 0, max: 2400 }).map((hours) => addMs(p.madeAt, (hours * dayMs) / 24));
const occurrence = fc.constantFrom(1, 2, 3);
const party = fc.constantFrom(salesman, customer, colleague);
const speaker = fc.oneof({ weight: 4, arbitrary: fc.constant({ bound: false }) }, { weight: 1, arbitrary: party.map(p.speaker) });

const offer = fc.constantFrom(
  p.series(["2026-02-02", "2026-02-16", "2026-03-02"], { graceMinutes: 2880 }),
  p.series(["2026-02-02", "2026-02-16", "2026-03-02"], { proof: "claim" }),
  p.series(["2026-02-02", "2026-02-16", "2026-03-02"], { proof: "confirmation" }),
  p.once("2026-03-01"),
  p.once(undefined),
  p.abstain("2026-01-01", "2026-03-01"),
);
const proposal: fc.Arbitrary<ChangeProposal> = fc.oneof(
  offer.map((offer) => ({ type: "amend" as const, offer })),
  fc.constantFrom(salesman, colleague).map((promisor) => ({ type: "reassign" as const, promisor })),
  fc.option(day, { nil: undefined }).map((until) => ({ type: "suspend" as const, ...(until === undefined ? {} : { until }) })),
  fc.tuple(occurrence, day).map(([occurrence, dueAt]) => ({ type: "reschedule" as const, occurrence, dueAt })),
);
const fraction = fc.constantFrom(1, 0.5, 0.25);

const assertion: fc.Arbitrary<Assertion> = fc.oneof(
  fc.constant({ verdict: "broken" as const }),
  day.map((keptAt) => ({ verdict: "kept" as const, keptAt })),
  day.map((keptAt) => ({ verdict: "partly-kept" as const, keptAt, fraction: 0.5 })),
);

const of = <Type extends PromiseCommand["type"]>(type: Type, more: object = {}): fc.Arbitrary<PromiseCommand> =>
  fc.record({ at: day, speaker, ...more }).map((fields) => ({ type, ...fields }) as unknown as PromiseCommand);

const maybe = <Value>(arbitrary: fc.Arbitrary<Value>) => fc.option(arbitrary, { nil: undefined });
const afterMaking: fc.Arbitrary<PromiseCommand> = fc.oneof(
  of("AcceptPromise"),
  of("DeclinePromise"),
  of("CounterPromise", { offer }),
  of("WithdrawPromise"),
  of("MeetCondition"),
  of("SuspendPromise", { until: maybe(day) }),
  of("ResumePromise"),
  of("ReleasePromise"),
  of("WaiveOccurrence", { occurrence }),
  of("ProposeChange", { proposal }),
  of("AcceptChange"),
  of("DeclineChange"),
  of("WithdrawChange"),
  of("ClaimKeeping", {
    occurrence,
    keptAt: day,
    fraction,
    interaction: maybe(fc.integer({ min: 1, max: 5 }).map(interactionId)),
  }),
  of("ConfirmKeeping", { occurrence, keptAt: maybe(day), fraction }),
  of("RenegePromise", { occurrence: maybe(occurrence) }),
  of("ContestVerdict", { occurrence, asserts: assertion }),
  of("WithdrawContest", { occurrence }),
  of("ConcedeContest", { occurrence }),
  of("RuleDispute", { occurrence, ruling: fc.constantFrom("upheld", "dismissed") }),
);

export const conversation = fc
  .tuple(
    offer.chain((offer) =>
      fc.constantFrom(p.made(offer), p.made(offer, { needsAcceptance: true }), p.made(offer, { condition: {} })),
    ),
    fc.array(afterMaking, { maxLength: 25 }),
  )
  .map(([made, commands]) => ({ made, commands }));
