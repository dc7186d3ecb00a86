/**
 * The archive that a bundle travels in: POSIX ustar, plain files alone, which every `tar` reads. Written and read here in a few
 * lines, because what reads it must not trust it: there are no links, no folders, no devices, no long names and no extensions to
 * be refused, since nothing here understands them.
 */
import { concatBytes, textOf, utf8 } from "../audit/encoding.ts";
import { type BundleFile, bytesMaxOf, UnusableError } from "./bundle-format.ts";

const blockBytes = 512;
const nameBytesMax = 100;
/** Zeroes after the end: the records of tapes had 10 KiB, and some archivers write larger ones. */
const fillBytesMax = 1 << 20;

/** The header and the bytes of a file, padded to whole blocks. @throws RangeError for a name that no bundle has. */
export function tarFile({ path, bytes }: BundleFile): Uint8Array {
  if (bytesMaxOf(path) === undefined || path.length > nameBytesMax) throw new RangeError(`no file of a bundle is called ${path}`);
  const padding = new Uint8Array((blockBytes - (bytes.length % blockBytes)) % blockBytes);
  return concatBytes(headerOf(path, bytes.length), bytes, padding);
}

/** What ends an archive. */
export const tarEnd = (): Uint8Array => new Uint8Array(2 * blockBytes);

/** Always the same for the same name and length: neither owner nor time, so that equal bundles are equal files. */
function headerOf(path: string, length: number): Uint8Array {
  const header = new Uint8Array(blockBytes);
  const put = (text: string, at: number) => header.set(utf8(text), at);
  put(path, 0);
  put("0000644\0", 100);
  put("0000000\0", 108);
  put("0000000\0", 116);
  put(`${length.toString(8).padStart(11, "0")}\0`, 124);
  put("00000000000\0", 136);
  put("        ", 148);
  put("0", 156);
  put("ustar\u000000", 257);
  put(`${checksum(header).toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

/** Sum of the header's bytes with spaces in place of the sum itself. */
function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < blockBytes; at++) sum += at >= 148 && at < 156 ? 0x20 : header[at]!;
  return sum;
}

/**
 * The files of an archive, one after the other; holds one of them and one chunk at a time.
 *
 * @throws UnusableError for what is no such archive, or is cut short; for a file that no bundle has, that comes twice or is longer
 * than such a file may be, before any of it is read.
 */
export async function* filesInTar(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<BundleFile> {
  const bytes = new ByteReader(chunks);
  const seen = new Set<string>();
  for (;;) {
    const header = await bytes.read(blockBytes);
    if (header === undefined) throw new UnusableError("the archive is cut short");
    if (isZero(header)) break;
    const { path, length } = readHeader(header);
    if (seen.has(path)) throw new UnusableError(`${path} comes twice`);
    seen.add(path);
    const padded = Math.ceil(length / blockBytes) * blockBytes;
    const content = await bytes.read(padded);
    if (content === undefined) throw new UnusableError(`the archive is cut short within ${path}`);
    if (!isZero(content.subarray(length))) throw new UnusableError(`something follows ${path} in its last block`);
    yield { path, bytes: content.subarray(0, length) };
  }
  // Archivers fill up the last record with zeroes.
  for (let count = 0; count <= fillBytesMax;) {
    const rest = await bytes.readSome();
    if (rest === undefined) return;
    if (!isZero(rest)) throw new UnusableError("something follows the end of the archive");
    count += rest.length;
  }
  throw new UnusableError("the archive goes on with zeroes, and does not end");
}

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

function readHeader(header: Uint8Array): { path: string; length: number } {
  const field = (at: number, length: number): string => textOf(untilZero(header.subarray(at, at + length))) ?? "\0";
  const number = (at: number, length: number): number | undefined => {
    const digits = field(at, length).trim();
    return /^[0-7]{1,11}$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
  };
  if (field(257, 6) !== "ustar" || number(148, 8) !== checksum(header)) throw new UnusableError("this is no archive of a bundle");
  const path = field(0, nameBytesMax);
  const length = number(124, 12);
  const isPlain = [0x30, 0].includes(header[156]!) && field(157, 100) === "" && field(345, 155) === "";
  const bytesMax = isPlain ? bytesMaxOf(path) : undefined;
  if (bytesMax === undefined) throw new UnusableError(`the archive holds ${printable(path)}, which no bundle has`);
  if (length === undefined || length > bytesMax)
    throw new UnusableError(`${path} is longer than the ${bytesMax} bytes that it may have`);
  return { path, length };
}

function untilZero(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** A name for an error message: it may have been chosen to write more than a name to a terminal. */
export const printable = (text: string): string => JSON.stringify(text.slice(0, 120)).replace(/[^\x20-\x7e]/g, "?");

/** Cuts a stream of chunks into the lengths that are asked for. */
class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
    this.#chunks = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]();
  }

  /** Undefined where fewer are left. */
  async read(length: number): Promise<Uint8Array | undefined> {
    if (this.#chunk.length >= length) return this.#cut(length);
    const parts: Uint8Array[] = [];
    for (let missing = length; missing > 0;) {
      if (this.#chunk.length === 0 && !(await this.#next())) return undefined;
      const part = this.#cut(Math.min(missing, this.#chunk.length));
      parts.push(part);
      missing -= part.length;
    }
    return concatBytes(...parts);
  }

  /** Whatever comes next; undefined at the end. */
  async readSome(): Promise<Uint8Array | undefined> {
    return this.#chunk.length > 0 || (await this.#next()) ? this.#cut(this.#chunk.length) : undefined;
  }

  #cut(length: number): Uint8Array {
    const cut = this.#chunk.subarray(0, length);
    this.#chunk = this.#chunk.subarray(length);
    return cut;
  }

  async #next(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      if (value.length === 0) continue;
      this.#chunk = value;
      return true;
    }
  }
}
