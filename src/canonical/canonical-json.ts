/** RFC 8785 canonical JSON: the one form in which events are hashed, stored and compared. */
import canonicalize from "canonicalize";

/**
 * The canonical text of a JSON value: keys in UTF-16 order, numbers as ECMAScript prints them. Members that are
 * undefined are left out, as JSON.stringify does.
 *
 * JSON.stringify is native, and writes what the RFC asks for once keys stand in order and no surrogate stands alone. The package
 * writes whatever is not as plain as that, or refuses it, and is the judge that the specs compare with.
 *
 * @throws Error for what JSON can't carry: lone surrogates, NaN, infinities, undefined at the top, cycles.
 */
export function canonicalText(value: unknown): string {
  const ordered = inOrder(value, plainDepthMax);
  if (ordered !== notPlain) {
    const text = JSON.stringify(ordered) as string | undefined;
    // A lone surrogate comes out as an escape; so does the text of one, which the package then tells from it.
    if (text !== undefined && !text.includes("\\ud")) return text;
  }
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("there is no JSON for this value");
  return text;
}

/**
 * The canonical bytes (UTF-8) of a JSON value. They may be part of a larger buffer: read them through the array itself.
 * On a text pieced together, as this one is, Buffer takes a quarter of the time that TextEncoder does.
 */
export const canonicalBytes = (value: unknown): Uint8Array => Buffer.from(canonicalText(value), "utf8");

/** Whether a text is the canonical form of the value that it was parsed to. */
export function isCanonical(text: string, value: unknown): boolean {
  try {
    return canonicalText(value) === text;
  } catch {
    return false;
  }
}

/** Deeper than any event, and what a cycle comes to soon. */
const plainDepthMax = 40;
const notPlain = Symbol("not plain");

/** The value with every key in order: the very same where it is so already, else a copy. `notPlain` where that takes more care. */
function inOrder(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "undefined":
      return value;
    case "number":
      return Number.isFinite(value) ? value : notPlain;
    case "object":
      if (value === null) return value;
      if (depth === 0) return notPlain;
      return Array.isArray(value) ? itemsInOrder(value, depth - 1) : membersInOrder(value as Members, depth - 1);
    default:
      return notPlain;
  }
}

type Members = Record<string, unknown>;

function itemsInOrder(items: readonly unknown[], depth: number): unknown {
  let copy: unknown[] | undefined;
  for (let index = 0; index < items.length; index += 1) {
    const item = inOrder(items[index], depth);
    if (item === notPlain) return notPlain;
    if (copy === undefined && item !== items[index]) copy = items.slice(0, index);
    copy?.push(item);
  }
  return copy ?? items;
}

function membersInOrder(members: Members, depth: number): unknown {
  if (Object.getPrototypeOf(members) !== Object.prototype || typeof members["toJSON"] === "function") return notPlain;
  const keys = Object.keys(members);
  const isSorted = areInOrder(keys);
  if (!isSorted) keys.sort();
  let copy: Members | undefined = isSorted ? undefined : {};
  for (let index = 0; index < keys.length; index += 1) {
    const key = keys[index]!;
    const member = isPlainKey(key) ? inOrder(members[key], depth) : notPlain;
    if (member === notPlain) return notPlain;
    if (copy === undefined && member !== members[key]) copy = firstOf(members, keys, index);
    if (copy !== undefined) copy[key] = member;
  }
  return copy ?? members;
}

function areInOrder(keys: readonly string[]): boolean {
  for (let index = 1; index < keys.length; index += 1) if (keys[index - 1]! > keys[index]!) return false;
  return true;
}

function firstOf(members: Members, keys: readonly string[], count: number): Members {
  const copy: Members = {};
  for (let index = 0; index < count; index += 1) copy[keys[index]!] = members[keys[index]!];
  return copy;
}

const lastDigit = "9".charCodeAt(0);

/** Keys that look like an index come first whatever the order of adding, and `__proto__` is no key when it is assigned. */
const isPlainKey = (key: string): boolean => key.charCodeAt(0) > lastDigit && key !== "__proto__";
