import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { betaCdf, betaQuantile, logBeta, logGamma } from "../../src/domain/beta.ts";

const shape = fc.double({ min: 1e-3, max: 1e4, noNaN: true });
const probability = fc.double({ min: 0, max: 1, noNaN: true });

describe("the beta distribution", () => {
  it("has the quantiles of its closed forms", () => {
    // Beta(n, 1): F(x) = xⁿ. Beta(1, 1) is uniform.
    expect(betaQuantile(0.025, 2, 1)).toBeCloseTo(Math.sqrt(0.025), 12);
    expect(betaQuantile(0.975, 2, 1)).toBeCloseTo(Math.sqrt(0.975), 12);
    expect(betaQuantile(0.3, 1, 1)).toBeCloseTo(0.3, 12);
    expect(betaQuantile(0.5, 7, 7)).toBeCloseTo(0.5, 12);
  });

  it("has a distribution function of its closed forms", () => {
    expect(betaCdf(0.25, 0.5, 0.5)).toBeCloseTo(1 / 3, 12); // arcsine law: (2/π)·asin(√x)
    expect(betaCdf(0.2, 1, 3)).toBeCloseTo(1 - 0.8 ** 3, 12);
    expect([betaCdf(-1, 2, 3), betaCdf(0, 2, 3), betaCdf(1, 2, 3), betaCdf(2, 2, 3)]).toEqual([0, 0, 1, 1]);
  });

  it("finds quantiles to 1e-6, wherever the mass lies", () =>
    fc.assert(
      fc.property(probability, shape, shape, (p, a, b) => {
        const x = betaQuantile(p, a, b);
        expect(x).toBeGreaterThanOrEqual(0);
        expect(x).toBeLessThanOrEqual(1);
        expect(betaCdf(x - 1e-6, a, b)).toBeLessThanOrEqual(p + 1e-12);
        expect(betaCdf(x + 1e-6, a, b)).toBeGreaterThanOrEqual(p - 1e-12);
      }),
    ));

  it("gives 0 where a quantile is too small to tell", () => expect(betaQuantile(0.025, 1e-3, 5)).toBe(0));
  it("lies at one end when one shape is 0", () => expect([betaQuantile(0.5, 0, 2), betaQuantile(0.5, 2, 0)]).toEqual([0, 1]));

  it("refuses what is no distribution and no probability", () => {
    expect(() => betaCdf(0.5, 0, 1)).toThrow(RangeError);
    expect(() => betaCdf(0.5, 1, Number.NaN)).toThrow(RangeError);
    expect(() => betaQuantile(1.1, 1, 1)).toThrow(RangeError);
    expect(() => betaQuantile(0.5, -1, 1)).toThrow(RangeError);
  });
});

describe("the gamma function", () => {
  it("is the factorial", () => expect(logGamma(11)).toBeCloseTo(Math.log(3_628_800), 12));
  it("gives the beta function", () => expect(logBeta(3, 4)).toBeCloseTo(Math.log(1 / 60), 12));
});
