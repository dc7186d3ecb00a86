/** Leaves as tlog-tiles serves them: each as its length in two bytes, big-endian, and its bytes. */
import { AuditError } from "./errors.ts";
import { tileWidth } from "./tiles.ts";

/** What two bytes of length can say. */
export const entryBytesMax = 65_535;
const lengthBytes = 2;

/** @throws RangeError for a leaf above `entryBytesMax`, for no leaf, or for more than 256: a bug in the caller. */
export function encodeEntryBundle(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length < 1 || leaves.length > tileWidth)
    throw new RangeError(`a bundle holds 1 to 256 leaves, not ${leaves.length}`);
  const bundle = new Uint8Array(leaves.reduce((bytes, leaf) => bytes + lengthBytes + leaf.length, 0));
  const view = new DataView(bundle.buffer);
  let at = 0;
  for (const leaf of leaves) {
    if (leaf.length > entryBytesMax) throw new RangeError(`a leaf has at most ${entryBytesMax} bytes, not ${leaf.length}`);
    view.setUint16(at, leaf.length);
    bundle.set(leaf, at + lengthBytes);
    at += lengthBytes + leaf.length;
  }
  return bundle;
}

/**
 * The leaves of a bundle, as views into it.
 *
 * @param width how many there must be: the width of the tile beside it.
 * @throws AuditError malformed-bundle for one cut short, for bytes left over, and for another number of leaves.
 */
export function decodeEntryBundle(bundle: Uint8Array, width: number): Uint8Array[] {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength);
  const leaves: Uint8Array[] = [];
  for (let at = 0; at < bundle.length;) {
    const begin = at + lengthBytes;
    const end = begin <= bundle.length ? begin + view.getUint16(at) : Infinity;
    if (end > bundle.length) throw new AuditError("malformed-bundle", `leaf ${leaves.length} of the bundle is cut short`);
    if (leaves.length === width) throw new AuditError("malformed-bundle", `the bundle holds more than ${width} leaves`);
    leaves.push(bundle.subarray(begin, end));
    at = end;
  }
  if (leaves.length < width) throw new AuditError("malformed-bundle", `the bundle holds ${leaves.length} leaves, not ${width}`);
  return leaves;
}
