/** Cuts a stream of bytes into lines, at the memory of one line. */

export type Line = {
  /** 1-based, counting empty ones. */
  number: number;
  /** Undefined for a line that was too long to keep. */
  bytes: Buffer | undefined;
};

const lineFeed = 0x0a;

/** Lines that are not empty, in order. What exceeds `bytesMax` is passed over and yielded without its bytes. */
export async function* linesOf(chunks: AsyncIterable<Buffer>, bytesMax: number): AsyncGenerator<Line> {
  for await (const lines of linesByChunk(chunks, bytesMax)) yield* lines;
}

/** The same lines, as many at a time as a chunk ends: to give them one by one costs more than to cut them. */
export async function* linesByChunk(chunks: AsyncIterable<Buffer>, bytesMax: number): AsyncGenerator<Line[]> {
  let number = 0;
  let held: Buffer[] = [];
  let heldBytes = 0;
  const take = (lines: Line[]): void => {
    number += 1;
    const bytes = heldBytes > bytesMax ? undefined : joined(held);
    held = [];
    heldBytes = 0;
    if (bytes === undefined || !isBlank(bytes)) lines.push({ number, bytes });
  };
  const hold = (part: Buffer): void => {
    heldBytes += part.length;
    if (heldBytes <= bytesMax) held.push(part);
    else held = [];
  };
  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let from = 0;
    for (let to = chunk.indexOf(lineFeed); to !== -1; to = chunk.indexOf(lineFeed, from)) {
      hold(chunk.subarray(from, to));
      from = to + 1;
      take(lines);
    }
    if (from < chunk.length) hold(chunk.subarray(from));
    if (lines.length > 0) yield lines;
  }
  const last: Line[] = [];
  if (heldBytes > 0) take(last);
  if (last.length > 0) yield last;
}

const joined = (parts: Buffer[]): Buffer => (parts.length === 1 ? parts[0]! : Buffer.concat(parts));

/** Spaces, tabs and carriage returns, so that files of other systems are taken. */
const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
