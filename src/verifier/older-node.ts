/** What `src/audit/encoding.ts` asks for and Node lacked before version 25. It decodes again and compares, so laxness here does no harm. */
type Base64Array = { toBase64?: () => string };
type Base64Arrays = { fromBase64?: (text: string) => Uint8Array };

const arrays = Uint8Array as unknown as Base64Arrays;
const array = Uint8Array.prototype as unknown as Base64Array;

arrays.fromBase64 ??= (text) => new Uint8Array(Buffer.from(text, "base64"));
array.toBase64 ??= function (this: Uint8Array) {
  return Buffer.from(this.buffer, this.byteOffset, this.byteLength).toString("base64");
};
