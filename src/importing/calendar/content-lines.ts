/** Content lines of iCalendar (RFC 5545, section 3.1): unfolded, with names, parameters and values, at the memory of one line. */

export type Property = {
  name: string;
  parameters: Readonly<Record<string, string>>;
  value: string;
  line: number;
  /** The line was longer than is kept: its value has no end. */
  isCut: boolean;
};

/** An attachment may be megabytes in one line, and nobody asks for it; whatever is asked for is shorter. */
const lineBytesMax = 64 * 1024;

const [lineFeed, carriageReturn, space, tab] = [0x0a, 0x0d, 0x20, 0x09];

export type ContentLine = { line: number; text: string; isCut: boolean };

/** Lines may be folded in the middle of a character, so bytes are joined before they are read as text. */
export async function* contentLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<ContentLine[]> {
  const unfolding = new Unfolding();
  for await (const chunk of chunks) {
    unfolding.take(chunk);
    const lines = unfolding.ended();
    if (lines.length > 0) yield lines;
  }
  unfolding.end();
  const last = unfolding.ended();
  if (last.length > 0) yield last;
}

class Unfolding {
  #ended: ContentLine[] = [];
  /** The logical line so far, and where it began. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #line = 1;
  #isCut = false;
  /** The physical line that is being read. */
  #number = 1;
  #isAtStart = true;

  take(chunk: Buffer): void {
    let from = 0;
    while (from < chunk.length) {
      if (this.#isAtStart) from += this.#begin(chunk[from]!);
      const feed = chunk.indexOf(lineFeed, from);
      const to = feed === -1 ? chunk.length : feed;
      if (to > from) this.#hold(chunk.subarray(from, to));
      if (feed !== -1) {
        this.#number += 1;
        this.#isAtStart = true;
      }
      from = to + 1;
    }
  }

  end(): void {
    this.#finish();
  }

  ended(): ContentLine[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  /** @returns how many bytes the fold takes. */
  #begin(first: number): 0 | 1 {
    this.#isAtStart = false;
    const isFolded = (first === space || first === tab) && this.#held.length > 0;
    if (isFolded) {
      this.#dropReturn();
      return 1;
    }
    this.#finish();
    this.#line = this.#number;
    return 0;
  }

  #hold(bytes: Buffer): void {
    const room = lineBytesMax - this.#heldBytes;
    if (bytes.length > room) this.#isCut = true;
    const kept = bytes.subarray(0, Math.max(0, room));
    if (kept.length === 0) return;
    // A copy: what is held must not keep the whole chunk that it came in.
    this.#held.push(Buffer.from(kept));
    this.#heldBytes += kept.length;
  }

  /** The carriage return before a fold belongs to the line's end. */
  #dropReturn(): void {
    const last = this.#held.at(-1);
    if (last === undefined || last.at(-1) !== carriageReturn) return;
    this.#held[this.#held.length - 1] = last.subarray(0, -1);
    this.#heldBytes -= 1;
  }

  #finish(): void {
    this.#dropReturn();
    const text = Buffer.concat(this.#held).toString("utf8");
    if (text.trim() !== "") this.#ended.push({ line: this.#line, text, isCut: this.#isCut });
    this.#held = [];
    this.#heldBytes = 0;
    this.#isCut = false;
  }
}

const named = /^([A-Za-z0-9-]+)/;
const parameter = /;([A-Za-z0-9-]+)=((?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)/y;

/** @returns undefined for what is no content line. */
export function propertyOf({ text, line, isCut }: ContentLine): Property | undefined {
  const name = named.exec(text)?.[1];
  if (name === undefined) return undefined;
  const parameters: Record<string, string> = Object.create(null) as Record<string, string>;
  parameter.lastIndex = name.length;
  let end = name.length;
  for (let found = parameter.exec(text); found !== null; found = parameter.exec(text)) {
    parameters[found[1]!.toUpperCase()] = unquoted(found[2]!);
    end = parameter.lastIndex;
  }
  if (text[end] !== ":") return isCut ? { name: name.toUpperCase(), parameters, value: "", line, isCut } : undefined;
  return { name: name.toUpperCase(), parameters, value: text.slice(end + 1), line, isCut };
}

/** Quotes off, and the escapes of RFC 6868 read. Of several values the first is meant. */
const unquoted = (written: string): string =>
  (/^"([^"]*)"/.exec(written)?.[1] ?? written.split(",")[0]!).replace(/\^([n'^])/g, (_, letter: string) =>
    letter === "n" ? "\n" : letter === "'" ? '"' : "^",
  );

/** A value of the type TEXT: its escapes read. */
export const textOf = (value: string): string =>
  value.replace(/\\([\\;,nN])/g, (_, letter: string) => (letter === "n" || letter === "N" ? "\n" : letter));

/** Values of the type TEXT, parted by commas that no backslash escapes. */
export const textsOf = (value: string): string[] =>
  (value.match(/(?:\\.|[^\\,])+/g) ?? []).map((each) => textOf(each).trim()).filter((each) => each !== "");
