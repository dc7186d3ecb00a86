import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Assessment, assess, read } from "../../../src/domain/assess/assess.ts";
import { concerns } from "../../../src/domain/assess/matching.ts";
import { type Finding, settle } from "../../../src/domain/assess/settle.ts";
import type { Recorded } from "../../../src/domain/decider.ts";
import type { Interaction } from "../../../src/domain/interaction.ts";
import type { PromiseEvent } from "../../../src/domain/promise/events.ts";
import { evolve, type PromiseFacts } from "../../../src/domain/promise/facts.ts";
import { promise } from "../../../src/domain/promise/promise.ts";
import { addMs, dayMs, hourMs, type Instant } from "../../../src/domain/values.ts";
import { on, recorded, specFor } from "../../support/spec.ts";
import { interactionId, recordingId } from "../parties.examples.ts";
import * as p from "../promise.examples.ts";
import { conversation } from "../promise/conversation.examples.ts";
import { example, salesVisit, short, visit } from "./assess.examples.ts";

const { told } = specFor(promise, "promise-1");
const present = "2026-12-31";

const visits = fc
  .array(fc.record({ hours: fc.integer({ min: 0, max: 2400 }), isSelling: fc.boolean(), isRetracted: fc.boolean() }), {
    maxLength: 12,
  })
  .map((some) =>
    some.map(({ hours, isSelling, isRetracted }, index): Interaction => {
      const startedAt = short(addMs(p.madeAt, hours * hourMs));
      return (isSelling ? salesVisit : visit)(index + 1, startedAt, { isRetracted: isRetracted && index % 3 === 0 });
    }),
  );

const relationship = fc.tuple(conversation, visits).map(([{ made, commands }, interactions]) => {
  const say = [made, ...told(commands, [made])];
  return { say, interactions };
});

/** What is said of each occurrence, but for who recorded it when. */
const verdictsOf = ({ state, occurrences, exclusion }: Assessment) => ({
  state,
  exclusion,
  occurrences: occurrences.map(({ standing, promisor, outcome, flags }) => ({
    standing,
    promisor,
    flags,
    outcome: outcome && { verdict: outcome.verdict, at: outcome.at, credit: outcome.credit, reason: outcome.reason },
  })),
});

describe("an assessment", () => {
  it("lets an interaction serve at most one occurrence", () =>
    fc.assert(
      fc.property(relationship, ({ say, interactions }) => {
        const shown = example(say, { interactions })
          .at(present)
          .occurrences.flatMap(({ finding, claimedLate }) => [finding, claimedLate])
          .flatMap((found) => (found?.reason === "evidence" ? found.evidence : []));
        expect(new Set(shown).size).toBe(shown.length);
      }),
      { numRuns: 300 },
    ));

  it("is what a settlement of all facts reads as at the present instant", () =>
    fc.assert(
      fc.property(relationship, ({ say, interactions }) => {
        const { input } = example(say, { interactions });
        expect(read(input, settle(input), on(present), on(present))).toEqual(assess(input, on(present), on(present)));
      }),
    ));

  it("does not depend on the order in which interactions are given", () =>
    fc.assert(
      fc.property(relationship, fc.infiniteStream(fc.nat()), ({ say, interactions }, dice) => {
        const shuffled = shuffle(interactions, dice);
        expect(example(say, { interactions: shuffled }).at(present)).toEqual(example(say, { interactions }).at(present));
      }),
    ));

  it("is changed only by interactions that concern the promise", () =>
    fc.assert(
      fc.property(relationship, ({ say, interactions }) => {
        const whole = example(say, { interactions });
        for (const left of interactions.filter((one) => !concerns(one, whole.input.promise))) {
          const rest = interactions.filter((one) => one !== left);
          expect(settle({ ...whole.input, interactions: rest })).toEqual(settle(whole.input));
        }
      }),
    ));

  it("never depends on what the keeper recorded", () =>
    fc.assert(
      fc.property(relationship, fc.infiniteStream(fc.nat()), ({ say }, dice) => {
        const events = recorded("promise-1", say);
        const attested = events.flatMap((event) => [event, ...verdicts.slice(0, next(dice) % (verdicts.length + 1))]);
        expect(fold(attested)).toEqual(fold(events));
      }),
    ));

  it("gives counted outcomes a credit and the others none, and nothing a future", () =>
    fc.assert(
      fc.property(relationship, fc.integer({ min: 0, max: 200 }), ({ say, interactions }, days) => {
        const asOf = addMs(p.madeAt, days * dayMs);
        const known = say.filter(({ at }) => at <= asOf);
        for (const { outcome } of assess(example(known, { interactions }).input, asOf, asOf).occurrences) {
          if (outcome === null) continue;
          expect(outcome.at <= asOf).toBe(true);
          expect(outcome.credit === null).toBe(!["kept", "kept-late", "partly-kept", "broken"].includes(outcome.verdict));
        }
      }),
      { numRuns: 300 },
    ));
});

describe("an open dispute", () => {
  it("becomes exactly what was shown, once it is ruled upheld or conceded", () => {
    const disputed = relationship.filter(({ say }) =>
      example(say).input.promise.disputes.some(({ status }) => status === "open"),
    );
    const shown = ({ verdict, at, credit }: Finding) => ({ verdict, at, credit });
    fc.assert(
      fc.property(disputed, ({ say, interactions }) => {
        const { promise, ...rest } = example(say, { interactions }).input;
        for (const { number, openDispute } of settle({ promise, ...rest }).occurrences) {
          if (openDispute === undefined) continue;
          for (const end of [p.ruled("upheld", on(present), openDispute.number), p.conceded(on(present), openDispute.number)]) {
            const { finding, clock } = example([...say, end], { interactions }).settled(number);
            expect(shown((openDispute.ifUpheld.finding ?? openDispute.ifUpheld.clock)!)).toEqual(shown((finding ?? clock)!));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("loading history", () => {
  const loadStart = on("2026-06-01");
  const done = { completedAt: "2026-07-01", upTo: "2026-06-30" };
  const history = fc
    .record({
      offer: fc.constantFrom(
        p.series(["2026-02-02", "2026-02-16", "2026-03-02"], { graceMinutes: 3 * 1440 }),
        p.series(["2026-02-02", "2026-02-16", "2026-03-02"], { proof: "claim" }),
        p.abstain("2026-01-01", "2026-03-20"),
      ),
      interactions: visits,
      // At most one word on each occurrence: two on the same one are a conversation, whose order says something.
      words: fc.subarray([
        p.waived(1, on("2026-02-05")),
        p.claimed(2, "2026-02-16 10:00", on("2026-02-17"), { interaction: interactionId(1) }),
        p.confirmed(3, "2026-03-02 12:00", on("2026-03-10")),
        p.suspended(on("2026-02-20"), "2026-02-25"),
      ]),
    })
    .map(({ offer, words, interactions }) => ({
      made: p.made(offer, { recording: recordingId }),
      words: offer.terms.type === "abstain" ? [] : words,
      interactions,
    }));
  const isWord = (fact: p.Say | Interaction): fact is p.Say => "type" in fact;
  /** All of it, or the first `count` facts, recorded one an hour in the order given. */
  const loaded = (made: p.Say, facts: readonly (p.Say | Interaction)[], recording: { completedAt?: string; upTo?: string }) => {
    const stamped = facts.map((fact, index) => ({ ...fact, recordedAt: addMs(loadStart, (index + 1) * hourMs) }));
    const words = stamped.filter(isWord) as p.Say[];
    return example([{ ...made, recordedAt: loadStart }, ...words], {
      interactions: stamped.filter((fact) => !isWord(fact)) as Interaction[],
      recording,
    });
  };

  it("in any order gives the same assessment once it is done", () =>
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat()), ({ made, words, interactions }, dice) => {
        const facts = [...words, ...interactions];
        const [one, other] = [loaded(made, facts, done), loaded(made, shuffle(facts, dice), done)];
        expect(verdictsOf(other.at("2026-07-01"))).toEqual(verdictsOf(one.at("2026-07-01")));
      }),
      { numRuns: 300 },
    ));

  it("makes no false verdict on the way: the clock says nothing while it is open", () =>
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat()), fc.nat(20), ({ made, words, interactions }, dice, count) => {
        const facts = shuffle([...words, ...interactions], dice).slice(0, count);
        const reasons = loaded(made, facts, {})
          .at("2026-06-30")
          .occurrences.map(({ outcome }) => outcome?.reason);
        expect(reasons).not.toContain("deadline");
        expect(reasons).not.toContain("abstained");
      }),
      { numRuns: 300 },
    ));
});

const next = (dice: fc.Stream<number>): number => dice.next().value;

function shuffle<Item>(items: readonly Item[], dice: fc.Stream<number>): Item[] {
  const shuffled = [...items];
  for (let last = shuffled.length - 1; last > 0; last--) {
    const other = next(dice) % (last + 1);
    [shuffled[last], shuffled[other]] = [shuffled[other]!, shuffled[last]!];
  }
  return shuffled;
}

const fold = (events: readonly Recorded<PromiseEvent>[]): PromiseFacts => events.reduce<PromiseFacts>(evolve, { status: "none" });

const basis = { size: 9, asOf: on("2026-03-01"), rule: 1, policy: 0 };
const at = on("2026-03-01") as Instant;
const verdicts = recorded<PromiseEvent>(
  "promise-1",
  [
    p.say(
      "PromiseKept",
      { occurrence: 1, verdict: "kept", keptAt: at, latenessMs: 0, credit: 1, reason: "evidence" as never, evidence: [], basis },
      at,
    ),
    p.say("PromiseBroken", { occurrence: 2, reason: "deadline" as never, brokenAt: at, evidence: [], basis }, at),
    p.say("PromiseConditionLapsed", { lapsedAt: at, basis }, at),
    p.say("VerdictWithdrawn", { occurrence: 2, reason: "evidence" as never, basis }, at),
    p.say("PromiseConcluded", { counts: {}, basis }, at),
  ],
  900,
);
