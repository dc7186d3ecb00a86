/** Base64 of byte arrays for browsers from before 2025, as far as `src/audit/encoding.ts` asks for it. */
type Base64Array = { toBase64?: () => string };
type Base64Arrays = { fromBase64?: (text: string) => Uint8Array };

const arrays = Uint8Array as unknown as Base64Arrays;
const array = Uint8Array.prototype as unknown as Base64Array;

// Laxer than the standard where it is strict; the caller encodes again and compares.
arrays.fromBase64 ??= (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
array.toBase64 ??= function (this: Uint8Array) {
  return btoa(Array.from(this, (byte) => String.fromCharCode(byte)).join(""));
};
