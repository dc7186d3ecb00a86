/**
 * Bounds what a bundle can cost. Judging a promise takes time by the product of its occurrences, the words on it and the evidence, so
 * a few megabytes could keep an auditor busy for days. What an honest log asks for is far below these bounds: a promise of 600 daily
 * visits, each with a verdict of its own, takes some 100,000 steps a leaf.
 */

/** How many steps judging may take. A step takes a few nanoseconds, twenty at most. */
export type WorkBounds = { atLeast: number; perLeaf: number };
export const workBoundsUsual: WorkBounds = { atLeast: 1_000_000_000, perLeaf: 200_000 };

/** The bounds are used up: from here on nothing is judged. */
export class TooMuchWorkError extends Error {
  constructor({ atLeast, perLeaf }: WorkBounds) {
    super(`judging this takes more than ${atLeast} steps, and ${perLeaf} for each leaf`);
    this.name = "TooMuchWorkError";
  }
}

export class Work {
  readonly #bounds: WorkBounds;
  /** One for all, because it may be thrown at every leaf that follows. */
  readonly #tooMuch: TooMuchWorkError;
  #left: number;
  #isSpent = false;

  constructor(bounds = workBoundsUsual) {
    this.#bounds = bounds;
    this.#tooMuch = new TooMuchWorkError(bounds);
    this.#left = bounds.atLeast;
  }

  /** A leaf more, which may cost as much. */
  leaf(): void {
    this.#left += this.#bounds.perLeaf;
  }

  /** To be called before the steps are taken. @throws TooMuchWorkError where they, or earlier ones, are too many. */
  spend(steps: number): void {
    this.#left -= steps;
    this.#isSpent ||= this.#left < 0;
    if (this.#isSpent) throw this.#tooMuch;
  }
}
