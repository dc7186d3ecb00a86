/** Read models hand `assess` just the facts that the log holds: no screen can disagree with a fold of the events themselves. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { assess } from "../../src/domain/assess/assess.ts";
import type { AssessmentInput } from "../../src/domain/assess/settle.ts";
import type { Recorded } from "../../src/domain/decider.ts";
import { type Interaction, interaction, type InteractionEvent, type InteractionState } from "../../src/domain/interaction.ts";
import type { PromiseEvent } from "../../src/domain/promise/events.ts";
import type { MadePromise } from "../../src/domain/promise/facts.ts";
import { promise } from "../../src/domain/promise/promise.ts";
import type { LedgerEvent } from "../../src/ledger/envelope.ts";
import { policyInForce } from "../../src/projections/parameters.ts";
import { assessmentInputOf } from "../../src/projections/assessment-input.ts";
import { testLedger } from "../support/ledger.ts";
import { play, steps } from "../support/portfolio.ts";

const byStream = (events: readonly LedgerEvent[], category: string) =>
  [...Map.groupBy(events, ({ stream }) => stream)].filter(([stream]) => stream.startsWith(`${category}-`));

function interactionsIn(events: readonly LedgerEvent[]): Interaction[] {
  return byStream(events, "interaction")
    .map(([, own]) =>
      own.reduce<InteractionState>(
        (state, event) => interaction.evolve(state, event as Recorded<InteractionEvent>),
        interaction.initialState,
      ),
    )
    .filter((state) => state.status === "recorded");
}

/** When each load was completed, and for deadlines up to when. */
const completionsIn = (events: readonly LedgerEvent[]) =>
  new Map(
    events
      .filter((event) => event.type === "RecordingCompleted")
      .map(({ data, recordedAt }) => [data.recording, { completedAt: recordedAt, upTo: data.upTo }]),
  );

/** The load that a promise came with, by its own first event. */
function loadOf([made]: readonly LedgerEvent[], completions: ReturnType<typeof completionsIn>): AssessmentInput["recording"] {
  const id = made?.type === "PromiseMade" ? made.data.recording : undefined;
  return id === undefined ? undefined : (completions.get(id) ?? {});
}

it("judging by the views is judging by the log", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (story) => {
      const ledger = testLedger();
      await play(ledger, story);
      await ledger.host.caughtUp(ledger.store.log.head());
      const events = ledger.events();
      const interactions = interactionsIn(events);
      const completions = completionsIn(events);
      const policy = policyInForce(ledger.host.views);
      const now = ledger.desk.ledger.now();
      for (const [stream, own] of byStream(events, "promise")) {
        const facts = own.reduce(
          (state, event) => promise.evolve(state, event as Recorded<PromiseEvent>),
          promise.initialState,
        ) as MadePromise;
        const fromLog = {
          promise: facts,
          interactions: interactions.filter(({ account }) => account === facts.account),
          recording: loadOf(own, completions),
          policy,
        };
        const fromViews = assessmentInputOf(ledger.host.views, stream.slice("promise-".length), policy)!;
        expect(assess(fromViews, now, now)).toEqual(assess(fromLog, now, now));
      }
    }),
    { numRuns: 60 },
  );
});
