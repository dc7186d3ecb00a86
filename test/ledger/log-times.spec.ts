/** From instants to sizes of the log and back: as the definition has it, whatever the clock did. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addMs, hourMs, type Instant } from "../../src/domain/values.ts";
import type { LedgerEvent } from "../../src/ledger/envelope.ts";
import { LogTimes } from "../../src/ledger/log-times.ts";
import { testLedger } from "../support/ledger.ts";
import { ledgerSteps, play } from "../support/portfolio.ts";

/** Of each size: the latest `recordedAt` up to there, counting anew from each correction. */
function timesByDefinition(events: readonly LedgerEvent[]): Instant[] {
  const times: Instant[] = [];
  for (const { type, recordedAt } of events) {
    const before = type === "ClockCorrected" ? undefined : times.at(-1);
    times.push(before !== undefined && before > recordedAt ? before : recordedAt);
  }
  return times;
}

const sizeByDefinition = (times: readonly Instant[], instant: Instant): number =>
  times.findLastIndex((time) => time <= instant) + 1;

describe("log time", () => {
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
