/** RFC 8785 canonical JSON: the one form in which events are hashed, stored and compared. */
import canonicalize from "canonicalize";

const encoder = new TextEncoder();

/**
 * The canonical text of a JSON value: keys in UTF-16 order, numbers as ECMAScript prints them.
 * @throws Error for what JSON can't carry: lone surrogates, NaN, infinities, undefined at the top, cycles.
 */
export function canonicalText(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("there is no JSON for this value");
  return text;
}

/** The canonical bytes (UTF-8) of a JSON value. */
export const canonicalBytes = (value: unknown): Uint8Array => encoder.encode(canonicalText(value));
