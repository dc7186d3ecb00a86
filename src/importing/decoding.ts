/** Text files of other systems as UTF-8: a byte order mark says what it is, else the mapping does, else it has to be UTF-8. */
import { type Readable, Transform } from "node:stream";
import { FileError } from "./refusals.ts";

export const encodings = ["utf-8", "utf-16le", "utf-16be", "windows-1252", "iso-8859-15"] as const;
export type Encoding = (typeof encodings)[number];

/**
 * @throws FileError (as an error of the stream) for a file with a byte order mark of something else than was declared, and for one
 *   that can't be UTF-8 text. Single bytes that are not UTF-8 become U+FFFD, so that whoever meets one can say where it stands.
 */
export function decoded(bytes: Readable, declared?: Encoding): Readable {
  const decoding = new Decoding(declared);
  bytes.on("error", (error) => decoding.destroy(error));
  decoding.on("close", () => bytes.destroy());
  return bytes.pipe(decoding);
}

class Decoding extends Transform {
  readonly #declared: Encoding | undefined;
  #decoder: TextDecoder | "none" | undefined;
  #first = Buffer.alloc(0);

  constructor(declared: Encoding | undefined) {
    super();
    this.#declared = declared;
  }

  override _transform(chunk: Buffer, _encoding: string, done: (error: Error | null, chunk?: Buffer) => void): void {
    try {
      if (this.#decoder !== undefined) return done(null, this.#decoded(chunk));
      this.#first = Buffer.concat([this.#first, chunk]);
      done(null, this.#first.length < 4 ? undefined : this.#begin());
    } catch (error) {
      done(error as Error);
    }
  }

  override _flush(done: (error: Error | null, chunk?: Buffer) => void): void {
    try {
      const head = this.#decoder === undefined ? this.#begin() : Buffer.alloc(0);
      const rest = this.#decoder instanceof TextDecoder ? Buffer.from(this.#decoder.decode()) : Buffer.alloc(0);
      done(null, Buffer.concat([head, rest]));
    } catch (error) {
      done(error as Error);
    }
  }

  #begin(): Buffer {
    const first = this.#first;
    const encoding = encodingOf(first, this.#declared);
    this.#decoder = encoding === "utf-8" ? "none" : new TextDecoder(encoding);
    this.#first = Buffer.alloc(0);
    return this.#decoded(first);
  }

  /** UTF-8 goes through as it is: whoever reads it has to look at its bytes anyway. */
  #decoded(chunk: Buffer): Buffer {
    return this.#decoder instanceof TextDecoder ? Buffer.from(this.#decoder.decode(chunk, { stream: true })) : chunk;
  }
}

function encodingOf(first: Buffer, declared: Encoding | undefined): Encoding {
  const marked = markOf(first);
  if (marked !== undefined && declared !== undefined && marked !== declared)
    throw new FileError(`the file has the byte order mark of ${marked}, and the mapping says ${declared}`);
  if (marked === undefined && declared === undefined && first.includes(0))
    throw new FileError("the file is no UTF-8 text: give the mapping an `encoding`");
  return marked ?? declared ?? "utf-8";
}

function markOf(first: Buffer): Encoding | undefined {
  if (first[0] === 0xff && first[1] === 0xfe) return "utf-16le";
  if (first[0] === 0xfe && first[1] === 0xff) return "utf-16be";
  return first[0] === 0xef && first[1] === 0xbb && first[2] === 0xbf ? "utf-8" : undefined;
}
