import { beforeEach, describe, expect, it } from "vitest";
import { Lease, type Moment } from "../../../src/vault/postgres/lease.ts";

const leaseMs = 60_000;
let clocks: Moment;
let forgotten: number;
let lease: Lease;
const pass = (ms: number): void => void (clocks = { monotonicMs: clocks.monotonicMs + ms, wallMs: clocks.wallMs + ms });
beforeEach(() => {
  clocks = { monotonicMs: 1_000, wallMs: 1_700_000_000_000 };
  forgotten = 0;
  lease = new Lease(
    leaseMs,
    () => (forgotten += 1),
    () => clocks,
  );
});
const renewed = (): void => lease.renew(lease.term, lease.now());

describe("a lease", () => {
  it("is not held before it was ever given", () => expect(lease.holds()).toBe(false));

  it("lapses before the time that others wait for it, by what clocks may differ", () => {
    renewed();
    pass(58_000);
    expect(lease.holds()).toBe(true);
    pass(1_000);
    expect(lease.holds()).toBe(false);
  });

  it("counts from before it was asked for, however long the answer took", () => {
    const askedAt = lease.now();
    pass(50_000);
    lease.renew(lease.term, askedAt);
    expect(lease.holds()).toBe(true);
    pass(10_000);
    expect(lease.holds()).toBe(false);
  });

  it("is over when the answer comes after it would have lapsed", () => {
    const askedAt = lease.now();
    pass(60_000);
    lease.renew(lease.term, askedAt);
    expect(lease.holds()).toBe(false);
  });

  it("goes on with each renewal", () => {
    for (let renewal = 0; renewal < 5; renewal += 1) {
      renewed();
      pass(50_000);
      expect(lease.holds()).toBe(true);
    }
  });

  it("lapses while the machine sleeps and its monotonic clock stands still", () => {
    renewed();
    clocks = { ...clocks, wallMs: clocks.wallMs + leaseMs };
    expect(lease.holds()).toBe(false);
  });

  it("is not lengthened by a clock that is set back", () => {
    renewed();
    clocks = { monotonicMs: clocks.monotonicMs + leaseMs, wallMs: clocks.wallMs - 3_600_000 };
    expect(lease.holds()).toBe(false);
  });

  it("has keys forgotten when it is found to have lapsed, once", () => {
    renewed();
    pass(leaseMs);
    expect([lease.holds(), lease.holds(), forgotten]).toEqual([false, false, 1]);
  });

  it("is of no use to what was asked for under one before it", () => {
    renewed();
    const { term } = lease;
    pass(leaseMs);
    expect(lease.holds(term)).toBe(false);
    renewed();
    expect([lease.holds(), lease.holds(term)]).toEqual([true, false]);
  });

  it("is not renewed by the answer to what was asked for under one before it", () => {
    renewed();
    const [term, askedAt] = [lease.term, lease.now()];
    lease.end();
    lease.renew(term, askedAt);
    expect(lease.holds()).toBe(false);
  });

  it("is never longer than a minute", () => {
    for (const ms of [0, -1, 60_001, Number.NaN]) expect(() => new Lease(ms, () => undefined)).toThrow(RangeError);
  });
});
