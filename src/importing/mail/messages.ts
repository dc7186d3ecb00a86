/**
 * Header sections of the messages in a mailbox file (mbox, RFC 4155) or of a single message (.eml), one after the other. Bodies are
 * passed over where they lie: of each line only the first bytes are looked at, for the line that begins the next message.
 */
export type Message = {
  line: number;
  /** Unfolded values by name in lower case, in the order of the file. */
  headers: ReadonlyMap<string, readonly string[]>;
  fault?: string;
  /** No message: a line in a body that would begin one if an empty line stood before it, as the format wants. */
  isDoubtful?: true;
};

/** Of a header section what is wanted is kept, up to here. */
const headerBytesMax = 256 * 1024;

const wanted = new Set([
  ...["from", "sender", "to", "cc", "date", "message-id", "in-reply-to", "subject"],
  ...["auto-submitted", "precedence", "list-id", "list-unsubscribe"],
]);

const lineFeed = 0x0a;
const separator = Buffer.from("From ");
/** A separator may name a long address; more of a line in a body is not looked at. */
const glanceBytesMax = 1_024;

export async function* messagesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Message> {
  const reading = new Reading();
  for await (const chunk of chunks) yield* reading.take(chunk);
  yield* reading.end();
}

type Place = "start" | "headers" | "body";

class Reading {
  #found: Message[] = [];
  #place: Place = "start";
  #isMailbox = false;
  #number = 1;
  /** What was read of the line that a chunk broke off in; no more of it than is looked at. */
  #held: Buffer = Buffer.alloc(0);
  #wasBlank = true;
  #section = new Section(1);

  take(chunk: Buffer): Message[] {
    let from = 0;
    for (let feed = chunk.indexOf(lineFeed); feed !== -1; feed = chunk.indexOf(lineFeed, from)) {
      this.#line(this.#joined(chunk.subarray(from, feed)));
      this.#held = Buffer.alloc(0);
      this.#number += 1;
      from = feed + 1;
    }
    if (from < chunk.length) this.#held = Buffer.from(this.#joined(chunk.subarray(from)));
    return this.#taken();
  }

  end(): Message[] {
    if (this.#held.length > 0) this.#line(this.#held);
    if (this.#place === "headers") this.#finish();
    return this.#taken();
  }

  #joined(bytes: Buffer): Buffer {
    const most = this.#place === "body" ? glanceBytesMax : headerBytesMax + 1;
    if (this.#held.length === 0) return bytes.length > most ? bytes.subarray(0, most) : bytes;
    return this.#held.length >= most ? this.#held : Buffer.concat([this.#held, bytes.subarray(0, most - this.#held.length)]);
  }

  #taken(): Message[] {
    const found = this.#found;
    this.#found = [];
    return found;
  }

  #line(line: Buffer): void {
    const isBlank = line.length === 0 || (line.length === 1 && line[0] === 0x0d);
    if (this.#place === "headers") this.#header(line, isBlank);
    else if (this.#place === "start") this.#begin(line, isBlank);
    else if (this.#isMailbox && isSeparator(line)) this.#separate();
    this.#wasBlank = isBlank;
  }

  #begin(line: Buffer, isBlank: boolean): void {
    if (isBlank) return;
    if (isSeparator(line)) {
      this.#isMailbox = true;
      return this.#open(this.#number + 1);
    }
    this.#open(this.#number);
    this.#header(line, false);
  }

  /** Some programs leave the empty line out; and what looks like it may be text that somebody quoted. */
  #separate(): void {
    if (this.#wasBlank) this.#open(this.#number + 1);
    else this.#found.push({ line: this.#number, headers: new Map(), isDoubtful: true });
  }

  #open(line: number): void {
    this.#section = new Section(line);
    this.#place = "headers";
  }

  #header(line: Buffer, isBlank: boolean): void {
    if (!isBlank) return this.#section.take(line, this.#number);
    this.#finish();
  }

  #finish(): void {
    this.#found.push(this.#section.message());
    this.#place = "body";
  }
}

/** `From somebody@example Fri Jan  9 10:00:00 2026`; a line of prose that begins with From has no year at its end. */
function isSeparator(line: Buffer): boolean {
  if (line.length < separator.length || line.compare(separator, 0, separator.length, 0, separator.length) !== 0) return false;
  return /^From \S.*\d\d:\d\d.*\d{4}\b/.test(line.toString("latin1"));
}

class Section {
  readonly #line: number;
  readonly #headers = new Map<string, string[]>();
  #bytes = 0;
  #name: string | undefined;
  #parts: string[] = [];
  #fault: string | undefined;

  constructor(line: number) {
    this.#line = line;
  }

  take(bytes: Buffer, number: number): void {
    this.#bytes += bytes.length;
    const isFolded = bytes[0] === 0x20 || bytes[0] === 0x09;
    if (this.#bytes > headerBytesMax) {
      this.#fault ??= `has a header of more than ${headerBytesMax} bytes`;
      if (!isFolded) this.#keep();
      return;
    }
    const text = bytes.toString("utf8").replace(/\r$/, "");
    if (isFolded) {
      if (this.#name !== undefined) this.#parts.push(text);
      return;
    }
    this.#keep();
    const found = /^([!-9;-~]+)[ \t]*:(.*)$/s.exec(text);
    if (found === null) {
      // Some programs leave a quoted separator among the headers.
      if (!text.startsWith(">From ")) this.#fault ??= `line ${number} is no header`;
      return;
    }
    const name = found[1]!.toLowerCase();
    this.#name = wanted.has(name) ? name : undefined;
    this.#parts = this.#name === undefined ? [] : [found[2]!];
  }

  message(): Message {
    this.#keep();
    return { line: this.#line, headers: this.#headers, ...(this.#fault === undefined ? {} : { fault: this.#fault }) };
  }

  #keep(): void {
    if (this.#name !== undefined) {
      const values = this.#headers.get(this.#name) ?? [];
      values.push(this.#parts.join("").trim());
      this.#headers.set(this.#name, values);
    }
    this.#name = undefined;
    this.#parts = [];
  }
}
