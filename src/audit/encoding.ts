/**
 * Bytes and texts in the one form that the formats allow. Every reader here is strict and canonical: what it accepts, its
 * writer would have written, so that two texts never mean the same thing. Uses nothing that a browser lacks.
 */

const encoder = new TextEncoder();
// A byte order mark is part of what was signed, so it is kept.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const utf8 = (text: string): Uint8Array => encoder.encode(text);

/** The text of UTF-8 bytes, or undefined where they are not; a string passes if it has UTF-8 bytes at all. */
export function textOf(input: string | Uint8Array): string | undefined {
  if (typeof input === "string") return input.isWellFormed() ? input : undefined;
  try {
    return decoder.decode(input);
  } catch {
    return undefined;
  }
}

export const toBase64 = (bytes: Uint8Array): string => bytes.toBase64();

/** Bytes of standard, padded base64 (RFC 4648, section 4) with zero pad bits; undefined for anything else, the empty text too. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text === "") return undefined;
  try {
    const bytes = Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
    return bytes.toBase64() === text ? bytes : undefined; // The decoder skips white space, which no format here has.
  } catch {
    return undefined;
  }
}

/** A 32-byte hash in base64, or undefined. */
export function hashFromBase64(text: string): Uint8Array | undefined {
  const bytes = fromBase64(text);
  return bytes?.length === 32 ? bytes : undefined;
}

/** Sizes and indices: whole numbers of at most 2^53 − 1 in decimal without leading zeroes; undefined for anything else. */
export function fromDecimal(text: string): number | undefined {
  if (!/^(0|[1-9][0-9]{0,15})$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
