/** A line on a grid of letters: in braille two by four dots a letter, in ASCII one. */

/** Bits of the dots of one letter, by column and row. @see Unicode block Braille Patterns */
const bits = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;
const dotRows = 4;

export class BrailleLine {
  readonly #columns: number;
  readonly #height: number;
  readonly #ascii: boolean;
  readonly #dots: Uint8Array;
  #last: number | undefined;

  constructor(columns: number, height: number, ascii: boolean) {
    this.#columns = columns;
    this.#height = height;
    this.#ascii = ascii;
    this.#dots = new Uint8Array(columns * height);
  }

  /** Draws on to a value in 0..1 at a column of dots, two of which make a letter. Rises and falls are drawn whole. */
  to(dotColumn: number, value: number): void {
    const dot = this.#dotRow(value);
    const before = this.#last ?? dot;
    for (
      let row = Math.min(dot, before + Math.sign(dot - before));
      row <= Math.max(dot, before + Math.sign(dot - before));
      row += 1
    )
      this.#set(dotColumn, row);
    this.#last = dot;
  }

  /** The middle of the top row is 1, that of the bottom row 0. */
  #dotRow(value: number): number {
    return Math.round((1 - Math.min(1, Math.max(0, value))) * (this.#height - 1) * dotRows + (dotRows - 1) / 2);
  }

  #set(dotColumn: number, dotRow: number): void {
    const cell = Math.floor(dotRow / dotRows) * this.#columns + Math.floor(dotColumn / 2);
    this.#dots[cell] = this.#dots[cell]! | bits[(dotColumn % 2) as 0 | 1][(dotRow % dotRows) as 0 | 1 | 2 | 3];
  }

  /** Row by row; undefined where the line does not pass. */
  cells(): (string | undefined)[] {
    return Array.from(this.#dots, (dots) => (dots === 0 ? undefined : this.#ascii ? "*" : String.fromCodePoint(0x2800 + dots)));
  }
}
