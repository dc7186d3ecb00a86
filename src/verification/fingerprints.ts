/**
 * Remembers names by a hash of 64 bits in flat arrays: 12 bytes a name, at most 24 while the table is filled. A name that was put
 * in is always found again. Two names of one hash would be taken for one; among ten million that happens once in 400,000 logs,
 * and nobody can bring it about, because the hash is seeded with something that depends on all names.
 */
export class FingerprintTable {
  readonly #seed: readonly [number, number];
  #mask: number;
  #high: Uint32Array;
  #low: Uint32Array;
  /** 0 for an empty place, else the value and one. */
  #values: Uint32Array;
  #count = 0;

  /** @param seed at least 8 bytes. */
  constructor(seed: Uint8Array, capacity = 1 << 12) {
    const view = new DataView(seed.buffer, seed.byteOffset, seed.byteLength);
    this.#seed = [view.getUint32(0), view.getUint32(4)];
    this.#mask = capacity - 1;
    this.#high = new Uint32Array(capacity);
    this.#low = new Uint32Array(capacity);
    this.#values = new Uint32Array(capacity);
  }

  get count(): number {
    return this.#count;
  }

  /** Puts the value under a name. @returns the one that was there before. @param value 0 to 2^32 − 2. */
  put(name: string, value: number): number | undefined {
    if (this.#count * 4 > this.#mask * 3) this.#grow();
    const [high, low] = this.#hash(name);
    const at = this.#placeOf(high, low);
    const before = this.#values[at]!;
    if (before === 0) this.#count += 1;
    this.#high[at] = high;
    this.#low[at] = low;
    this.#values[at] = value + 1;
    return before === 0 ? undefined : before - 1;
  }

  #placeOf(high: number, low: number): number {
    let at = (low ^ Math.imul(high, 0x9e3779b1)) & this.#mask;
    while (this.#values[at] !== 0 && (this.#high[at] !== high || this.#low[at] !== low)) at = (at + 1) & this.#mask;
    return at;
  }

  /** Two runs of the mixing of MurmurHash3, one over the other's steps. */
  #hash(name: string): [number, number] {
    let [a, b] = this.#seed;
    for (let at = 0; at < name.length; at++) {
      const code = name.charCodeAt(at);
      a = Math.imul(a ^ code, 0xcc9e2d51);
      a ^= a >>> 15;
      b = Math.imul(b + code, 0x85ebca6b) ^ a;
      b ^= b >>> 13;
    }
    return [finished(a ^ name.length), finished(b ^ (a >>> 7))];
  }

  #grow(): void {
    const [high, low, values] = [this.#high, this.#low, this.#values];
    const capacity = 2 * values.length;
    this.#mask = capacity - 1;
    this.#high = new Uint32Array(capacity);
    this.#low = new Uint32Array(capacity);
    this.#values = new Uint32Array(capacity);
    for (let from = 0; from < values.length; from++) {
      if (values[from] === 0) continue;
      const at = this.#placeOf(high[from]!, low[from]!);
      this.#high[at] = high[from]!;
      this.#low[at] = low[from]!;
      this.#values[at] = values[from]!;
    }
  }
}

function finished(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
