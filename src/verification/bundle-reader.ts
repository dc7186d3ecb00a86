/** The files of a bundle in the order in which they must come. */
import { type BundleFile, UnusableError } from "./bundle-format.ts";
import { printable } from "./tar.ts";

/** A file that must be there is not. */
export class MissingFileError extends Error {
  readonly path: string;
  constructor(path: string, found: string | undefined) {
    super(`${path} is missing; ${found === undefined ? "the bundle ends before it" : `${printable(found)} stands in its place`}`);
    this.name = "MissingFileError";
    this.path = path;
  }
}

export type BundleFiles = AsyncIterable<BundleFile> | Iterable<BundleFile>;

export class BundleReader {
  readonly #files: AsyncIterator<BundleFile> | Iterator<BundleFile>;
  #next: BundleFile | undefined;
  #isLooked = false;

  constructor(files: BundleFiles) {
    this.#files = Symbol.asyncIterator in files ? files[Symbol.asyncIterator]() : files[Symbol.iterator]();
  }

  /** The path of the next file; undefined at the end. */
  async peek(): Promise<string | undefined> {
    if (!this.#isLooked) {
      const { done, value } = await this.#files.next();
      this.#next = done === true ? undefined : value;
      this.#isLooked = true;
    }
    return this.#next?.path;
  }

  /** @throws MissingFileError where another file comes, or none. */
  async take(path: string): Promise<Uint8Array> {
    const bytes = await this.takeIf(path);
    if (bytes === undefined) throw new MissingFileError(path, this.#next?.path);
    return bytes;
  }

  /** Undefined, and nothing taken, where another file comes. */
  async takeIf(path: string): Promise<Uint8Array | undefined> {
    if ((await this.peek()) !== path) return undefined;
    this.#isLooked = false;
    return this.#next!.bytes;
  }

  /** @throws UnusableError for a file too many. */
  async end(): Promise<void> {
    const path = await this.peek();
    if (path !== undefined) throw new UnusableError(`${printable(path)} has no place in this bundle`);
  }
}
