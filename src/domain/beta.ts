/** The beta distribution and the gamma function's logarithm, from the Cephes library of S. L. Moshier. */
import { compiled, incbet, incbi, lgam } from "cephes";

// Built as an ES module, the library compiles its WebAssembly in the background; every call before that would fail.
await compiled;

/** Below this a quantile is 0 for every purpose here; the library reports an underflow further down. */
const smallestQuantile = 1e-12;

/** ln Γ(x). @param x positive. */
export const logGamma = (x: number): number => lgam(x);

/** ln B(a, b). @param a positive. @param b positive. */
export const logBeta = (a: number, b: number): number => lgam(a) + lgam(b) - lgam(a + b);

/**
 * P(X ≤ x) for X ~ Beta(a, b).
 *
 * @param x held to 0..1.
 * @param a positive, as is `b`.
 * @throws RangeError when `a` or `b` is not positive: a bug in the caller.
 */
export function betaCdf(x: number, a: number, b: number): number {
  if (!(a > 0 && b > 0)) throw new RangeError(`Beta(${a}, ${b}) is no distribution`);
  if (x <= 0) return 0;
  return x >= 1 ? 1 : incbet(a, b, x);
}

/**
 * The x at which P(X ≤ x) = p for X ~ Beta(a, b); good to 1e-9 for a and b from 1e-3 to 1e6.
 *
 * @param p in 0..1.
 * @param a not negative, as is `b`, and not both 0. With one of them 0 all mass lies at one end.
 * @throws RangeError when `p`, `a` or `b` is out of range: a bug in the caller.
 */
export function betaQuantile(p: number, a: number, b: number): number {
  if (!(p >= 0 && p <= 1)) throw new RangeError(`${p} is no probability`);
  if (a === 0 && b > 0) return 0;
  if (b === 0 && a > 0) return 1;
  return betaCdf(smallestQuantile, a, b) >= p ? 0 : incbi(a, b, p);
}
