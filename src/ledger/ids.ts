/** Ids. Those that a retry must find again are hashes of what the caller sent, so two nodes given the same request agree. */
import { hash, randomFillSync } from "node:crypto";
import type { EventId } from "../domain/values.ts";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** Two characters at a time: an event takes two ids, and their making shows in a profile. */
const pairs = Array.from({ length: 1_024 }, (_, ten) => alphabet[ten >> 5]! + alphabet[ten & 31]!);

/** 26 characters of Crockford's base 32: 128 bits, enough that no two requests ever meet. */
function base32(bytes: Uint8Array): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (let index = 0; index < 16; index += 1) {
    buffer = (buffer << 8) | bytes[index]!;
    bits += 8;
    if (bits < 10) continue;
    bits -= 10;
    text += pairs[buffer >> bits];
    buffer &= (1 << bits) - 1;
  }
  // Of 128 bits the last eight are left.
  return text + pairs[buffer << 2];
}

/** An id that the same parts always give. The parts are told apart by their lengths, so none can run into the next. */
export function derivedId<Id extends string>(prefix: string, ...parts: readonly (string | number)[]): Id {
  const text = parts.map((part) => `${String(part).length}:${part}\n`).join("");
  return `${prefix}_${base32(hash("sha256", text, "buffer"))}` as Id;
}

/** Drawn in one go: a call for each id costs more than the rest of making it. Keys never come from here. */
const pool = Buffer.allocUnsafe(8_192);
let used = pool.length;

function randomTen(): Uint8Array {
  if (used + 10 > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += 10;
  return pool.subarray(used - 10, used);
}

/**
 * An id that nobody has yet: 48 bits of the time, then 80 random ones. Ids that are made one after the other lie side by side in the
 * store's indexes, so a commit writes few pages however large the log is.
 */
export function freshId<Id extends string>(prefix: string, nowMs: number): Id {
  const bytes = new Uint8Array(16);
  for (let place = 5, rest = nowMs; place >= 0; place -= 1, rest = Math.floor(rest / 256)) bytes[place] = rest % 256;
  bytes.set(randomTen(), 6);
  return `${prefix}_${base32(bytes)}` as Id;
}

/** The id of the `ordinal`-th event (0-based) that a request adds to a stream. */
export const eventIdOf = (scope: string, stream: string, requestKey: string, ordinal: number): EventId =>
  derivedId<EventId>("evt", "event", scope, stream, requestKey, ordinal);
