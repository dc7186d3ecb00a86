/** Every event that a decider gives is admitted, and what no decider gives is refused with the reason. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Recorded } from "../../../src/domain/decider.ts";
import { refusalOf, type WordEvent } from "../../../src/domain/promise/admission.ts";
import type { PromiseEvent } from "../../../src/domain/promise/events.ts";
import { promise } from "../../../src/domain/promise/promise.ts";
import { on, recorded, specFor } from "../../support/spec.ts";
import { colleague, customer, salesman } from "../parties.examples.ts";
import * as p from "../promise.examples.ts";
import { conversation } from "./conversation.examples.ts";
import { commands, statuses } from "./lifecycle.examples.ts";

const { told } = specFor(promise, "promise-1");

/** What is refused of these events, by its place. */
function refusals(events: readonly p.Say[], more: Partial<Recorded<PromiseEvent>> = {}): [number, string][] {
  let facts = promise.initialState;
  return recorded<PromiseEvent>("promise-1", events).flatMap((event, index): [number, string][] => {
    const refusal = refusalOf(facts, { ...event, ...(index === events.length - 1 ? more : {}) } as Recorded<WordEvent>);
    facts = promise.evolve(facts, event);
    return refusal === undefined ? [] : [[index, refusal]];
  });
}

/** As it comes back from a store: members in the order of their names, and none that is undefined. */
const stored = <Value>(value: Value): Value =>
  JSON.parse(JSON.stringify(value), (_, member: unknown) =>
    typeof member !== "object" || member === null || Array.isArray(member)
      ? member
      : Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1))),
  ) as Value;

describe("what the decider says", () => {
  it("is admitted, whatever was said before", () =>
    fc.assert(
      fc.property(conversation, ({ made, commands }) => {
        const events = [made, ...told(commands, [made])];
        expect(refusals(events)).toEqual([]);
        expect(refusals(stored(events))).toEqual([]);
      }),
      { numRuns: 500 },
    ));

  it.each(Object.entries(commands))("is admitted of %s in every status", (_, { command, open = () => [] }) => {
    for (const [status, before] of Object.entries(statuses)) {
      const said = [...before, ...open(status as keyof typeof statuses)];
      // The table lays changes open even where nobody could have proposed them; what counts is the command.
      const found = refusals([...said, ...told([command], said)]);
      expect(
        found.filter(([index]) => index >= said.length),
        status,
      ).toEqual([]);
    }
  });

  it("is refused when it is recorded once more, unless it may be said anew", () => {
    const repeated = fc.property(conversation, ({ made, commands }) => {
      const events = [made, ...told(commands, [made])];
      const last = events.at(-1)!;
      if (!("asserted" in last.data) || ["PromiseSuspended", "PromiseResumed", "VerdictContested"].includes(last.type)) return;
      expect(refusals([...events, last]).map(([index]) => index)).toEqual([events.length]);
    });
    fc.assert(repeated, { numRuns: 300 });
  });
});

const offer = p.once("2026-03-01");
const confirmed = p.once("2026-03-01", { proof: "confirmation" });
const by = (party: typeof salesman) => ({ by: party, asserted: false });

const forgeries: [what: string, before: p.Say[], forged: p.Say, refusal: RegExp, more?: Partial<Recorded<PromiseEvent>>][] = [
  ["an acceptance of what binds", [p.made(offer)], p.say("PromiseAccepted", by(customer), on("2026-03-05")), /again/],
  ["an acceptance by the promisor", [p.made(offer)], p.say("PromiseAccepted", by(salesman), on("2026-03-05")), /not-your-part/],
  ["a release by the promisor", [p.made(offer)], p.say("PromiseReleased", by(salesman), on("2026-02-01")), /not-your-part/],
  ["a release by a stranger", [p.made(offer)], p.say("PromiseReleased", by(colleague), on("2026-02-01")), /not-your-part/],
  [
    "a waiver by the promisor",
    [p.made(offer)],
    p.say("OccurrenceWaived", { occurrence: 1, ...by(salesman) }, on("2026-02-01")),
    /not-your-part/,
  ],
  [
    "a waiver of an occurrence that there is not",
    [p.made(offer)],
    p.say("OccurrenceWaived", { occurrence: 2, ...by(customer) }, on("2026-02-01")),
    /occurrence-unknown/,
  ],
  [
    "a confirmation by the promisor",
    [p.made(confirmed)],
    p.say("PromiseConfirmed", { occurrence: 1, keptAt: on("2026-02-01"), fraction: 1, ...by(salesman) }, on("2026-02-01")),
    /not-your-part/,
  ],
  [
    "a ruling on no dispute",
    [p.made(offer)],
    p.say("DisputeRuled", { dispute: 7, ruling: "upheld" }, on("2026-03-05")),
    /no-dispute-open/,
  ],
  [
    "a ruling by a party",
    [p.made(offer), p.contested(1, { verdict: "broken" }, on("2026-03-02"))],
    p.say("DisputeRuled", { dispute: 1, ruling: "upheld" }, on("2026-03-05")),
    /not-your-part/,
    { actor: { kind: "key", id: "key_0000000000000001", onBehalfOf: customer } },
  ],
  [
    "a contest under another number than the next",
    [p.made(offer)],
    p.say("VerdictContested", { dispute: 4, occurrence: 1, asserts: { verdict: "broken" }, ...by(customer) }, on("2026-03-02")),
    /dispute otherwise/,
  ],
  [
    "a change accepted by whoever proposed it",
    [p.made(offer), p.say("ChangeProposed", { change: 1, proposal: { type: "suspend" }, ...by(salesman) }, on("2026-01-03"))],
    p.say("ChangeAccepted", { change: 1, ...by(salesman) }, on("2026-01-04")),
    /not-your-part/,
  ],
  ["a word before the promise", [p.made(offer)], p.say("PromiseReleased", by(customer), on("2025-12-01")), /before-promise/],
  ["a promise to itself", [], p.made(offer, { promisee: salesman }), /parties-unfit/],
  [
    "a word on behalf of another party",
    [p.made(offer)],
    p.say("PromiseReleased", by(customer), on("2026-02-01")),
    /on behalf of/,
    { actor: { kind: "key", id: "key_0000000000000001", onBehalfOf: salesman } },
  ],
];

it.each(forgeries)("%s is refused", (_, before, forged, refusal, more) => {
  const found = refusals([...before, forged], more);
  expect(found.map(([index]) => index)).toEqual([before.length]);
  expect(found[0]![1]).toMatch(refusal);
});
