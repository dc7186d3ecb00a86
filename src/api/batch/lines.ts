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
  let number = 0;
  let held: Buffer[] = [];
  let heldBytes = 0;
  const take = (): Line | undefined => {
    number += 1;
    const line = { number, bytes: heldBytes > bytesMax ? undefined : joined(held) };
    held = [];
    heldBytes = 0;
    return line.bytes !== undefined && isBlank(line.bytes) ? undefined : line;
  };
  const hold = (part: Buffer): void => {
    heldBytes += part.length;
    if (heldBytes <= bytesMax) held.push(part);
    else held = [];
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let to = chunk.indexOf(lineFeed); to !== -1; to = chunk.indexOf(lineFeed, from)) {
      hold(chunk.subarray(from, to));
      from = to + 1;
      const line = take();
      if (line !== undefined) yield line;
    }
    if (from < chunk.length) hold(chunk.subarray(from));
  }
  const last = heldBytes > 0 ? take() : undefined;
  if (last !== undefined) yield last;
}

const joined = (parts: Buffer[]): Buffer => (parts.length === 1 ? parts[0]! : Buffer.concat(parts));

/** Spaces, tabs and carriage returns, so that files of other systems are taken. */
const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
