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

/**
 * Whether a text is the canonical form of the value that it was parsed to. The same as comparing it with `canonicalText`, which is
 * what decides where the shorter way says no: JSON.stringify is native, and writes what RFC 8785 asks for wherever keys stand in
 * order and no surrogate stands alone.
 */
export function isCanonical(text: string, value: unknown): boolean {
  try {
    if (JSON.stringify(value) === text && hasKeysInOrder(value) && !text.includes("\\ud")) return true;
    return canonicalText(value) === text;
  } catch {
    return false;
  }
}

function hasKeysInOrder(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (Array.isArray(value)) return value.every(hasKeysInOrder);
  let before: string | undefined;
  for (const key in value) {
    if (before !== undefined && before >= key) return false;
    before = key;
    const member = (value as Record<string, unknown>)[key];
    if (typeof member === "object" && !hasKeysInOrder(member)) return false;
  }
  return true;
}
