/**
 * Arithmetic on sizes and indices of leaves: integers of 0 to 2^53 − 1. Division by powers of two is exact in a double, while
 * bit operators would cut a size at 32 bits.
 */

export const sizeMax = Number.MAX_SAFE_INTEGER;

export const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** @throws RangeError unless `size` is an integer in 0..max. */
export function requireSize(size: number, max: number = sizeMax): void {
  if (!isSize(size) || size > max) throw new RangeError(`${size} is no size of a tree here: 0 to ${max}`);
}

export const half = (value: number): number => Math.floor(value / 2);
export const isOdd = (value: number): boolean => value % 2 === 1;

/** floor(log2 value) for value >= 1. Math.log2 rounds 2^53 − 1 up. */
export const log2Floor = (value: number): number => (value < 2 ** 32 ? 31 - Math.clz32(value) : 63 - Math.clz32(value / 2 ** 32));

/** The largest power of two smaller than `value`, for value >= 2: where a tree splits. */
export const highestPowerBelow = (value: number): number => 2 ** log2Floor(value - 1);

/** The largest power of two that divides `value`, for value >= 1. */
export function lowestPowerIn(value: number): number {
  let power = 1;
  while (value % (2 * power) === 0) power *= 2;
  return power;
}
