/** From instants to sizes of the log and back: as the definition has it, whatever the clock did. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalBytes } from "../../src/canonical/canonical-json.ts";
import { addMs, hourMs, type Instant, instantAt } from "../../src/domain/values.ts";
import type { StoredEvent } from "../../src/event-store/event-store.ts";
import { LogTimes } from "../../src/ledger/log-times.ts";
import { testLedger } from "../support/ledger.ts";
import { ledgerSteps, play } from "../support/portfolio.ts";

type Told = { type?: string; recordedAt: Instant };

/** Of each size: the latest `recordedAt` up to there, counting anew from each correction. */
function timesByDefinition(events: readonly Told[]): Instant[] {
  const times: Instant[] = [];
  for (const { type, recordedAt } of events) {
    const before = type === "ClockCorrected" ? undefined : times.at(-1);
    times.push(before !== undefined && before > recordedAt ? before : recordedAt);
  }
  return times;
}

const sizeByDefinition = (times: readonly Instant[], instant: Instant): number =>
  times.findLastIndex((time) => time <= instant) + 1;

/** A log of nothing but times, as several nodes give them. */
function logOf(told: readonly Told[]) {
  let read = 0;
  const events = told.map(({ type = "AccountOpened", recordedAt }, index): StoredEvent => {
    const leaf = { data: { recordedAt: "9999-12-31T23:59:59.999Z" }, recordedAt, sealed: [], type };
    const stream = type === "ClockCorrected" ? "ledger" : "account-acc";
    return { position: index + 1, stream, revision: 0, id: "", leaf: canonicalBytes(leaf), ciphertext: null };
  });
  const log = {
    head: () => events.length,
    readAll: (after: number, count: number) => {
      const page = events.slice(after, after + count);
      read += page.length;
      return page;
    },
    readStream: (stream: string, from = 0) => events.filter((event) => event.stream === stream).slice(from),
  };
  return { log, readCount: () => read };
}

const start = Date.parse("2026-01-01T00:00:00.000Z");
/** How far log time goes on, how far behind it this node's clock is, and seldom that the clock is put somewhere else. */
const step = fc.record({
  onMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 4_000 }), fc.integer({ min: 0, max: 60_000 })),
  behindMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5_000 })),
  correctedByMs: fc.oneof(
    { weight: 15, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.integer({ min: -90_000, max: 90_000 }) },
  ),
});
const ofNodes = fc.array(step, { minLength: 1, maxLength: 60 }).map((steps) => {
  let now = start;
  return steps.map(({ onMs, behindMs, correctedByMs }): Told => {
    now += correctedByMs ?? onMs;
    const at = correctedByMs === undefined ? now - behindMs : now;
    return { recordedAt: instantAt(at), ...(correctedByMs === undefined ? {} : { type: "ClockCorrected" }) };
  });
});

describe("log time", () => {
  it("of what several nodes recorded, some seconds behind each other, is that of the definition too", () => {
    fc.assert(
      fc.property(ofNodes, (told) => {
        const { log } = logOf(told);
        const times = timesByDefinition(told);
        const known = new LogTimes(log);
        for (const [index, time] of times.entries()) {
          expect(known.at(index + 1), `at ${index + 1}`).toBe(time);
          for (const instant of [-5_000, -1, 0, 1, 2_500].map((ms) => addMs(time, ms)))
            expect(known.sizeAt(instant), instant).toBe(sizeByDefinition(times, instant));
        }
      }),
      { numRuns: 100 },
    );
  });

  it("is found without reading more than some seconds of the log, and halving to there", () => {
    const { log, readCount } = logOf(
      Array.from({ length: 20_000 }, (_, index) => ({ recordedAt: instantAt(start + 1_000 * index) })),
    );
    const times = new LogTimes(log);
    expect(times.sizeAt(instantAt(start + 12_345_678))).toBe(12_346);
    expect(times.at(9_000)).toBe(instantAt(start + 8_999_000));
    expect(readCount()).toBeLessThan(100);
  });

  it("of every size, and the size of every instant, are those of the definition", async () => {
    let corrections = 0;
    await fc.assert(
      fc.asyncProperty(ledgerSteps, async (story) => {
        const ledger = testLedger();
        const early = new LogTimes(ledger.store.log);
        await play(ledger, story, async () => void early.sizeAt(ledger.desk.ledger.now()));
        const times = timesByDefinition(ledger.events());
        corrections += ledger.events().filter(({ type }) => type === "ClockCorrected").length;
        // One that looked while the log grew knows what one knows that looks now.
        for (const known of [early, new LogTimes(ledger.store.log)]) {
          for (const [index, time] of times.entries()) {
            expect(known.at(index + 1)).toBe(time);
            for (const instant of [addMs(time, -1), time, addMs(time, 1), addMs(time, hourMs)])
              expect(known.sizeAt(instant), instant).toBe(sizeByDefinition(times, instant));
          }
        }
      }),
      { numRuns: 15 },
    );
    expect(corrections).toBeGreaterThan(0);
  });

  it("is no size before the first event, and none that the log has not reached", async () => {
    const ledger = testLedger("2026-01-02T00:00:00.000Z");
    const times = new LogTimes(ledger.store.log);
    expect(times.sizeAt("2026-01-02T00:00:00.000Z" as Instant)).toBe(0);
    await ledger.run("open-account", {});
    expect(times.sizeAt("2026-01-01T00:00:00.000Z" as Instant)).toBe(0);
    expect(() => times.at(2)).toThrow(RangeError);
  });
});
