/** Results in the order of their lines, while the lines run at once: at most so many are under way or wait to be written. */

export class ResultWindow {
  readonly #sizeMax: number;
  readonly #slots: { text: string | undefined }[] = [];
  #isEnded = false;
  #failure: unknown;
  #wake: (() => void) | undefined;
  #makeRoom: (() => void) | undefined;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** Adds the next line's result. Await what it gives before adding another: that is the backpressure. */
  add(result: Promise<string>): Promise<void> | undefined {
    const slot: { text: string | undefined } = { text: undefined };
    this.#slots.push(slot);
    result.then(
      (text) => {
        slot.text = text;
        if (this.#slots[0] === slot) this.#announce();
      },
      (error: unknown) => this.fail(error),
    );
    if (this.#slots.length < this.#sizeMax) return undefined;
    return new Promise((resolve) => (this.#makeRoom = resolve));
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  end(): void {
    this.#isEnded = true;
    this.#announce();
  }

  fail(error: unknown): void {
    this.#failure ??= error;
    this.#isEnded = true;
    this.#announce();
    this.#release();
  }

  #release(): void {
    this.#makeRoom?.();
    this.#makeRoom = undefined;
  }

  /** The results, several in one text where several were done. Ends after `end`, throws after `fail`. */
  async *texts(): AsyncGenerator<string> {
    for (;;) {
      const text = this.#takeDone();
      if (text !== "") yield text;
      else if (this.#failure !== undefined) throw this.#failure;
      else if (this.#isEnded && this.#slots.length === 0) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #takeDone(): string {
    const pending = this.#slots.findIndex(({ text }) => text === undefined);
    const done = this.#slots.splice(0, pending === -1 ? this.#slots.length : pending);
    if (done.length > 0 && this.#slots.length < this.#sizeMax) this.#release();
    return done.map(({ text }) => text).join("");
  }

  #announce(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
