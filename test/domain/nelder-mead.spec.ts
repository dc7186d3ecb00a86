import { describe, expect, it } from "vitest";
import { minimisePositive } from "../../src/domain/nelder-mead.ts";

describe("minimising over positive parameters", () => {
  it("finds the bottom of a curved valley", () => {
    const rosenbrock = ([x, y]: readonly number[]) => (1 - x!) ** 2 + 100 * (y! - x! ** 2) ** 2;
    const { parameters, loss, converged } = minimisePositive(rosenbrock, [3, 0.2]);
    expect(converged).toBe(true);
    expect(parameters[0]).toBeCloseTo(1, 4);
    expect(parameters[1]).toBeCloseTo(1, 4);
    expect(loss).toBeLessThan(1e-8);
  });

  it("finds parameters of very different sizes, in four dimensions", () => {
    const target = [0.003, 0.7, 12, 4500];
    const loss = (guess: readonly number[]) => guess.reduce((sum, x, i) => sum + Math.log(x / target[i]!) ** 2, 0);
    const { parameters } = minimisePositive(loss, [1, 1, 1, 1]);
    for (const [i, x] of parameters.entries()) expect(x / target[i]!).toBeCloseTo(1, 4);
  });

  it("never leaves the positive numbers", () => {
    const { parameters } = minimisePositive(([x]) => Math.abs(x! + 1), [1]);
    expect(parameters[0]).toBeGreaterThan(0);
  });

  it("steps around what is no number", () => {
    const { parameters } = minimisePositive(([x]) => (x! > 2 ? Number.NaN : (x! - 1.9) ** 2), [1.8]);
    expect(parameters[0]).toBeCloseTo(1.9, 3);
  });

  it("says when it came to no end", () => expect(minimisePositive(([x]) => -Math.log(x!), [1]).converged).toBe(false));

  it("takes the same steps again", () => {
    const loss = ([x, y]: readonly number[]) => (x! - 2) ** 2 + (y! - 3) ** 2;
    expect(minimisePositive(loss, [1, 1])).toEqual(minimisePositive(loss, [1, 1]));
  });
});
