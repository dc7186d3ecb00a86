/** What is asked for while the database is busy with what came before goes to it together. */
type Waiting<Item, Result> = { item: Item; resolve: (result: Result) => void; reject: (error: unknown) => void };

export class Batches<Item, Result> {
  readonly #carryOut: (items: Item[]) => Promise<readonly Result[]>;
  readonly #itemCountMax: number;
  #waiting: Waiting<Item, Result>[] = [];
  #isBusy = false;

  /** @param carryOut gives a result for each item, in their order; where it throws, every item of the batch fails. */
  constructor(itemCountMax: number, carryOut: (items: Item[]) => Promise<readonly Result[]>) {
    this.#itemCountMax = itemCountMax;
    this.#carryOut = carryOut;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#isBusy) return;
      this.#isBusy = true;
      setImmediate(() => void this.#work());
    });
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#itemCountMax);
      try {
        const results = await this.#carryOut(batch.map(({ item }) => item));
        for (const [index, { resolve }] of batch.entries()) resolve(results[index]!);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isBusy = false;
  }
}
