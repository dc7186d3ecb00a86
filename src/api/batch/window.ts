/** Results in the order of their lines, while the lines run at once: at most so many, or so many bytes, are under way or wait to be written. */

type Slot = { text: string | undefined; bytes: number };

export class ResultWindow {
  readonly #sizeMax: number;
  readonly #bytesMax: number;
  #bytes = 0;
  /** Those before `#from` were taken. */
  #slots: Slot[] = [];
  #from = 0;
  #isEnded = false;
  #failure: unknown;
  #wake: (() => void) | undefined;
  #makeRoom: (() => void) | undefined;

  constructor(sizeMax: number, bytesMax: number) {
    this.#sizeMax = sizeMax;
    this.#bytesMax = bytesMax;
  }

  /**
   * Adds the next line's result. Await what it gives, if anything, before adding another: that is the backpressure.
   * @param bytes of the line, which is held until its result is taken.
   */
  add(result: string | Promise<string>, bytes = 0): Promise<void> | undefined {
    const slot: Slot = { text: undefined, bytes };
    this.#slots.push(slot);
    this.#bytes += bytes;
    if (typeof result === "string") this.#fill(slot, result);
    else
      result.then(
        (text) => this.#fill(slot, text),
        (error: unknown) => this.fail(error),
      );
    if (this.#hasRoom) return undefined;
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

  get #size(): number {
    return this.#slots.length - this.#from;
  }

  get #hasRoom(): boolean {
    return this.#size < this.#sizeMax && this.#bytes < this.#bytesMax;
  }

  #fill(slot: Slot, text: string): void {
    slot.text = text;
    if (this.#slots[this.#from] === slot) this.#announce();
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
      else if (this.#isEnded && this.#size === 0) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #takeDone(): string {
    let text = "";
    for (let slot = this.#slots[this.#from]; slot?.text !== undefined; slot = this.#slots[this.#from]) {
      text += slot.text;
      this.#bytes -= slot.bytes;
      this.#from += 1;
    }
    if (this.#from >= this.#sizeMax) {
      this.#slots = this.#slots.slice(this.#from);
      this.#from = 0;
    }
    if (text !== "" && this.#hasRoom) this.#release();
    return text;
  }

  #announce(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
